-- a comment
SELECT 1
;;
/* a */ SELECT 1 /* b */
;;
SELECT 1 -- end
;;
/* nested /* twice */ ; */SELECT 1
;;


	SELECT 1
;

;;
SELECT/**/1
;;
SELECT -- c
1
;;
SELECT
1
;;
SELECT/* a
 * b
 */
1
;;
SELECT 1--
;;
--
--
SELECT 1
;;
/*/**/*/SELECT 1
;;
select 1/* unclosed -- not really */
;;

 SELECT 1 
;;
select 1
;;
-- a comment
SELECT lower(b) FROM t WHERE a = 1
;;
/* a */ SELECT lower(b) FROM t WHERE a = 1 /* b */
;;
SELECT lower(b) FROM t WHERE a = 1 -- end
;;
/* nested /* twice */ ; */SELECT lower(b) FROM t WHERE a = 1
;;


	SELECT lower(b) FROM t WHERE a = 1
;

;;
SELECT/**/lower/**/(/**/b/**/)/**/FROM/**/t/**/WHERE/**/a/**/=/**/1
;;
SELECT -- c
lower -- c
( -- c
b -- c
) -- c
FROM -- c
t -- c
WHERE -- c
a -- c
= -- c
1
;;
SELECT
lower
(
b
)
FROM
t
WHERE
a
=
1
;;
SELECT/* a
 * b
 */
lower/* a
 * b
 */
(/* a
 * b
 */
b/* a
 * b
 */
)/* a
 * b
 */
FROM/* a
 * b
 */
t/* a
 * b
 */
WHERE/* a
 * b
 */
a/* a
 * b
 */
=/* a
 * b
 */
1
;;
SELECT lower(b) FROM t WHERE a = 1--
;;
--
--
SELECT lower(b) FROM t WHERE a = 1
;;
/*/**/*/SELECT lower(b) FROM t WHERE a = 1
;;
select lower(b) from t where a = 1/* unclosed -- not really */
;;

 SELECT lower(b) FROM t WHERE a = 1 
;;
select LOWER(B) from T where A = 1
;;
-- a comment
WITH x(a) AS (SELECT 1) SELECT a FROM x
;;
/* a */ WITH x(a) AS (SELECT 1) SELECT a FROM x /* b */
;;
WITH x(a) AS (SELECT 1) SELECT a FROM x -- end
;;
/* nested /* twice */ ; */WITH x(a) AS (SELECT 1) SELECT a FROM x
;;


	WITH x(a) AS (SELECT 1) SELECT a FROM x
;

;;
WITH/**/x/**/(/**/a/**/)/**/AS/**/(/**/SELECT/**/1/**/)/**/SELECT/**/a/**/FROM/**/x
;;
WITH -- c
x -- c
( -- c
a -- c
) -- c
AS -- c
( -- c
SELECT -- c
1 -- c
) -- c
SELECT -- c
a -- c
FROM -- c
x
;;
WITH
x
(
a
)
AS
(
SELECT
1
)
SELECT
a
FROM
x
;;
WITH/* a
 * b
 */
x/* a
 * b
 */
(/* a
 * b
 */
a/* a
 * b
 */
)/* a
 * b
 */
AS/* a
 * b
 */
(/* a
 * b
 */
SELECT/* a
 * b
 */
1/* a
 * b
 */
)/* a
 * b
 */
SELECT/* a
 * b
 */
a/* a
 * b
 */
FROM/* a
 * b
 */
x
;;
WITH x(a) AS (SELECT 1) SELECT a FROM x--
;;
--
--
WITH x(a) AS (SELECT 1) SELECT a FROM x
;;
/*/**/*/WITH x(a) AS (SELECT 1) SELECT a FROM x
;;
with x(a) as (select 1) select a from x/* unclosed -- not really */
;;

 WITH x(a) AS (SELECT 1) SELECT a FROM x 
;;
with X(A) as (select 1) select A from X
;;
-- a comment
DELETE FROM t
;;
/* a */ DELETE FROM t /* b */
;;
DELETE FROM t -- end
;;
/* nested /* twice */ ; */DELETE FROM t
;;


	DELETE FROM t
;

;;
DELETE/**/FROM/**/t
;;
DELETE -- c
FROM -- c
t
;;
DELETE
FROM
t
;;
DELETE/* a
 * b
 */
FROM/* a
 * b
 */
