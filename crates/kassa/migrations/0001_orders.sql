-- One text for SQLite and PostgreSQL: TEXT, BIGINT and BYTEA only; times are milliseconds since 1970 UTC;
-- amounts are minor units; what would be a flag is the time since when. Every key starts with the site.

-- A webshop of an account.
CREATE TABLE site (
    id BIGINT PRIMARY KEY,
    account_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- NULL: a test site, served by the simulator
    live_since BIGINT,
    -- IANA zone in which the API prints times
    zone TEXT NOT NULL,
    -- gateway ids the site may use, separated by blanks
    gateways TEXT NOT NULL,
    -- where notifications go when the order names no URL
    notification_url TEXT,
    -- POST or GET
    notification_method TEXT NOT NULL,
    -- extended or strict
    notification_profile TEXT NOT NULL,
    -- American Express settles with the merchant directly
    own_amex_since BIGINT,
    created_at BIGINT NOT NULL
);

-- Keys that authenticate calls and sign notifications. Several may be valid during a rotation.
CREATE TABLE api_key (
    site_id BIGINT NOT NULL REFERENCES site (id),
    id BIGINT NOT NULL,
    -- keyed digest: authenticates without opening the key
    digest BYTEA NOT NULL UNIQUE,
    -- the key under the key-encryption key: signs notifications
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- written at most once a minute
    last_used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (site_id, id)
);

CREATE TABLE shop_order (
    site_id BIGINT NOT NULL REFERENCES site (id),
    -- the shop's reference
    order_id TEXT NOT NULL,
    -- grows by one with every commit; guards every update
    version BIGINT NOT NULL,
    -- NULL: the customer chooses
    gateway TEXT,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    description TEXT NOT NULL,
    -- JSON: everything else the shop sent, echoed and never decided upon
    details TEXT NOT NULL,
    -- the newest session
    session_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, order_id)
);

CREATE TABLE session (
    site_id BIGINT NOT NULL,
    -- 35 characters, the secret in the payment link
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- submitted cards
    attempts BIGINT NOT NULL,
    -- opened pages
    views BIGINT NOT NULL,
    -- SHA-256 of the request that opened it
    digest BYTEA NOT NULL,
    ended_at BIGINT,
    -- expired, cancelled or replaced
    ended_why TEXT,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, order_id) REFERENCES shop_order (site_id, order_id)
);

CREATE TABLE payment_transaction (
    site_id BIGINT NOT NULL,
    -- the PSP id
    id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    brand TEXT NOT NULL,
    -- first six digits, NULL for numbers under 13 digits
    bin TEXT,
    last4 TEXT NOT NULL,
    -- YYMM
    expiry TEXT NOT NULL,
    holder TEXT NOT NULL,
    -- gateway or scheme
    settlement TEXT NOT NULL,
    state TEXT NOT NULL,
    -- set once the attempt can no longer become paid
    finished_at BIGINT,
    completed_at BIGINT,
    released_at BIGINT,
    -- inquiries or reversals without an answer
    unanswered BIGINT,
    authentication_status TEXT,
    authentication_flow TEXT,
    authentication_reason TEXT,
    authentication_cancel TEXT,
    eci TEXT,
    cavv TEXT,
    ds_transaction_id TEXT,
    acs_transaction_id TEXT,
    threeds_version TEXT,
    authorization_code TEXT,
    response_code TEXT,
    fraud_score BIGINT,
    cvc_result TEXT,
    review_ends_at BIGINT,
    review_verdict TEXT,
    decline_code BIGINT,
    decline_reason TEXT,
    decline_class TEXT,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, order_id) REFERENCES shop_order (site_id, order_id)
);

CREATE INDEX transaction_of_order ON payment_transaction (site_id, order_id);
-- The double-charge guard: at most one attempt of an order is open or paid.
CREATE UNIQUE INDEX one_transaction_counts ON payment_transaction (site_id, order_id) WHERE finished_at IS NULL;

-- Append-only. A step of a transaction is posted once.
CREATE TABLE ledger_transfer (
    site_id BIGINT NOT NULL,
    transaction_id BIGINT NOT NULL,
    -- collect, hold, clear or release
    step TEXT NOT NULL,
    order_id TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, transaction_id, step)
);

CREATE INDEX transfer_of_order ON ledger_transfer (site_id, order_id);

-- The outbox: one row per order is the queue, its newest state is rendered and signed when sent.
CREATE TABLE notification (
    site_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    version_wanted BIGINT NOT NULL,
    version_acked BIGINT NOT NULL,
    -- failed tries for the wanted version
    tries BIGINT NOT NULL,
    -- when the wanted version was first due
    first_at BIGINT NOT NULL,
    -- NULL: nothing to send
    due_at BIGINT,
    -- a shop that timed out may still be at work: nothing is sent before
    not_before BIGINT NOT NULL,
    -- all tries failed; kept until a newer version takes its place
    parked_at BIGINT,
    lease_until BIGINT NOT NULL,
    -- grows with every claim; a result from an older claim is not recorded
    lease_epoch BIGINT NOT NULL,
    PRIMARY KEY (site_id, order_id)
);

CREATE INDEX notification_due ON notification (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notification_due_of_site ON notification (site_id, due_at) WHERE due_at IS NOT NULL;

-- History of deliveries, append-only.
CREATE TABLE notification_attempt (
    site_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    lease_epoch BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- 1 for the first try of this version; 0 for a version that was never acknowledged before a newer one
    -- took its place
    try BIGINT NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    http_status BIGINT,
    -- acknowledged, superseded, or in words why not
    verdict TEXT NOT NULL,
    -- the first printable characters of the answer
    answer TEXT NOT NULL,
    -- what the shop was told; empty when it was told nothing
    status TEXT NOT NULL,
    key_id BIGINT,
    PRIMARY KEY (site_id, order_id, version, lease_epoch, try)
);

-- Work that follows from a change, claimed by a worker.
CREATE TABLE job (
    site_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- the session or transaction it is about
    subject TEXT NOT NULL,
    order_id TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    -- grows with every claim and every new date; an older claim cannot end the job
    lease_epoch BIGINT NOT NULL,
    PRIMARY KEY (site_id, kind, subject)
);

CREATE INDEX job_due ON job (due_at);

-- The simulated acquirer's own book. The gateway never reads it to decide; the audit compares with it.
CREATE TABLE simulator_authorisation (
    site_id BIGINT NOT NULL,
    -- the gateway's reference of the authorisation: its PSP id
    reference BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- DE 39; NULL when only a reversal arrived
    response_code TEXT,
    authorization_code TEXT,
    fraud_score BIGINT,
    review_after_ms BIGINT,
    review_verdict TEXT,
    -- how the host answers what comes later
    manner TEXT NOT NULL,
    inquiries BIGINT NOT NULL,
    reversals BIGINT NOT NULL,
    -- when a reversal undid it, or forbade it before it arrived
    reversed_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, reference)
);

CREATE INDEX authorisation_of_order ON simulator_authorisation (site_id, order_id);
