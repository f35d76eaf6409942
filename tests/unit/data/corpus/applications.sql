SELECT abalance FROM pgbench_accounts WHERE aid = 4213
UPDATE pgbench_tellers SET tbalance = tbalance + 55 WHERE tid = 3
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, 4213, 55, CURRENT_TIMESTAMP)
SELECT "users".* FROM "users" WHERE "users"."id" = $1 LIMIT $2
SELECT 1 AS one FROM "users" WHERE "users"."email" = $1 LIMIT $2
SELECT COUNT(*) FROM "orders" INNER JOIN "users" ON "users"."id" = "orders"."user_id" WHERE "users"."active" = TRUE
SELECT u.id AS id1_0_, u.name AS name2_0_ FROM users u WHERE u.id IN ($1, $2, $3) ORDER BY u.name ASC
INSERT INTO "users" ("name", "created_at") VALUES ($1, $2) RETURNING "id"
SELECT nextval('"users_id_seq"')
SELECT "django_session"."session_key" FROM "django_session" WHERE ("django_session"."expire_date" > '2024-01-01'::timestamptz AND "django_session"."session_key" = 'x')
SELECT DISTINCT ON (user_id) user_id, created_at FROM logins ORDER BY user_id, created_at DESC
SELECT * FROM jobs WHERE state = 'ready' ORDER BY priority LIMIT 1 FOR UPDATE SKIP LOCKED
UPDATE jobs SET state = 'taken' WHERE id = (SELECT id FROM jobs WHERE state = 'ready' FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING *
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0 AND NOT a.attisdropped
SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c WHERE substring(pg_catalog.quote_ident(c.relname), 1, 1) = 't'
SELECT version()
SELECT current_schema()
SELECT current_setting('server_version_num')::int
SELECT pg_is_in_recovery(), current_setting('transaction_read_only')
SELECT t.typname, t.oid, t.typarray FROM pg_type t LEFT JOIN pg_range r ON t.oid = r.rngtypid WHERE t.typname IN ('int2', 'int4')
SELECT date_trunc('hour', created_at) AS hour, count(*) FILTER (WHERE ok) AS good, percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FROM requests WHERE created_at > now() - interval '1 day' GROUP BY 1 ORDER BY 1
SELECT p.id, coalesce(json_agg(json_build_object('id', c.id)) FILTER (WHERE c.id IS NOT NULL), '[]') FROM posts p LEFT JOIN comments c ON c.post_id = p.id GROUP BY p.id
WITH RECURSIVE tree(id, parent, path) AS (SELECT id, parent, ARRAY[id] FROM nodes WHERE parent IS NULL UNION ALL SELECT n.id, n.parent, t.path || n.id FROM nodes n JOIN tree t ON n.parent = t.id) SELECT * FROM tree ORDER BY path
SELECT ts_rank(v, q) AS r FROM docs, plainto_tsquery('english', $1) q WHERE v @@ q ORDER BY r DESC LIMIT 20
SELECT ST_AsGeoJSON(geom) FROM places WHERE geom && $1::geometry(Polygon, 4326)
SELECT * FROM crosstab('select 1') AS ct(a int, b int)
SELECT pg_advisory_lock(hashtext('migrate'))
SELECT pg_try_advisory_xact_lock(42)
SELECT set_config('app.user', $1, true)
SELECT set_config('search_path', 'tenant_1', false)
SELECT lo_get(1234)
SELECT pg_size_pretty(pg_total_relation_size('big'))
SELECT count(*) FROM pg_stat_activity WHERE state = 'active'
SELECT * FROM pg_locks WHERE NOT granted
SELECT name, setting FROM pg_settings WHERE name ~ 'timeout'
SELECT slot_name FROM pg_replication_slots
SELECT pg_current_wal_lsn() - '0/0'::pg_lsn
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication
SELECT last_value FROM some_seq
SELECT txid_current()
SELECT 1 FROM ONLY "public"."parent" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x