t
;;
DELETE FROM t--
;;
--
--
DELETE FROM t
;;
/*/**/*/DELETE FROM t
;;
delete from t/* unclosed -- not really */
;;

 DELETE FROM t 
;;
delete from T
;;
-- a comment
INSERT INTO t VALUES (1)
;;
/* a */ INSERT INTO t VALUES (1) /* b */
;;
INSERT INTO t VALUES (1) -- end
;;
/* nested /* twice */ ; */INSERT INTO t VALUES (1)
;;


	INSERT INTO t VALUES (1)
;

;;
INSERT/**/INTO/**/t/**/VALUES/**/(/**/1/**/)
;;
INSERT -- c
INTO -- c
t -- c
VALUES -- c
( -- c
1 -- c
)
;;
INSERT
INTO
t
VALUES
(
1
)
;;
INSERT/* a
 * b
 */
INTO/* a
 * b
 */
t/* a
 * b
 */
VALUES/* a
 * b
 */
(/* a
 * b
 */
1/* a
 * b
 */
)
;;
INSERT INTO t VALUES (1)--
;;
--
--
INSERT INTO t VALUES (1)
;;
/*/**/*/INSERT INTO t VALUES (1)
;;
insert into t values (1)/* unclosed -- not really */
;;

 INSERT INTO t VALUES (1) 
;;
insert into T values (1)
;;
-- a comment
SELECT nextval('s')
;;
/* a */ SELECT nextval('s') /* b */
;;
SELECT nextval('s') -- end
;;
/* nested /* twice */ ; */SELECT nextval('s')
;;


	SELECT nextval('s')
;

;;
SELECT/**/nextval/**/(/**/'s'/**/)
;;
SELECT -- c
nextval -- c
( -- c
's' -- c
)
;;
SELECT
nextval
(
's'
)
;;
SELECT/* a
 * b
 */
nextval/* a
 * b
 */
(/* a
 * b
 */
's'/* a
 * b
 */
)
;;
SELECT nextval('s')--
;;
--
--
SELECT nextval('s')
;;
/*/**/*/SELECT nextval('s')
;;
select nextval('s')/* unclosed -- not really */
;;

 SELECT nextval('s') 
;;
-- a comment
SELECT * FROM t FOR UPDATE
;;
/* a */ SELECT * FROM t FOR UPDATE /* b */
;;
SELECT * FROM t FOR UPDATE -- end
;;
/* nested /* twice */ ; */SELECT * FROM t FOR UPDATE
;;


	SELECT * FROM t FOR UPDATE
;

;;
SELECT/**/*/**/FROM/**/t/**/FOR/**/UPDATE
;;
SELECT -- c
* -- c
FROM -- c
t -- c
FOR -- c
UPDATE
;;
SELECT
*
FROM
t
FOR
UPDATE
;;
SELECT/* a
 * b
 */
*/* a
 * b
 */
FROM/* a
 * b
 */
t/* a
 * b
 */
FOR/* a
 * b
 */
UPDATE
;;
SELECT * FROM t FOR UPDATE--
;;
--
--
SELECT * FROM t FOR UPDATE
;;
/*/**/*/SELECT * FROM t FOR UPDATE
;;
select * from t for update/* unclosed -- not really */
;;

 SELECT * FROM t FOR UPDATE 
;;
select * from T for update
;;
-- a comment
SELECT 1 INTO x
;;
/* a */ SELECT 1 INTO x /* b */
;;
SELECT 1 INTO x -- end
;;
/* nested /* twice */ ; */SELECT 1 INTO x
;;


	SELECT 1 INTO x
;

;;
SELECT/**/1/**/INTO/**/x
;;
SELECT -- c
1 -- c
INTO -- c
x
;;
SELECT
1
INTO
x
;;
SELECT/* a
 * b
 */
1/* a
 * b
 */
INTO/* a
 * b
 */
x
;;
SELECT 1 INTO x--
;;
--
--
SELECT 1 INTO x
;;
/*/**/*/SELECT 1 INTO x
;;
select 1 into x/* unclosed -- not really */
;;

 SELECT 1 INTO x 
;;
select 1 into X
;;
-- a comment
UPDATE t SET a = 1
;;
/* a */ UPDATE t SET a = 1 /* b */
;;
UPDATE t SET a = 1 -- end
;;
/* nested /* twice */ ; */UPDATE t SET a = 1
;;


	UPDATE t SET a = 1
