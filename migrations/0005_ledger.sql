-- Money off chain: double entry per owner and asset. Written by the broker alone.
CREATE SCHEMA ledger;

CREATE TYPE ledger.asset AS ENUM ('usdc');

-- One row an owner and asset, one column an account of the double entry. `chain` is the clearing account: it goes
-- negative by what came in. The row is locked once per commit, however many requests the commit carries.
CREATE TABLE ledger.accounts (
    owner_id    uuid NOT NULL REFERENCES access.owners,
    asset       ledger.asset NOT NULL,
    chain       bigint NOT NULL DEFAULT 0,
    available   bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
    held        bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    spent       bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    settled     bigint NOT NULL DEFAULT 0 CHECK (settled >= 0),
    withdrawing bigint NOT NULL DEFAULT 0 CHECK (withdrawing >= 0),
    writeoff    bigint NOT NULL DEFAULT 0 CHECK (writeoff <= 0),
    -- Not an account: a confirmed but not yet final withdrawal keeps this much of `available` from new holds.
    frozen      bigint NOT NULL DEFAULT 0 CHECK (frozen >= 0),
    PRIMARY KEY (owner_id, asset),
    CONSTRAINT conservation CHECK (chain + available + held + spent + settled + withdrawing + writeoff = 0)
);

CREATE TYPE ledger.account_kind AS ENUM
    ('chain', 'available', 'held', 'spent', 'settled', 'withdrawing', 'writeoff');

-- The journal behind the balances: the sums of these rows are the columns above.
CREATE TABLE ledger.transfers (
    owner_id    uuid NOT NULL,
    transfer_id uuid NOT NULL,
    asset       ledger.asset NOT NULL,
    debit       ledger.account_kind NOT NULL,
    credit      ledger.account_kind NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    -- What caused it: 'hold', 'capture', 'release', 'deposit', 'settle', 'withdraw_request', …
    cause       text NOT NULL,
    cause_id    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, transfer_id),
    CHECK (debit <> credit),
    -- Exactly once per cause: a replay of the same event or hold cannot move money again.
    CONSTRAINT transfers_once UNIQUE (owner_id, cause, cause_id, debit, credit)
);

CREATE TYPE ledger.hold_state AS ENUM ('open', 'captured', 'voided', 'expired');

CREATE TABLE ledger.holds (
    owner_id    uuid NOT NULL,
    hold_id     uuid NOT NULL,
    lease_id    uuid NOT NULL,
    request_id  uuid NOT NULL,
    node_id     uuid NOT NULL REFERENCES access.nodes,
    asset       ledger.asset NOT NULL,
    state       ledger.hold_state NOT NULL DEFAULT 'open',
    -- Taken out of `available`, and out of the lease's budget; they differ when the owner brings its own key.
    amount      bigint NOT NULL CHECK (amount >= 0),
    budget      bigint NOT NULL CHECK (budget >= amount),
    -- What a recovered hold costs at least, and what its stream had used when it last said so.
    minimum     bigint NOT NULL CHECK (minimum >= 0 AND minimum <= amount),
    minimum_budget bigint NOT NULL CHECK (minimum_budget >= minimum AND minimum_budget <= budget),
    journalled  bigint NOT NULL DEFAULT 0 CHECK (journalled >= 0 AND journalled <= amount),
    journalled_budget bigint NOT NULL DEFAULT 0 CHECK (journalled_budget >= journalled AND journalled_budget <= budget),
    captured    bigint CHECK (captured >= 0 AND captured <= amount),
    captured_budget bigint CHECK (captured_budget >= captured AND captured_budget <= budget),
    -- Needed to write the outcome when the process that took the hold is gone.
    operation   text NOT NULL,
    price_version text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    PRIMARY KEY (owner_id, hold_id),
    CONSTRAINT one_hold_per_request UNIQUE (owner_id, request_id),
    FOREIGN KEY (owner_id, lease_id) REFERENCES access.leases,
    CONSTRAINT ended_iff_not_open CHECK ((ended_at IS NULL) = (state = 'open')),
    CONSTRAINT captured_iff_ended CHECK ((captured IS NULL) = (state = 'open')),
    CONSTRAINT budget_captured_with_amount CHECK ((captured IS NULL) = (captured_budget IS NULL))
);
CREATE INDEX holds_open ON ledger.holds (node_id) WHERE state = 'open';

-- One batch of receipts on its way to the chain. The signed bytes are here before they are sent.
CREATE TYPE ledger.settlement_state AS ENUM ('prepared', 'finalized', 'abandoned');

CREATE TABLE ledger.settlements (
    owner_id        uuid NOT NULL,
    settlement_id   uuid NOT NULL,
    vault           text NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence > 0),
    amount          bigint NOT NULL CHECK (amount > 0),
    receipt_count   bigint NOT NULL CHECK (receipt_count > 0),
    receipts_root   bytea NOT NULL CHECK (length(receipts_root) = 32),
    state           ledger.settlement_state NOT NULL DEFAULT 'prepared',
    -- Of the latest signing; a new one is made only after the old one is proven dead.
    signature       text,
    transaction     bytea,
    last_valid_block_height bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finalized_at    timestamptz,
    PRIMARY KEY (owner_id, settlement_id),
    CONSTRAINT signed_as_a_whole CHECK ((signature IS NULL) = (transaction IS NULL)
        AND (signature IS NULL) = (last_valid_block_height IS NULL)),
    CONSTRAINT finalized_iff_done CHECK ((finalized_at IS NULL) = (state <> 'finalized'))
);
CREATE UNIQUE INDEX settlements_one_per_sequence ON ledger.settlements (vault, sequence) WHERE state <> 'abandoned';

-- What a captured hold cost, as a chain per lease: sequence, hash of the body before, sum so far. The signature is made
-- from these bytes whenever somebody asks: Ed25519 always gives the same one.
CREATE TABLE ledger.receipts (
    owner_id        uuid NOT NULL,
    lease_id        uuid NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence > 0),
    hold_id         uuid NOT NULL,
    amount          bigint NOT NULL CHECK (amount >= 0),
    body            bytea NOT NULL,
    body_hash       bytea NOT NULL CHECK (length(body_hash) = 32),
    settlement_id   uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, lease_id, sequence),
    CONSTRAINT one_receipt_per_hold UNIQUE (owner_id, hold_id)
);
CREATE INDEX receipts_unsettled ON ledger.receipts (owner_id, created_at) WHERE settlement_id IS NULL;

-- Chain events already posted, in their vault's order.
CREATE TABLE ledger.posted_events (
    owner_id        uuid NOT NULL,
    vault           text NOT NULL,
    event_seq       bigint NOT NULL CHECK (event_seq > 0),
    signature       text NOT NULL,
    posted_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, vault, event_seq)
);

GRANT USAGE ON SCHEMA ledger TO permitpipe_broker;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA ledger TO permitpipe_broker;
REVOKE UPDATE ON ledger.transfers, ledger.posted_events FROM permitpipe_broker;
