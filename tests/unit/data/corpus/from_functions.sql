SELECT * FROM generate_series(1, 3)
SELECT * FROM generate_series(1, 3) x
SELECT * FROM generate_series(1, 3) AS x
SELECT * FROM generate_series(1, 3) x(a)
SELECT * FROM generate_series(1, 3) AS x(a)
SELECT * FROM generate_series(1, 3) WITH ORDINALITY
SELECT * FROM generate_series(1, 3) WITH ORDINALITY x(a, n)
SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL generate_series(1, 3) AS l
SELECT * FROM ROWS FROM (generate_series(1, 3), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL generate_series(1, 3) l(v) ON true
SELECT generate_series(1, 3)
SELECT * FROM unnest(ARRAY[1])
SELECT * FROM unnest(ARRAY[1]) x
SELECT * FROM unnest(ARRAY[1]) AS x
SELECT * FROM unnest(ARRAY[1]) x(a)
SELECT * FROM unnest(ARRAY[1]) AS x(a)
SELECT * FROM unnest(ARRAY[1]) WITH ORDINALITY
SELECT * FROM unnest(ARRAY[1]) WITH ORDINALITY x(a, n)
SELECT * FROM unnest(ARRAY[1]) WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL unnest(ARRAY[1]) AS l
SELECT * FROM ROWS FROM (unnest(ARRAY[1]), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL unnest(ARRAY[1]) l(v) ON true
SELECT unnest(ARRAY[1])
SELECT * FROM json_each('{}')
SELECT * FROM json_each('{}') x
SELECT * FROM json_each('{}') AS x
SELECT * FROM json_each('{}') x(a)
SELECT * FROM json_each('{}') AS x(a)
SELECT * FROM json_each('{}') WITH ORDINALITY
SELECT * FROM json_each('{}') WITH ORDINALITY x(a, n)
SELECT * FROM json_each('{}') WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL json_each('{}') AS l
SELECT * FROM ROWS FROM (json_each('{}'), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL json_each('{}') l(v) ON true
SELECT json_each('{}')
SELECT * FROM jsonb_to_recordset('[]') AS x(a int)
SELECT * FROM jsonb_to_recordset('[]') AS (a int, b text)
SELECT * FROM jsonb_to_recordset('[]') x(a int, b numeric(10,2))
SELECT * FROM regexp_matches('a', 'b')
SELECT * FROM regexp_matches('a', 'b') x
SELECT * FROM regexp_matches('a', 'b') AS x
SELECT * FROM regexp_matches('a', 'b') x(a)
SELECT * FROM regexp_matches('a', 'b') AS x(a)
SELECT * FROM regexp_matches('a', 'b') WITH ORDINALITY
SELECT * FROM regexp_matches('a', 'b') WITH ORDINALITY x(a, n)
SELECT * FROM regexp_matches('a', 'b') WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL regexp_matches('a', 'b') AS l
SELECT * FROM ROWS FROM (regexp_matches('a', 'b'), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL regexp_matches('a', 'b') l(v) ON true
SELECT regexp_matches('a', 'b')
SELECT * FROM volatile_fn(1)
SELECT * FROM volatile_fn(1) x
SELECT * FROM volatile_fn(1) AS x
SELECT * FROM volatile_fn(1) x(a)
SELECT * FROM volatile_fn(1) AS x(a)
SELECT * FROM volatile_fn(1) WITH ORDINALITY
SELECT * FROM volatile_fn(1) WITH ORDINALITY x(a, n)
SELECT * FROM volatile_fn(1) WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL volatile_fn(1) AS l
SELECT * FROM ROWS FROM (volatile_fn(1), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL volatile_fn(1) l(v) ON true
SELECT * FROM unknown_fn(1)
SELECT * FROM unknown_fn(1) x
SELECT * FROM unknown_fn(1) AS x
SELECT * FROM unknown_fn(1) x(a)
SELECT * FROM unknown_fn(1) AS x(a)
SELECT * FROM unknown_fn(1) WITH ORDINALITY
SELECT * FROM unknown_fn(1) WITH ORDINALITY x(a, n)
SELECT * FROM unknown_fn(1) WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL unknown_fn(1) AS l
SELECT * FROM ROWS FROM (unknown_fn(1), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL unknown_fn(1) l(v) ON true
SELECT * FROM dblink('x', 'y') AS x(a int)
SELECT * FROM dblink('x', 'y') AS (a int, b text)
SELECT * FROM dblink('x', 'y') x(a int, b numeric(10,2))
SELECT * FROM t, LATERAL dblink('x', 'y') AS l
SELECT * FROM ROWS FROM (dblink('x', 'y'), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL dblink('x', 'y') l(v) ON true
SELECT dblink('x', 'y')
SELECT * FROM pg_ls_dir('.')
SELECT * FROM pg_ls_dir('.') x
SELECT * FROM pg_ls_dir('.') AS x
SELECT * FROM pg_ls_dir('.') x(a)
SELECT * FROM pg_ls_dir('.') AS x(a)
SELECT * FROM pg_ls_dir('.') WITH ORDINALITY
SELECT * FROM pg_ls_dir('.') WITH ORDINALITY x(a, n)
SELECT * FROM pg_ls_dir('.') WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL pg_ls_dir('.') AS l
SELECT * FROM ROWS FROM (pg_ls_dir('.'), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL pg_ls_dir('.') l(v) ON true
SELECT pg_ls_dir('.')
SELECT * FROM nextval('s')
SELECT * FROM nextval('s') x
SELECT * FROM nextval('s') AS x
SELECT * FROM nextval('s') x(a)
SELECT * FROM nextval('s') AS x(a)
SELECT * FROM nextval('s') WITH ORDINALITY
SELECT * FROM nextval('s') WITH ORDINALITY x(a, n)
SELECT * FROM nextval('s') WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL nextval('s') AS l
SELECT * FROM ROWS FROM (nextval('s'), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL nextval('s') l(v) ON true
SELECT * FROM pg_stat_get_activity(NULL)
SELECT * FROM pg_stat_get_activity(NULL) x
SELECT * FROM pg_stat_get_activity(NULL) AS x
SELECT * FROM pg_stat_get_activity(NULL) x(a)
SELECT * FROM pg_stat_get_activity(NULL) AS x(a)
SELECT * FROM pg_stat_get_activity(NULL) WITH ORDINALITY
SELECT * FROM pg_stat_get_activity(NULL) WITH ORDINALITY x(a, n)
SELECT * FROM pg_stat_get_activity(NULL) WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL pg_stat_get_activity(NULL) AS l
SELECT * FROM ROWS FROM (pg_stat_get_activity(NULL), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL pg_stat_get_activity(NULL) l(v) ON true
SELECT pg_stat_get_activity(NULL)
SELECT * FROM string_to_table('a,b', ',')
SELECT * FROM string_to_table('a,b', ',') x
SELECT * FROM string_to_table('a,b', ',') AS x
SELECT * FROM string_to_table('a,b', ',') x(a)
SELECT * FROM string_to_table('a,b', ',') AS x(a)
SELECT * FROM string_to_table('a,b', ',') WITH ORDINALITY
SELECT * FROM string_to_table('a,b', ',') WITH ORDINALITY x(a, n)
SELECT * FROM string_to_table('a,b', ',') WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL string_to_table('a,b', ',') AS l
SELECT * FROM ROWS FROM (string_to_table('a,b', ','), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL string_to_table('a,b', ',') l(v) ON true
SELECT string_to_table('a,b', ',')
SELECT * FROM pg_catalog.generate_series(1, 3)
SELECT * FROM pg_catalog.generate_series(1, 3) x
SELECT * FROM pg_catalog.generate_series(1, 3) AS x
SELECT * FROM pg_catalog.generate_series(1, 3) x(a)
SELECT * FROM pg_catalog.generate_series(1, 3) AS x(a)
SELECT * FROM pg_catalog.generate_series(1, 3) WITH ORDINALITY
SELECT * FROM pg_catalog.generate_series(1, 3) WITH ORDINALITY x(a, n)
SELECT * FROM pg_catalog.generate_series(1, 3) WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL pg_catalog.generate_series(1, 3) AS l
SELECT * FROM ROWS FROM (pg_catalog.generate_series(1, 3), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL pg_catalog.generate_series(1, 3) l(v) ON true
SELECT pg_catalog.generate_series(1, 3)
SELECT * FROM pg_show_all_settings()
SELECT * FROM pg_show_all_settings() x
SELECT * FROM pg_show_all_settings() AS x
SELECT * FROM pg_show_all_settings() x(a)
SELECT * FROM pg_show_all_settings() AS x(a)
SELECT * FROM pg_show_all_settings() WITH ORDINALITY
SELECT * FROM pg_show_all_settings() WITH ORDINALITY x(a, n)
SELECT * FROM pg_show_all_settings() WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL pg_show_all_settings() AS l
SELECT * FROM ROWS FROM (pg_show_all_settings(), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL pg_show_all_settings() l(v) ON true
SELECT pg_show_all_settings()
SELECT * FROM pg_lock_status()
SELECT * FROM pg_lock_status() x
SELECT * FROM pg_lock_status() AS x
SELECT * FROM pg_lock_status() x(a)
SELECT * FROM pg_lock_status() AS x(a)
SELECT * FROM pg_lock_status() WITH ORDINALITY
SELECT * FROM pg_lock_status() WITH ORDINALITY x(a, n)
SELECT * FROM pg_lock_status() WITH ORDINALITY AS x(a, n)
SELECT * FROM t, LATERAL pg_lock_status() AS l
SELECT * FROM ROWS FROM (pg_lock_status(), generate_series(1, 2)) AS r
SELECT * FROM t LEFT JOIN LATERAL pg_lock_status() l(v) ON true
SELECT pg_lock_status()
SELECT * FROM XMLTABLE('//r' PASSING doc COLUMNS id int PATH '@id', n FOR ORDINALITY, v text DEFAULT 'x' NOT NULL) AS x
SELECT x.* FROM docs, XMLTABLE(XMLNAMESPACES('u' AS p), '//p:r' PASSING BY REF doc COLUMNS id int) x
SELECT x.* FROM docs, LATERAL XMLTABLE('//r' PASSING volatile_fn(doc) COLUMNS id int) x
SELECT * FROM XMLTABLE('//r' PASSING doc COLUMNS price numeric(10,2) PATH 'p' DEFAULT random())
