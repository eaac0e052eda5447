-- The processes that serve from this database, and which of them holds the card of an authentication.

CREATE TABLE node (
    -- drawn at its start
    id TEXT PRIMARY KEY,
    -- what it does: api, pages and worker, separated by commas
    roles TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- when it last said that it lives, by the database's clock
    seen_at BIGINT NOT NULL
);

-- Who has the card with its code in memory; NULL where nobody has, and as soon as the authentication is over.
ALTER TABLE authentication ADD COLUMN holder TEXT;

CREATE INDEX authentication_held ON authentication (holder, state) WHERE holder IS NOT NULL;
