-- What a standby may do at the primary: follow it, rewind to it, and have itself waited for.
create role standby replication login;
grant pg_monitor, pg_checkpoint to standby;
grant alter system on parameter synchronous_standby_names to standby;
grant execute on function pg_reload_conf() to standby;
grant execute on function pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
    pg_read_binary_file(text, bigint, bigint, boolean) to standby;
