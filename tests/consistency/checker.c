/* The consistency checker's clients. Each has one register that only it writes, in several ways, and reads all of them;
 * everything is recorded with its times and judged at the end (history.h).
 *
 *   consistency --conninfo C --clients N --reads TOTAL --writes PERCENT --allow-ms N [--session SQL] [--seconds MAX]
 *
 * Expects table reg (k int, v bigint) with an index on (k, v), functions bump(int, bigint), here() and procedure
 * bump_proc(int, bigint). A client whose connection ends connects again as a new session. Prints key=value lines. */
#include <errno.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../replication/base/prng.h"
#include "history.h"

enum { CLIENTS_MAX = 256, PORTS_MAX = 16, SQL_MAX = 512 };

struct options {
    const char *conninfo, *session;
    unsigned clients, writes; /* writes: percent */
    unsigned long long reads;
    int64_t allow;
    unsigned seconds;
    unsigned pause_us; /* between two statements, at most */
    bool show_stale;
};

struct client {
    pthread_t thread;
    unsigned id;
    uint32_t sessions;
    PGconn *conn;
    struct prng prng;
    uint64_t value;
    struct history history;
    uint64_t errors, unknown, connects, waited; /* waited: nanoseconds of all reads */
};

static struct options opt = {.clients = 16, .writes = 5, .reads = 100000, .seconds = 600};
static struct client clients[CLIENTS_MAX];
static _Atomic unsigned long long n_reads; /* relaxed: all clients together */
static _Atomic bool stop;
static int64_t deadline;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool run(struct client *c, const char *sql)
{
    PGresult *r = PQexec(c->conn, sql);
    const ExecStatusType s = PQresultStatus(r);
    PQclear(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

static bool connect_client(struct client *c)
{
    while (!atomic_load(&stop) && now_ns() < deadline) {
        if (c->conn)
            PQfinish(c->conn);
        c->conn = PQconnectdb(opt.conninfo);
        c->sessions++;
        c->connects++;
        if (PQstatus(c->conn) == CONNECTION_OK && (!opt.session || run(c, opt.session))) {
            PGresult *r =
                PQprepare(c->conn, "r", "SELECT coalesce(max(v), 0), here() FROM reg WHERE k = $1",
                          1, (const Oid[]){23});
            const bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
            PQclear(r);
            if (ok)
                return true;
        }
        usleep(20000);
    }
    return false;
}

static void note(struct client *c, const struct op *op)
{
    if (!history_add(&c->history, op)) {
        fprintf(stderr, "no memory\n");
        exit(2);
    }
}

static bool lost(struct client *c)
{
    return PQstatus(c->conn) != CONNECTION_OK;
}

static void read_one(struct client *c)
{
    char k[16];
    struct op op = {.kind = OP_READ, .session = c->sessions};
    op.reg = prng_below(&c->prng, 4) == 0 ? c->id : prng_below(&c->prng, opt.clients);
    snprintf(k, sizeof(k), "%u", op.reg);
    const char *values[] = {k};
    op.from = now_ns();
    PGresult *r =
        prng_below(&c->prng, 8)
            ? PQexecPrepared(c->conn, "r", 1, values, NULL, NULL, 0)
            : PQexecParams(c->conn, "SELECT coalesce(max(v), 0), here() FROM reg WHERE k = $1", 1,
                           (const Oid[]){23}, values, NULL, NULL, 0);
    op.to = now_ns();
    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1) {
        op.outcome = OP_OK;
        op.value = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
        op.port = (uint16_t)strtoul(PQgetvalue(r, 0, 1), NULL, 10);
        note(c, &op);
        c->waited += (uint64_t)(op.to - op.from);
    } else {
        if (c->errors++ == 0)
            fprintf(stderr, "read: %s", PQresultErrorMessage(r));
    }
    PQclear(r);
    if (atomic_fetch_add_explicit(&n_reads, 1, memory_order_relaxed) >= opt.reads)
        atomic_store(&stop, true);
}

enum { WAYS = 7 };

/* Every way to write that a session has. */
static void write_sql(struct client *c, unsigned way, char *sql)
{
    static const char *const forms[WAYS] = {
        "INSERT INTO reg VALUES (%u, %llu)",
        "SELECT bump(%u, %llu)",
        "CALL bump_proc(%u, %llu)",
        "BEGIN; SELECT 1; INSERT INTO reg VALUES (%u, %llu); COMMIT",
        "WITH w AS (INSERT INTO reg VALUES (%u, %llu) RETURNING v) SELECT v FROM w",
        "DO $$ BEGIN PERFORM bump(%u, %llu); END $$",
        "COPY reg FROM STDIN /* %u %llu */",
    };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, SQL_MAX, forms[way], c->id, (unsigned long long)c->value);
#pragma GCC diagnostic pop
}

