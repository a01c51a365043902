-- Each table has one writer. The two services connect as whoever the operator names and then SET ROLE to one of these,
-- so that Postgres itself refuses a write from the wrong part.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'permitpipe_indexer') THEN
        CREATE ROLE permitpipe_indexer NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'permitpipe_broker') THEN
        CREATE ROLE permitpipe_broker NOLOGIN;
    END IF;
    EXECUTE format('GRANT permitpipe_indexer, permitpipe_broker TO %I', current_user);
EXCEPTION
    -- Two databases of one server migrate at once: the other one made the role first.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
