-- What is on its way to an acquirer, in the acquirer's own numbers; and the simulated host's book by those numbers.

-- A message to an acquirer. The row is written before the first byte leaves: what is in here may have been sent, what
-- is not was never sent. No card number and no code is ever in it.
CREATE TABLE trace (
    site_id BIGINT NOT NULL,
    -- the PSP id of the transaction or movement
    reference BIGINT NOT NULL,
    -- authorise, reverse, capture or refund
    operation TEXT NOT NULL,
    order_id TEXT NOT NULL,
    -- DE 41
    terminal TEXT NOT NULL,
    -- DE 7, MMDDhhmmss in UTC
    transmission TEXT NOT NULL,
    -- DE 11
    stan BIGINT NOT NULL,
    -- DE 37; that of the original where the message is about one
    rrn TEXT NOT NULL,
    -- DE 13 and DE 12, MMDDhhmmss where the merchant is
    local_time TEXT NOT NULL,
    -- of the first time; a repeat has its own last digit
    mti TEXT NOT NULL,
    -- how often it may have left; 0: it never will
    sends BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, reference, operation)
);

CREATE UNIQUE INDEX trace_number ON trace (site_id, terminal, stan, transmission);
CREATE INDEX trace_of_order ON trace (site_id, order_id);

-- Where the next STANs are taken from, in blocks.
CREATE TABLE stan_counter (
    site_id BIGINT NOT NULL,
    terminal TEXT NOT NULL,
    -- how many were taken; a STAN is this in the cycle of 999999
    taken BIGINT NOT NULL,
    PRIMARY KEY (site_id, terminal)
);

-- What the simulated host was told before it was spoken to in messages: seconds and digits of the PSP id stand in
-- for the numbers it never had.
INSERT INTO trace (site_id, reference, operation, order_id, terminal, transmission, stan, rrn, local_time, mti, sends,
                   created_at)
SELECT site_id, reference, 'authorise', order_id, 'EARLIER', SUBSTR(CAST(reference AS TEXT), 1, 10),
       reference % 1000000, SUBSTR(CAST(reference AS TEXT), 5, 12), '0101000000', '0100', 1, created_at
FROM simulator_authorisation;

INSERT INTO trace (site_id, reference, operation, order_id, terminal, transmission, stan, rrn, local_time, mti, sends,
                   created_at)
SELECT b.site_id, b.reference, b.kind, m.order_id, 'EARLIER', SUBSTR(CAST(b.reference AS TEXT), 1, 10),
       b.reference % 1000000, SUBSTR(CAST(b.reference AS TEXT), 5, 12), '0101000000',
       CASE WHEN b.kind = 'capture' THEN '0220' ELSE '0200' END, 1, b.created_at
FROM simulator_movement b JOIN movement m ON m.site_id = b.site_id AND m.id = b.reference;

ALTER TABLE simulator_authorisation RENAME TO earlier_authorisation;
ALTER TABLE simulator_movement RENAME TO earlier_movement;

-- The simulated acquirer's own book. It knows what arrives in messages and nothing else. The gateway never reads it
-- to decide; the audit compares with it.
CREATE TABLE simulator_authorisation (
    -- from DE 42
    site_id BIGINT NOT NULL,
    -- DE 41, 7, 11 and 37 of the authorisation
    terminal TEXT NOT NULL,
    transmission TEXT NOT NULL,
    stan BIGINT NOT NULL,
    rrn TEXT NOT NULL,
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
    -- when a reversal undid it, or what was left of it, or forbade it before it arrived
    reversed_at BIGINT,
    -- a purchase is collected at once; an authorisation waits for its captures
    captured_later BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, terminal, transmission, stan, rrn)
);

-- What moves after an authorisation.
CREATE TABLE simulator_movement (
    site_id BIGINT NOT NULL,
    -- DE 41, 7 and 11 of the capture or refund
    terminal TEXT NOT NULL,
    transmission TEXT NOT NULL,
    stan BIGINT NOT NULL,
    -- DE 37 of the authorisation, and its DE 11 and 7 from DE 90
    rrn TEXT NOT NULL,
    original_stan BIGINT NOT NULL,
    original_transmission TEXT NOT NULL,
    -- capture or refund
    kind TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    -- DE 39
    response_code TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, terminal, transmission, stan, rrn)
);

CREATE INDEX movement_of_original
    ON simulator_movement (site_id, terminal, original_transmission, original_stan, rrn);

INSERT INTO simulator_authorisation (site_id, terminal, transmission, stan, rrn, amount_minor, currency, response_code,
    authorization_code, fraud_score, review_after_ms, review_verdict, manner, inquiries, reversals, reversed_at,
    captured_later, created_at)
SELECT e.site_id, t.terminal, t.transmission, t.stan, t.rrn, e.amount_minor, e.currency, e.response_code,
       e.authorization_code, e.fraud_score, e.review_after_ms, e.review_verdict, e.manner, e.inquiries, e.reversals,
       e.reversed_at, e.captured_later, e.created_at
FROM earlier_authorisation e
JOIN trace t ON t.site_id = e.site_id AND t.reference = e.reference AND t.operation = 'authorise';

INSERT INTO simulator_movement (site_id, terminal, transmission, stan, rrn, original_stan, original_transmission, kind,
    amount_minor, response_code, created_at)
SELECT e.site_id, t.terminal, t.transmission, t.stan, a.rrn, a.stan, a.transmission, e.kind, e.amount_minor,
       e.response_code, e.created_at
FROM earlier_movement e
JOIN trace t ON t.site_id = e.site_id AND t.reference = e.reference AND t.operation = e.kind
JOIN trace a ON a.site_id = e.site_id AND a.reference = e.authorisation AND a.operation = 'authorise';

UPDATE trace SET rrn = (SELECT b.rrn FROM simulator_movement b WHERE b.site_id = trace.site_id
                        AND b.terminal = trace.terminal AND b.stan = trace.stan
                        AND b.transmission = trace.transmission)
WHERE operation IN ('capture', 'refund') AND EXISTS (
    SELECT 1 FROM simulator_movement b WHERE b.site_id = trace.site_id AND b.terminal = trace.terminal
    AND b.stan = trace.stan AND b.transmission = trace.transmission);

DROP TABLE earlier_movement;
DROP TABLE earlier_authorisation;
