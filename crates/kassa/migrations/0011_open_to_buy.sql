-- What the simulated acquirer lets a card spend. The gateway never reads it; the audit adds it up again.

CREATE TABLE simulator_card (
    site_id BIGINT NOT NULL,
    -- a keyed digest of the card number in hexadecimal; the number itself is nowhere
    card TEXT NOT NULL,
    currency TEXT NOT NULL,
    last4 TEXT NOT NULL,
    line_minor BIGINT NOT NULL,
    -- what is left of the line
    open_minor BIGINT NOT NULL,
    PRIMARY KEY (site_id, card, currency)
);

-- What an authorisation holds or took of its card's line.
CREATE TABLE simulator_hold (
    -- of the authorisation
    site_id BIGINT NOT NULL,
    terminal TEXT NOT NULL,
    transmission TEXT NOT NULL,
    stan BIGINT NOT NULL,
    rrn TEXT NOT NULL,
    card TEXT NOT NULL,
    currency TEXT NOT NULL,
    held_minor BIGINT NOT NULL,
    PRIMARY KEY (site_id, terminal, transmission, stan, rrn)
);

CREATE INDEX hold_of_card ON simulator_hold (site_id, card, currency);
