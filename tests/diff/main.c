/* The differential tester; tests/t/240_differential.t starts the servers and calls it. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grammar.h"
#include "round.h"

enum { KNOWN_MAX = 200 };

struct options {
    struct tester_options t;
    struct round_options r;
    uint64_t statements;
    uint64_t round; /* only this one, if one is given */
    bool one;
    int differences;
};

static const char usage[] =
    "diff --host DIR --twin-host DIR --twin PORT --primary PORT --replica PORT ... --port PORT\n"
    "  --statements N (20000) --seed N (1) --round N (only this) --clients N (6) --steps N (400, "
    "of each round)\n"
    "  --only FEATURE,... --without FEATURE,... --lag none|pause --pool-size N (2) --pins "
    "set,temp,... --check N\n"
    "  --differences N (1, then stop) --shrink MS (60000; 0: print the whole history) "
    "--superuser --exact-unpin\n";

static uint64_t number(const char *s)
{
    char *end;
    const uint64_t v = strtoull(s, &end, 10);
    if (*end || end == s) {
        fprintf(stderr, "not a number: %s\n%s", s, usage);
        exit(2);
    }
    return v;
}

static uint64_t features(const char *s)
{
    uint64_t bits;
    const char *bad;
    if (!grammar_features(s, &bits, &bad)) {
        fprintf(stderr, "no such feature: %s\n", bad);
        exit(2);
    }
    return bits;
}

static unsigned pins(const char *s)
{
    static const char *const names[] = {"set",  "sqlprep", "temp", "listen", "advisory",
                                        "hold", "lo",      "seq",  "other"};
    unsigned bits = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strstr(s, names[i]))
            bits |= 1U << i;
    return bits;
}

enum option_value {
    O_HOST = 1,
    O_TWIN_HOST,
    O_TWIN,
    O_PRIMARY,
    O_REPLICA,
    O_PORT,
    O_STATEMENTS,
    O_SEED,
    O_ROUND,
    O_CLIENTS,
    O_STEPS,
    O_ONLY,
    O_WITHOUT,
    O_LAG,
    O_POOL_SIZE,
    O_PINS,
    O_CHECK,
    O_DIFFERENCES,
    O_SHRINK,
    O_SUPERUSER,
    O_EXACT_UNPIN
};

static const struct option_row {
    const char *name;
    int value;
} rows[] = {{"host", O_HOST},
            {"twin-host", O_TWIN_HOST},
            {"twin", O_TWIN},
            {"primary", O_PRIMARY},
            {"replica", O_REPLICA},
            {"port", O_PORT},
            {"statements", O_STATEMENTS},
            {"seed", O_SEED},
            {"round", O_ROUND},
            {"clients", O_CLIENTS},
            {"steps", O_STEPS},
            {"only", O_ONLY},
            {"without", O_WITHOUT},
            {"lag", O_LAG},
            {"pool-size", O_POOL_SIZE},
            {"pins", O_PINS},
            {"check", O_CHECK},
            {"differences", O_DIFFERENCES},
            {"shrink", O_SHRINK},
            {"superuser", O_SUPERUSER},
            {"exact-unpin", O_EXACT_UNPIN}};

static bool set_run(struct options *o, int option, const char *arg)
{
    switch (option) {
    case O_STATEMENTS:
        o->statements = number(arg);
        return true;
    case O_SEED:
        o->r.seed = number(arg);
        return true;
    case O_ROUND:
        o->round = number(arg);
        o->one = true;
        return true;
    case O_STEPS:
        o->r.steps = (unsigned)number(arg);
        return true;
    case O_ONLY:
        o->r.features = features(arg);
        return true;
    case O_WITHOUT:
        o->r.features &= ~features(arg);
        return true;
    case O_CHECK:
        o->r.check_each = (unsigned)number(arg);
        return true;
    case O_DIFFERENCES:
        o->differences = (int)number(arg);
        return true;
    case O_SHRINK:
        o->r.shrink_ms = (unsigned)number(arg);
        return true;
    case O_SUPERUSER:
        o->r.superuser = true;
        return true;
    default:
        return false;
    }
}

static bool set_world(struct tester_options *t, int option, const char *arg)
{
    switch (option) {
    case O_HOST:
        t->host = arg;
        return true;
    case O_TWIN_HOST:
        t->twin_host = arg;
        return true;
    case O_TWIN:
        t->twin = (int)number(arg);
        return true;
    case O_PRIMARY:
        t->primary = (int)number(arg);
        return true;
    case O_REPLICA:
        if (t->n_replicas == TESTER_REPLICAS)
            return false;
        t->replicas[t->n_replicas++] = (int)number(arg);
        return true;
    case O_PORT:
        t->port = (int)number(arg);
        return true;
    case O_CLIENTS:
        t->n_clients = (int)number(arg);
        return t->n_clients > 0 && t->n_clients <= 9;
    case O_LAG:
        t->lag = strcmp(arg, "none") == 0 ? LAG_NONE : LAG_PAUSE;
        return true;
    case O_POOL_SIZE:
        t->pool_size = (unsigned)number(arg);
        return true;
    case O_EXACT_UNPIN:
        t->exact_unpin = true;
        return true;
    case O_PINS:
        t->pin_mask = pins(arg);
        return true;
    default:
        return false;
    }
}

static void parse_options(struct options *o, int argc, char **argv)
{
    struct option longs[ARRAY_LEN(rows) + 1] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        longs[i] = (struct option){rows[i].name,
                                   rows[i].value >= O_SUPERUSER ? no_argument : required_argument,
                                   NULL, rows[i].value};
    int c;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == '?' || !(set_run(o, c, optarg) || set_world(&o->t, c, optarg))) {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (!o->t.host || !o->t.port || !o->t.primary || !o->t.twin) {
        fputs(usage, stderr);
        exit(2);
    }
    if (!o->t.twin_host)
        o->t.twin_host = o->t.host;
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct tester tester;

int main(int argc, char **argv)
{
    struct options o = {
        .t = {.n_clients = 6, .pool_size = 2, .pin_mask = ~0U},
        .r = {.seed = 1, .features = ~UINT64_C(0), .steps = 400, .shrink_ms = 60000},
        .statements = 20000,
        .differences = 1};
    char *known[KNOWN_MAX];
    int n_known = 0, found = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    parse_options(&o, argc, argv);
    grammar_check();
    tester_open(&tester, &o.t);
    const uint64_t commits = tester_replica_commits(&tester);
    const double start = seconds();
    double told = start;
    uint64_t round = o.one ? o.round : 0;
    for (; tester.n_statements < o.statements && found < o.differences; round++) {
        const char *what = round_run(&tester, &o.r, round, known, n_known);
        if (what) {
            found++;
            if (n_known < KNOWN_MAX)
                known[n_known++] = strdup(what);
        }
        if (seconds() - told > 30) {
            told = seconds();
            printf("# %" PRIu64 " statements, round %" PRIu64
                   ", %d differences, %.0f statements/s\n",
                   tester.n_statements, round, found, (double)tester.n_statements / (told - start));
        }
        if (o.one)
            break;
    }
    const double took = seconds() - start;
    tester_close_clients(&tester);
    printf("%" PRIu64 " statements in %" PRIu64 " batches, %" PRIu64
           " messages compared, seed %" PRIu64 ", %" PRIu64
           " rounds, %.1f s, %.0f statements/s, %" PRIu64
           " transactions on replicas: %d differences\n",
           tester.n_statements, tester.n_batches, tester.n_messages, o.r.seed, round, took,
           (double)tester.n_statements / took, tester_replica_commits(&tester) - commits, found);
    return found ? 1 : 0;
}
