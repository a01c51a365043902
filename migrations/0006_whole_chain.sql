-- The mirror of everything the program keeps: both assets of a vault, stakes, relays, rewards, templates, plans, anchors.
-- What was mirrored before is of a program whose accounts have another layout: it is read again from the first
-- transaction. The ledger does not hang on it.
DELETE FROM chain.events;
DELETE FROM chain.vaults;
DELETE FROM chain.settlements;
DELETE FROM chain.config;
DELETE FROM chain.cursor;

CREATE TYPE chain.asset AS ENUM ('usdc', 'sol');
CREATE TYPE chain.template_status AS ENUM ('published', 'verified', 'retiring', 'revoked');

-- Columns without a prefix are of USDC, those with `sol_` are lamports. A closed vault keeps its row; when its owner
-- opens it again, everything but the address and the wallet starts anew.
ALTER TABLE chain.vaults
    ADD is_open                boolean NOT NULL DEFAULT true,
    ADD sol_credited_atoms     bigint NOT NULL DEFAULT 0 CHECK (sol_credited_atoms >= 0),
    ADD sol_settled_atoms      bigint NOT NULL DEFAULT 0 CHECK (sol_settled_atoms >= 0),
    ADD sol_withdrawn_atoms    bigint NOT NULL DEFAULT 0 CHECK (sol_withdrawn_atoms >= 0),
    ADD sol_cap_atoms          bigint NOT NULL DEFAULT 0 CHECK (sol_cap_atoms >= 0),
    ADD sol_pending_cap_atoms  bigint CHECK (sol_pending_cap_atoms >= 0),
    ADD sol_pending_cap_at     timestamptz,
    ADD sol_withdrawal_atoms   bigint CHECK (sol_withdrawal_atoms > 0),
    ADD sol_withdrawal_at      timestamptz,
    ADD CONSTRAINT sol_spent_within_credited CHECK (sol_settled_atoms + sol_withdrawn_atoms <= sol_credited_atoms),
    ADD CONSTRAINT sol_cut_as_a_whole CHECK ((sol_pending_cap_atoms IS NULL) = (sol_pending_cap_at IS NULL)),
    ADD CONSTRAINT sol_withdrawal_as_a_whole CHECK ((sol_withdrawal_atoms IS NULL) = (sol_withdrawal_at IS NULL)),
    -- A book of SOL may end with a rest: where rent has risen over the vault's lamports, closing pays out what there is.
    ADD CONSTRAINT closed_vault_is_empty CHECK (is_open
        OR (settled_atoms + withdrawn_atoms = credited_atoms AND withdrawal_atoms IS NULL
            AND sol_withdrawal_atoms IS NULL));

ALTER TABLE chain.settlements
    ADD asset           chain.asset NOT NULL,
    -- What the receipts add up to, in credits.
    ADD charge_credits  bigint NOT NULL CHECK (charge_credits > 0),
    -- Its account was closed after the retention; the record stays.
    ADD is_closed       boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT usdc_is_credits CHECK (asset = 'sol' OR charge_credits = amount_atoms);

-- Amounts above what a bigint holds are kept as the largest one.
ALTER TABLE chain.config
    ADD event_seq              bigint NOT NULL CHECK (event_seq > 0),
    ADD admin                  text NOT NULL,
    ADD guardian               text NOT NULL,
    ADD settle_authority       text NOT NULL,
    ADD verifier               text NOT NULL,
    ADD permit_mint            text NOT NULL,
    ADD sol_treasury           text NOT NULL,
    ADD insurance              text NOT NULL,
    ADD settle_cap_lamports    bigint NOT NULL CHECK (settle_cap_lamports >= 0),
    ADD min_deposit_lamports   bigint NOT NULL CHECK (min_deposit_lamports >= 0),
    ADD change_delay_seconds   bigint NOT NULL CHECK (change_delay_seconds > 0),
    ADD cool_down_seconds      bigint NOT NULL CHECK (cool_down_seconds > 0),
    ADD warm_up_seconds        bigint NOT NULL CHECK (warm_up_seconds > 0),
    ADD retention_seconds      bigint NOT NULL CHECK (retention_seconds > 0),
    ADD relay_bond_atoms       bigint NOT NULL CHECK (relay_bond_atoms > 0),
    ADD template_bond_atoms    bigint NOT NULL CHECK (template_bond_atoms > 0),
    ADD slash_basis_points     integer NOT NULL CHECK (slash_basis_points BETWEEN 1 AND 10000),
    ADD reporter_basis_points  integer NOT NULL CHECK (reporter_basis_points BETWEEN 0 AND 5000),
    ADD request_fee_credits    bigint NOT NULL CHECK (request_fee_credits >= 0),
    ADD mebibyte_fee_credits   bigint NOT NULL CHECK (mebibyte_fee_credits >= 0),
    -- Those in use, lowest first: [{"min_weight_atoms", "discount_basis_points"}].
    ADD tiers                  jsonb NOT NULL CHECK (jsonb_typeof(tiers) = 'array'),
    -- {"account", "feed_id", "max_age_seconds", "max_confidence_basis_points"}; null while no SOL is taken.
    ADD oracle                 jsonb CHECK (jsonb_typeof(oracle) = 'object'),
    -- {"change": {kind: value}, "eta"}; null when none waits.
    ADD pending_change         jsonb CHECK (jsonb_typeof(pending_change) = 'object'),
    ADD epoch_count            bigint NOT NULL CHECK (epoch_count >= 0),
    ADD plan_count             bigint NOT NULL CHECK (plan_count >= 0);

