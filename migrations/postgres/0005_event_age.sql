-- Events may be forgotten from the front of the log: what is dead there is walked over by whoever looks for the oldest.
ALTER TABLE event SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
ALTER TABLE event_job SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
