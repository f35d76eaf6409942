/* sim: runs of the failover simulator.
 *
 *   sim --seed N [--trace] [--bug NAME]      one run
 *   sim --seeds A..B [--bug NAME]            many; exit 1 at the first that breaks, with the line to replay it
 *   sim --tap [--seeds A..B]                 for prove: the seeds, equal hashes, and that each planted bug is found */
#include <stdlib.h>
#include <string.h>

#include "../../replication/base/log.h"
#include "../../replication/base/str.h"
#include "sim.h"

static struct sim sim;

struct options {
    uint64_t from, to;
    bool trace, tap;
    enum sim_bug bug;
};

enum { BUG_SEEDS_MAX = 1000 }; /* a planted bug must show within so many seeds */

static int usage(void)
{
    fprintf(stderr, "usage: sim [--seed N | --seeds A..B] [--trace] [--tap] [--bug NAME]\nbugs:");
    for (int b = 1; b < SIM_BUG_NR; b++)
        fprintf(stderr, " %s", sim_bug_name((enum sim_bug)b));
    fprintf(stderr, "\n");
    return 2;
}

static bool parse_range(const char *text, struct options *o)
{
    char from[24];
    const char *dots = strstr(text, "..");
    if (!dots) {
        bool good = str_to_u64(text, &o->from);
        o->to = o->from;
        return good;
    }
    size_t n = (size_t)(dots - text);
    if (n >= sizeof(from))
        return false;
    memcpy(from, text, n);
    from[n] = '\0';
    return str_to_u64(from, &o->from) && str_to_u64(dots + 2, &o->to) && o->from <= o->to;
}

static bool parse_bug(const char *name, struct options *o)
{
    for (int b = 0; b < SIM_BUG_NR; b++)
        if (!strcmp(name, sim_bug_name((enum sim_bug)b))) {
            o->bug = (enum sim_bug)b;
            return true;
        }
    return false;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--trace"))
            o->trace = true;
        else if (!strcmp(argv[i], "--tap"))
            o->tap = true;
        else if ((!strcmp(argv[i], "--seed") || !strcmp(argv[i], "--seeds")) && more) {
            if (!parse_range(argv[++i], o))
                return false;
        } else if (!strcmp(argv[i], "--bug") && more) {
            if (!parse_bug(argv[++i], o))
                return false;
        } else
            return false;
    }
    return true;
}

static void print_broken(const struct sim *s, const char *prefix)
{
    printf("%sseed %llu at %.3f s: %s: %s\n", prefix, (unsigned long long)s->seed,
           (double)s->now / 1e6, s->check.broken, s->check.detail);
    printf("%sreplay: sim --seed %llu --trace%s%s\n", prefix, (unsigned long long)s->seed,
           s->bug ? " --bug " : "", s->bug ? sim_bug_name(s->bug) : "");
}

struct sums {
    long runs, acks, failovers, switchovers, promotions, kept, gave_up, lost;
};

static void add(struct sums *t, const struct sim_check *c)
{
    t->runs++;
    t->acks += c->acks;
    t->failovers += c->failovers;
    t->switchovers += c->switchovers;
    t->promotions += c->promotions;
    t->kept += c->kept;
    t->gave_up += c->gave_up;
    t->lost += c->lost_writes;
}

/* true when all hold; else the first broken run is left in `sim`. */
static bool run_seeds(const struct options *o, struct sums *t)
{
    for (uint64_t seed = o->from; seed <= o->to; seed++) {
        bool ok = sim_run(&sim, seed, o->bug, o->trace);
        add(t, &sim.check);
        if (!ok)
            return false;
    }
    return true;
}

static void print_sums(const struct sums *t, const char *prefix)
{
    printf("%s%ld runs: %ld writes acknowledged, %ld failovers and %ld switchovers started, %ld "
           "promoted, %ld kept, "
           "%ld given up, %ld lost writes at a failover\n",
           prefix, t->runs, t->acks, t->failovers, t->switchovers, t->promotions, t->kept,
           t->gave_up, t->lost);
}

static bool same_hash(uint64_t seed)
{
    (void)sim_run(&sim, seed, SIM_BUG_NONE, false);
    uint64_t hash = sim.hash;
    (void)sim_run(&sim, seed, SIM_BUG_NONE, false);
    return sim.hash == hash;
}

static bool bug_is_found(enum sim_bug bug)
{
    struct sums t = {0};
    struct options o = {.from = 1, .to = BUG_SEEDS_MAX, .bug = bug};
    return !run_seeds(&o, &t);
}

static int tap(const struct options *o)
{
    struct sums t = {0};
    int n = 0;
    bool good = run_seeds(o, &t);
    printf("%sok %d - seeds %llu..%llu\n", good ? "" : "not ", ++n, (unsigned long long)o->from,
           (unsigned long long)o->to);
    if (!good)
        print_broken(&sim, "# ");
    print_sums(&t, "# ");
    bool same = same_hash(1) && same_hash(2) && same_hash(3);
    printf("%sok %d - one seed, one run\n", same ? "" : "not ", ++n);
    (void)sim_run(&sim, 1, SIM_BUG_NONE, false);
    uint64_t hash = sim.hash;
    (void)sim_run(&sim, 2, SIM_BUG_NONE, false);
    printf("%sok %d - another seed, another run\n", sim.hash != hash ? "" : "not ", ++n);
    good = good && same && sim.hash != hash;
    for (int b = 1; b < SIM_BUG_NR; b++) {
        bool found = bug_is_found((enum sim_bug)b);
        printf("%sok %d - planted bug %s is found\n", found ? "" : "not ", ++n,
               sim_bug_name((enum sim_bug)b));
        if (found)
            print_broken(&sim, "# ");
        good = good && found;
    }
    printf("1..%d\n", n);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o = {.from = 1, .to = 300};
    struct sums t = {0};
    if (!parse(argc, argv, &o))
        return usage();
    log_set_level(LOG_FATAL);
    if (o.tap)
        return tap(&o);
    bool good = run_seeds(&o, &t);
    if (!good)
        print_broken(&sim, "");
    print_sums(&t, "");
    if (o.from == o.to)
        printf("hash %016llx\n", (unsigned long long)sim.hash);
    return good ? 0 : 1;
}