;

;;
UPDATE/**/t/**/SET/**/a/**/=/**/1
;;
UPDATE -- c
t -- c
SET -- c
a -- c
= -- c
1
;;
UPDATE
t
SET
a
=
1
;;
UPDATE/* a
 * b
 */
t/* a
 * b
 */
SET/* a
 * b
 */
a/* a
 * b
 */
=/* a
 * b
 */
1
;;
UPDATE t SET a = 1--
;;
--
--
UPDATE t SET a = 1
;;
/*/**/*/UPDATE t SET a = 1
;;
update t set a = 1/* unclosed -- not really */
;;

 UPDATE t SET a = 1 
;;
update T set A = 1
;;
SELECT 'a'
'b'
;;
SELECT E'a'
'\'; DELETE FROM t; --'
;;
SELECT E''
'\' || '; DELETE FROM t; --'
;;
SELECT '\'; DELETE FROM t; --'
;;
SELECT E'\'; DELETE FROM t; --'
;;
SELECT 'a''; DELETE FROM t; --'
;;
SELECT "a""; DELETE FROM t; --" FROM t
;;
SELECT $$; DELETE FROM t; $$
;;
SELECT $a$ $$; DELETE FROM t; $$ $a$
;;
SELECT $a$ $b$ $a$; DELETE FROM t; --$b$
;;
SELECT a$b$ FROM t; DELETE FROM t; --$b$
;;
SELECT U&'\0027; DELETE FROM t; --'
;;
SELECT U&"\0061" FROM t
;;
SELECT U&"!0061" UESCAPE '!' FROM t
;;
SELECT B'01'
'10', X'0'
'F'
;;
SELECT N'a'
'b'
;;
SELECT 1/*;*/,/*'*/2
;;
SELECT /* ' */ 1 /* ' */; DELETE FROM t
;;
SELECT "'" FROM t; DELETE FROM u --'"
;;
SELECT '"'; DELETE FROM t --"'
;;
SELECT $é$ x $é$
;;
SELECT é, "É", ünïcödé(1) FROM tàble
;;
SELECT 名前 FROM 表 WHERE 列 = '値'
;;
SELECT lower('ß'), 'Ω' AS ω
;;
SELECT été(1)
;;
SELECT 1::int/*x*/::text
;;
SELECT a--b
FROM t
;;
SELECT a- -b, a-(-b), - - a FROM t
;;
SELECT .5, 5., 5.e0, 5.5e+5
;;
SELECT a.*, b.* FROM a, b
;;
SELECT 'x' IS NULL
;;
SELECT*FROM t
;;
SELECT(1)
;;
SELECT"a"FROM"t"
;;
SELECT'a'
;;
SELECT+1,-1,@1
;;
SELECT a<b,a>b,a<>b FROM t
;;
SELECT a*/**/b FROM t
;;
SELECT a+--x
b FROM t
;;
SELECT a::"char" FROM t
;;
SELECT a IN(1,2)AND b IN(SELECT 1)FROM t
;;
SELECT count(*)FROM t
;;
SELECT CASE WHEN a THEN'x'ELSE'y'END FROM t
;;
(((((SELECT 1)))))
;;
((SELECT 1) UNION (SELECT 2))
;;
SELECT ((((((((((1))))))))))
;;
SELECT (((SELECT (((SELECT nextval('s')))))))
;;
/* only a comment */
;;
-- only a comment
;;