-- From here on one row per account, folded from finalized events only, as with vaults: `event_seq` of the last one,
-- `is_open` while the account exists, `is_frozen` once reconciliation found row and account apart.

-- What an owner has staked, in atoms of PERMIT. A closed stake keeps its row.
CREATE TABLE chain.stakes (
    stake              text PRIMARY KEY,
    owner              text NOT NULL UNIQUE,
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    -- Whose fee it discounts.
    beneficiary        text NOT NULL,
    staked_atoms       bigint NOT NULL CHECK (staked_atoms >= 0),
    -- How much of it counted at `weighed_at`; the rest grows over one warm-up from then.
    weight_atoms       bigint NOT NULL CHECK (weight_atoms >= 0),
    weighed_at         timestamptz NOT NULL,
    bonded_atoms       bigint NOT NULL CHECK (bonded_atoms >= 0),
    unlocking_atoms    bigint CHECK (unlocking_atoms > 0),
    unlocks_at         timestamptz,
    slashed_atoms      bigint NOT NULL CHECK (slashed_atoms >= 0),
    CONSTRAINT weight_within_stake CHECK (weight_atoms <= staked_atoms),
    CONSTRAINT unlocking_as_a_whole CHECK ((unlocking_atoms IS NULL) = (unlocks_at IS NULL)),
    CONSTRAINT closed_stake_is_empty CHECK (is_open
        OR (staked_atoms = 0 AND bonded_atoms = 0 AND unlocking_atoms IS NULL))
);
CREATE INDEX stakes_by_beneficiary ON chain.stakes (beneficiary) WHERE is_open;

CREATE TABLE chain.relays (
    relay              text PRIMARY KEY,
    operator           text NOT NULL UNIQUE,
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    -- The Ed25519 key that signs its statements, and the one before, for which the stake still answers.
    key                text NOT NULL,
    previous_key       text CHECK (previous_key <> key),
    endpoint           text NOT NULL CHECK (length(endpoint) BETWEEN 1 AND 120),
    retired_at         timestamptz,
    paid_receipts      bigint NOT NULL CHECK (paid_receipts >= 0),
    rewarded_atoms     bigint NOT NULL CHECK (rewarded_atoms >= 0),
    slash_count        bigint NOT NULL CHECK (slash_count >= 0),
    CONSTRAINT closed_relay_is_retired CHECK (is_open OR retired_at IS NOT NULL)
);

-- Each contradiction proven against a relay; kept for ever.
CREATE TABLE chain.contradictions (
    relay              text NOT NULL,
    stream             bytea NOT NULL CHECK (length(stream) = 32),
    -- Chosen by the relay: all of an unsigned 64-bit integer.
    sequence           numeric(20) NOT NULL CHECK (sequence >= 0),
    reporter           text NOT NULL,
    slashed_atoms      bigint NOT NULL CHECK (slashed_atoms > 0),
    reporter_atoms     bigint NOT NULL CHECK (reporter_atoms >= 0),
    signature          text NOT NULL,
    slot               bigint NOT NULL CHECK (slot >= 0),
    PRIMARY KEY (relay, stream, sequence),
    CONSTRAINT reporter_gets_a_part CHECK (reporter_atoms <= slashed_atoms)
);

