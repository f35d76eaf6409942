SELECT * FROM t
SELECT * FROM t ORDER BY a OFFSET 5 ROWS FETCH NEXT (1 + 1) ROWS WITH TIES
SELECT * FROM t WHERE a = $1 AND b = ANY ($2::int[])
SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT DISTINCT ON (a) a, b FROM public.t GROUP BY DISTINCT a
SELECT DISTINCT ON (a) a, b FROM public.t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
SELECT DISTINCT ON (a) a, b FROM public.t GROUP BY CUBE (a, b), c
SELECT DISTINCT ON (a) a, b FROM public.t GROUP BY a, b HAVING count(*) > 1
SELECT count(*) FROM t AS x GROUP BY ROLLUP (a, b)
SELECT count(*) FROM t AS x WHERE a = 1
SELECT count(*) FROM t AS x WINDOW w AS (PARTITION BY a ORDER BY b)
SELECT count(*) FROM t AS x
SELECT * FROM t x(a, b) WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT * FROM t x(a, b) LIMIT ALL
SELECT * FROM t x(a, b) FETCH FIRST 5 ROWS ONLY
SELECT * FROM t x(a, b) GROUP BY DISTINCT a
SELECT DISTINCT ON (a) a, b FROM t AS x(a, b) GROUP BY a, b HAVING count(*) > 1
SELECT DISTINCT ON (a) a, b FROM t AS x(a, b) GROUP BY GROUPING SETS ((a), (b), ())
SELECT DISTINCT ON (a) a, b FROM t AS x(a, b) WHERE a IN (1, 2, 3) ORDER BY a
SELECT DISTINCT ON (a) a, b FROM t AS x(a, b) GROUP BY ROLLUP (a, b)
SELECT count(*) FROM ONLY t
SELECT count(*) FROM ONLY t ORDER BY a OFFSET 5 ROWS FETCH NEXT (1 + 1) ROWS WITH TIES
SELECT count(*) FROM ONLY t WHERE a = $1 AND b = ANY ($2::int[])
SELECT count(*) FROM ONLY t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT * FROM t * GROUP BY DISTINCT a
SELECT * FROM t * ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
SELECT * FROM t * GROUP BY CUBE (a, b), c
SELECT * FROM t * GROUP BY a, b HAVING count(*) > 1
SELECT DISTINCT ON (a) a, b FROM t, u GROUP BY ROLLUP (a, b)
SELECT DISTINCT ON (a) a, b FROM t, u WHERE a = 1
SELECT DISTINCT ON (a) a, b FROM t, u WINDOW w AS (PARTITION BY a ORDER BY b)
SELECT DISTINCT ON (a) a, b FROM t, u
SELECT count(*) FROM t CROSS JOIN u WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT count(*) FROM t CROSS JOIN u LIMIT ALL
SELECT count(*) FROM t CROSS JOIN u FETCH FIRST 5 ROWS ONLY
SELECT count(*) FROM t CROSS JOIN u GROUP BY DISTINCT a
SELECT * FROM t JOIN u USING (id) GROUP BY a, b HAVING count(*) > 1
SELECT * FROM t JOIN u USING (id) GROUP BY GROUPING SETS ((a), (b), ())
SELECT * FROM t JOIN u USING (id) WHERE a IN (1, 2, 3) ORDER BY a
SELECT * FROM t JOIN u USING (id) GROUP BY ROLLUP (a, b)
SELECT DISTINCT ON (a) a, b FROM t LEFT OUTER JOIN u ON t.id = u.id
SELECT DISTINCT ON (a) a, b FROM t LEFT OUTER JOIN u ON t.id = u.id ORDER BY a OFFSET 5 ROWS FETCH NEXT (1 + 1) ROWS WITH TIES
SELECT DISTINCT ON (a) a, b FROM t LEFT OUTER JOIN u ON t.id = u.id WHERE a = $1 AND b = ANY ($2::int[])
SELECT DISTINCT ON (a) a, b FROM t LEFT OUTER JOIN u ON t.id = u.id WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT count(*) FROM t NATURAL JOIN u GROUP BY DISTINCT a
SELECT count(*) FROM t NATURAL JOIN u ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
SELECT count(*) FROM t NATURAL JOIN u GROUP BY CUBE (a, b), c
SELECT count(*) FROM t NATURAL JOIN u GROUP BY a, b HAVING count(*) > 1
SELECT * FROM (SELECT * FROM t) AS s GROUP BY ROLLUP (a, b)
SELECT * FROM (SELECT * FROM t) AS s WHERE a = 1
SELECT * FROM (SELECT * FROM t) AS s WINDOW w AS (PARTITION BY a ORDER BY b)
SELECT * FROM (SELECT * FROM t) AS s
SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (3, 4)) AS v(a, b) WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (3, 4)) AS v(a, b) LIMIT ALL
SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (3, 4)) AS v(a, b) FETCH FIRST 5 ROWS ONLY
SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (3, 4)) AS v(a, b) GROUP BY DISTINCT a
SELECT count(*) FROM generate_series(1, 10) AS a GROUP BY a, b HAVING count(*) > 1
SELECT count(*) FROM generate_series(1, 10) AS a GROUP BY GROUPING SETS ((a), (b), ())
SELECT count(*) FROM generate_series(1, 10) AS a WHERE a IN (1, 2, 3) ORDER BY a
SELECT count(*) FROM generate_series(1, 10) AS a GROUP BY ROLLUP (a, b)
SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.id = t.id LIMIT 1) AS l
SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.id = t.id LIMIT 1) AS l ORDER BY a OFFSET 5 ROWS FETCH NEXT (1 + 1) ROWS WITH TIES
SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.id = t.id LIMIT 1) AS l WHERE a = $1 AND b = ANY ($2::int[])
SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.id = t.id LIMIT 1) AS l WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT DISTINCT ON (a) a, b FROM ROWS FROM (generate_series(1, 2), generate_series(3, 4)) AS r(a, b) GROUP BY DISTINCT a
SELECT DISTINCT ON (a) a, b FROM ROWS FROM (generate_series(1, 2), generate_series(3, 4)) AS r(a, b) ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
SELECT DISTINCT ON (a) a, b FROM ROWS FROM (generate_series(1, 2), generate_series(3, 4)) AS r(a, b) GROUP BY CUBE (a, b), c
SELECT DISTINCT ON (a) a, b FROM ROWS FROM (generate_series(1, 2), generate_series(3, 4)) AS r(a, b) GROUP BY a, b HAVING count(*) > 1
SELECT count(*) FROM t TABLESAMPLE SYSTEM (10) GROUP BY ROLLUP (a, b)
SELECT count(*) FROM t TABLESAMPLE SYSTEM (10) WHERE a = 1
SELECT count(*) FROM t TABLESAMPLE SYSTEM (10) WINDOW w AS (PARTITION BY a ORDER BY b)
SELECT count(*) FROM t TABLESAMPLE SYSTEM (10)
SELECT * FROM t TABLESAMPLE BERNOULLI (1.5) REPEATABLE (42) WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT * FROM t TABLESAMPLE BERNOULLI (1.5) REPEATABLE (42) LIMIT ALL
SELECT * FROM t TABLESAMPLE BERNOULLI (1.5) REPEATABLE (42) FETCH FIRST 5 ROWS ONLY
SELECT * FROM t TABLESAMPLE BERNOULLI (1.5) REPEATABLE (42) GROUP BY DISTINCT a
SELECT DISTINCT ON (a) a, b FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS o(a, b) GROUP BY a, b HAVING count(*) > 1
SELECT DISTINCT ON (a) a, b FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS o(a, b) GROUP BY GROUPING SETS ((a), (b), ())
SELECT DISTINCT ON (a) a, b FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS o(a, b) WHERE a IN (1, 2, 3) ORDER BY a
SELECT DISTINCT ON (a) a, b FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS o(a, b) GROUP BY ROLLUP (a, b)
SELECT count(*) FROM json_to_record('{"a": 1}') AS j(a int, b text)
SELECT count(*) FROM json_to_record('{"a": 1}') AS j(a int, b text) ORDER BY a OFFSET 5 ROWS FETCH NEXT (1 + 1) ROWS WITH TIES
SELECT count(*) FROM json_to_record('{"a": 1}') AS j(a int, b text) WHERE a = $1 AND b = ANY ($2::int[])
SELECT count(*) FROM json_to_record('{"a": 1}') AS j(a int, b text) WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT * FROM (t JOIN u ON true) AS ju GROUP BY DISTINCT a
SELECT * FROM (t JOIN u ON true) AS ju ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
SELECT * FROM (t JOIN u ON true) AS ju GROUP BY CUBE (a, b), c
SELECT * FROM (t JOIN u ON true) AS ju GROUP BY a, b HAVING count(*) > 1
SELECT DISTINCT ON (a) a, b FROM t FULL JOIN u ON (t.a = u.a) GROUP BY ROLLUP (a, b)
SELECT DISTINCT ON (a) a, b FROM t FULL JOIN u ON (t.a = u.a) WHERE a = 1
SELECT DISTINCT ON (a) a, b FROM t FULL JOIN u ON (t.a = u.a) WINDOW w AS (PARTITION BY a ORDER BY b)
SELECT DISTINCT ON (a) a, b FROM t FULL JOIN u ON (t.a = u.a)
SELECT count(*) FROM t RIGHT JOIN u USING (a, b) AS merged WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT count(*) FROM t RIGHT JOIN u USING (a, b) AS merged LIMIT ALL
SELECT count(*) FROM t RIGHT JOIN u USING (a, b) AS merged FETCH FIRST 5 ROWS ONLY
SELECT count(*) FROM t RIGHT JOIN u USING (a, b) AS merged GROUP BY DISTINCT a
SELECT * FROM "Mixed Case"."Table" GROUP BY a, b HAVING count(*) > 1
SELECT * FROM "Mixed Case"."Table" GROUP BY GROUPING SETS ((a), (b), ())
SELECT * FROM "Mixed Case"."Table" WHERE a IN (1, 2, 3) ORDER BY a
SELECT * FROM "Mixed Case"."Table" GROUP BY ROLLUP (a, b)
SELECT DISTINCT ON (a) a, b FROM unlogged_t
SELECT DISTINCT ON (a) a, b FROM unlogged_t ORDER BY a OFFSET 5 ROWS FETCH NEXT (1 + 1) ROWS WITH TIES
SELECT DISTINCT ON (a) a, b FROM unlogged_t WHERE a = $1 AND b = ANY ($2::int[])
SELECT DISTINCT ON (a) a, b FROM unlogged_t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT count(*) FROM foreign_t AS f GROUP BY DISTINCT a
SELECT count(*) FROM foreign_t AS f ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
SELECT count(*) FROM foreign_t AS f GROUP BY CUBE (a, b), c
SELECT count(*) FROM foreign_t AS f GROUP BY a, b HAVING count(*) > 1
SELECT * FROM pg_catalog.pg_class GROUP BY ROLLUP (a, b)
SELECT * FROM pg_catalog.pg_class WHERE a = 1
SELECT * FROM pg_catalog.pg_class WINDOW w AS (PARTITION BY a ORDER BY b)
SELECT * FROM pg_catalog.pg_class
SELECT DISTINCT ON (a) a, b FROM information_schema.columns WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT DISTINCT ON (a) a, b FROM information_schema.columns LIMIT ALL
SELECT DISTINCT ON (a) a, b FROM information_schema.columns FETCH FIRST 5 ROWS ONLY
SELECT DISTINCT ON (a) a, b FROM information_schema.columns GROUP BY DISTINCT a
SELECT count(*) FROM pg_stat_activity GROUP BY a, b HAVING count(*) > 1
SELECT count(*) FROM pg_stat_activity GROUP BY GROUPING SETS ((a), (b), ())
SELECT count(*) FROM pg_stat_activity WHERE a IN (1, 2, 3) ORDER BY a
SELECT count(*) FROM pg_stat_activity GROUP BY ROLLUP (a, b)
select * from t
select * from t WHERE a IN (1, 2, 3) ORDER BY a
select * from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select * from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select * from t WINDOW w AS (PARTITION BY a ORDER BY b)
select * from t GROUP BY GROUPING SETS ((a), (b), ())
select * from t GROUP BY DISTINCT a
select * from t WHERE a = $1 AND b = ANY ($2::int[])
select a from t
select a from t WHERE a IN (1, 2, 3) ORDER BY a
select a from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select a from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select a from t WINDOW w AS (PARTITION BY a ORDER BY b)
select a from t GROUP BY GROUPING SETS ((a), (b), ())
select a from t GROUP BY DISTINCT a
select a from t WHERE a = $1 AND b = ANY ($2::int[])
select a, b from t
select a, b from t WHERE a IN (1, 2, 3) ORDER BY a
select a, b from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select a, b from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select a, b from t WINDOW w AS (PARTITION BY a ORDER BY b)
select a, b from t GROUP BY GROUPING SETS ((a), (b), ())
select a, b from t GROUP BY DISTINCT a
select a, b from t WHERE a = $1 AND b = ANY ($2::int[])
select t.*, b AS c from t
select t.*, b AS c from t WHERE a IN (1, 2, 3) ORDER BY a
select t.*, b AS c from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select t.*, b AS c from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select t.*, b AS c from t WINDOW w AS (PARTITION BY a ORDER BY b)
select t.*, b AS c from t GROUP BY GROUPING SETS ((a), (b), ())
select t.*, b AS c from t GROUP BY DISTINCT a
select t.*, b AS c from t WHERE a = $1 AND b = ANY ($2::int[])
select count(*) from t
select count(*) from t WHERE a IN (1, 2, 3) ORDER BY a
select count(*) from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select count(*) from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select count(*) from t WINDOW w AS (PARTITION BY a ORDER BY b)
select count(*) from t GROUP BY GROUPING SETS ((a), (b), ())
select count(*) from t GROUP BY DISTINCT a
select count(*) from t WHERE a = $1 AND b = ANY ($2::int[])
select sum(a) AS total from t
select sum(a) AS total from t WHERE a IN (1, 2, 3) ORDER BY a
select sum(a) AS total from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select sum(a) AS total from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select sum(a) AS total from t WINDOW w AS (PARTITION BY a ORDER BY b)
select sum(a) AS total from t GROUP BY GROUPING SETS ((a), (b), ())
select sum(a) AS total from t GROUP BY DISTINCT a
select sum(a) AS total from t WHERE a = $1 AND b = ANY ($2::int[])
select DISTINCT a from t
select DISTINCT a from t WHERE a IN (1, 2, 3) ORDER BY a
select DISTINCT a from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select DISTINCT a from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select DISTINCT a from t WINDOW w AS (PARTITION BY a ORDER BY b)
select DISTINCT a from t GROUP BY GROUPING SETS ((a), (b), ())
select DISTINCT a from t GROUP BY DISTINCT a
select DISTINCT a from t WHERE a = $1 AND b = ANY ($2::int[])
select ALL a from t
select ALL a from t WHERE a IN (1, 2, 3) ORDER BY a
select ALL a from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select ALL a from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select ALL a from t WINDOW w AS (PARTITION BY a ORDER BY b)
select ALL a from t GROUP BY GROUPING SETS ((a), (b), ())
select ALL a from t GROUP BY DISTINCT a
select ALL a from t WHERE a = $1 AND b = ANY ($2::int[])
select DISTINCT ON (a) a, b from t
select DISTINCT ON (a) a, b from t WHERE a IN (1, 2, 3) ORDER BY a
select DISTINCT ON (a) a, b from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select DISTINCT ON (a) a, b from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select DISTINCT ON (a) a, b from t WINDOW w AS (PARTITION BY a ORDER BY b)
select DISTINCT ON (a) a, b from t GROUP BY GROUPING SETS ((a), (b), ())
select DISTINCT ON (a) a, b from t GROUP BY DISTINCT a
select DISTINCT ON (a) a, b from t WHERE a = $1 AND b = ANY ($2::int[])
select lower(b), length(b) from t
select lower(b), length(b) from t WHERE a IN (1, 2, 3) ORDER BY a
select lower(b), length(b) from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select lower(b), length(b) from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select lower(b), length(b) from t WINDOW w AS (PARTITION BY a ORDER BY b)
select lower(b), length(b) from t GROUP BY GROUPING SETS ((a), (b), ())
select lower(b), length(b) from t GROUP BY DISTINCT a
select lower(b), length(b) from t WHERE a = $1 AND b = ANY ($2::int[])
select a + b * 2 - c / 4 % 3 from t
select a + b * 2 - c / 4 % 3 from t WHERE a IN (1, 2, 3) ORDER BY a
select a + b * 2 - c / 4 % 3 from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select a + b * 2 - c / 4 % 3 from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select a + b * 2 - c / 4 % 3 from t WINDOW w AS (PARTITION BY a ORDER BY b)
select a + b * 2 - c / 4 % 3 from t GROUP BY GROUPING SETS ((a), (b), ())
select a + b * 2 - c / 4 % 3 from t GROUP BY DISTINCT a
select a + b * 2 - c / 4 % 3 from t WHERE a = $1 AND b = ANY ($2::int[])
select (a, b) from t
select (a, b) from t WHERE a IN (1, 2, 3) ORDER BY a
select (a, b) from t ORDER BY a DESC NULLS LAST, b LIMIT 10 OFFSET 5
select (a, b) from t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
select (a, b) from t WINDOW w AS (PARTITION BY a ORDER BY b)
select (a, b) from t GROUP BY GROUPING SETS ((a), (b), ())
select (a, b) from t GROUP BY DISTINCT a
select (a, b) from t WHERE a = $1 AND b = ANY ($2::int[])
