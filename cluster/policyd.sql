-- The database in which policyd-rate-limit counts, on one host:
--   su postgres -c "psql -f policyd.sql"
-- The password stands in policyd-rate-limit.yaml, too. policyd-rate-limit would make
-- the table itself, for logins of at most 40 characters; a longer one could not send.
CREATE ROLE policyd LOGIN PASSWORD 'CHANGE THIS';
CREATE DATABASE policyd OWNER policyd;
\connect policyd
SET ROLE policyd;
CREATE TABLE mail_count (id text NOT NULL, date bigint NOT NULL);
CREATE INDEX mail_count_index ON mail_count (id, date);