CREATE TABLE chain.epochs (
    epoch              text PRIMARY KEY,
    number             bigint NOT NULL UNIQUE CHECK (number > 0),
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    root               bytea NOT NULL CHECK (length(root) = 32),
    leaf_count         bigint NOT NULL CHECK (leaf_count BETWEEN 1 AND 16384),
    total_atoms        bigint NOT NULL CHECK (total_atoms > 0),
    claimed_atoms      bigint NOT NULL CHECK (claimed_atoms >= 0),
    claimed_count      bigint NOT NULL CHECK (claimed_count >= 0),
    -- What went to the treasury when it was closed; anybody may have sent something on top.
    unclaimed_atoms    bigint CHECK (unclaimed_atoms >= 0),
    CONSTRAINT claimed_within_total CHECK (claimed_atoms <= total_atoms),
    CONSTRAINT claims_within_leaves CHECK (claimed_count <= leaf_count),
    CONSTRAINT unclaimed_iff_closed CHECK ((unclaimed_atoms IS NULL) = is_open)
);

-- The claims that were paid: one per leaf.
CREATE TABLE chain.rewards (
    number             bigint NOT NULL CHECK (number > 0),
    leaf_index         bigint NOT NULL CHECK (leaf_index BETWEEN 0 AND 16383),
    relay              text NOT NULL,
    amount_atoms       bigint NOT NULL CHECK (amount_atoms > 0),
    receipt_count      bigint NOT NULL CHECK (receipt_count >= 0),
    signature          text NOT NULL,
    slot               bigint NOT NULL CHECK (slot >= 0),
    PRIMARY KEY (number, leaf_index)
);
CREATE INDEX rewards_by_relay ON chain.rewards (relay);

CREATE TABLE chain.templates (
    template           text PRIMARY KEY,
    -- SHA-256 of the content.
    hash               bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    publisher          text NOT NULL,
    -- In atoms of PERMIT; 0 once it went back or was forfeited.
    bond_atoms         bigint NOT NULL CHECK (bond_atoms >= 0),
    status             chain.template_status NOT NULL,
    reclaimable_at     timestamptz,
    -- From when on an accusation can be carried out, while one waits.
    accused_until      timestamptz,
    CONSTRAINT bond_while_it_stands CHECK ((bond_atoms > 0) = (is_open AND status <> 'revoked')),
    CONSTRAINT reclaimable_iff_retiring CHECK ((reclaimable_at IS NULL) = (status <> 'retiring')),
    CONSTRAINT closed_template_is_retired CHECK (is_open OR status = 'retiring'),
    CONSTRAINT accused_is_not_verified CHECK (accused_until IS NULL OR status IN ('published', 'retiring'))
);

CREATE TABLE chain.plans (
    plan               text PRIMARY KEY,
    number             bigint NOT NULL UNIQUE CHECK (number > 0),
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    -- Of one period, in USDC.
    price_atoms        bigint NOT NULL CHECK (price_atoms > 0),
    period_seconds     bigint NOT NULL CHECK (period_seconds > 0),
    -- 0 for no limit.
    request_limit      bigint NOT NULL CHECK (request_limit >= 0),
    retired_at         timestamptz,
    CONSTRAINT closed_plan_is_retired CHECK (is_open OR retired_at IS NOT NULL)
);

CREATE TABLE chain.subscriptions (
    subscription       text PRIMARY KEY,
    owner              text NOT NULL UNIQUE,
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    -- The plan's number.
    plan               bigint NOT NULL CHECK (plan > 0),
    expires_at         timestamptz NOT NULL,
    paid_atoms         bigint NOT NULL CHECK (paid_atoms > 0)
);

-- The newest anchored checkpoint of each audit log.
CREATE TABLE chain.anchors (
    anchor             text PRIMARY KEY,
    -- SHA-256 of the log's origin.
    log                bytea NOT NULL UNIQUE CHECK (length(log) = 32),
    event_seq          bigint NOT NULL CHECK (event_seq > 0),
    is_open            boolean NOT NULL,
    is_frozen          boolean NOT NULL,
    size               bigint NOT NULL CHECK (size >= 0),
    root               bytea NOT NULL CHECK (length(root) = 32),
    slot               bigint NOT NULL CHECK (slot >= 0)
);

-- The newest posted event of a vault is asked for at each round of posting.
CREATE INDEX posted_events_by_vault ON ledger.posted_events (vault, event_seq);

GRANT SELECT ON ALL TABLES IN SCHEMA chain TO permitpipe_broker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA chain TO permitpipe_indexer;
