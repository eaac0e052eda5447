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
