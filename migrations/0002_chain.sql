-- What the indexer saw on chain. Written by the indexer alone; can be dropped and rebuilt from the chain.
CREATE SCHEMA chain;

CREATE TYPE chain.commitment AS ENUM ('confirmed', 'finalized');

-- One row: which cluster and program this mirror is of, and how far it has read.
CREATE TABLE chain.cursor (
    program            text PRIMARY KEY,
    genesis_hash       text NOT NULL,
    -- The newest transaction folded in at finality; `until` of the next backfill.
    finalized_signature text,
    finalized_slot     bigint NOT NULL DEFAULT 0 CHECK (finalized_slot >= 0),
    -- Block time of the finalized view and when, by the database's clock, we last saw it advance.
    finalized_at       timestamptz,
    observed_at        timestamptz NOT NULL DEFAULT now()
);

-- Every event of our program, confirmed first, finalized later. Identity is where it stands in the chain.
CREATE TABLE chain.events (
    signature          text NOT NULL,
    instruction_index  integer NOT NULL CHECK (instruction_index >= 0),
    inner_index        integer NOT NULL CHECK (inner_index >= 0),
    slot               bigint NOT NULL CHECK (slot >= 0),
    block_time         timestamptz,
    commitment         chain.commitment NOT NULL,
    -- The account the event belongs to (a vault, or the config) and its place in that account's sequence.
    account            text NOT NULL,
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    -- The wallet the event concerns; null for events of the config.
    wallet             text,
    name               text NOT NULL,
    payload            jsonb NOT NULL,
    PRIMARY KEY (signature, instruction_index, inner_index)
);
-- Finality admits one event per place; a fork may show two at confirmed.
CREATE UNIQUE INDEX events_final_seq ON chain.events (account, event_seq) WHERE commitment = 'finalized';
CREATE INDEX events_by_account ON chain.events (account, event_seq);

-- Vaults, folded from finalized events only.
CREATE TABLE chain.vaults (
    vault              text PRIMARY KEY,
    wallet             text NOT NULL UNIQUE,
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    settle_sequence    bigint NOT NULL DEFAULT 0 CHECK (settle_sequence >= 0),
    credited_atoms     bigint NOT NULL DEFAULT 0 CHECK (credited_atoms >= 0),
    settled_atoms      bigint NOT NULL DEFAULT 0 CHECK (settled_atoms >= 0),
    withdrawn_atoms    bigint NOT NULL DEFAULT 0 CHECK (withdrawn_atoms >= 0),
    cap_atoms          bigint NOT NULL CHECK (cap_atoms >= 0),
    -- A cut of the cap waits; null when none does.
    pending_cap_atoms  bigint CHECK (pending_cap_atoms >= 0),
    pending_cap_at     timestamptz,
    withdrawal_atoms   bigint CHECK (withdrawal_atoms > 0),
    withdrawal_at      timestamptz,
    -- Reconciliation found the account and the folded row apart: crediting stops until a person looks.
    is_frozen          boolean NOT NULL DEFAULT false,
    CHECK (settled_atoms + withdrawn_atoms <= credited_atoms),
    CHECK ((pending_cap_atoms IS NULL) = (pending_cap_at IS NULL)),
    CHECK ((withdrawal_atoms IS NULL) = (withdrawal_at IS NULL))
);

-- The config account as last read at finality; one row per program.
CREATE TABLE chain.config (
    program            text PRIMARY KEY,
    slot               bigint NOT NULL,
    is_paused          boolean NOT NULL,
    settle_cap_atoms   bigint NOT NULL CHECK (settle_cap_atoms >= 0),
    window_seconds     bigint NOT NULL CHECK (window_seconds > 0),
    withdrawal_delay_seconds bigint NOT NULL CHECK (withdrawal_delay_seconds > 0),
    min_deposit_atoms  bigint NOT NULL CHECK (min_deposit_atoms >= 0),
    usdc_mint          text NOT NULL,
    treasury           text NOT NULL
);

-- Settlements at finality: what the broker's ledger waits for.
CREATE TABLE chain.settlements (
    vault              text NOT NULL,
    sequence           bigint NOT NULL CHECK (sequence > 0),
    signature          text NOT NULL,
    amount_atoms       bigint NOT NULL CHECK (amount_atoms > 0),
    receipt_count      bigint NOT NULL CHECK (receipt_count > 0),
    receipts_root      bytea NOT NULL CHECK (length(receipts_root) = 32),
    slot               bigint NOT NULL,
    PRIMARY KEY (vault, sequence)
);

GRANT USAGE ON SCHEMA chain TO permitpipe_indexer, permitpipe_broker;
GRANT SELECT ON ALL TABLES IN SCHEMA chain TO permitpipe_broker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA chain TO permitpipe_indexer;
