-- The second try of a payment whose issuer wants the customer authenticated.

-- The PSP id drawn for it. It is drawn before the first try is sent, so that whoever hears the issuer's answer, also after
-- a restart, opens the same one. NULL: there can be none.
ALTER TABLE payment_transaction ADD COLUMN second_try BIGINT;

CREATE INDEX payment_transaction_second_try ON payment_transaction (site_id, second_try) WHERE second_try IS NOT NULL;
