#include "client_route.h"

#include <stdio.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "client.h"
#include "client_doubt.h"
#include "pool.h"
#include "server.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "worker.h"

/* A session that reads without a pause stays on its replica. When others are behind in their shares it waits for a sample, to choose
 * anew: for so long at most, and not more often than that this costs a twentieth of its time. */
static const usec_t TURN_WAIT = 5 * USEC_PER_MS;
static const usec_t TURN_GAP_MIN = 20 * USEC_PER_MS, TURN_GAP_MAX = 100 * USEC_PER_MS;
enum { TURN_COST = 20 };

enum consistency client_route_level(const struct client *c)
{
    return c->own.level ? c->own.level : c->group->rules.level;
}

/* A listener's fixed route holds whatever the session asks for. */
int client_route_mode(const struct client *c)
{
    return c->route_mode == ROUTE_AUTO && c->own.route ? c->own.route : c->route_mode;
}

/* The promise that no read is older; 0: none. */
static usec_t bound_of(const struct client *c)
{
    if (c->own.has_max_lag)
        return c->own.max_lag;
    return client_route_level(c) >= CONSISTENCY_BOUNDED ? c->group->rules.max_lag : 0;
}

static bool async_anywhere(const struct client *c)
{
    return atomic_load_explicit(&c->w->proxy->async_sessions[c->group->cluster],
                                memory_order_relaxed) > 0;
}

void client_route_async(struct client *c)
{
    c->floor.dirty_async = c->floor.async_commit = true;
    if (c->async_counted || !c->group)
        return;
    c->async_counted = true;
    atomic_fetch_add_explicit(&c->w->proxy->async_sessions[c->group->cluster], 1,
                              memory_order_relaxed);
}

void client_route_close(struct client *c)
{
    if (c->async_counted)
        atomic_fetch_sub_explicit(&c->w->proxy->async_sessions[c->group->cluster], 1,
                                  memory_order_relaxed);
    c->async_counted = false;
}

static bool can_wait(const struct client *c, usec_t now)
{
    if (c->fresh_until)
        return now < c->fresh_until;
    return c->group->rules.freshness_wait > 0 &&
           c->w->fresh[c->group->cluster].count < CLIENT_FRESH_WAITERS_MAX;
}

/* Within max_lag of the level and of a hint; 0: no limit. */
static usec_t lag_limit(const struct client *c)
{
    const usec_t own = bound_of(c);
    const usec_t hint = c->batch.max_lag;
    return own && (!hint || own < hint) ? own : hint;
}

/* A hint names a node: reads go there, or to the primary. */
static bool wants_writer(const struct client *c, const struct topology *t)
{
    return c->batch.to_node && t && t->writer == c->batch.to_node - 1;
}

/* The node that the session's reads stay on; 0: none. */
static int home_of(const struct client *c)
{
    return c->read_generation == c->w->spread[c->group->cluster].generation ? c->read_home : 0;
}

static void stay(struct client *c, const struct route_out *out)
{
    if (out->kind != ROUTE_TO_NODE || (out->reason != RR_READ && out->reason != RR_SHARE))
        return;
    c->read_home = (int16_t)(out->node + 1);
    c->read_generation = c->w->spread[c->group->cluster].generation;
}

/* What the turn cost says when the next one may be. */
static void turned(struct client *c, const struct route_out *out, usec_t now)
{
    if (out->turns) {
        c->turn_began = now;
    } else if (c->turn_began && out->kind != ROUTE_WAIT) {
        const usec_t gap = TURN_COST * (now - c->turn_began);
        c->turn_gap = (uint32_t)(gap < TURN_GAP_MIN   ? TURN_GAP_MIN
                                 : gap > TURN_GAP_MAX ? TURN_GAP_MAX
                                                      : gap);
        c->turn_began = 0;
    }
    if (out->chose || c->turning || out->turns)
        c->turned_at = now;
    c->turning = out->turns;
}

static struct route_in input(struct client *c, usec_t now)
{
    struct worker *w = c->w;
    const int cluster = c->group->cluster;
    const struct routing_conf *r = &w->conf->routing;
    const enum consistency level = client_route_level(c);
    const struct topology *t = worker_topo(w, cluster);
    return (struct route_in){
        .topo = t,
        .fresh = &c->floor,
        .lag = &c->group->lag,
        .read = c->batch.read,
        .force_primary = client_route_mode(c) == ROUTE_PRIMARY || level == CONSISTENCY_PRIMARY ||
                         c->batch.to_primary || wants_writer(c, t) ||
                         c->group->conf.pool_mode == POOL_SESSION,
        .force_replica = client_route_mode(c) == ROUTE_REPLICA,
        .retry = c->batch.retry,
        .avoid = pool_avoid(c->group),
        .split = r->read_write_split,
        .level = level,
        .now = now,
        .began = c->began,
        .max_lag = lag_limit(c),
        .only = c->batch.to_node ? UINT64_C(1) << (c->batch.to_node - 1) : 0,
        .may_wait = can_wait(c, now),
        .wait = c->group->rules.freshness_wait,
        .turn = now - c->turned_at > (usec_t)c->turn_gap,
        .turning = c->turning,
        .forbidden = c->group->forbidden,
        .full = UNLIKELY(w->spread[cluster].limited) ? spread_full(w, cluster) : 0,
        .home = home_of(c),
        .when_no_replica = r->when_no_replica,
        .primary_weight = (uint32_t)r->primary_weight,
        .slow_start = w->conf->repl.lag.slow_start,
        .balance = {.policy = (enum balance_policy)r->balance, .spill = (uint32_t)r->zone_spill},
        .in_flight = w->in_flight[cluster],
        .latency = w->spread[cluster].latency,
        .tier = w->spread[cluster].tier,
        .balance_state = &w->balance[cluster],
        .prng = &w->prng};
}

