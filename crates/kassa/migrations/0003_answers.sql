-- What a request with an Idempotency-Key was answered, so that the same request gets the same answer and nothing
-- happens twice. Written in the same commit as the effect; kept for 24 hours.
CREATE TABLE idempotent_answer (
    site_id BIGINT NOT NULL REFERENCES site (id),
    -- as the shop chose it
    idempotency_key TEXT NOT NULL,
    -- keyed digest of the method, the path and the body without its CVC
    digest BYTEA NOT NULL,
    -- the answer's bytes; only successes are kept, so its status is 200
    body TEXT NOT NULL,
    -- the order's version after the effect; NULL when the answer is not about an order
    order_version BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, idempotency_key)
);

CREATE INDEX answer_age ON idempotent_answer (created_at);

-- What a shop was to hear of, in an order without gaps. A row is written with its change and gets its number when it
-- is read: so no change waits for another, and no number ever appears behind one that was read.
CREATE TABLE order_event (
    site_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    -- the order's version after the change
    version BIGINT NOT NULL,
    -- the API's words as the order then stood
    status TEXT NOT NULL,
    financial_status TEXT,
    created_at BIGINT NOT NULL,
    -- 1, 2, 3 … within the site; NULL until somebody reads
    number BIGINT,
    PRIMARY KEY (site_id, order_id, version),
    FOREIGN KEY (site_id, order_id) REFERENCES shop_order (site_id, order_id)
);

CREATE UNIQUE INDEX event_number ON order_event (site_id, number);
CREATE INDEX event_without_number ON order_event (site_id) WHERE number IS NULL;

-- The secret of Standard Webhooks signatures, under the key-encryption key. NULL until the site is first told of
-- something.
ALTER TABLE site ADD COLUMN webhook_sealed BYTEA;
-- The one before it signs as well for 24 hours.
ALTER TABLE site ADD COLUMN webhook_sealed_before BYTEA;
ALTER TABLE site ADD COLUMN webhook_rotated_at BIGINT;
