-- What the card ranges said about a card when it was submitted; NULL: nothing.

-- Where the issuer is: two letters.
ALTER TABLE payment_transaction ADD COLUMN issuer_country TEXT;
-- C, D, P, R or H, as the API writes it.
ALTER TABLE payment_transaction ADD COLUMN card_funding TEXT;
-- The scheme's code of the product.
ALTER TABLE payment_transaction ADD COLUMN card_product TEXT;