/* A floor of before a failover that the new primary does not have: what the session wrote or saw last is gone. */
static void tell_lost(struct client *c)
{
    uint8_t out[ERRRESP_SIZE_MAX];
    char floor[24], text[200];
    struct writer w = writer_of(out, sizeof(out));
    lsn_text(c->floor.lost, floor);
    snprintf(text, sizeof(text),
             "what this session wrote or read last was lost by a failover: it had seen %s on "
             "timeline %u, which timeline %u does not have",
             floor, c->floor.lost_timeline, c->floor.timeline);
    log_event(
        LOG_WARNING, "floor.lost",
        LOG_KV({"client", c->peer}, {"user", c->user}, {"database", c->database}, {"lsn", floor}),
        4, "%s", text);
    errresp_write(&w, &(struct errresp){.code = ERRRESP_SUCCESS,
                                        .severity = ERRRESP_SEV_WARNING,
                                        .message = text,
                                        .hint = "Look whether recent changes are there."});
    stream_send(&c->st, out, w.n);
    c->group->stats.floors_lost++;
    c->floor.lost = 0;
}

struct route_out client_route(struct client *c)
{
    const usec_t now = worker_now();
    if (!c->fresh_until) { /* else it waits since, for the same thing */
        c->began = now;
        if (c->batch.read && client_route_level(c) == CONSISTENCY_GLOBAL)
            freshness_primary(&c->floor, async_anywhere(c), now);
    }
    const struct route_in in = input(c, now);
    if (!in.topo)
        return (struct route_out){.kind = ROUTE_HOLD, .reason = RR_NO_WRITER, .node = -1};
    const struct route_out out = route_decide(&in);
    if (UNLIKELY(c->floor.lost))
        tell_lost(c);
    if (out.want_sample && out.kind != ROUTE_TO_NODE)
        manager_want_sample(c->w->proxy->manager, c->group->cluster);
    else if (out.want_sample) /* it goes on without */
        manager_use_sample(c->w->proxy->manager, c->group->cluster);
    turned(c, &out, now);
    if (UNLIKELY(c->w->conf->routing.balance_by == BALANCE_BY_SESSION))
        stay(c, &out);
    else
        c->read_home = 0;
    if (out.kind != ROUTE_WAIT)
        c->fresh_until = 0;
    return out;
}

void client_route_log(const struct client *c, const struct route_out *r)
{
    static const char *const kinds[] = {"none", "node", "hold", "refuse", "wait", "queue"};
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    const char *node = r->kind == ROUTE_TO_NODE && t && r->node >= 0 && r->node < t->n_nodes
                           ? t->nodes[r->node].name
                           : kinds[r->kind];
    LOG_AT(LOG_INFO, "route.chosen",
           LOG_KV({"client", c->peer}, {"user", c->user}, {"database", c->database}, {"node", node},
                  {"reason", route_reason_token(r->reason)},
                  {"class", classify_reason_name(c->batch.reason)}),
           "%s: %s", route_reason_text(r->reason), classify_reason_text(c->batch.reason));
}

/* -- waiting ------------------------------------------------------------------------------------------------------ */

static void on_due(uv_timer_t *t);

/* One timer for all who wait: it is armed for the first of them. */
static void arm(struct worker *w, usec_t at)
{
    if (w->fresh_due && w->fresh_due <= at)
        return;
    const usec_t now = worker_now();
    w->fresh_due = at;
    uv_update_time(&w->loop.uv);
    uv_timer_start(&w->fresh_timer, on_due,
                   at > now ? (uint64_t)((at - now + USEC_PER_MS - 1) / USEC_PER_MS) : 0, 0);
}

void client_route_wait(struct client *c, enum route_reason why)
{
    usec_t wait = c->group->rules.freshness_wait;
    if (c->turning && wait > TURN_WAIT)
        wait = TURN_WAIT;
    const usec_t until = c->fresh_until ? c->fresh_until : c->began + wait;
    c->wait_reason = (uint8_t)why;
    c->group->stats.fresh_waits++;
    client_wait_in(c, &c->w->fresh[c->group->cluster]);
    c->fresh_until = until;
    arm(c->w, until);
}

