#include "route.h"

#include "../../replication/base/attrs.h"
#include "../../replication/base/bug.h"

static const struct {
    const char *token, *text;
} reasons[RR_NR] = {
#define X(name, token, text) [name] = {token, text},
    ROUTE_REASONS(X)
#undef X
};

const char *route_reason_token(enum route_reason r)
{
    return r > RR_NONE && r < RR_NR ? reasons[r].token : "none";
}

const char *route_reason_text(enum route_reason r)
{
    return r > RR_NONE && r < RR_NR ? reasons[r].text : "";
}

/* What stands between a read and the replicas. Bit i: node i. */
struct field {
    uint64_t readable; /* may serve reads of this session's database at all */
    uint64_t fresh;    /* and has what this read needs */
    bool near;         /* one that is readable is not far behind: waiting may help */
};

static bool over(uint64_t value, uint64_t limit, int percent, bool before)
{
    if (limit == 0)
        return false;
    return value > (before ? limit / 100 * (uint64_t)percent : limit);
}

/* The manager judges by the cluster's limits; a database or user with its own is judged here, with its own memory. */
static bool within_lag(struct route_lag *l, const struct topo_node *n, int i)
{
    const uint64_t bit = UINT64_C(1) << i;
    const bool lagging = n->unreadable == READ_LAG_TIME || n->unreadable == READ_LAG_BYTES;
    if (!l || !l->own)
        return n->unreadable == READ_OK;
    if (n->unreadable != READ_OK && !lagging)
        return false;
    if (!n->lag_known)
        return !lagging && !(l->over & bit);
    const bool before = (l->over & bit) != 0;
    const bool now = over((uint64_t)n->lag, (uint64_t)l->max_lag, l->resume_percent, before) ||
                     over(n->lag_bytes, l->max_lag_bytes, l->resume_percent, before);
    l->over = now ? l->over | bit : l->over & ~bit;
    return !now;
}

static bool is_fresh(const struct route_in *in, int i)
{
    const struct topo_node *n = &in->topo->nodes[i];
    if (in->max_lag > 0 && (n->fresh_at == 0 || n->fresh_at < in->began - in->max_lag))
        return false;
    return in->level < CONSISTENCY_SESSION || freshness_has(in->fresh, in->topo, i);
}

static struct field survey(const struct route_in *in)
{
    struct field f = {0};
    uint64_t weighted = 0;
    const struct topology *t = in->topo;
    freshness_update(in->fresh, t, in->now);
    for (int i = 0; i < t->n_nodes; i++) {
        const struct topo_node *n = &t->nodes[i];
        if (i == t->writer || n->role != ROLE_REPLICA || !within_lag(in->lag, n, i))
            continue;
        if ((in->forbidden >> i & 1) || (in->only && !(in->only >> i & 1)))
            continue;
        f.readable |= UINT64_C(1) << i;
        f.near |= !n->lag_known || n->lag <= in->wait;
        weighted |= (uint64_t)(n->weight > 0) << i;
        if (is_fresh(in, i))
            f.fresh |= UINT64_C(1) << i;
    }
    /* A moment without any other one is no reason to use a node of weight 0. */
    if (in->may_wait && f.near && weighted && !(f.fresh & weighted))
        f.fresh = 0;
    return f;
}

/* The primary is out of bounds: what a replica lacks must be waited for. */
static bool no_primary(const struct route_in *in)
{
    return in->topo->writer != TOPO_NO_WRITER && (in->forbidden >> in->topo->writer & 1);
}

static bool serves(const struct route_in *in, int writer)
{
    return writer != TOPO_NO_WRITER && in->topo->nodes[writer].unreadable != READ_DOWN;
}

/* The primary takes a share of the reads that a replica could serve, too. */
static uint64_t primary_share(const struct route_in *in)
{
    const int writer = in->topo->writer;
    if (in->primary_weight == 0 || in->force_replica || !serves(in, writer) ||
        in->topo->nodes[writer].drained)
        return 0;
    const uint64_t bit = UINT64_C(1) << writer;
    return (in->only && !(in->only & bit)) || (in->forbidden & bit) ? 0 : bit;
}

static void loads_of(const struct route_in *in, uint64_t among,
                     struct balance_load loads[TOPO_NODES_MAX])
{
    const struct topology *t = in->topo;
    for (int i = 0; i < t->n_nodes; i++) {
        const struct topo_node *n = &t->nodes[i];
        const uint32_t weight = i == t->writer ? in->primary_weight : n->weight;
        if (!(among >> i & 1)) {
            loads[i].eligible = false;
            continue;
        }
        loads[i] = (struct balance_load){.eligible = true,
                                         .tier = in->tier ? in->tier[i] : 0,
                                         .weight = weight * topo_share(n, in->slow_start, in->now),
                                         .in_flight = in->in_flight[i],
                                         .latency = in->latency ? in->latency[i] : 0,
                                         .since = n->readable_since};
    }
}

static int pick_of(const struct route_in *in, uint64_t among)
{
    struct balance_load loads[TOPO_NODES_MAX];
    if (in->home && (among >> (in->home - 1) & 1))
        among = UINT64_C(1) << (in->home - 1);
    if (among == 0)
        return BALANCE_NONE;
    loads_of(in, among, loads);
    return balance_pick(&in->balance, loads, in->topo->n_nodes, in->balance_state, in->prng);
}

/* Those that may be chosen now. A node that takes no logins is passed over as long as another one can serve, the primary
 * included; if nobody else may, the client waits there. Full ones count: they will have room. */
