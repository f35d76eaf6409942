SELECT t.abort, 1 AS abort FROM t
SELECT "abort"(1)
WITH "abort"(a) AS (SELECT 1) SELECT * FROM "abort"
SELECT abort(1) FROM t
SELECT x.access FROM "access" AS x WHERE x."access" = 1
SELECT action FROM t ORDER BY action
SELECT a AS add, (t).add FROM s.add AS t
SELECT s.admin(1)
SELECT admin(1) FROM t
SELECT t.after, 1 AS after FROM t
SELECT x.aggregate FROM "aggregate" AS x WHERE x."aggregate" = 1
SELECT "aggregate"(1)
SELECT also FROM t ORDER BY also
SELECT a AS always, (t).always FROM s.always AS t
SELECT always(1) FROM t
SELECT s.backward(1)
SELECT t.before, 1 AS before FROM t
SELECT x.begin FROM "begin" AS x WHERE x."begin" = 1
WITH "begin"(a) AS (SELECT 1) SELECT * FROM "begin"
SELECT by FROM t ORDER BY by
SELECT "by"(1)
SELECT by(1) FROM t
SELECT a AS cache, (t).cache FROM s.cache AS t
SELECT s.call(1)
SELECT t.cascade, 1 AS cascade FROM t
SELECT x.catalog FROM "catalog" AS x WHERE x."catalog" = 1
SELECT catalog(1) FROM t
SELECT chain FROM t ORDER BY chain
SELECT a AS class, (t).class FROM s.class AS t
SELECT "class"(1)
SELECT s.close(1)
SELECT t.cluster, 1 AS cluster FROM t
SELECT cluster(1) FROM t
SELECT x.columns FROM "columns" AS x WHERE x."columns" = 1
SELECT comment FROM t ORDER BY comment
WITH "comment"(a) AS (SELECT 1) SELECT * FROM "comment"
SELECT a AS commit, (t).commit FROM s.commit AS t
SELECT s.content(1)
SELECT "content"(1)
SELECT content(1) FROM t
SELECT t.copy, 1 AS copy FROM t
SELECT x.cost FROM "cost" AS x WHERE x."cost" = 1
SELECT cube FROM t ORDER BY cube
SELECT a AS current, (t).current FROM s.current AS t
SELECT current(1) FROM t
SELECT s.cursor(1)
SELECT t.cycle, 1 AS cycle FROM t
SELECT "cycle"(1)
SELECT x.data FROM "data" AS x WHERE x."data" = 1
SELECT database FROM t ORDER BY database
SELECT database(1) FROM t
SELECT a AS day, (t).day FROM s.day AS t
WITH "day"(a) AS (SELECT 1) SELECT * FROM "day"
SELECT s.deallocate(1)
SELECT t.declare, 1 AS declare FROM t
SELECT x.defaults FROM "defaults" AS x WHERE x."defaults" = 1
SELECT "defaults"(1)
SELECT defaults(1) FROM t
SELECT delete FROM t ORDER BY delete
SELECT a AS disable, (t).disable FROM s.disable AS t
SELECT s.discard(1)
SELECT t.document, 1 AS document FROM t
SELECT document(1) FROM t
SELECT x.domain FROM "domain" AS x WHERE x."domain" = 1
SELECT drop FROM t ORDER BY drop
SELECT "drop"(1)
SELECT a AS each, (t).each FROM s.each AS t
SELECT s.enable(1)
WITH "enable"(a) AS (SELECT 1) SELECT * FROM "enable"
SELECT enable(1) FROM t
SELECT t.encoding, 1 AS encoding FROM t
SELECT x.escape FROM "escape" AS x WHERE x."escape" = 1
SELECT event FROM t ORDER BY event
SELECT a AS exclude, (t).exclude FROM s.exclude AS t
SELECT "exclude"(1)
SELECT exclude(1) FROM t
SELECT s.execute(1)
SELECT t.explain, 1 AS explain FROM t
SELECT x.external FROM "external" AS x WHERE x."external" = 1
SELECT "extract" FROM t
SELECT a AS filter, (t).filter FROM s.filter AS t
SELECT s.first(1)
SELECT "first"(1)
SELECT t.following, 1 AS following FROM t
WITH "following"(a) AS (SELECT 1) SELECT * FROM "following"
SELECT x.force FROM "force" AS x WHERE x."force" = 1
SELECT force(1) FROM t
SELECT forward FROM t ORDER BY forward
SELECT a AS function, (t).function FROM s.function AS t
SELECT s.functions(1)
SELECT t.generated, 1 AS generated FROM t
SELECT "generated"(1)
SELECT generated(1) FROM t
SELECT x.global FROM "global" AS x WHERE x."global" = 1
SELECT groups FROM t ORDER BY groups
SELECT a AS handler, (t).handler FROM s.handler AS t
SELECT s.hold(1)
SELECT hold(1) FROM t
SELECT t.hour, 1 AS hour FROM t
SELECT x.identity FROM "identity" AS x WHERE x."identity" = 1
SELECT "identity"(1)
WITH "identity"(a) AS (SELECT 1) SELECT * FROM "identity"
SELECT if FROM t ORDER BY if
SELECT a AS import, (t).import FROM s.import AS t
SELECT import(1) FROM t
SELECT s.include(1)
SELECT t.increment, 1 AS increment FROM t
SELECT x.index FROM "index" AS x WHERE x."index" = 1
SELECT inherits FROM t ORDER BY inherits
SELECT "inherits"(1)
SELECT inherits(1) FROM t
SELECT a AS inline, (t).inline FROM s.inline AS t
SELECT s.input(1)
SELECT t.insert, 1 AS insert FROM t
SELECT x.instead FROM "instead" AS x WHERE x."instead" = 1
SELECT instead(1) FROM t
SELECT into_x FROM t ORDER BY into_x
WITH "into_x"(a) AS (SELECT 1) SELECT * FROM "into_x"
SELECT a AS invoker, (t).invoker FROM s.invoker AS t
SELECT "invoker"(1)
SELECT s.isolation(1)
SELECT t.key, 1 AS key FROM t
SELECT key(1) FROM t
SELECT x.label FROM "label" AS x WHERE x."label" = 1
SELECT language FROM t ORDER BY language
SELECT a AS large, (t).large FROM s.large AS t
SELECT s.last(1)
SELECT "last"(1)
SELECT last(1) FROM t
SELECT t.level, 1 AS level FROM t
SELECT x.listen FROM "listen" AS x WHERE x."listen" = 1
SELECT load FROM t ORDER BY load
SELECT a AS local, (t).local FROM s.local AS t
WITH "local"(a) AS (SELECT 1) SELECT * FROM "local"
SELECT local(1) FROM t
SELECT s.location(1)
SELECT t.lock, 1 AS lock FROM t
SELECT "lock"(1)
SELECT x.locked FROM "locked" AS x WHERE x."locked" = 1
SELECT mapping FROM t ORDER BY mapping
SELECT mapping(1) FROM t
SELECT a AS match, (t).match FROM s.match AS t
SELECT s.materialized(1)
SELECT t.merge, 1 AS merge FROM t
SELECT x.method FROM "method" AS x WHERE x."method" = 1
SELECT "method"(1)
SELECT method(1) FROM t
SELECT minute FROM t ORDER BY minute
SELECT a AS mode, (t).mode FROM s.mode AS t
SELECT s.month(1)
WITH "month"(a) AS (SELECT 1) SELECT * FROM "month"
SELECT t.move, 1 AS move FROM t
SELECT move(1) FROM t
SELECT x.name FROM "name" AS x WHERE x."name" = 1
SELECT names FROM t ORDER BY names
SELECT "names"(1)
SELECT a AS new, (t).new FROM s.new AS t
SELECT s.next(1)
SELECT next(1) FROM t
SELECT t.nfc, 1 AS nfc FROM t
SELECT x.no FROM "no" AS x WHERE x."no" = 1
SELECT nothing FROM t ORDER BY nothing
SELECT a AS notify, (t).notify FROM s.notify AS t
SELECT "notify"(1)
SELECT notify(1) FROM t
SELECT s.nowait(1)
SELECT t.nulls, 1 AS nulls FROM t
WITH "nulls"(a) AS (SELECT 1) SELECT * FROM "nulls"
SELECT x.object FROM "object" AS x WHERE x."object" = 1
SELECT of FROM t ORDER BY of
SELECT of(1) FROM t
SELECT a AS off, (t).off FROM s.off AS t
SELECT s.old(1)
SELECT "old"(1)
SELECT t.operator, 1 AS operator FROM t
SELECT x.option FROM "option" AS x WHERE x."option" = 1
SELECT option(1) FROM t
SELECT ordinality FROM t ORDER BY ordinality
SELECT a AS others, (t).others FROM s.others AS t
SELECT s.over(1)
SELECT t.overriding, 1 AS overriding FROM t
SELECT "overriding"(1)
SELECT overriding(1) FROM t
SELECT x.owned FROM "owned" AS x WHERE x."owned" = 1
WITH "owned"(a) AS (SELECT 1) SELECT * FROM "owned"
SELECT owner FROM t ORDER BY owner
SELECT a AS parallel, (t).parallel FROM s.parallel AS t
SELECT s.parser(1)
SELECT parser(1) FROM t
SELECT t.partial, 1 AS partial FROM t
SELECT x.partition FROM "partition" AS x WHERE x."partition" = 1
SELECT "partition"(1)
SELECT passing FROM t ORDER BY passing
SELECT a AS password, (t).password FROM s.password AS t
SELECT password(1) FROM t
SELECT s.plans(1)
SELECT t.policy, 1 AS policy FROM t
SELECT x.position FROM "position" AS x WHERE x."position" = 1
SELECT preceding FROM t ORDER BY preceding
SELECT "preceding"(1)
WITH "preceding"(a) AS (SELECT 1) SELECT * FROM "preceding"
SELECT preceding(1) FROM t
SELECT a AS prepare, (t).prepare FROM s.prepare AS t
SELECT s.prepared(1)
SELECT t.preserve, 1 AS preserve FROM t
SELECT x.prior FROM "prior" AS x WHERE x."prior" = 1
SELECT prior(1) FROM t
SELECT privileges FROM t ORDER BY privileges
SELECT a AS procedure, (t).procedure FROM s.procedure AS t
SELECT "procedure"(1)
SELECT s.program(1)
SELECT t.publication, 1 AS publication FROM t
SELECT publication(1) FROM t
SELECT x.quote FROM "quote" AS x WHERE x."quote" = 1
SELECT range FROM t ORDER BY range
SELECT a AS read, (t).read FROM s.read AS t
WITH "read"(a) AS (SELECT 1) SELECT * FROM "read"
SELECT s.reassign(1)
SELECT "reassign"(1)
SELECT reassign(1) FROM t
SELECT t.recursive, 1 AS recursive FROM t
SELECT x.ref FROM "ref" AS x WHERE x."ref" = 1
SELECT referencing FROM t ORDER BY referencing
SELECT a AS refresh, (t).refresh FROM s.refresh AS t
SELECT refresh(1) FROM t
SELECT s.reindex(1)
SELECT t.relative, 1 AS relative FROM t
SELECT "relative"(1)
SELECT x.release FROM "release" AS x WHERE x."release" = 1
SELECT rename FROM t ORDER BY rename
SELECT rename(1) FROM t
SELECT a AS repeatable, (t).repeatable FROM s.repeatable AS t
SELECT s.replace(1)
WITH "replace"(a) AS (SELECT 1) SELECT * FROM "replace"
SELECT t.replica, 1 AS replica FROM t
SELECT x.reset FROM "reset" AS x WHERE x."reset" = 1
SELECT "reset"(1)
SELECT reset(1) FROM t
SELECT restart FROM t ORDER BY restart
SELECT a AS restrict, (t).restrict FROM s.restrict AS t
SELECT s.return(1)
SELECT t.returns, 1 AS returns FROM t
SELECT returns(1) FROM t
SELECT x.revoke FROM "revoke" AS x WHERE x."revoke" = 1
SELECT role FROM t ORDER BY role
SELECT "role"(1)
SELECT a AS rollback, (t).rollback FROM s.rollback AS t
SELECT s.rollup(1)
SELECT rollup(1) FROM t
SELECT t.routine, 1 AS routine FROM t
WITH "routine"(a) AS (SELECT 1) SELECT * FROM "routine"
SELECT x.rows FROM "rows" AS x WHERE x."rows" = 1
SELECT rule FROM t ORDER BY rule
SELECT a AS savepoint, (t).savepoint FROM s.savepoint AS t
SELECT "savepoint"(1)
SELECT savepoint(1) FROM t
SELECT s.schema(1)
SELECT t.scroll, 1 AS scroll FROM t
SELECT x.search FROM "search" AS x WHERE x."search" = 1
SELECT second FROM t ORDER BY second
SELECT second(1) FROM t
SELECT a AS security, (t).security FROM s.security AS t
SELECT s.sequence(1)
SELECT "sequence"(1)
SELECT t.serializable, 1 AS serializable FROM t
SELECT x.server FROM "server" AS x WHERE x."server" = 1
WITH "server"(a) AS (SELECT 1) SELECT * FROM "server"
SELECT server(1) FROM t
SELECT session FROM t ORDER BY session
SELECT a AS set, (t).set FROM s.set AS t
SELECT s.sets(1)
SELECT t.share, 1 AS share FROM t
SELECT "share"(1)
SELECT share(1) FROM t
SELECT x.show FROM "show" AS x WHERE x."show" = 1
SELECT simple FROM t ORDER BY simple
SELECT a AS skip, (t).skip FROM s.skip AS t
SELECT s.snapshot(1)
SELECT snapshot(1) FROM t
SELECT t.sql, 1 AS sql FROM t
SELECT x.stable FROM "stable" AS x WHERE x."stable" = 1
SELECT "stable"(1)
SELECT standalone FROM t ORDER BY standalone
WITH "standalone"(a) AS (SELECT 1) SELECT * FROM "standalone"
SELECT a AS start, (t).start FROM s.start AS t
SELECT start(1) FROM t
SELECT s.statement(1)
SELECT t.statistics, 1 AS statistics FROM t
SELECT x.stdin FROM "stdin" AS x WHERE x."stdin" = 1
SELECT stdout FROM t ORDER BY stdout
SELECT "stdout"(1)
SELECT stdout(1) FROM t
SELECT a AS storage, (t).storage FROM s.storage AS t
SELECT s.stored(1)
SELECT t.strict, 1 AS strict FROM t
SELECT x.subscription FROM "subscription" AS x WHERE x."subscription" = 1
SELECT subscription(1) FROM t
SELECT support FROM t ORDER BY support
SELECT a AS sysid, (t).sysid FROM s.sysid AS t
SELECT "sysid"(1)
WITH "sysid"(a) AS (SELECT 1) SELECT * FROM "sysid"
SELECT s.system(1)
SELECT t.tables, 1 AS tables FROM t
SELECT tables(1) FROM t
SELECT x.tablespace FROM "tablespace" AS x WHERE x."tablespace" = 1
SELECT temp FROM t ORDER BY temp
SELECT a AS template, (t).template FROM s.template AS t
SELECT s.temporary(1)
SELECT "temporary"(1)
SELECT temporary(1) FROM t
SELECT t.text, 1 AS text FROM t
SELECT x.ties FROM "ties" AS x WHERE x."ties" = 1
SELECT time FROM t ORDER BY time
SELECT a AS timestamp, (t).timestamp FROM s.timestamp AS t
SELECT s.transaction(1)
WITH "transaction"(a) AS (SELECT 1) SELECT * FROM "transaction"
SELECT t.transform, 1 AS transform FROM t
SELECT "transform"(1)
SELECT x.trigger FROM "trigger" AS x WHERE x."trigger" = 1
SELECT truncate FROM t ORDER BY truncate
SELECT truncate(1) FROM t
SELECT a AS trusted, (t).trusted FROM s.trusted AS t
SELECT s.type(1)
SELECT t.types, 1 AS types FROM t
SELECT x.unbounded FROM "unbounded" AS x WHERE x."unbounded" = 1
SELECT "unbounded"(1)
SELECT unbounded(1) FROM t
SELECT uncommitted FROM t ORDER BY uncommitted
SELECT a AS unlisten, (t).unlisten FROM s.unlisten AS t
SELECT s.unlogged(1)
SELECT t.until, 1 AS until FROM t
WITH "until"(a) AS (SELECT 1) SELECT * FROM "until"
SELECT until(1) FROM t
SELECT x.update FROM "update" AS x WHERE x."update" = 1
SELECT vacuum FROM t ORDER BY vacuum
SELECT "vacuum"(1)
SELECT a AS valid, (t).valid FROM s.valid AS t
SELECT s.validate(1)
SELECT validate(1) FROM t
SELECT t.validator, 1 AS validator FROM t
SELECT x.value FROM "value" AS x WHERE x."value" = 1
SELECT "values" FROM t
SELECT a AS varying, (t).varying FROM s.varying AS t
SELECT "varying"(1)
SELECT varying(1) FROM t
SELECT s.version(1)
SELECT t.view, 1 AS view FROM t
SELECT x.views FROM "views" AS x WHERE x."views" = 1
WITH "views"(a) AS (SELECT 1) SELECT * FROM "views"
SELECT volatile FROM t ORDER BY volatile
SELECT volatile(1) FROM t
SELECT a AS whitespace, (t).whitespace FROM s.whitespace AS t
SELECT s.within(1)
SELECT "within"(1)
SELECT t.without, 1 AS without FROM t
SELECT x.work FROM "work" AS x WHERE x."work" = 1
SELECT work(1) FROM t
SELECT wrapper FROM t ORDER BY wrapper
SELECT a AS write, (t).write FROM s.write AS t
SELECT s.xml(1)
SELECT t.year, 1 AS year FROM t
SELECT "year"(1)
SELECT year(1) FROM t
SELECT x.yes FROM "yes" AS x WHERE x."yes" = 1
SELECT zone FROM t ORDER BY zone
WITH "zone"(a) AS (SELECT 1) SELECT * FROM "zone"
