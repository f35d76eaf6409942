/* libpq: what the C library offers: prepared statements, binary results, pipeline mode, single-row mode, COPY, cancel,
 * notifications, large objects, describe, reset. */
#include <libpq-fe.h>
#include <libpq/libpq-fs.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int n, failed;
static const char *schema;
static int rounds;

static bool ok(const char *what, bool cond, const char *detail)
{
    printf("%sok %d - %s\n", cond ? "" : "not ", ++n, what);
    if (!cond) {
        failed += strstr(what, "# TODO") == NULL;
        printf("# %s: %.200s\n", what, detail ? detail : "");
    }
    fflush(stdout);
    return cond;
}

static bool same(const char *what, const char *got, const char *expected)
{
    char detail[400];
    snprintf(detail, sizeof(detail), "got %.150s, expected %.150s", got ? got : "NULL", expected);
    return ok(what, got && strcmp(got, expected) == 0, detail);
}

static bool same_int(const char *what, long got, long expected)
{
    char a[32], b[32];
    snprintf(a, sizeof(a), "%ld", got);
    snprintf(b, sizeof(b), "%ld", expected);
    return same(what, a, b);
}

static PGconn *new_conn(void)
{
    char options[200];
    snprintf(options, sizeof(options), "-c search_path=%s,public -c geqo=off", schema);
    const char *const k[] = {"application_name", "options", "connect_timeout", "client_encoding", NULL};
    const char *const v[] = {"drv libpq", options, "20", "UTF8", NULL};
    PGconn *c = PQconnectdbParams(k, v, 0);
    if (PQstatus(c) != CONNECTION_OK) {
        printf("# %s", PQerrorMessage(c));
        exit(2);
    }
    return c;
}

/* The first value of the last result, in a static buffer; an error gives "!SQLSTATE". */
static const char *take(PGresult *r)
{
    static char out[4][256];
    static int i;
    char *o = out[i++ % 4];
    const ExecStatusType st = PQresultStatus(r);
    if (st == PGRES_TUPLES_OK && PQntuples(r) > 0)
        snprintf(o, 256, "%s", PQgetvalue(r, 0, 0));
    else if (st == PGRES_FATAL_ERROR)
        snprintf(o, 256, "!%s", PQresultErrorField(r, PG_DIAG_SQLSTATE) ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : PQresultErrorMessage(r));
    else
        snprintf(o, 256, "%s", PQcmdStatus(r));
    PQclear(r);
    return o;
}

static const char *q(PGconn *c, const char *sql)
{
    return take(PQexec(c, sql));
}

static void sticks(PGconn *c, const char *what, const char *sql, const char *expected)
{
    const char *got = "";
    for (int i = 0; i < 20; i++) {
        got = q(c, sql);
        if (strcmp(got, expected) != 0)
            break;
    }
    same(what, got, expected);
}

static void parameters(PGconn *c)
{
    same("application_name", q(c, "SHOW application_name"), "drv libpq");
    same("its ParameterStatus", PQparameterStatus(c, "application_name"), "drv libpq");
    same("options", q(c, "SHOW geqo"), "off");
    ok("backend pid", PQbackendPID(c) > 0, "");
    ok("server version", PQserverVersion(c) >= 130000, "");
    q(c, "SET timezone = 'Australia/Darwin'; SET datestyle = 'German'");
    same("ParameterStatus follows SET", PQparameterStatus(c, "TimeZone"), "Australia/Darwin");
    sticks(c, "time zone and date style stick", "SELECT '2026-01-02 00:00+00'::timestamptz::text", "02.01.2026 09:30:00 ACST");
    q(c, "BEGIN; SET datestyle = 'ISO'; ROLLBACK");
    same("ParameterStatus after a rollback", PQparameterStatus(c, "DateStyle"), "German, DMY");
    q(c, "RESET ALL");
    same("RESET ALL: the options stay", q(c, "SHOW geqo"), "off");
    char path[100];
    snprintf(path, sizeof(path), "%s,public", schema);
    same("RESET ALL: the search path too", q(c, "SHOW search_path"), path);
    PQsetClientEncoding(c, "LATIN1");
    sticks(c, "client encoding", "SELECT 'a' || chr(228)", "a\xe4");
    PQsetClientEncoding(c, "UTF8");
}

