#include "stats.h"

#include <string.h>
#include <time.h>

#include "../replication/base/attrs.h"
#include "client.h"
#include "pool.h"
#include "server.h"
#include "tls.h"
#include "worker.h"

#define COLS(name, ...)                                    \
    const char *const stats_cols_##name[] = {__VA_ARGS__}; \
    const int stats_n_cols_##name = (int)ARRAY_LEN(stats_cols_##name)

COLS(pools, "database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req",
     "cl_waiting_cancel_req", "sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle",
     "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us", "pool_mode", "load_balance_hosts",
     "node");
COLS(stats, "database", "total_server_assignment_count", "total_xact_count", "total_query_count",
     "total_received", "total_sent", "total_xact_time", "total_query_time", "total_wait_time",
     "total_client_parse_count", "total_server_parse_count", "total_bind_count",
     "total_client_login_count", "total_retries", "total_held", "total_lost", "total_in_doubt",
     "total_resolved", "total_timeouts");
COLS(clients, "type", "user", "database", "replication", "state", "addr", "port", "local_addr",
     "local_port", "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link",
     "remote_pid", "tls", "application_name", "prepared_statements", "id", "pin", "node",
     "waits_for");
COLS(servers, "type", "user", "database", "replication", "state", "addr", "port", "local_addr",
     "local_port", "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link",
     "remote_pid", "tls", "application_name", "prepared_statements", "id", "node");
COLS(nodes, "cluster", "node", "reads", "writes", "in_flight", "servers", "connects",
     "connect_failures");
COLS(routes, "reason", "count", "meaning");

static const char *const mode_names[] = {"?", "session", "transaction", "statement"};

static const char *mode_name(const struct pool_group *g)
{
    const int m = g->conf.pool_mode;
    return m > 0 && m < (int)ARRAY_LEN(mode_names) ? mode_names[m] : "?";
}

static const struct topo_node *node_of(struct worker *w, int cluster, int node)
{
    const struct topology *t = worker_topo(w, cluster);
    return t && node >= 0 && node < t->n_nodes ? &t->nodes[node] : NULL;
}

struct tally {
    unsigned linked, canceling, cleaning;
    usec_t longest;
};

static struct tally tally_pool(const struct pool *p, usec_t now)
{
    struct tally n = {0};
    LIST_FOR_EACH (at, &p->busy) {
        const struct server *s = LIST_ENTRY(at, struct server, node);
        n.linked += s->state == SERVER_LINKED || s->state == SERVER_RELAYING;
        n.canceling += s->state == SERVER_CANCELING;
        n.cleaning += s->state == SERVER_CLEANING;
    }
    struct list_node *first = list_first(&p->waiters);
    if (first)
        n.longest = now - LIST_ENTRY(first, struct client, wait)->wait_since;
    return n;
}

static void row_pool(struct table *t, const struct pool *p, uint64_t idle_clients, usec_t now)
{
    const struct pool_group *g = p->group;
    const struct tally n = tally_pool(p, now);
    table_cell(t, g->database);
    table_cell(t, g->user);
    table_cell_u64(t, n.linked + idle_clients);
    table_cell_u64(t, p->waiters.count);
    table_cell_u64(t, 0);
    table_cell_u64(t, 0);
    table_cell_u64(t, n.linked);
    table_cell_u64(t, 0);
    table_cell_u64(t, n.canceling);
    table_cell_u64(t, p->idle.count);
    table_cell_u64(t, 0);
    table_cell_u64(t, n.cleaning);
    table_cell_u64(t, p->login.count);
    table_cell_i64(t, n.longest / USEC_PER_SEC);
    table_cell_i64(t, n.longest % USEC_PER_SEC);
    table_cell(t, mode_name(g));
    table_cell(t, NULL);
    table_cell(t, p->name);
}

/* As pgbouncer counts, a client that asks for nothing is active; it belongs to no node, so to the group's first row. */
static uint64_t idle_clients(const struct pool_group *g, usec_t now)
{
    uint64_t busy = 0;
    for (int i = 0; i < POOL_SLOTS; i++)
        if (g->pools[i])
            busy += tally_pool(g->pools[i], now).linked + g->pools[i]->waiters.count;
    return g->n_clients > busy ? g->n_clients - busy : 0;
}

