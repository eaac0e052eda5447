-- The simulated acquirer's book is shown newest first, and not all of it.
CREATE INDEX booked_by_time ON simulator_authorisation (site_id, created_at, rrn);
CREATE INDEX booked_movement_by_time ON simulator_movement (site_id, created_at, stan);
