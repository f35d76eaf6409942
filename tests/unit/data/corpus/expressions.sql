SELECT 1 FROM t
SELECT a FROM t WHERE (1) IS NOT NULL
SELECT a FROM t ORDER BY 1
VALUES (1)
SELECT -1
SELECT x FROM (SELECT -1) AS s(x)
SELECT 1 FROM t JOIN u ON (-1) = t.a
SELECT +a
SELECT a FROM t WHERE (+a) IS NOT NULL
EXPLAIN SELECT +a FROM t
SELECT 1.5 FROM t
COPY (SELECT 1.5 FROM t) TO STDOUT
SELECT .5
SELECT a FROM t WHERE (.5) IS NOT NULL
WITH q AS (SELECT .5 AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (.5) a FROM t
SELECT 1e10
SELECT a FROM t ORDER BY 1e10
SELECT x FROM (SELECT 1e10) AS s(x)
SELECT 1.5e-3 FROM t
SELECT a FROM t WHERE (1.5e-3) IS NOT NULL
SELECT 'x'
VALUES ('x')
SELECT E'a\nb'
SELECT a FROM t WHERE (E'a\nb') IS NOT NULL
SELECT U&'\0041\+000042' FROM t
SELECT x FROM (SELECT U&'\0041\+000042') AS s(x)
COPY (SELECT U&'\0041\+000042' FROM t) TO STDOUT
SELECT U&'d!0061t' UESCAPE '!'
SELECT a FROM t WHERE (U&'d!0061t' UESCAPE '!') IS NOT NULL
SELECT a FROM t ORDER BY U&'d!0061t' UESCAPE '!'
WITH q AS (SELECT U&'d!0061t' UESCAPE '!' AS x FROM t) SELECT x FROM q
EXPLAIN SELECT U&'d!0061t' UESCAPE '!' FROM t
SELECT 1 FROM t JOIN u ON (U&'d!0061t' UESCAPE '!') = t.a
SELECT B'0101'
SELECT X'1FF' FROM t
SELECT a FROM t WHERE (X'1FF') IS NOT NULL
SELECT N'national'
SELECT x FROM (SELECT N'national') AS s(x)
SELECT DISTINCT ON (N'national') a FROM t
SELECT $$dollar$$
SELECT a FROM t WHERE ($$dollar$$) IS NOT NULL
VALUES ($$dollar$$)
SELECT $tag$dollar $$ in$tag$ FROM t
SELECT a FROM t ORDER BY $tag$dollar $$ in$tag$
COPY (SELECT $tag$dollar $$ in$tag$ FROM t) TO STDOUT
SELECT 'it''s'
SELECT a FROM t WHERE ('it''s') IS NOT NULL
WITH q AS (SELECT 'it''s' AS x FROM t) SELECT x FROM q
SELECT NULL
SELECT x FROM (SELECT NULL) AS s(x)
SELECT TRUE FROM t
SELECT a FROM t WHERE (TRUE) IS NOT NULL
EXPLAIN SELECT TRUE FROM t
SELECT NOT false
SELECT 1 FROM t JOIN u ON (NOT false) = t.a
SELECT a IS NULL
SELECT a FROM t WHERE (a IS NULL) IS NOT NULL
SELECT a FROM t ORDER BY a IS NULL
SELECT a IS NOT NULL FROM t
VALUES (a IS NOT NULL)
SELECT x FROM (SELECT a IS NOT NULL) AS s(x)
COPY (SELECT a IS NOT NULL FROM t) TO STDOUT
SELECT a ISNULL
SELECT a FROM t WHERE (a ISNULL) IS NOT NULL
WITH q AS (SELECT a ISNULL AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (a ISNULL) a FROM t
SELECT a NOTNULL
SELECT a IS DISTINCT FROM b FROM t
SELECT a FROM t WHERE (a IS DISTINCT FROM b) IS NOT NULL
SELECT a IS NOT DISTINCT FROM b
SELECT a FROM t ORDER BY a IS NOT DISTINCT FROM b
SELECT x FROM (SELECT a IS NOT DISTINCT FROM b) AS s(x)
SELECT a IS TRUE
SELECT a FROM t WHERE (a IS TRUE) IS NOT NULL
EXPLAIN SELECT a IS TRUE FROM t
SELECT a IS NOT UNKNOWN FROM t
COPY (SELECT a IS NOT UNKNOWN FROM t) TO STDOUT
SELECT a BETWEEN 1 AND 2
SELECT a FROM t WHERE (a BETWEEN 1 AND 2) IS NOT NULL
VALUES (a BETWEEN 1 AND 2)
WITH q AS (SELECT a BETWEEN 1 AND 2 AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (a BETWEEN 1 AND 2) = t.a
SELECT a NOT BETWEEN SYMMETRIC 2 AND 1
SELECT x FROM (SELECT a NOT BETWEEN SYMMETRIC 2 AND 1) AS s(x)
SELECT a IN (1, 2) FROM t
SELECT a FROM t WHERE (a IN (1, 2)) IS NOT NULL
SELECT a FROM t ORDER BY a IN (1, 2)
SELECT a NOT IN (SELECT b FROM u)
SELECT DISTINCT ON (a NOT IN (SELECT b FROM u)) a FROM t
SELECT a LIKE 'x%'
SELECT a FROM t WHERE (a LIKE 'x%') IS NOT NULL
SELECT a NOT LIKE 'x!%' ESCAPE '!' FROM t
SELECT x FROM (SELECT a NOT LIKE 'x!%' ESCAPE '!') AS s(x)
COPY (SELECT a NOT LIKE 'x!%' ESCAPE '!' FROM t) TO STDOUT
SELECT a ILIKE lower(b)
SELECT a FROM t WHERE (a ILIKE lower(b)) IS NOT NULL
WITH q AS (SELECT a ILIKE lower(b) AS x FROM t) SELECT x FROM q
EXPLAIN SELECT a ILIKE lower(b) FROM t
SELECT a SIMILAR TO '(x|y)'
SELECT a FROM t ORDER BY a SIMILAR TO '(x|y)'
VALUES (a SIMILAR TO '(x|y)')
SELECT a ~ '^x' AND b !~* 'y$' FROM t
SELECT a FROM t WHERE (a ~ '^x' AND b !~* 'y$') IS NOT NULL
SELECT a || b || 'c'
SELECT x FROM (SELECT a || b || 'c') AS s(x)
SELECT 1 FROM t JOIN u ON (a || b || 'c') = t.a
SELECT a::int
SELECT a FROM t WHERE (a::int) IS NOT NULL
SELECT a::numeric(10, 2) FROM t
COPY (SELECT a::numeric(10, 2) FROM t) TO STDOUT
SELECT a::varchar(10)::text
SELECT a FROM t WHERE (a::varchar(10)::text) IS NOT NULL
SELECT a FROM t ORDER BY a::varchar(10)::text
WITH q AS (SELECT a::varchar(10)::text AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (a::varchar(10)::text) a FROM t
SELECT a::timestamp(3) with time zone
SELECT x FROM (SELECT a::timestamp(3) with time zone) AS s(x)
SELECT a::time(3) without time zone FROM t
SELECT a FROM t WHERE (a::time(3) without time zone) IS NOT NULL
VALUES (a::time(3) without time zone)
EXPLAIN SELECT a::time(3) without time zone FROM t
SELECT a::character varying(20)
SELECT a::bit varying(3)
SELECT a FROM t WHERE (a::bit varying(3)) IS NOT NULL
SELECT a::double precision FROM t
SELECT a FROM t ORDER BY a::double precision
SELECT x FROM (SELECT a::double precision) AS s(x)
COPY (SELECT a::double precision FROM t) TO STDOUT
SELECT a::interval day to second(3)
SELECT a FROM t WHERE (a::interval day to second(3)) IS NOT NULL
WITH q AS (SELECT a::interval day to second(3) AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (a::interval day to second(3)) = t.a
SELECT a::int[][]
SELECT a::int ARRAY[3] FROM t
SELECT a FROM t WHERE (a::int ARRAY[3]) IS NOT NULL
SELECT a::public.mytype
VALUES (a::public.mytype)
SELECT x FROM (SELECT a::public.mytype) AS s(x)
SELECT DISTINCT ON (a::public.mytype) a FROM t
SELECT a::geometry(Point, 4326)
SELECT a FROM t WHERE (a::geometry(Point, 4326)) IS NOT NULL
SELECT a FROM t ORDER BY a::geometry(Point, 4326)
EXPLAIN SELECT a::geometry(Point, 4326) FROM t
SELECT CAST(a AS numeric(10, 2)) FROM t
COPY (SELECT CAST(a AS numeric(10, 2)) FROM t) TO STDOUT
SELECT CAST(a AS public.geometry(Point))
SELECT a FROM t WHERE (CAST(a AS public.geometry(Point))) IS NOT NULL
WITH q AS (SELECT CAST(a AS public.geometry(Point)) AS x FROM t) SELECT x FROM q
SELECT int '1'
SELECT x FROM (SELECT int '1') AS s(x)
SELECT date '2024-01-01' FROM t
SELECT a FROM t WHERE (date '2024-01-01') IS NOT NULL
SELECT timestamp(3) '2024-01-01'
SELECT a FROM t ORDER BY timestamp(3) '2024-01-01'
SELECT 1 FROM t JOIN u ON (timestamp(3) '2024-01-01') = t.a
SELECT interval '1 day'
SELECT a FROM t WHERE (interval '1 day') IS NOT NULL
VALUES (interval '1 day')
SELECT interval(3) '1 second' FROM t
SELECT x FROM (SELECT interval(3) '1 second') AS s(x)
COPY (SELECT interval(3) '1 second' FROM t) TO STDOUT
SELECT INTERVAL '1' YEAR
SELECT a FROM t WHERE (INTERVAL '1' YEAR) IS NOT NULL
WITH q AS (SELECT INTERVAL '1' YEAR AS x FROM t) SELECT x FROM q
EXPLAIN SELECT INTERVAL '1' YEAR FROM t
SELECT DISTINCT ON (INTERVAL '1' YEAR) a FROM t
SELECT interval '1-2' year to month
SELECT double precision '1.5' FROM t
SELECT a FROM t WHERE (double precision '1.5') IS NOT NULL
SELECT a FROM t ORDER BY double precision '1.5'
SELECT float(24) '1.5'
SELECT x FROM (SELECT float(24) '1.5') AS s(x)
SELECT a AT TIME ZONE 'UTC'
SELECT a FROM t WHERE (a AT TIME ZONE 'UTC') IS NOT NULL
SELECT a AT TIME ZONE (b || 'x') FROM t
VALUES (a AT TIME ZONE (b || 'x'))
COPY (SELECT a AT TIME ZONE (b || 'x') FROM t) TO STDOUT
SELECT a COLLATE "C"
SELECT a FROM t WHERE (a COLLATE "C") IS NOT NULL
WITH q AS (SELECT a COLLATE "C" AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (a COLLATE "C") = t.a
SELECT CASE WHEN a THEN b ELSE c END
SELECT a FROM t ORDER BY CASE WHEN a THEN b ELSE c END
SELECT x FROM (SELECT CASE WHEN a THEN b ELSE c END) AS s(x)
SELECT CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END FROM t
SELECT a FROM t WHERE (CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END) IS NOT NULL
EXPLAIN SELECT CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END FROM t
SELECT CASE WHEN (a = 1) THEN (b) END
SELECT DISTINCT ON (CASE WHEN (a = 1) THEN (b) END) a FROM t
SELECT COALESCE(a, b, 0)
SELECT a FROM t WHERE (COALESCE(a, b, 0)) IS NOT NULL
SELECT NULLIF(a, b) FROM t
SELECT x FROM (SELECT NULLIF(a, b)) AS s(x)
COPY (SELECT NULLIF(a, b) FROM t) TO STDOUT
SELECT GREATEST(1, 2, 3)
SELECT a FROM t WHERE (GREATEST(1, 2, 3)) IS NOT NULL
SELECT a FROM t ORDER BY GREATEST(1, 2, 3)
VALUES (GREATEST(1, 2, 3))
WITH q AS (SELECT GREATEST(1, 2, 3) AS x FROM t) SELECT x FROM q
SELECT LEAST(a, b)
SELECT ROW(1, 2, 3) FROM t
SELECT a FROM t WHERE (ROW(1, 2, 3)) IS NOT NULL
SELECT ROW()
SELECT x FROM (SELECT ROW()) AS s(x)
SELECT 1 FROM t JOIN u ON (ROW()) = t.a
SELECT (1, 2) = (3, 4)
SELECT a FROM t WHERE ((1, 2) = (3, 4)) IS NOT NULL
EXPLAIN SELECT (1, 2) = (3, 4) FROM t
SELECT (a, b) OVERLAPS (c, d) FROM t
SELECT a FROM t ORDER BY (a, b) OVERLAPS (c, d)
COPY (SELECT (a, b) OVERLAPS (c, d) FROM t) TO STDOUT
SELECT ARRAY[1, 2, 3]
SELECT a FROM t WHERE (ARRAY[1, 2, 3]) IS NOT NULL
WITH q AS (SELECT ARRAY[1, 2, 3] AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (ARRAY[1, 2, 3]) a FROM t
SELECT ARRAY[[1, 2], [3, 4]]
VALUES (ARRAY[[1, 2], [3, 4]])
SELECT x FROM (SELECT ARRAY[[1, 2], [3, 4]]) AS s(x)
SELECT ARRAY(SELECT b FROM u) FROM t
SELECT a FROM t WHERE (ARRAY(SELECT b FROM u)) IS NOT NULL
SELECT a[1]
SELECT a[1:2]
SELECT a FROM t WHERE (a[1:2]) IS NOT NULL
SELECT a FROM t ORDER BY a[1:2]
SELECT a[:2] FROM t
SELECT x FROM (SELECT a[:2]) AS s(x)
COPY (SELECT a[:2] FROM t) TO STDOUT
SELECT a[1:]
SELECT a FROM t WHERE (a[1:]) IS NOT NULL
WITH q AS (SELECT a[1:] AS x FROM t) SELECT x FROM q
EXPLAIN SELECT a[1:] FROM t
SELECT 1 FROM t JOIN u ON (a[1:]) = t.a
SELECT (ARRAY[1, 2])[1]
SELECT (t).a FROM t
SELECT a FROM t WHERE ((t).a) IS NOT NULL
VALUES ((t).a)
SELECT (t).*
SELECT a FROM t ORDER BY (t).*
SELECT x FROM (SELECT (t).*) AS s(x)
SELECT DISTINCT ON ((t).*) a FROM t
SELECT EXISTS (SELECT 1)
SELECT a FROM t WHERE (EXISTS (SELECT 1)) IS NOT NULL
SELECT NOT EXISTS (SELECT 1 FROM u) FROM t
COPY (SELECT NOT EXISTS (SELECT 1 FROM u) FROM t) TO STDOUT
SELECT a = ANY (ARRAY[1, 2])
SELECT a FROM t WHERE (a = ANY (ARRAY[1, 2])) IS NOT NULL
WITH q AS (SELECT a = ANY (ARRAY[1, 2]) AS x FROM t) SELECT x FROM q
SELECT a > ALL (SELECT b FROM u)
SELECT x FROM (SELECT a > ALL (SELECT b FROM u)) AS s(x)
SELECT a = SOME (SELECT b FROM u) FROM t
SELECT a FROM t WHERE (a = SOME (SELECT b FROM u)) IS NOT NULL
SELECT a FROM t ORDER BY a = SOME (SELECT b FROM u)
EXPLAIN SELECT a = SOME (SELECT b FROM u) FROM t
SELECT (SELECT max(b) FROM u)
VALUES ((SELECT max(b) FROM u))
SELECT 1 FROM t JOIN u ON ((SELECT max(b) FROM u)) = t.a
SELECT (SELECT 1) + (SELECT 2)
SELECT a FROM t WHERE ((SELECT 1) + (SELECT 2)) IS NOT NULL
SELECT CURRENT_USER FROM t
SELECT x FROM (SELECT CURRENT_USER) AS s(x)
COPY (SELECT CURRENT_USER FROM t) TO STDOUT
SELECT SESSION_USER
SELECT a FROM t WHERE (SESSION_USER) IS NOT NULL
WITH q AS (SELECT SESSION_USER AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (SESSION_USER) a FROM t
SELECT USER
SELECT a FROM t ORDER BY USER
SELECT CURRENT_ROLE FROM t
SELECT a FROM t WHERE (CURRENT_ROLE) IS NOT NULL
SELECT CURRENT_CATALOG
SELECT x FROM (SELECT CURRENT_CATALOG) AS s(x)
SELECT CURRENT_SCHEMA
SELECT a FROM t WHERE (CURRENT_SCHEMA) IS NOT NULL
VALUES (CURRENT_SCHEMA)
EXPLAIN SELECT CURRENT_SCHEMA FROM t
SELECT CURRENT_DATE FROM t
COPY (SELECT CURRENT_DATE FROM t) TO STDOUT
SELECT CURRENT_TIME
SELECT a FROM t WHERE (CURRENT_TIME) IS NOT NULL
SELECT a FROM t ORDER BY CURRENT_TIME
WITH q AS (SELECT CURRENT_TIME AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (CURRENT_TIME) = t.a
SELECT CURRENT_TIME(3)
SELECT x FROM (SELECT CURRENT_TIME(3)) AS s(x)
SELECT CURRENT_TIMESTAMP FROM t
SELECT a FROM t WHERE (CURRENT_TIMESTAMP) IS NOT NULL
SELECT CURRENT_TIMESTAMP(0)
SELECT DISTINCT ON (CURRENT_TIMESTAMP(0)) a FROM t
SELECT LOCALTIME
SELECT a FROM t WHERE (LOCALTIME) IS NOT NULL
SELECT LOCALTIMESTAMP(6) FROM t
SELECT a FROM t ORDER BY LOCALTIMESTAMP(6)
VALUES (LOCALTIMESTAMP(6))
SELECT x FROM (SELECT LOCALTIMESTAMP(6)) AS s(x)
COPY (SELECT LOCALTIMESTAMP(6) FROM t) TO STDOUT
SELECT EXTRACT(year FROM a)
SELECT a FROM t WHERE (EXTRACT(year FROM a)) IS NOT NULL
WITH q AS (SELECT EXTRACT(year FROM a) AS x FROM t) SELECT x FROM q
EXPLAIN SELECT EXTRACT(year FROM a) FROM t
SELECT EXTRACT(epoch FROM now() - a)
SELECT SUBSTRING(a FROM 1 FOR 2) FROM t
SELECT a FROM t WHERE (SUBSTRING(a FROM 1 FOR 2)) IS NOT NULL
SELECT SUBSTRING(a FROM 2)
SELECT x FROM (SELECT SUBSTRING(a FROM 2)) AS s(x)
SELECT 1 FROM t JOIN u ON (SUBSTRING(a FROM 2)) = t.a
SELECT SUBSTRING(a FOR 3)
SELECT a FROM t WHERE (SUBSTRING(a FOR 3)) IS NOT NULL
SELECT a FROM t ORDER BY SUBSTRING(a FOR 3)
SELECT SUBSTRING(a FOR 3 FROM 1) FROM t
COPY (SELECT SUBSTRING(a FOR 3 FROM 1) FROM t) TO STDOUT
SELECT SUBSTRING(a, 1, 2)
SELECT a FROM t WHERE (SUBSTRING(a, 1, 2)) IS NOT NULL
VALUES (SUBSTRING(a, 1, 2))
WITH q AS (SELECT SUBSTRING(a, 1, 2) AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (SUBSTRING(a, 1, 2)) a FROM t
SELECT SUBSTRING(a SIMILAR 'x#"y#"' ESCAPE '#')
SELECT x FROM (SELECT SUBSTRING(a SIMILAR 'x#"y#"' ESCAPE '#')) AS s(x)
SELECT OVERLAY(a PLACING b FROM 1) FROM t
SELECT a, OVERLAY(a PLACING b FROM 1) FROM t WINDOW w AS (ORDER BY a)
EXPLAIN SELECT OVERLAY(a PLACING b FROM 1) FROM t
SELECT OVERLAY(a PLACING b FROM 1 FOR 2)
SELECT a FROM t ORDER BY OVERLAY(a PLACING b FROM 1 FOR 2)
SELECT POSITION('x' IN a)
SELECT a FROM t WHERE (POSITION('x' IN a)) IS NOT NULL
SELECT TRIM(a) FROM t
SELECT x FROM (SELECT TRIM(a)) AS s(x)
COPY (SELECT TRIM(a) FROM t) TO STDOUT
SELECT TRIM(BOTH FROM a)
SELECT a FROM t WHERE (TRIM(BOTH FROM a)) IS NOT NULL
WITH q AS (SELECT TRIM(BOTH FROM a) AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (TRIM(BOTH FROM a)) = t.a
SELECT TRIM(LEADING 'x' FROM a)
VALUES (TRIM(LEADING 'x' FROM a))
SELECT TRIM(TRAILING FROM a) FROM t
SELECT a FROM t WHERE (TRIM(TRAILING FROM a)) IS NOT NULL
SELECT a FROM t ORDER BY TRIM(TRAILING FROM a)
SELECT TRIM('x' FROM a)
SELECT x FROM (SELECT TRIM('x' FROM a)) AS s(x)
SELECT DISTINCT ON (TRIM('x' FROM a)) a FROM t
SELECT TREAT(a AS text)
SELECT a FROM t WHERE (TREAT(a AS text)) IS NOT NULL
EXPLAIN SELECT TREAT(a AS text) FROM t
SELECT COLLATION FOR (a) FROM t
COPY (SELECT COLLATION FOR (a) FROM t) TO STDOUT
SELECT NORMALIZE(a)
SELECT a FROM t WHERE (NORMALIZE(a)) IS NOT NULL
WITH q AS (SELECT NORMALIZE(a) AS x FROM t) SELECT x FROM q
SELECT NORMALIZE(a, NFD)
SELECT a FROM t ORDER BY NORMALIZE(a, NFD)
SELECT x FROM (SELECT NORMALIZE(a, NFD)) AS s(x)
SELECT a IS NORMALIZED FROM t
SELECT a FROM t WHERE (a IS NORMALIZED) IS NOT NULL
VALUES (a IS NORMALIZED)
SELECT a IS NFC NORMALIZED
SELECT 1 FROM t JOIN u ON (a IS NFC NORMALIZED) = t.a
SELECT GROUPING(a)
SELECT a FROM t WHERE (GROUPING(a)) IS NOT NULL
SELECT XMLELEMENT(NAME x, XMLATTRIBUTES(a AS b), 'c') FROM t
SELECT x FROM (SELECT XMLELEMENT(NAME x, XMLATTRIBUTES(a AS b), 'c')) AS s(x)
COPY (SELECT XMLELEMENT(NAME x, XMLATTRIBUTES(a AS b), 'c') FROM t) TO STDOUT
SELECT XMLFOREST(a, b AS c)
SELECT a FROM t WHERE (XMLFOREST(a, b AS c)) IS NOT NULL
SELECT a FROM t ORDER BY XMLFOREST(a, b AS c)
WITH q AS (SELECT XMLFOREST(a, b AS c) AS x FROM t) SELECT x FROM q
EXPLAIN SELECT XMLFOREST(a, b AS c) FROM t
SELECT DISTINCT ON (XMLFOREST(a, b AS c)) a FROM t
SELECT XMLCONCAT(a, b)
SELECT XMLPARSE(DOCUMENT a) FROM t
SELECT a FROM t WHERE (XMLPARSE(DOCUMENT a)) IS NOT NULL
SELECT XMLPARSE(CONTENT a PRESERVE WHITESPACE)
VALUES (XMLPARSE(CONTENT a PRESERVE WHITESPACE))
SELECT x FROM (SELECT XMLPARSE(CONTENT a PRESERVE WHITESPACE)) AS s(x)
SELECT XMLPI(NAME php, 'x')
SELECT a FROM t WHERE (XMLPI(NAME php, 'x')) IS NOT NULL
SELECT XMLROOT(a, VERSION '1.0', STANDALONE YES) FROM t
SELECT a FROM t ORDER BY XMLROOT(a, VERSION '1.0', STANDALONE YES)
COPY (SELECT XMLROOT(a, VERSION '1.0', STANDALONE YES) FROM t) TO STDOUT
SELECT XMLSERIALIZE(CONTENT a AS text)
SELECT a FROM t WHERE (XMLSERIALIZE(CONTENT a AS text)) IS NOT NULL
WITH q AS (SELECT XMLSERIALIZE(CONTENT a AS text) AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (XMLSERIALIZE(CONTENT a AS text)) = t.a
SELECT XMLSERIALIZE(DOCUMENT a AS varchar(10))
SELECT x FROM (SELECT XMLSERIALIZE(DOCUMENT a AS varchar(10))) AS s(x)
SELECT XMLEXISTS('//x' PASSING BY REF a) FROM t
SELECT a FROM t WHERE (XMLEXISTS('//x' PASSING BY REF a)) IS NOT NULL
EXPLAIN SELECT XMLEXISTS('//x' PASSING BY REF a) FROM t
SELECT a IS DOCUMENT
SELECT DISTINCT ON (a IS DOCUMENT) a FROM t
SELECT count(*)
SELECT a FROM t WHERE (count(*)) IS NOT NULL
SELECT a FROM t ORDER BY count(*)
VALUES (count(*))
SELECT count(DISTINCT a) FROM t
SELECT x FROM (SELECT count(DISTINCT a)) AS s(x)
COPY (SELECT count(DISTINCT a) FROM t) TO STDOUT
SELECT count(*) FILTER (WHERE a > 1)
SELECT a FROM t WHERE (count(*) FILTER (WHERE a > 1)) IS NOT NULL
WITH q AS (SELECT count(*) FILTER (WHERE a > 1) AS x FROM t) SELECT x FROM q
SELECT sum(a) OVER ()
SELECT sum(a) OVER w FROM t
SELECT a, sum(a) OVER w FROM t WINDOW w AS (ORDER BY a)
SELECT sum(a) OVER (PARTITION BY b ORDER BY c)
SELECT a FROM t ORDER BY sum(a) OVER (PARTITION BY b ORDER BY c)
SELECT x FROM (SELECT sum(a) OVER (PARTITION BY b ORDER BY c)) AS s(x)
SELECT 1 FROM t JOIN u ON (sum(a) OVER (PARTITION BY b ORDER BY c)) = t.a
SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
SELECT a, sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (ORDER BY a)
EXPLAIN SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN '1 day' PRECEDING AND '1 day' FOLLOWING EXCLUDE GROUP) FROM t
VALUES (sum(a) OVER (ORDER BY b RANGE BETWEEN '1 day' PRECEDING AND '1 day' FOLLOWING EXCLUDE GROUP))
COPY (SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN '1 day' PRECEDING AND '1 day' FOLLOWING EXCLUDE GROUP) FROM t) TO STDOUT
SELECT sum(a) OVER (ORDER BY b GROUPS 2 PRECEDING)
SELECT a, sum(a) OVER (ORDER BY b GROUPS 2 PRECEDING) FROM t WINDOW w AS (ORDER BY a)
WITH q AS (SELECT sum(a) OVER (ORDER BY b GROUPS 2 PRECEDING) AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (sum(a) OVER (ORDER BY b GROUPS 2 PRECEDING)) a FROM t
SELECT rank() OVER (ORDER BY a DESC)
SELECT x FROM (SELECT rank() OVER (ORDER BY a DESC)) AS s(x)
SELECT lag(a, 1) OVER (ORDER BY b) FROM t
SELECT a, lag(a, 1) OVER (ORDER BY b) FROM t WINDOW w AS (ORDER BY a)
SELECT a FROM t ORDER BY lag(a, 1) OVER (ORDER BY b)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a)
SELECT mode() WITHIN GROUP (ORDER BY a DESC) FILTER (WHERE b)
SELECT a FROM t WHERE (mode() WITHIN GROUP (ORDER BY a DESC) FILTER (WHERE b)) IS NOT NULL
SELECT string_agg(a, ',' ORDER BY b) FROM t
SELECT x FROM (SELECT string_agg(a, ',' ORDER BY b)) AS s(x)
COPY (SELECT string_agg(a, ',' ORDER BY b) FROM t) TO STDOUT
SELECT array_agg(DISTINCT a ORDER BY a)
SELECT a FROM t WHERE (array_agg(DISTINCT a ORDER BY a)) IS NOT NULL
VALUES (array_agg(DISTINCT a ORDER BY a))
WITH q AS (SELECT array_agg(DISTINCT a ORDER BY a) AS x FROM t) SELECT x FROM q
EXPLAIN SELECT array_agg(DISTINCT a ORDER BY a) FROM t
SELECT 1 FROM t JOIN u ON (array_agg(DISTINCT a ORDER BY a)) = t.a
SELECT array_agg(a) FILTER (WHERE a IS NOT NULL)
SELECT a FROM t ORDER BY array_agg(a) FILTER (WHERE a IS NOT NULL)
SELECT concat(VARIADIC ARRAY['a', 'b']) FROM t
SELECT a FROM t WHERE (concat(VARIADIC ARRAY['a', 'b'])) IS NOT NULL
SELECT make_interval(days => 3)
SELECT x FROM (SELECT make_interval(days => 3)) AS s(x)
SELECT DISTINCT ON (make_interval(days => 3)) a FROM t
SELECT make_interval(hours := 3)
SELECT a FROM t WHERE (make_interval(hours := 3)) IS NOT NULL
SELECT lower(upper(b)) FROM t
COPY (SELECT lower(upper(b)) FROM t) TO STDOUT
SELECT pg_catalog.lower(b)
SELECT a FROM t WHERE (pg_catalog.lower(b)) IS NOT NULL
SELECT a FROM t ORDER BY pg_catalog.lower(b)
WITH q AS (SELECT pg_catalog.lower(b) AS x FROM t) SELECT x FROM q
SELECT "lower"(b)
VALUES ("lower"(b))
SELECT x FROM (SELECT "lower"(b)) AS s(x)
SELECT pg_catalog."upper"(b) FROM t
SELECT a FROM t WHERE (pg_catalog."upper"(b)) IS NOT NULL
EXPLAIN SELECT pg_catalog."upper"(b) FROM t
SELECT now()
SELECT 1 FROM t JOIN u ON (now()) = t.a
SELECT clock_timestamp()
SELECT a FROM t WHERE (clock_timestamp()) IS NOT NULL
SELECT random() FROM t
SELECT a FROM t ORDER BY random()
SELECT x FROM (SELECT random()) AS s(x)
COPY (SELECT random() FROM t) TO STDOUT
SELECT random() * 100
SELECT a FROM t WHERE (random() * 100) IS NOT NULL
WITH q AS (SELECT random() * 100 AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (random() * 100) a FROM t
SELECT gen_random_uuid()
SELECT pg_sleep(0) FROM t
SELECT a FROM t WHERE (pg_sleep(0)) IS NOT NULL
VALUES (pg_sleep(0))
SELECT nextval('s')
SELECT x FROM (SELECT nextval('s')) AS s(x)
SELECT setval('s', 1)
SELECT a FROM t WHERE (setval('s', 1)) IS NOT NULL
SELECT a FROM t ORDER BY setval('s', 1)
EXPLAIN SELECT setval('s', 1) FROM t
SELECT setval('s', 1, false) FROM t
COPY (SELECT setval('s', 1, false) FROM t) TO STDOUT
SELECT currval('s')
SELECT a FROM t WHERE (currval('s')) IS NOT NULL
WITH q AS (SELECT currval('s') AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (currval('s')) = t.a
SELECT lastval()
SELECT x FROM (SELECT lastval()) AS s(x)
SELECT pg_catalog.nextval('s') FROM t
SELECT a FROM t WHERE (pg_catalog.nextval('s')) IS NOT NULL
SELECT "nextval"('s')
SELECT a FROM t ORDER BY "nextval"('s')
VALUES ("nextval"('s'))
SELECT DISTINCT ON ("nextval"('s')) a FROM t
SELECT NEXTVAL('s')
SELECT a FROM t WHERE (NEXTVAL('s')) IS NOT NULL
SELECT pg_catalog . nextval ('s') FROM t
SELECT x FROM (SELECT pg_catalog . nextval ('s')) AS s(x)
COPY (SELECT pg_catalog . nextval ('s') FROM t) TO STDOUT
SELECT nextval/* x */('s')
SELECT a FROM t WHERE (nextval/* x */('s')) IS NOT NULL
WITH q AS (SELECT nextval/* x */('s') AS x FROM t) SELECT x FROM q
EXPLAIN SELECT nextval/* x */('s') FROM t
SELECT lower(nextval('s')::text)
SELECT COALESCE(a, nextval('s')) FROM t
SELECT a FROM t WHERE (COALESCE(a, nextval('s'))) IS NOT NULL
SELECT a FROM t ORDER BY COALESCE(a, nextval('s'))
SELECT CASE WHEN nextval('s') > 1 THEN 1 END
SELECT x FROM (SELECT CASE WHEN nextval('s') > 1 THEN 1 END) AS s(x)
SELECT 1 FROM t JOIN u ON (CASE WHEN nextval('s') > 1 THEN 1 END) = t.a
SELECT ARRAY[nextval('s')]
SELECT a FROM t WHERE (ARRAY[nextval('s')]) IS NOT NULL
VALUES (ARRAY[nextval('s')])
SELECT (SELECT nextval('s')) FROM t
COPY (SELECT (SELECT nextval('s')) FROM t) TO STDOUT
SELECT a IN (SELECT nextval('s'))
SELECT a FROM t WHERE (a IN (SELECT nextval('s'))) IS NOT NULL
WITH q AS (SELECT a IN (SELECT nextval('s')) AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (a IN (SELECT nextval('s'))) a FROM t
SELECT sum(nextval('s')) OVER ()
SELECT a FROM t ORDER BY sum(nextval('s')) OVER ()
SELECT x FROM (SELECT sum(nextval('s')) OVER ()) AS s(x)
SELECT count(*) FILTER (WHERE nextval('s') > 0) FROM t
SELECT a FROM t WHERE (count(*) FILTER (WHERE nextval('s') > 0)) IS NOT NULL
EXPLAIN SELECT count(*) FILTER (WHERE nextval('s') > 0) FROM t
SELECT string_agg(a, ',' ORDER BY volatile_fn(b))
SELECT volatile_fn(1)
SELECT a FROM t WHERE (volatile_fn(1)) IS NOT NULL
SELECT volatile_fn() FROM t
VALUES (volatile_fn())
SELECT x FROM (SELECT volatile_fn()) AS s(x)
COPY (SELECT volatile_fn() FROM t) TO STDOUT
SELECT public.volatile_fn(1)
SELECT a FROM t WHERE (public.volatile_fn(1)) IS NOT NULL
SELECT a FROM t ORDER BY public.volatile_fn(1)
WITH q AS (SELECT public.volatile_fn(1) AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (public.volatile_fn(1)) = t.a
SELECT unknown_fn(1)
SELECT myschema.unknown_fn(a, b) FROM t
SELECT a FROM t WHERE (myschema.unknown_fn(a, b)) IS NOT NULL
SELECT "Weird Name"(1)
SELECT x FROM (SELECT "Weird Name"(1)) AS s(x)
SELECT DISTINCT ON ("Weird Name"(1)) a FROM t
SELECT U&"nextval"('s')
SELECT a FROM t WHERE (U&"nextval"('s')) IS NOT NULL
EXPLAIN SELECT U&"nextval"('s') FROM t
SELECT txid_current() FROM t
SELECT a FROM t ORDER BY txid_current()
COPY (SELECT txid_current() FROM t) TO STDOUT
SELECT txid_current_if_assigned()
SELECT a FROM t WHERE (txid_current_if_assigned()) IS NOT NULL
VALUES (txid_current_if_assigned())
WITH q AS (SELECT txid_current_if_assigned() AS x FROM t) SELECT x FROM q
SELECT pg_current_xact_id()
SELECT x FROM (SELECT pg_current_xact_id()) AS s(x)
SELECT pg_current_snapshot() FROM t
SELECT a FROM t WHERE (pg_current_snapshot()) IS NOT NULL
SELECT pg_is_in_recovery()
SELECT 1 FROM t JOIN u ON (pg_is_in_recovery()) = t.a
SELECT pg_current_wal_lsn()
SELECT a FROM t WHERE (pg_current_wal_lsn()) IS NOT NULL
SELECT a FROM t ORDER BY pg_current_wal_lsn()
SELECT pg_last_wal_receive_lsn() FROM t
SELECT x FROM (SELECT pg_last_wal_receive_lsn()) AS s(x)
COPY (SELECT pg_last_wal_receive_lsn() FROM t) TO STDOUT
SELECT pg_last_wal_replay_lsn()
SELECT a FROM t WHERE (pg_last_wal_replay_lsn()) IS NOT NULL
WITH q AS (SELECT pg_last_wal_replay_lsn() AS x FROM t) SELECT x FROM q
EXPLAIN SELECT pg_last_wal_replay_lsn() FROM t
SELECT DISTINCT ON (pg_last_wal_replay_lsn()) a FROM t
SELECT pg_last_xact_replay_timestamp()
VALUES (pg_last_xact_replay_timestamp())
SELECT pg_backend_pid() FROM t
SELECT a FROM t WHERE (pg_backend_pid()) IS NOT NULL
SELECT pg_postmaster_start_time()
SELECT a FROM t ORDER BY pg_postmaster_start_time()
SELECT x FROM (SELECT pg_postmaster_start_time()) AS s(x)
SELECT inet_server_addr()
SELECT a FROM t WHERE (inet_server_addr()) IS NOT NULL
SELECT inet_server_port() FROM t
COPY (SELECT inet_server_port() FROM t) TO STDOUT
SELECT inet_client_addr()
SELECT a FROM t WHERE (inet_client_addr()) IS NOT NULL
WITH q AS (SELECT inet_client_addr() AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (inet_client_addr()) = t.a
SELECT pg_notify('c', 'p')
SELECT x FROM (SELECT pg_notify('c', 'p')) AS s(x)
SELECT pg_advisory_lock(1) FROM t
SELECT a FROM t WHERE (pg_advisory_lock(1)) IS NOT NULL
SELECT a FROM t ORDER BY pg_advisory_lock(1)
VALUES (pg_advisory_lock(1))
EXPLAIN SELECT pg_advisory_lock(1) FROM t
SELECT pg_advisory_lock_shared(1, 2)
SELECT DISTINCT ON (pg_advisory_lock_shared(1, 2)) a FROM t
SELECT pg_try_advisory_lock(1)
SELECT a FROM t WHERE (pg_try_advisory_lock(1)) IS NOT NULL
SELECT pg_try_advisory_lock_shared(1) FROM t
SELECT x FROM (SELECT pg_try_advisory_lock_shared(1)) AS s(x)
COPY (SELECT pg_try_advisory_lock_shared(1) FROM t) TO STDOUT
SELECT pg_advisory_unlock(1)
SELECT a FROM t WHERE (pg_advisory_unlock(1)) IS NOT NULL
WITH q AS (SELECT pg_advisory_unlock(1) AS x FROM t) SELECT x FROM q
SELECT pg_advisory_unlock_all()
SELECT a FROM t ORDER BY pg_advisory_unlock_all()
SELECT pg_advisory_xact_lock(1) FROM t
SELECT a FROM t WHERE (pg_advisory_xact_lock(1)) IS NOT NULL
SELECT pg_try_advisory_xact_lock(1)
VALUES (pg_try_advisory_xact_lock(1))
SELECT x FROM (SELECT pg_try_advisory_xact_lock(1)) AS s(x)
SELECT 1 FROM t JOIN u ON (pg_try_advisory_xact_lock(1)) = t.a
SELECT set_config('a.b', 'c', false)
SELECT a FROM t WHERE (set_config('a.b', 'c', false)) IS NOT NULL
EXPLAIN SELECT set_config('a.b', 'c', false) FROM t
SELECT set_config('a.b', 'c', true) FROM t
COPY (SELECT set_config('a.b', 'c', true) FROM t) TO STDOUT
SELECT current_setting('a.b')
SELECT a FROM t WHERE (current_setting('a.b')) IS NOT NULL
SELECT a FROM t ORDER BY current_setting('a.b')
WITH q AS (SELECT current_setting('a.b') AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (current_setting('a.b')) a FROM t
SELECT current_setting('a.b', true)
SELECT x FROM (SELECT current_setting('a.b', true)) AS s(x)
SELECT setseed(0.5) FROM t
SELECT a FROM t WHERE (setseed(0.5)) IS NOT NULL
SELECT lo_create(0)
SELECT lo_import('/tmp/x')
SELECT a FROM t WHERE (lo_import('/tmp/x')) IS NOT NULL
VALUES (lo_import('/tmp/x'))
SELECT lo_get(1) FROM t
SELECT a FROM t ORDER BY lo_get(1)
SELECT x FROM (SELECT lo_get(1)) AS s(x)
COPY (SELECT lo_get(1) FROM t) TO STDOUT
SELECT lo_unlink(1)
SELECT a FROM t WHERE (lo_unlink(1)) IS NOT NULL
WITH q AS (SELECT lo_unlink(1) AS x FROM t) SELECT x FROM q
EXPLAIN SELECT lo_unlink(1) FROM t
SELECT 1 FROM t JOIN u ON (lo_unlink(1)) = t.a
SELECT pg_read_file('x')
SELECT pg_ls_dir('.') FROM t
SELECT a FROM t WHERE (pg_ls_dir('.')) IS NOT NULL
SELECT pg_stat_file('x')
SELECT x FROM (SELECT pg_stat_file('x')) AS s(x)
SELECT DISTINCT ON (pg_stat_file('x')) a FROM t
SELECT pg_stat_get_numscans(1)
SELECT a FROM t WHERE (pg_stat_get_numscans(1)) IS NOT NULL
SELECT a FROM t ORDER BY pg_stat_get_numscans(1)
SELECT pg_terminate_backend(1) FROM t
VALUES (pg_terminate_backend(1))
COPY (SELECT pg_terminate_backend(1) FROM t) TO STDOUT
SELECT pg_reload_conf()
SELECT a FROM t WHERE (pg_reload_conf()) IS NOT NULL
WITH q AS (SELECT pg_reload_conf() AS x FROM t) SELECT x FROM q
SELECT pg_switch_wal()
SELECT x FROM (SELECT pg_switch_wal()) AS s(x)
SELECT pg_promote() FROM t
SELECT a FROM t WHERE (pg_promote()) IS NOT NULL
EXPLAIN SELECT pg_promote() FROM t
SELECT query_to_xml('delete from t', true, true, '')
SELECT a FROM t ORDER BY query_to_xml('delete from t', true, true, '')
SELECT 1 FROM t JOIN u ON (query_to_xml('delete from t', true, true, '')) = t.a
SELECT dblink('x', 'select 1')
SELECT a FROM t WHERE (dblink('x', 'select 1')) IS NOT NULL
SELECT dblink_exec('x', 'delete from t') FROM t
SELECT x FROM (SELECT dblink_exec('x', 'delete from t')) AS s(x)
COPY (SELECT dblink_exec('x', 'delete from t') FROM t) TO STDOUT
SELECT pg_relation_size('t')
SELECT a FROM t WHERE (pg_relation_size('t')) IS NOT NULL
VALUES (pg_relation_size('t'))
WITH q AS (SELECT pg_relation_size('t') AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (pg_relation_size('t')) a FROM t
SELECT pg_total_relation_size('t'::regclass)
SELECT pg_size_pretty(pg_database_size('x')) FROM t
SELECT a FROM t WHERE (pg_size_pretty(pg_database_size('x'))) IS NOT NULL
SELECT a FROM t ORDER BY pg_size_pretty(pg_database_size('x'))
SELECT pg_typeof(a)
SELECT x FROM (SELECT pg_typeof(a)) AS s(x)
SELECT has_table_privilege('t', 'select')
SELECT a FROM t WHERE (has_table_privilege('t', 'select')) IS NOT NULL
EXPLAIN SELECT has_table_privilege('t', 'select') FROM t
SELECT pg_get_viewdef('v'::regclass) FROM t
COPY (SELECT pg_get_viewdef('v'::regclass) FROM t) TO STDOUT
SELECT to_char(now(), 'YYYY-MM-DD')
SELECT a FROM t WHERE (to_char(now(), 'YYYY-MM-DD')) IS NOT NULL
WITH q AS (SELECT to_char(now(), 'YYYY-MM-DD') AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (to_char(now(), 'YYYY-MM-DD')) = t.a
SELECT date_trunc('day', now())
SELECT a FROM t ORDER BY date_trunc('day', now())
VALUES (date_trunc('day', now()))
SELECT x FROM (SELECT date_trunc('day', now())) AS s(x)
SELECT jsonb_build_object('a', 1, 'b', ARRAY[1]) FROM t
SELECT a FROM t WHERE (jsonb_build_object('a', 1, 'b', ARRAY[1])) IS NOT NULL
SELECT jsonb_path_query(a, '$.x ? (@ > 1)')
SELECT DISTINCT ON (jsonb_path_query(a, '$.x ? (@ > 1)')) a FROM t
SELECT jsonb_set(a, '{x}', '1')
SELECT a FROM t WHERE (jsonb_set(a, '{x}', '1')) IS NOT NULL
SELECT a -> 'x' ->> 'y' FROM t
SELECT x FROM (SELECT a -> 'x' ->> 'y') AS s(x)
COPY (SELECT a -> 'x' ->> 'y' FROM t) TO STDOUT
SELECT a #> '{x,y}'
SELECT a FROM t WHERE (a #> '{x,y}') IS NOT NULL
SELECT a FROM t ORDER BY a #> '{x,y}'
WITH q AS (SELECT a #> '{x,y}' AS x FROM t) SELECT x FROM q
EXPLAIN SELECT a #> '{x,y}' FROM t
SELECT a @> '{"x": 1}'
SELECT a ? 'x' FROM t
SELECT a FROM t WHERE (a ? 'x') IS NOT NULL
VALUES (a ? 'x')
SELECT a ?| ARRAY['x']
SELECT x FROM (SELECT a ?| ARRAY['x']) AS s(x)
SELECT 1 FROM t JOIN u ON (a ?| ARRAY['x']) = t.a
SELECT a @? '$.x'
SELECT a FROM t WHERE (a @? '$.x') IS NOT NULL
SELECT a <@ b FROM t
SELECT a FROM t ORDER BY a <@ b
COPY (SELECT a <@ b FROM t) TO STDOUT
SELECT a && b
SELECT a FROM t WHERE (a && b) IS NOT NULL
WITH q AS (SELECT a && b AS x FROM t) SELECT x FROM q
SELECT DISTINCT ON (a && b) a FROM t
SELECT a -|- b
SELECT x FROM (SELECT a -|- b) AS s(x)
SELECT a << b FROM t
SELECT a FROM t WHERE (a << b) IS NOT NULL
EXPLAIN SELECT a << b FROM t
SELECT a >> 2 | 1 & 3 # 4
VALUES (a >> 2 | 1 & 3 # 4)
SELECT ~ a
SELECT a FROM t WHERE (~ a) IS NOT NULL
SELECT a FROM t ORDER BY ~ a
SELECT |/ 25 FROM t
SELECT x FROM (SELECT |/ 25) AS s(x)
COPY (SELECT |/ 25 FROM t) TO STDOUT
SELECT ||/ 27
SELECT a FROM t WHERE (||/ 27) IS NOT NULL
WITH q AS (SELECT ||/ 27 AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (||/ 27) = t.a
SELECT @ -5
SELECT 5 !~~ 6 FROM t
SELECT a FROM t WHERE (5 !~~ 6) IS NOT NULL
SELECT a OPERATOR(pg_catalog.+) b
SELECT a FROM t ORDER BY a OPERATOR(pg_catalog.+) b
SELECT x FROM (SELECT a OPERATOR(pg_catalog.+) b) AS s(x)
SELECT DISTINCT ON (a OPERATOR(pg_catalog.+) b) a FROM t
SELECT a OPERATOR(pg_catalog.=) ANY (ARRAY[1])
SELECT a FROM t WHERE (a OPERATOR(pg_catalog.=) ANY (ARRAY[1])) IS NOT NULL
VALUES (a OPERATOR(pg_catalog.=) ANY (ARRAY[1]))
EXPLAIN SELECT a OPERATOR(pg_catalog.=) ANY (ARRAY[1]) FROM t
SELECT OPERATOR(pg_catalog.-) a FROM t
COPY (SELECT OPERATOR(pg_catalog.-) a FROM t) TO STDOUT
SELECT a = b AND c OR NOT d
SELECT a FROM t WHERE (a = b AND c OR NOT d) IS NOT NULL
WITH q AS (SELECT a = b AND c OR NOT d AS x FROM t) SELECT x FROM q
SELECT a <> b
SELECT x FROM (SELECT a <> b) AS s(x)
SELECT a != b FROM t
SELECT a FROM t WHERE (a != b) IS NOT NULL
SELECT a FROM t ORDER BY a != b
SELECT a <= b AND a >= c
SELECT 1 FROM t JOIN u ON (a <= b AND a >= c) = t.a
SELECT a ^ 2
SELECT a FROM t WHERE (a ^ 2) IS NOT NULL
SELECT to_tsvector('english', a) @@ to_tsquery('x & y') FROM t
VALUES (to_tsvector('english', a) @@ to_tsquery('x & y'))
SELECT x FROM (SELECT to_tsvector('english', a) @@ to_tsquery('x & y')) AS s(x)
COPY (SELECT to_tsvector('english', a) @@ to_tsquery('x & y') FROM t) TO STDOUT
SELECT regexp_replace(a, '\s+', ' ', 'g')
SELECT a FROM t WHERE (regexp_replace(a, '\s+', ' ', 'g')) IS NOT NULL
WITH q AS (SELECT regexp_replace(a, '\s+', ' ', 'g') AS x FROM t) SELECT x FROM q
EXPLAIN SELECT regexp_replace(a, '\s+', ' ', 'g') FROM t
SELECT DISTINCT ON (regexp_replace(a, '\s+', ' ', 'g')) a FROM t
SELECT (a || 'x')::text COLLATE "de_DE"
SELECT a FROM t ORDER BY (a || 'x')::text COLLATE "de_DE"
SELECT a.b.c FROM t
SELECT a FROM t WHERE (a.b.c) IS NOT NULL
SELECT public.t.a
SELECT x FROM (SELECT public.t.a) AS s(x)
SELECT "a"."b"
SELECT a FROM t WHERE ("a"."b") IS NOT NULL
SELECT t.update FROM t
COPY (SELECT t.update FROM t) TO STDOUT
SELECT t.delete
SELECT a FROM t WHERE (t.delete) IS NOT NULL
SELECT a FROM t ORDER BY t.delete
VALUES (t.delete)
WITH q AS (SELECT t.delete AS x FROM t) SELECT x FROM q
SELECT 1 FROM t JOIN u ON (t.delete) = t.a
SELECT t.insert
SELECT x FROM (SELECT t.insert) AS s(x)
SELECT t.into FROM t
SELECT a FROM t WHERE (t.into) IS NOT NULL
EXPLAIN SELECT t.into FROM t
SELECT t.for
SELECT DISTINCT ON (t.for) a FROM t
SELECT t.select
SELECT a FROM t WHERE (t.select) IS NOT NULL
SELECT "update" FROM t
SELECT a FROM t ORDER BY "update"
SELECT x FROM (SELECT "update") AS s(x)
COPY (SELECT "update" FROM t) TO STDOUT
SELECT "for"
SELECT a FROM t WHERE ("for") IS NOT NULL
WITH q AS (SELECT "for" AS x FROM t) SELECT x FROM q
SELECT x.nextval
VALUES (x.nextval)
SELECT $1 FROM t
SELECT a FROM t WHERE ($1) IS NOT NULL
SELECT $2::int + $1
SELECT x FROM (SELECT $2::int + $1) AS s(x)
SELECT 1 FROM t JOIN u ON ($2::int + $1) = t.a