static void prepared(PGconn *c)
{
    same("a table", q(c, "CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, v int)"), "CREATE TABLE");
    same("and rows", q(c, "INSERT INTO items (name, v) SELECT 'i' || i, i FROM generate_series(1, 1000) i"), "INSERT 0 1000");
    PQclear(PQprepare(c, "byname", "SELECT v, name FROM items WHERE name = $1", 0, NULL));
    int bad = 0;
    for (int i = 1; i <= 200; i++) {
        char arg[16];
        snprintf(arg, sizeof(arg), "i%d", i);
        const char *const v[] = {arg};
        PGresult *r = PQexecPrepared(c, "byname", 1, v, NULL, NULL, 1);
        bad += PQntuples(r) != 1 || (int)ntohl(*(uint32_t *)(void *)PQgetvalue(r, 0, 0)) != i;
        PQclear(r);
    }
    same_int("200 executions with binary results", bad, 0);
    PGresult *r = PQdescribePrepared(c, "byname");
    ok("describe", PQnparams(r) == 1 && PQparamtype(r, 0) == 25 && PQnfields(r) == 2 && strcmp(PQfname(r, 1), "name") == 0, "");
    PQclear(r);
    const uint32_t x = htonl(40);
    const char *const bv[] = {(const char *)&x};
    const int len[] = {4}, fmt[] = {1};
    const Oid type[] = {23};
    same("binary parameter", take(PQexecParams(c, "SELECT $1 + 2", 1, type, bv, len, fmt, 0)), "42");
    bad = 0;
    for (int i = 0; i < 300; i++) {
        char name[16], sql[64], want[16];
        snprintf(name, sizeof(name), "s%d", i);
        snprintf(sql, sizeof(sql), "SELECT %d", i);
        snprintf(want, sizeof(want), "%d", i);
        PQclear(PQprepare(c, name, sql, 0, NULL));
        bad += strcmp(take(PQexecPrepared(c, name, 0, NULL, NULL, NULL, 0)), want) != 0;
    }
    for (int i = 0; i < 300; i += 7) {
        char name[16], want[16];
        snprintf(name, sizeof(name), "s%d", i);
        snprintf(want, sizeof(want), "%d", i);
        bad += strcmp(take(PQexecPrepared(c, name, 0, NULL, NULL, NULL, 0)), want) != 0;
    }
    same_int("300 prepared statements, all kept", bad, 0);
    same("DEALLOCATE of a name", q(c, "DEALLOCATE s7"), "DEALLOCATE");
    same("it is gone", take(PQexecPrepared(c, "s7", 0, NULL, NULL, NULL, 0)), "!26000");
    same("EXECUTE of a name that was prepared by message # TODO known, see doc/next.md", q(c, "EXECUTE s8"), "8");
    q(c, "PREPARE bysql(int) AS SELECT $1 * 2");
    const char *const two[] = {"21"};
    same("and the other way round", take(PQexecPrepared(c, "bysql", 1, two, NULL, NULL, 0)), "42");
    same("a name twice", take(PQprepare(c, "s9", "SELECT 1", 0, NULL)), "!42P05");
    same("an error of Parse", take(PQprepare(c, "broken", "SELECT FROM WHERE", 0, NULL)), "!42601");
    same("DEALLOCATE ALL", q(c, "DEALLOCATE ALL"), "DEALLOCATE ALL");
    same("all are gone", take(PQexecPrepared(c, "s9", 0, NULL, NULL, NULL, 0)), "!26000");
    PGresult *e = PQexec(c, "INSERT INTO items (name) VALUES ('i1')");
    same("constraint name", PQresultErrorField(e, PG_DIAG_CONSTRAINT_NAME), "items_name_key");
    PQclear(e);
}

static void transactions(PGconn *c)
{
    q(c, "BEGIN");
    same_int("in a transaction", PQtransactionStatus(c), PQTRANS_INTRANS);
    q(c, "SAVEPOINT a");
    same("division", q(c, "SELECT 1/0"), "!22012");
    same_int("failed", PQtransactionStatus(c), PQTRANS_INERROR);
    same("25P02", q(c, "SELECT 1"), "!25P02");
    q(c, "ROLLBACK TO a");
    q(c, "INSERT INTO items (name) VALUES ('sp')");
    same("COMMIT AND CHAIN", q(c, "COMMIT AND CHAIN"), "COMMIT");
    same_int("in the next one", PQtransactionStatus(c), PQTRANS_INTRANS);
    q(c, "DELETE FROM items");
    same("ROLLBACK", q(c, "ROLLBACK"), "ROLLBACK");
    same("all is there", q(c, "SELECT count(*) FROM items"), "1001");
    same("COMMIT of a failed one", (q(c, "BEGIN; SELECT 1/0"), q(c, "COMMIT")), "ROLLBACK");
    same("several statements, one fails", q(c, "INSERT INTO items (name) VALUES ('m1'); SELECT 1/0"), "!22012");
    same("nothing is left", q(c, "SELECT count(*) FROM items WHERE name = 'm1'"), "0");
}

