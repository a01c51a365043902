-- The audit log: append-only, one intent and one outcome per request. Written by the broker alone.
CREATE SCHEMA audit;

CREATE TABLE audit.entries (
    owner_id    uuid NOT NULL,
    entry_id    uuid NOT NULL,
    -- The request it brackets, or the management act it records.
    request_id  uuid NOT NULL,
    kind        text NOT NULL,
    lease_id    uuid,
    -- Canonical bytes; no secret, no raw bearer.
    body        bytea NOT NULL,
    -- The public leaf is SHA-256(salt || body): without the salt it tells nothing.
    salt        bytea NOT NULL CHECK (length(salt) = 32),
    leaf_hash   bytea NOT NULL CHECK (length(leaf_hash) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, entry_id),
    CONSTRAINT one_entry_per_kind UNIQUE (owner_id, request_id, kind)
);
CREATE INDEX entries_by_time ON audit.entries (owner_id, created_at);

GRANT USAGE ON SCHEMA audit TO permitpipe_broker;
-- Not even the broker may change or delete an entry.
GRANT SELECT, INSERT ON audit.entries TO permitpipe_broker;
