-- Authentications by EMV 3-D Secure while they last, so that a restart in the middle of one loses nothing; and what
-- the built-in issuer of test sites has to remember.

CREATE TABLE authentication (
    site_id BIGINT NOT NULL,
    transaction_id BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    -- threeDSServerTransID, dsTransID and acsTransID: what messages are matched by
    server_trans_id TEXT NOT NULL UNIQUE,
    ds_trans_id TEXT,
    acs_trans_id TEXT,
    -- messageVersion
    version TEXT NOT NULL,
    -- method, asking, challenge, answered or ended
    state TEXT NOT NULL,
    -- JSON: what the next step needs; no card data
    content TEXT NOT NULL,
    -- card number and expiry under the key-encryption key; NULL as soon as the authentication is over
    sealed BYTEA,
    -- when a request to the directory server was begun
    asked_at BIGINT,
    -- when a worker looks after it; NULL once it is over
    due_at BIGINT,
    -- JSON: how it ended, once the issuer has said so
    outcome TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (site_id, transaction_id)
);

CREATE INDEX authentication_due ON authentication (due_at) WHERE due_at IS NOT NULL;

-- The card ranges of directory servers, so that a start does not have to wait for them.
CREATE TABLE directory (
    -- its address
    id TEXT PRIMARY KEY,
    -- JSON
    ranges TEXT NOT NULL,
    fetched_at BIGINT NOT NULL
);

-- Challenges of the built-in issuer. It is a peer of its own and knows nothing of sites.
CREATE TABLE simulator_challenge (
    -- acsTransID
    id TEXT PRIMARY KEY,
    -- JSON: what the issuer knows of it; no card number
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
