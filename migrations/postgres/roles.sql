-- Who may do what; run again after every migration. Both are roles without login, granted to those that have one:
--     CREATE ROLE ukai_api LOGIN PASSWORD '...' IN ROLE ukai_reader;
--     CREATE ROLE ukai_leader LOGIN PASSWORD '...' IN ROLE ukai_scheduler;
-- Where the migrating role may not make roles, somebody who may runs these two lines and `ukai migrate` again:
--     CREATE ROLE ukai_reader NOLOGIN;
--     CREATE ROLE ukai_scheduler NOLOGIN;
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['ukai_reader', 'ukai_scheduler'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                -- Made by somebody else meanwhile, or not ours to make.
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE WARNING 'no right to create the role %: see migrations/postgres/roles.sql', wanted;
            END;
        END IF;
    END LOOP;
    -- The api and the gateway: everything but the remembered replies, which the leader alone reads.
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'ukai_reader') THEN
        GRANT USAGE ON SCHEMA ukai TO ukai_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA ukai TO ukai_reader;
        REVOKE ALL ON idempotency FROM ukai_reader;
    END IF;
    -- The scheduler: rows, but no tables.
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'ukai_scheduler') THEN
        GRANT USAGE ON SCHEMA ukai TO ukai_scheduler;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ukai TO ukai_scheduler;
        REVOKE INSERT, UPDATE, DELETE ON migration FROM ukai_scheduler;
    END IF;
END
$$;