static bool copy_row(struct client *c)
{
    char row[64];
    const int n = snprintf(row, sizeof(row), "%u\t%llu\n", c->id, (unsigned long long)c->value);
    return PQputCopyData(c->conn, row, n) == 1 && PQputCopyEnd(c->conn, NULL) == 1;
}

/* The last result of the statement that failed, or of the last one. */
static uint8_t outcome_of(struct client *c, const char *sql)
{
    uint8_t outcome = OP_OK;
    PGresult *r;
    if (!PQsendQuery(c->conn, sql))
        return OP_UNKNOWN;
    while ((r = PQgetResult(c->conn)) != NULL) {
        const ExecStatusType s = PQresultStatus(r);
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        if (s == PGRES_COPY_IN && !copy_row(c))
            outcome = OP_UNKNOWN;
        if (s == PGRES_FATAL_ERROR) {
            /* These say for certain that nothing was done; of all else nobody knows. */
            const bool sure = state && (!strcmp(state, "40001") || !strcmp(state, "57P03") ||
                                        !strcmp(state, "53300"));
            outcome = sure && outcome == OP_OK ? OP_FAILED : OP_UNKNOWN;
        }
        PQclear(r);
    }
    return lost(c) && outcome == OP_OK ? OP_UNKNOWN : outcome;
}

static void write_one(struct client *c)
{
    char sql[SQL_MAX];
    struct op op = {.kind = OP_WRITE, .session = c->sessions, .reg = c->id, .value = ++c->value};
    write_sql(c, prng_below(&c->prng, WAYS), sql);
    op.from = now_ns();
    op.outcome = outcome_of(c, sql);
    op.to = now_ns();
    if (op.outcome == OP_UNKNOWN)
        c->unknown++;
    note(c, &op);
    if (!lost(c) && PQtransactionStatus(c->conn) != PQTRANS_IDLE)
        (void)run(c, "ROLLBACK");
}

static void *client_main(void *arg)
{
    struct client *c = arg;
    if (!connect_client(c))
        return NULL;
    while (!atomic_load_explicit(&stop, memory_order_relaxed) && now_ns() < deadline) {
        if (prng_below(&c->prng, 100) < opt.writes)
            write_one(c);
        else
            read_one(c);
        if (lost(c) && !connect_client(c))
            break;
        if (opt.pause_us)
            usleep(prng_below(&c->prng, opt.pause_us));
    }
    PQfinish(c->conn);
    return NULL;
}