static void pipeline(PGconn *c)
{
    PQenterPipelineMode(c);
    for (int i = 0; i < 500; i++) {
        char arg[16];
        snprintf(arg, sizeof(arg), "%d", i);
        const char *const v[] = {arg};
        PQsendQueryParams(c, i % 50 == 25 ? "SELECT 1 / ($1::int * 0)" : "SELECT $1::int * 2", 1, NULL, v, NULL, NULL, 0);
        if (i % 5 == 4)
            PQpipelineSync(c);
    }
    int good = 0, errors = 0, aborted = 0, syncs = 0;
    for (int i = 0; i < 500 && syncs < 100; i++) {
        PGresult *r = PQgetResult(c);
        good += PQresultStatus(r) == PGRES_TUPLES_OK && atoi(PQgetvalue(r, 0, 0)) == i * 2;
        errors += PQresultStatus(r) == PGRES_FATAL_ERROR;
        aborted += PQresultStatus(r) == PGRES_PIPELINE_ABORTED;
        PQclear(r);
        PQclear(PQgetResult(c)); /* the NULL behind each */
        if (i % 5 == 4) {
            r = PQgetResult(c);
            syncs += PQresultStatus(r) == PGRES_PIPELINE_SYNC;
            PQclear(r);
        }
    }
    same_int("pipeline: syncs", syncs, 100);
    same_int("pipeline: errors", errors, 10);
    same_int("pipeline: aborted", aborted, 40);
    same_int("pipeline: good", good, 450);
    PQexitPipelineMode(c);
}

static void large(PGconn *c)
{
    PQsendQuery(c, "SELECT i, repeat('x', 100) FROM generate_series(1, 50000) i");
    PQsetSingleRowMode(c);
    long sum = 0;
    for (PGresult *r; (r = PQgetResult(c)); PQclear(r))
        if (PQresultStatus(r) == PGRES_SINGLE_TUPLE)
            sum += atol(PQgetvalue(r, 0, 0));
    same_int("single-row mode", sum, 50000L * 50001 / 2);
    PGresult *r = PQexec(c, "SELECT repeat('y', 20000000)");
    same_int("a row of 20 MB", PQgetlength(r, 0, 0), 20000000);
    PQclear(r);
    char *big = malloc(5000001);
    memset(big, 'z', 5000000);
    big[5000000] = 0;
    const char *const v[] = {big};
    same("a parameter of 5 MB", take(PQexecParams(c, "SELECT length($1::text)", 1, NULL, v, NULL, NULL, 0)), "5000000");
    free(big);
}

static void copy(PGconn *c)
{
    q(c, "CREATE TABLE copied (a int, b text)");
    PQclear(PQexec(c, "COPY copied FROM STDIN"));
    for (int i = 0; i < 30000; i++) {
        char line[64];
        PQputCopyData(c, line, snprintf(line, sizeof(line), "%d\trow %d\n", i, i));
    }
    PQputCopyEnd(c, NULL);
    same("COPY in", take(PQgetResult(c)), "COPY 30000");
    PQclear(PQgetResult(c));
    PQclear(PQexec(c, "COPY copied FROM STDIN"));
    PQputCopyData(c, "1\tx\n", 4);
    PQputCopyEnd(c, "no more");
    same("COPY in, given up", take(PQgetResult(c)), "!57014");
    PQclear(PQgetResult(c));
    PQclear(PQexec(c, "COPY copied TO STDOUT (FORMAT BINARY)"));
    long bytes = 0;
    char *buf;
    for (int k; (k = PQgetCopyData(c, &buf, 0)) > 0; PQfreemem(buf))
        bytes += k;
    ok("COPY out, binary", bytes > 500000, "");
    same("its end", take(PQgetResult(c)), "COPY 30000");
    PQclear(PQgetResult(c));
}