void client_route_settling(struct client *c, usec_t until)
{
    c->wait_reason = RR_DIRTY;
    client_route_pause(c, until);
    c->settling = true;
}

void client_route_pause(struct client *c, usec_t until)
{
    manager_want_sample(c->w->proxy->manager, c->group->cluster);
    client_wait_in(c, &c->w->fresh[c->group->cluster]);
    c->fresh_until = until;
    arm(c->w, until);
}

static bool still_waits(struct client *c, usec_t now)
{
    if (UNLIKELY(c->doubt != NULL))
        return !client_doubt_ready(c);
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    if (c->settling && t)
        freshness_update(&c->floor, t, now);
    if (c->settling)
        return !freshness_settled(&c->floor);
    const struct route_in in = input(c, now);
    return in.topo && route_waits(&in);
}

/* Those who need wait no more; processing one may change every list, so they are taken out first. */
static void look_again(struct worker *w, int cluster)
{
    struct list *l = &w->fresh[cluster];
    struct list ready;
    const usec_t now = worker_now();
    usec_t next = 0;
    list_init(&ready);
    for (struct list_node *n = list_first(l), *after; n; n = after) {
        struct client *c = LIST_ENTRY(n, struct client, wait);
        after = list_next(l, n);
        if (now < c->fresh_until && still_waits(c, now)) {
            next = next && next < c->fresh_until ? next : c->fresh_until;
            continue;
        }
        list_remove(l, n);
        list_push_back(&ready, n);
        c->waiting_in = &ready;
    }
    if (next) {
        manager_want_sample(w->proxy->manager, cluster);
        arm(w, next);
    }
    while (!list_empty(&ready)) {
        struct client *c = LIST_ENTRY(list_first(&ready), struct client, wait);
        const usec_t until = c->fresh_until;
        client_wait_end(c);
        c->fresh_until = until;
        client_process(c);
    }
}

void client_route_wake(struct worker *w, int cluster)
{
    if (!list_empty(&w->fresh[cluster]))
        look_again(w, cluster);
}

static void on_due(uv_timer_t *t)
{
    struct worker *w = t->data;
    w->fresh_due = 0;
    for (int i = 0; i < REPL_CLUSTERS_MAX; i++)
        client_route_wake(w, i);
}

void client_route_init(struct worker *w)
{
    uv_timer_init(&w->loop.uv, &w->fresh_timer);
    w->fresh_timer.data = w;
}

void client_route_fini(struct worker *w)
{
    uv_close((uv_handle_t *)&w->fresh_timer, NULL);
}

/* -- before and after ----------------------------------------------------------------------------------------------- */

bool client_route_linked(struct client *c)
{
    struct server *s = c->server;
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    const int node = s->pool->node;
    c->on_replica =
        t && node < t->n_nodes && node != t->writer && t->nodes[node].role == ROLE_REPLICA;
    c->read_incarnation = 0;
    if (!c->on_replica) {
        c->fresh_until = 0;
        return true;
    }
    const bool known = freshness_knows(&t->nodes[node], s->ready_at);
    if (known)
        c->read_incarnation = t->nodes[node].incarnation;
    const bool asks =
        client_route_level(c) >= CONSISTENCY_BOUNDED ||
        (client_route_level(c) == CONSISTENCY_SESSION && (c->floor.lsn || c->floor.open));
    if (known || !asks) {
        c->fresh_until = 0;
        return true;
    }
    const usec_t now = worker_now();
    const usec_t wait = c->group->rules.freshness_wait;
    const usec_t until = c->fresh_until ? c->fresh_until : now + wait;
    manager_want_sample(c->w->proxy->manager, c->group->cluster);
    server_unlink(s);
    if (c->state == CLIENT_CLOSED)
        return false;
    if (now < until && wait > 0) {
        c->fresh_until = until;
        client_route_wait(c, RR_NEW);
        return false;
    }
    c->batch.retry = true;
    c->fresh_until = 0;
    c->again = true; /* it chooses again, the primary now */
    return false;
}

void client_route_settle(struct client *c, const struct server *s, usec_t now)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    const int node = s->pool->node; /* behind the last node if a reload took it away meanwhile */
    const bool same = t && node < t->n_nodes && t->nodes[node].role_since == s->role_since;
    if (same && c->on_replica && node != t->writer)
        freshness_replica(&c->floor, node, c->read_incarnation, now);
    else /* VACUUM and its like may change pg_class without a transaction id: their end waits for no flush */
        freshness_primary(&c->floor, async_anywhere(c) || c->ddl, now);
    c->own.node = (int16_t)(node + 1);
    if (t && t->n_nodes > 1 && client_route_level(c) >= CONSISTENCY_SESSION)
        manager_use_sample(c->w->proxy->manager, c->group->cluster);
}
