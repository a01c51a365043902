-- Who may do what: owners, keys, secrets, policies, leases, nodes. Written by the broker alone.
CREATE SCHEMA access;

CREATE TABLE access.owners (
    owner_id    uuid PRIMARY KEY,
    -- The Solana wallet that funds; null for a local operator with billing off.
    wallet      text UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE access.management_keys (
    owner_id    uuid NOT NULL REFERENCES access.owners,
    key_id      uuid NOT NULL,
    key_hash    bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    name        text NOT NULL,
    scopes      text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz,
    PRIMARY KEY (owner_id, key_id)
);

-- A secret names its service and the one origin it may ever be sent to.
CREATE TABLE access.secrets (
    owner_id    uuid NOT NULL REFERENCES access.owners,
    secret_id   uuid NOT NULL,
    service     text NOT NULL,
    origin      text NOT NULL,
    -- Owner-registered services carry their template here; built-in ones come with the broker.
    template    jsonb,
    -- True when the operator pays the provider and the owner is charged its price.
    is_resold   boolean NOT NULL DEFAULT false,
    version     integer NOT NULL CHECK (version > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    removed_at  timestamptz,
    PRIMARY KEY (owner_id, secret_id)
);
CREATE UNIQUE INDEX secrets_one_per_service ON access.secrets (owner_id, service) WHERE removed_at IS NULL;

CREATE TABLE access.secret_versions (
    owner_id    uuid NOT NULL,
    secret_id   uuid NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    -- The data key, sealed by the key-encryption key; the secret, sealed by the data key. Nonces stand in front.
    sealed_key  bytea NOT NULL CHECK (length(sealed_key) = 72),
    sealed      bytea NOT NULL CHECK (length(sealed) > 40),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, secret_id, version),
    FOREIGN KEY (owner_id, secret_id) REFERENCES access.secrets
);

CREATE TABLE access.policies (
    owner_id    uuid NOT NULL REFERENCES access.owners,
    policy_id   uuid NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    document    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, policy_id, version)
);

CREATE TYPE access.lease_state AS ENUM ('pending', 'active', 'revoked', 'expired', 'exhausted', 'denied');

CREATE TABLE access.leases (
    owner_id        uuid NOT NULL REFERENCES access.owners,
    lease_id        uuid NOT NULL,
    agent           text NOT NULL,
    service         text NOT NULL,
    secret_id       uuid,
    bearer_hash     bytea UNIQUE CHECK (length(bearer_hash) = 32),
    state           access.lease_state NOT NULL,
    allowed_scopes  text[] NOT NULL,
    blocked_scopes  text[] NOT NULL,
    -- SHA-256 of the canonical contract; every record of the lease's use names it.
    lease_hash      bytea NOT NULL CHECK (length(lease_hash) = 32),
    policy_id       uuid,
    policy_version  integer,
    intent          text,
    budget          bigint NOT NULL CHECK (budget >= 0),
    budget_held     bigint NOT NULL DEFAULT 0 CHECK (budget_held >= 0),
    budget_spent    bigint NOT NULL DEFAULT 0 CHECK (budget_spent >= 0),
    -- The receipts of a lease are a chain: last sequence, last body hash, sum so far.
    receipt_seq     bigint NOT NULL DEFAULT 0 CHECK (receipt_seq >= 0),
    receipt_hash    bytea NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'
                    CHECK (length(receipt_hash) = 32),
    receipt_total   bigint NOT NULL DEFAULT 0 CHECK (receipt_total >= 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    PRIMARY KEY (owner_id, lease_id),
    CONSTRAINT budget_never_exceeded CHECK (budget_held + budget_spent <= budget),
    CONSTRAINT bearer_iff_issued CHECK ((bearer_hash IS NULL) = (state IN ('pending', 'denied'))),
    CONSTRAINT ended_iff_over CHECK ((ended_at IS NULL) = (state IN ('pending', 'active')))
);
CREATE INDEX leases_by_owner ON access.leases (owner_id, created_at DESC);

-- One row. A revocation bumps it in its own transaction; nodes confirm it with their heartbeat.
CREATE TABLE access.epoch (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    epoch       bigint NOT NULL DEFAULT 1 CHECK (epoch > 0)
);
INSERT INTO access.epoch DEFAULT VALUES;

-- One row per broker process. A fenced node never comes back: the process joins again under a new id.
CREATE TABLE access.nodes (
    node_id         uuid PRIMARY KEY,
    name            text NOT NULL,
    heartbeat_at    timestamptz NOT NULL DEFAULT now(),
    confirmed_epoch bigint NOT NULL,
    fenced_at       timestamptz
);
CREATE INDEX nodes_live ON access.nodes (heartbeat_at) WHERE fenced_at IS NULL;

GRANT USAGE ON SCHEMA access TO permitpipe_broker;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA access TO permitpipe_broker;
