-- Payments that are collected at once by an acquirer that has to be told to: an advice (0220) follows the approval.

-- advice: the acquirer has to be told; NULL is the usual way, the approval or captures collect.
ALTER TABLE payment_transaction ADD COLUMN completion TEXT;
-- when it acknowledged
ALTER TABLE payment_transaction ADD COLUMN told_at BIGINT;