static void notify(PGconn *c)
{
    PGconn *l = new_conn();
    q(l, "LISTEN drvc");
    q(c, "NOTIFY drvc, 'hello'");
    q(c, "BEGIN; NOTIFY drvc, 'lost'; ROLLBACK");
    q(c, "NOTIFY drvc, 'world'");
    char got[64] = "";
    for (int i = 0; i < 100 && strlen(got) < 10; i++) {
        struct pollfd p = {.fd = PQsocket(l), .events = POLLIN};
        poll(&p, 1, 100);
        PQconsumeInput(l);
        for (PGnotify *x; (x = PQnotifies(l)); PQfreemem(x))
            strcat(got, x->extra);
    }
    same("notifications", got, "helloworld");
    same("UNLISTEN", q(l, "UNLISTEN drvc"), "UNLISTEN");
    PQfinish(l);
}

static void objects(PGconn *c)
{
    PGconn *o = new_conn();
    q(c, "CREATE TEMP TABLE mine AS SELECT 4711 AS a");
    sticks(c, "temporary table", "SELECT a FROM mine", "4711");
    same("is nobody else's", q(o, "SELECT a FROM mine"), "!42P01");
    q(c, "DROP TABLE mine");
    q(c, "SELECT pg_advisory_lock(51)");
    same("advisory lock", q(o, "SELECT pg_try_advisory_lock(51)"), "f");
    same("unlock", q(c, "SELECT pg_advisory_unlock(51)"), "t");
    same("is free again", q(o, "SELECT pg_try_advisory_lock(51)"), "t");
    PQfinish(o);
    q(c, "DECLARE h CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 10) i");
    q(c, "FETCH 4 FROM h");
    q(c, "SELECT count(*) FROM items");
    same("cursor WITH HOLD", q(c, "FETCH 1 FROM h"), "5");
    q(c, "CLOSE h");
    q(c, "BEGIN");
    const Oid lo = lo_create(c, 0);
    const int fd = lo_open(c, lo, INV_READ | INV_WRITE);
    char *data = calloc(1, 100000);
    same_int("lo_write", lo_write(c, fd, data, 100000), 100000);
    lo_lseek(c, fd, 60000, SEEK_SET);
    same_int("lo_read (function call messages)", lo_read(c, fd, data, 100000), 40000);
    lo_close(c, fd);
    same_int("lo_unlink", lo_unlink(c, lo), 1);
    q(c, "COMMIT");
    free(data);
}

static void cancel(PGconn *c)
{
    int cancelled = 0;
    for (int i = 0; i < 20; i++) {
        char err[256];
        PQsendQuery(c, "SELECT pg_sleep(1)");
        usleep(20000);
        PGcancel *k = PQgetCancel(c);
        PQcancel(k, err, sizeof(err));
        PQfreeCancel(k);
        cancelled += strcmp(take(PQgetResult(c)), "!57014") == 0;
        PQclear(PQgetResult(c));
        if (strcmp(q(c, "SELECT 7"), "7") != 0)
            ok("the next query is not hit", false, "");
    }
    ok("cancel", cancelled >= 19, "");
    q(c, "SET statement_timeout = '50ms'");
    same("statement_timeout", q(c, "SELECT pg_sleep(5)"), "!57014");
    q(c, "SET statement_timeout = 0");
}

static void reset(PGconn *c)
{
    q(c, "SET work_mem = '7MB'");
    PQreset(c);
    same_int("PQreset", PQstatus(c), CONNECTION_OK);
    same("is a new session", q(c, "SELECT current_setting('work_mem') <> '7MB' AND current_setting('geqo') = 'off'"), "t");
    same("empty query", q(c, ""), "");
    same("PQping", PQping("") == PQPING_OK ? "ok" : "no", "ok");
}

static void own_writes(PGconn *c)
{
    q(c, "CREATE TABLE rw (id int PRIMARY KEY, v int)");
    int bad = 0;
    for (int i = 0; i < rounds; i++) {
        char sql[100], want[16];
        snprintf(sql, sizeof(sql), "INSERT INTO rw VALUES (%d, %d)", i, 2 * i);
        q(c, sql);
        snprintf(sql, sizeof(sql), "SELECT v FROM rw WHERE id = %d", i);
        snprintf(want, sizeof(want), "%d", 2 * i);
        bad += strcmp(q(c, sql), want) != 0;
    }
    same_int("rounds of write and read", bad, 0);
}

int main(void)
{
    schema = getenv("DRV_SCHEMA");
    rounds = atoi(getenv("DRV_ROUNDS"));
    PGconn *c = new_conn();
    parameters(c);
    prepared(c);
    transactions(c);
    pipeline(c);
    large(c);
    copy(c);
    notify(c);
    objects(c);
    cancel(c);
    reset(c);
    own_writes(c);
    PQfinish(c);
    printf("1..%d\n", n);
    return failed ? 1 : 0;
}