void stats_rows_pools(struct worker *w, struct table *t)
{
    struct pool_group *g, *tmp;
    const usec_t now = worker_now();
    HASH_ITER(hh, w->groups, g, tmp)
    {
        uint64_t idle = idle_clients(g, now);
        for (int i = 0; i < POOL_SLOTS; i++) {
            if (!g->pools[i])
                continue;
            row_pool(t, g->pools[i], idle, now);
            idle = 0;
        }
    }
}

void stats_rows_stats(struct worker *w, struct table *t)
{
    struct pool_group *g, *tmp;
    HASH_ITER(hh, w->groups, g, tmp)
    {
        const struct group_stats *s = &g->stats;
        const uint64_t v[] = {s->assignments,   s->xacts,         s->queries,    s->received,
                              s->sent,          s->xact_time,     s->query_time, s->wait_time,
                              s->client_parses, s->server_parses, s->binds,      s->logins,
                              s->retries,       s->held,          s->lost,       s->in_doubt,
                              s->resolved,      s->timeouts};
        table_cell(t, g->database);
        for (size_t i = 0; i < ARRAY_LEN(v); i++)
            table_cell_u64(t, v[i]);
    }
}

static void cells_time(struct table *t, usec_t at, usec_t now)
{
    if (at == 0) {
        table_cell(t, NULL);
        return;
    }
    const usec_t wall = clock_wall() - (now - at);
    const time_t sec = (time_t)(wall / USEC_PER_SEC);
    struct tm tm;
    char text[40] = "";
    if (gmtime_r(&sec, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
    table_cell(t, text);
}

static void cells_address(struct table *t, const char *peer)
{
    char addr[64];
    str_copy(addr, sizeof(addr), peer);
    char *colon = strrchr(addr, ':');
    if (colon)
        *colon = 0;
    table_cell(t, addr);
    table_cell(t, colon ? colon + 1 : "0");
}

static void row_client(struct worker *w, struct table *t, const struct client *c, usec_t now)
{
    const usec_t wait = c->waiting_in ? now - c->wait_since : 0;
    table_cell(t, "C");
    table_cell(t, c->user);
    table_cell(t, c->database);
    table_cell(t, relay_kind_name((enum relay_kind)c->replication));
    table_cell(t, client_state_name(c));
    cells_address(t, c->peer);
    table_cell(t, NULL);
    table_cell(t, NULL);
    cells_time(t, c->connected_at, now);
    cells_time(t, c->request_at, now);
    table_cell_i64(t, wait / USEC_PER_SEC);
    table_cell_i64(t, wait % USEC_PER_SEC);
    table_cell_u64(t, 0);
    table_cellf(t, "%d:%u", w->id, c->slot);
    const struct server *server = c->server ? c->server : c->relay;
    if (server)
        table_cellf(t, "%llu", (unsigned long long)server->id);
    else
        table_cell(t, "");
    table_cell_u64(t, 0);
    table_cell(t, c->st.tls ? tls_version_name(c->st.tls) : "");
    table_cell(t, c->application_name);
    table_cell_u64(t, HASH_COUNT(c->named.all));
    table_cell_u64(t, c->serial);
    table_cell(t, c->pin ? pin_name(c->pin) : "");
    table_cell(t, server ? server->pool->name : "");
    if (c->waits_at)
        table_cell(t, pool_waits_for(c->waits_at));
    else
        table_cell(t, c->waiting_in ? route_reason_token((enum route_reason)c->wait_reason) : "");
}

void stats_rows_clients(struct worker *w, struct table *t)
{
    const usec_t now = worker_now();
    LIST_FOR_EACH (n, &w->clients)
        row_client(w, t, LIST_ENTRY(n, struct client, all), now);
}

static void row_server(struct worker *w, struct table *t, const struct server *s, usec_t now)
{
    const struct pool_group *g = s->pool->group;
    const struct topo_node *n = node_of(w, g->cluster, s->pool->node);
    table_cell(t, "S");
    table_cell(t, g->user);
    table_cell(t, g->dbname);
    table_cell(t, relay_kind_name(g->replication));
    table_cell(t, server_state_name(s->state));
    table_cell(t, n ? (n->addr[0] ? n->addr : n->host) : "");
    table_cell_u64(t, n ? n->port : 0);
    table_cell(t, NULL);
    table_cell(t, NULL);
    cells_time(t, s->connected_at, now);
    cells_time(t, s->last_used, now);
    table_cell_u64(t, 0);
    table_cell_u64(t, 0);
    table_cell_u64(t, pool_close_needed(s));
    table_cellf(t, "%d:%llu", w->id, (unsigned long long)s->id);
    const struct client *c = s->client ? s->client : s->relay;
    if (c)
        table_cellf(t, "%d:%u", w->id, c->slot);
    else
        table_cell(t, "");
    table_cell_u64(t, s->pid);
    table_cell(t, s->st.tls ? tls_version_name(s->st.tls) : "");
    table_cell(t, c ? c->application_name : "");
    table_cell_u64(t, s->prepared.lru.count);
    table_cell_u64(t, s->id);
    table_cell(t, s->pool->name);
}

static void rows_of(struct worker *w, struct table *t, const struct list *l, usec_t now)
{
    LIST_FOR_EACH (n, l)
        row_server(w, t, LIST_ENTRY(n, struct server, node), now);
}

void stats_rows_servers(struct worker *w, struct table *t)
{
    struct pool_group *g, *tmp;
    const usec_t now = worker_now();
    HASH_ITER(hh, w->groups, g, tmp)
    for (int i = 0; i < POOL_SLOTS; i++) {
        if (!g->pools[i])
            continue;
        rows_of(w, t, &g->pools[i]->busy, now);
        rows_of(w, t, &g->pools[i]->idle, now);
        rows_of(w, t, &g->pools[i]->login, now);
    }
}

static uint64_t servers_on(struct worker *w, int cluster, int node)
{
    struct pool_group *g, *tmp;
    uint64_t n = 0;
    HASH_ITER(hh, w->groups, g, tmp)
    if (g->cluster == cluster && g->pools[node])
        n += g->pools[node]->idle.count + g->pools[node]->busy.count + g->pools[node]->login.count;
    return n;
}

void stats_rows_nodes(struct worker *w, struct table *t)
{
    for (int cl = 0; cl < REPL_CLUSTERS_MAX; cl++) {
        const struct topology *topo = worker_topo(w, cl);
        for (int i = 0; topo && i < topo->n_nodes; i++) {
            const struct node_stats *s = &w->stats.nodes[cl][i];
            table_cell(t, topo->cluster);
            table_cell(t, topo->nodes[i].name);
            table_cell_u64(t, s->reads);
            table_cell_u64(t, s->writes);
            table_cell_u64(t, w->in_flight[cl][i]);
            table_cell_u64(t, servers_on(w, cl, i));
            table_cell_u64(t, s->connects);
            table_cell_u64(t, s->connect_failures);
        }
    }
}

void stats_rows_routes(struct worker *w, struct table *t)
{
    for (int i = 1; i < RR_NR; i++) {
        table_cell(t, route_reason_token((enum route_reason)i));
        table_cell_u64(t, w->stats.routes[i]);
        table_cell(t, route_reason_text((enum route_reason)i));
    }
    for (int i = 0; i < REASON_NR; i++) {
        char name[64];
        snprintf(name, sizeof(name), "class %s", classify_reason_name((enum classify_reason)i));
        table_cell(t, name);
        table_cell_u64(t, w->stats.classes[i]);
        table_cell(t, classify_reason_text((enum classify_reason)i));
    }
    const struct {
        const char *name, *text;
        uint64_t n;
    } rows[] = {
        {"hint", "comments with a hint", w->stats.hints},
        {"hint odd", "hints of which something was not understood", w->stats.hints_odd},
        {"learned", "statements that a replica refused; they go to the primary for a while",
         w->stats.learned},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        table_cell(t, rows[i].name);
        table_cell_u64(t, rows[i].n);
        table_cell(t, rows[i].text);
    }
}