;;
   
	 
;;
;
;;
/* a */;/* b */;
;;
SELECT 1 /* /* /* deep */ */ */ + 1
;;
SELECT 1 -- a /* b
+ 1 -- */
;;
SELECT e FROM t; SELECT e'x'
;;
SELECT n, b, x, u FROM t
;;
SELECT n.a, b.a, x.a, u.a, e.a FROM n, b, x, u, e
;;
SELECT u & 1, u&1 FROM t
;;
SELECT a$1, a$$b FROM t
;;
SELECT _a, _1 FROM _t
;;
SELECT "a b"."c.d" FROM "a b"
;;
SELECT '--', '/*', '*/', '$$', ';'
;;
SELECT 'for update', 'into', 'delete'
;;
SELECT "for update", "into" FROM "delete"
;;
SELECT a AS "for", b AS "nextval" FROM t
;;
SELECT t."nextval" FROM t
;;
SELECT nextval FROM t
;;
SELECT (t).nextval FROM t
;;
TABLE/**/t
;;
VALUES(1),(2)
;;
values(lower('x'))
;;
SELECT 'x'::regclass, 'pg_stat_activity'::regclass
;;
SELECT lower
(
'x'
)
;;
SELECT nextval
-- c
(
's'
)
;;
SELECT pg_catalog
.
nextval
('s')
;;
SELECT "pg_catalog"."nextval"('s')
;;
SELECT pg_catalog."NEXTVAL"('s')
;;
SELECT PG_CATALOG.NextVal('s')
;;
SELECT U&"\006eextval"('s')
;;
SELECT a[nextval('s')] FROM t
;;
SELECT a[1:nextval('s')] FROM t
;;
SELECT * FROM t WHERE a = ANY(ARRAY(SELECT volatile_fn(1)))
;;
SELECT * FROM t LIMIT volatile_fn(1)
;;
SELECT * FROM t OFFSET (SELECT nextval('s'))
;;
SELECT * FROM t FETCH FIRST (nextval('s')) ROWS ONLY
;;
SELECT * FROM t TABLESAMPLE SYSTEM (volatile_fn(1))
;;
SELECT * FROM t TABLESAMPLE volatile_fn(1)
;;
SELECT sum(a) OVER (ROWS BETWEEN volatile_fn(1) PRECEDING AND CURRENT ROW) FROM t
;;
SELECT sum(a) OVER (PARTITION BY volatile_fn(a)) FROM t
;;
SELECT a FROM t GROUP BY volatile_fn(a)
;;
SELECT a FROM t GROUP BY ROLLUP (volatile_fn(a))
;;
SELECT a FROM t HAVING volatile_fn(1) > 0
;;
SELECT DISTINCT ON (a) volatile_fn(b) FROM t
;;
SELECT DISTINCT ON (volatile_fn(a)) b FROM t
;;
SELECT 1 OPERATOR(pg_catalog.+) volatile_fn(2)
;;
SELECT a FROM t WINDOW w AS (ORDER BY volatile_fn(a))
;;
SELECT a LIKE b ESCAPE volatile_fn(c) FROM t
;;
SELECT a BETWEEN volatile_fn(1) AND 2 FROM t
;;
SELECT a IS DISTINCT FROM volatile_fn(1) FROM t
;;
SELECT substring(a FROM volatile_fn(1) FOR 2) FROM t
;;
SELECT overlay(a PLACING volatile_fn(1) FROM 2) FROM t
;;
SELECT trim(volatile_fn(1) FROM a) FROM t
;;
SELECT extract(year FROM volatile_fn(1))
;;
SELECT cast(volatile_fn(1) AS text)
;;
SELECT volatile_fn(1)::text
;;
SELECT xmlelement(name a, volatile_fn(1))
;;
SELECT ROW(volatile_fn(1))
;;
SELECT (1, volatile_fn(1))
;;
SELECT NOT volatile_fn(1)
;;
SELECT -volatile_fn(1)
;;
SELECT a AT TIME ZONE volatile_fn(1) FROM t
;;
SELECT volatile_fn(VARIADIC ARRAY[1])
;;
SELECT lower(a => volatile_fn(1))
;;
SELECT CASE volatile_fn(1) WHEN 1 THEN 2 END
;;
SELECT coalesce(1, greatest(2, volatile_fn(3)))
;;
SELECT * FROM (VALUES (volatile_fn(1))) v(a)
;;
SELECT * FROM t x(a, b), volatile_fn(1) y(c)
;;
SELECT * FROM t JOIN volatile_fn(1) f(a) ON true
;;
SELECT * FROM t, LATERAL volatile_fn(t.a) f(a)
;;
SELECT string_agg(a, volatile_fn(1)) FROM t
;;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY volatile_fn(a)) FROM t
;;
SELECT EXISTS (SELECT volatile_fn(1))
;;
SELECT a IN (1, volatile_fn(2)) FROM t
;;
SELECT a = ALL (SELECT volatile_fn(2)) FROM t
;;
SELECT interval '1' second(3), volatile_fn(1)
;;
SELECT 'a' SIMILAR TO volatile_fn(1)
;;
SELECT a COLLATE "C" || volatile_fn(1) FROM t
;;
SELECT volatile_fn(1) AS x
