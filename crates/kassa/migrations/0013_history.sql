-- What is only history goes after a time, oldest first and a little at once. Each index has only what may go, so that
-- looking for the oldest costs the same however much there is.

-- The last attempt that a shop acknowledged stays with its order: without it nobody would know what the shop knows. It
-- is marked when it has become old, and is out of the way from then on. NULL: it may go when it is old.
ALTER TABLE notification_attempt ADD COLUMN kept_since BIGINT;
CREATE INDEX attempt_by_time ON notification_attempt (started_at) WHERE kept_since IS NULL;

CREATE INDEX event_by_time ON order_event (created_at);
CREATE INDEX authentication_over ON authentication (created_at) WHERE due_at IS NULL;
CREATE INDEX challenge_by_time ON simulator_challenge (created_at);