static uint64_t candidates(const struct route_in *in, const struct field *f)
{
    const int writer = in->topo->writer;
    const bool primary = in->when_no_replica == 1 && !in->force_replica && serves(in, writer) &&
                         !(in->forbidden >> writer & 1);
    if (f->fresh & ~in->avoid)
        return (f->fresh & ~in->avoid) | primary_share(in);
    if (primary || (f->readable & ~in->avoid))
        return 0; /* another one may be waited for */
    return f->fresh;
}

static struct route_out to_primary(const struct route_in *in, enum route_reason reason)
{
    const int writer = in->topo->writer;
    /* A writer that does not answer is not given up yet (or a replica still hears it): nothing can be sent there. */
    if (!serves(in, writer))
        return (struct route_out){.kind = ROUTE_HOLD, .reason = RR_NO_WRITER, .node = -1};
    if (in->forbidden >> writer & 1)
        return (struct route_out){.kind = ROUTE_REFUSE, .reason = RR_ZONE, .node = -1};
    if (in->full >> writer & 1)
        return (struct route_out){.kind = ROUTE_QUEUE, .reason = RR_FULL, .node = -1};
    return (struct route_out){.kind = ROUTE_TO_NODE, .reason = reason, .node = writer};
}

/* If the primary has a share of the reads, this is one of them. */
static struct route_out fall_back(const struct route_in *in, enum route_reason why)
{
    const struct route_out out = to_primary(in, why);
    if (out.kind == ROUTE_TO_NODE && in->primary_weight > 0)
        balance_charge(in->balance_state, out.node, in->primary_weight * BALANCE_UNIT);
    return out;
}

/* The session's last read binds it to its replica. Reads that follow each other faster than samples come would keep it there
 * for ever: when others are behind in their shares, a read waits for the sample that sets it free. */
static bool turns(const struct route_in *in, const struct field *f)
{
    struct balance_load loads[TOPO_NODES_MAX];
    const int at = in->fresh->node;
    const uint64_t all = f->readable & ~in->avoid & ~in->full;
    const uint64_t others = all & ~(UINT64_C(1) << at);
    if (in->level < CONSISTENCY_SESSION || !in->may_wait || !f->near || others == 0 || in->home)
        return false;
    if (!in->turning && (!in->turn || !in->fresh->open || f->fresh != UINT64_C(1) << at))
        return false;
    /* Once it waits, until one is fresh that is worth the change. */
    loads_of(in, in->turning ? all & (f->fresh | UINT64_C(1) << at) : all, loads);
    return in->turning !=
           balance_leaves(&in->balance, loads, in->topo->n_nodes, in->balance_state, at);
}

static enum route_reason why_not(const struct route_in *in, const struct field *f)
{
    if ((f->readable & ~in->avoid) == 0)
        return RR_NO_REPLICA;
    if (in->level >= CONSISTENCY_SESSION && in->fresh->dirty)
        return RR_DIRTY;
    for (int i = 0; i < in->topo->n_nodes; i++)
        if ((f->readable >> i & 1) && in->level >= CONSISTENCY_SESSION &&
            freshness_has(in->fresh, in->topo, i))
            return RR_BOUND;
    return in->level >= CONSISTENCY_SESSION && in->fresh->open ? RR_OPEN : RR_FLOOR;
}

static bool waits(const struct route_in *in, const struct field *f)
{
    return in->may_wait && f->near && !(f->fresh & ~in->avoid) && (f->readable & ~in->avoid);
}

static struct route_out read_decide(const struct route_in *in)
{
    const struct field f = survey(in);
    if (turns(in, &f))
        return (struct route_out){
            .kind = ROUTE_WAIT, .reason = RR_OPEN, .node = -1, .want_sample = true, .turns = true};
    const uint64_t may = candidates(in, &f), now = may & ~in->full;
    const int node = pick_of(in, now);
    struct route_out out = {.kind = ROUTE_TO_NODE,
                            .reason = node == in->topo->writer ? RR_SHARE : RR_READ,
                            .node = node,
                            .chose = (now & (now - 1)) != 0};
    if (node < 0 && may) {
        out = (struct route_out){.kind = ROUTE_QUEUE, .reason = RR_FULL, .node = -1};
    } else if (node < 0) {
        const enum route_reason why = why_not(in, &f);
        const bool nobody = why == RR_NO_REPLICA;
        if (waits(in, &f))
            out = (struct route_out){.kind = ROUTE_WAIT, .reason = why, .node = -1};
        else if (in->when_no_replica == 3 && nobody)
            out = (struct route_out){.kind = ROUTE_REFUSE, .reason = why, .node = -1};
        else if ((in->when_no_replica == 2 && nobody) || in->force_replica ||
                 (!nobody && no_primary(in)))
            out = (struct route_out){.kind = ROUTE_HOLD, .reason = why, .node = -1};
        else
            out = fall_back(in, why);
        out.want_sample = !nobody;
    }
    return out;
}

bool route_waits(const struct route_in *in)
{
    if (in->retry || !(in->read || in->force_replica))
        return false;
    const struct field f = survey(in);
    return waits(in, &f) || (in->turning && turns(in, &f));
}

struct route_out route_decide(const struct route_in *in)
{
    if (in->retry)
        return to_primary(in, RR_RETRY);
    if (in->force_replica)
        return read_decide(in);
    if (in->force_primary)
        return to_primary(in, RR_FORCED_PRIMARY);
    if (!in->split)
        return to_primary(in, RR_SPLIT_OFF);
    if (!in->read)
        return to_primary(in, RR_WRITE);
    return read_decide(in);
}