static void print_ports(void)
{
    uint16_t ports[PORTS_MAX] = {0};
    uint64_t counts[PORTS_MAX] = {0};
    for (unsigned i = 0; i < opt.clients; i++)
        for (size_t j = 0; j < clients[i].history.n; j++) {
            const struct op *op = &clients[i].history.ops[j];
            int p = 0;
            if (op->kind != OP_READ)
                continue;
            while (p < PORTS_MAX - 1 && ports[p] && ports[p] != op->port)
                p++;
            ports[p] = op->port;
            counts[p]++;
        }
    for (int p = 0; p < PORTS_MAX && ports[p]; p++)
        printf("reads_on_%u=%llu\n", ports[p], (unsigned long long)counts[p]);
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void print_latency(void)
{
    size_t n = 0, max = 0;
    for (unsigned i = 0; i < opt.clients; i++)
        max += clients[i].history.n;
    int64_t *all = malloc((max + 1) * sizeof(*all));
    if (!all)
        return;
    for (unsigned i = 0; i < opt.clients; i++)
        for (size_t j = 0; j < clients[i].history.n; j++) {
            const struct op *op = &clients[i].history.ops[j];
            if (op->kind == OP_READ)
                all[n++] = op->to - op->from;
        }
    qsort(all, n, sizeof(*all), by_size);
    static const int parts[] = {50, 90, 95, 99};
    for (size_t i = 0; n && i < sizeof(parts) / sizeof(parts[0]); i++)
        printf("read_p%d_us=%lld\n", parts[i], (long long)(all[n * (size_t)parts[i] / 100] / 1000));
    free(all);
}

static void report(int64_t started)
{
    struct history all[CLIENTS_MAX];
    uint64_t errors = 0, unknown = 0, connects = 0, waited = 0;
    for (unsigned i = 0; i < opt.clients; i++) {
        all[i] = clients[i].history;
        errors += clients[i].errors;
        unknown += clients[i].unknown;
        connects += clients[i].connects;
        waited += clients[i].waited;
    }
    const struct verdict v = history_check(
        all, opt.clients, opt.allow, CHECK_OWN | CHECK_BACK | (opt.show_stale ? CHECK_STALE : 0));
    printf(
        "reads=%llu\nwrites=%llu\nown=%llu\nback=%llu\nstale=%llu\nalien=%llu\nstalest_us=%lld\n",
        (unsigned long long)v.reads, (unsigned long long)v.writes, (unsigned long long)v.own,
        (unsigned long long)v.back, (unsigned long long)v.stale, (unsigned long long)v.alien,
        (long long)(v.stalest / 1000));
    printf(
        "read_errors=%llu\nwrites_unknown=%llu\nconnects=%llu\nread_mean_us=%.0f\nseconds=%.1f\n",
        (unsigned long long)errors, (unsigned long long)unknown, (unsigned long long)connects,
        v.reads ? (double)waited / (double)v.reads / 1000 : 0.0,
        (double)(now_ns() - started) / 1e9);
    print_ports();
    print_latency();
    for (int i = 0; i < v.n_examples; i++)
        fprintf(stderr, "example: session %u register %u value %llu on port %u at %.6f s\n",
                v.examples[i].session, v.examples[i].reg, (unsigned long long)v.examples[i].value,
                v.examples[i].port, (double)(v.examples[i].from - started) / 1e9);
}

static bool set_option(const char *name, const char *value)
{
    const unsigned long long n = strtoull(value, NULL, 10);
    if (!strcmp(name, "--conninfo"))
        opt.conninfo = value;
    else if (!strcmp(name, "--session"))
        opt.session = value;
    else if (!strcmp(name, "--clients"))
        opt.clients = (unsigned)n;
    else if (!strcmp(name, "--reads"))
        opt.reads = n;
    else if (!strcmp(name, "--writes"))
        opt.writes = (unsigned)n;
    else if (!strcmp(name, "--allow-ms"))
        opt.allow = (int64_t)n * 1000000;
    else if (!strcmp(name, "--seconds"))
        opt.seconds = (unsigned)n;
    else if (!strcmp(name, "--show-stale"))
        opt.show_stale = n != 0;
    else if (!strcmp(name, "--pause-us"))
        opt.pause_us = (unsigned)n;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc || !set_option(argv[i], argv[i + 1])) {
            fprintf(stderr, "%s is not understood\n", argv[i]);
            return 2;
        }
    }
    if (!opt.conninfo || opt.clients < 1 || opt.clients > CLIENTS_MAX)
        return 2;
    const int64_t started = now_ns();
    deadline = started + (int64_t)opt.seconds * 1000000000;
    for (unsigned i = 0; i < opt.clients; i++) {
        clients[i].id = i;
        prng_init(&clients[i].prng, 1000 + i);
        if (pthread_create(&clients[i].thread, NULL, client_main, &clients[i]) != 0)
            return 2;
    }
    for (unsigned i = 0; i < opt.clients; i++)
        pthread_join(clients[i].thread, NULL);
    report(started);
    return 0;
}
