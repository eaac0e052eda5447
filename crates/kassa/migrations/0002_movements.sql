-- Money that moves after a payment, kept cards, and what the shop says afterwards.

-- NULL: collected at once; 'manual': the shop captures
ALTER TABLE shop_order ADD COLUMN capturing TEXT;
-- what the card is kept for, and whose it is; NULL: it is not kept
ALTER TABLE shop_order ADD COLUMN recurring_model TEXT;
ALTER TABLE shop_order ADD COLUMN customer_reference TEXT;
ALTER TABLE shop_order ADD COLUMN shipped_at BIGINT;
-- JSON: what the shop noted later, echoed and never decided upon; NULL when there is none
ALTER TABLE shop_order ADD COLUMN annotations TEXT;
-- the order whose authorisation this one was captured from
ALTER TABLE shop_order ADD COLUMN captured_from TEXT;

ALTER TABLE payment_transaction ADD COLUMN capturing TEXT;
-- PSP id of the authorisation that this was captured from
ALTER TABLE payment_transaction ADD COLUMN authorised_by BIGINT;
ALTER TABLE payment_transaction ADD COLUMN authorised_until BIGINT;
ALTER TABLE payment_transaction ADD COLUMN token_id TEXT;
-- keeps or known
ALTER TABLE payment_transaction ADD COLUMN token_use TEXT;

-- Captures, cancellations of an authorisation, refunds, chargebacks and their reversals.
CREATE TABLE movement (
    site_id BIGINT NOT NULL,
    -- the PSP id
    id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    -- the payment whose money moves
    transaction_id BIGINT NOT NULL,
    -- the reference it runs under
    reference TEXT NOT NULL,
    -- capture, cancellation, refund, chargeback or reverse_chargeback
    kind TEXT NOT NULL,
    -- of a refund: reserved, sending, unknown, completed, declined or void;
    -- of a chargeback: the stage of its dispute; empty for the others
    state TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    -- JSON: the shop's words
    note TEXT NOT NULL,
    -- when the acquirer acknowledged a capture or paid a refund
    done_at BIGINT,
    -- inquiries without an answer
    unanswered BIGINT,
    -- DE 39 of a declined refund, or the scheme's reason of a chargeback
    code TEXT,
    -- until when the shop can answer a chargeback
    respond_by BIGINT,
    -- the chargeback that is reversed
    reverses BIGINT,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, order_id) REFERENCES shop_order (site_id, order_id)
);

CREATE INDEX movement_of_transaction ON movement (site_id, transaction_id);
CREATE INDEX movement_of_order ON movement (site_id, order_id);

-- What a shop sent to dispute a chargeback.
CREATE TABLE evidence (
    site_id BIGINT NOT NULL,
    chargeback_id BIGINT NOT NULL,
    -- SHA-256 of the content: the same file sent twice is one
    digest BYTEA NOT NULL,
    -- PDF, JPEG or PNG
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    content BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, chargeback_id, digest)
);

-- Kept cards. The number is sealed; without the key-encryption key nobody can read it.
CREATE TABLE token (
    site_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    -- the shop's name of the customer
    reference TEXT NOT NULL,
    -- cardOnFile, subscription or unscheduled
    model TEXT NOT NULL,
    brand TEXT NOT NULL,
    bin TEXT,
    last4 TEXT NOT NULL,
    -- YYMM
    expiry TEXT NOT NULL,
    holder TEXT NOT NULL,
    -- keyed digest of number and customer
    fingerprint BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL until the payment it was kept with is paid
    usable_since BIGINT,
    PRIMARY KEY (site_id, id)
);

CREATE INDEX token_of_customer ON token (site_id, reference, created_at);

-- The simulated acquirer's book of what moves after an authorisation.
CREATE TABLE simulator_movement (
    site_id BIGINT NOT NULL,
    -- the gateway's reference: the PSP id of the capture or refund
    reference BIGINT NOT NULL,
    -- the authorisation it belongs to
    authorisation BIGINT NOT NULL,
    -- capture or refund
    kind TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    -- DE 39
    response_code TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, reference)
);

CREATE INDEX movement_of_authorisation ON simulator_movement (site_id, authorisation);

-- a purchase is collected at once; an authorisation waits for its captures
ALTER TABLE simulator_authorisation ADD COLUMN captured_later BIGINT;
