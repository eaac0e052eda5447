-- What lists and balances are read by, and what a site says about itself.

-- When a refund or chargeback of it was first opened; NULL: none ever was. Whoever looks for refunded payments does not
-- look at all the others.
ALTER TABLE payment_transaction ADD COLUMN given_back_at BIGINT;
UPDATE payment_transaction SET given_back_at = (SELECT MIN(m.created_at) FROM movement m
    WHERE m.site_id = payment_transaction.site_id AND m.transaction_id = payment_transaction.id
    AND m.kind IN ('refund', 'chargeback'));

-- Newest first, and as narrow as the list's filters.
CREATE INDEX transaction_by_time ON payment_transaction (site_id, created_at, id);
CREATE INDEX transaction_by_currency ON payment_transaction (site_id, currency, created_at, id);
CREATE INDEX transaction_by_state ON payment_transaction (site_id, state, created_at, id);
CREATE INDEX transaction_given_back ON payment_transaction (site_id, created_at, id) WHERE given_back_at IS NOT NULL;
CREATE INDEX transaction_by_completion ON payment_transaction (site_id, completed_at, created_at)
    WHERE completed_at IS NOT NULL;
CREATE INDEX movement_by_time ON movement (site_id, kind, created_at, id);
CREATE INDEX movement_by_currency ON movement (site_id, kind, currency, created_at, id);
-- Everything that a balance is added up from, in the order in which it is.
CREATE INDEX transfer_by_sides ON ledger_transfer (site_id, currency, debit, credit, created_at, amount_minor);

-- The shop's own address, and whom its customers can turn to.
ALTER TABLE site ADD COLUMN url TEXT;
ALTER TABLE site ADD COLUMN support_email TEXT;
ALTER TABLE site ADD COLUMN support_phone TEXT;
