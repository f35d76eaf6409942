#include "traffic.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/clock.h"
#include "../../replication/base/str.h"
#include "../../replication/base/table.h"
#include "../../replication/status.h"
#include "../control.h"
#include "../proxy.h"
#include "../stats.h"
#include "averages.h"
#include "console.h"
#include "merge.h"

static const char tag[] = "SHOW";

#define TRAFFIC_GATHER(call, what, done)                                                         \
    proxy_gather((call)->proxy, stats_cols_##what, stats_n_cols_##what, stats_rows_##what, done, \
                 call)

/* Takes t; the rows of all workers become one for each key. */
static struct table *traffic_merged(struct table *t, int n_keys)
{
    struct table *merged = t ? merge_rows(t, n_keys) : NULL;
    table_free(t);
    return merged;
}

static void traffic_add(struct table *out, const char *name, long long n)
{
    table_cell(out, name);
    table_cell_i64(out, n);
}

/* ---- SHOW STATS and its parts ------------------------------------------------------------------------------------- */

/* One row for each counter, over all databases. */
static struct table *traffic_totals(const struct table *stats)
{
    static const char *const columns[] = {"name", "value"};
    struct table *out = table_new(columns, 2);
    for (int col = 1; out && col < table_n_cols(stats); col++) {
        const char *name = table_column(stats, col);
        if (strncmp(name, "avg_", 4) != 0)
            traffic_add(out, name, merge_sum(stats, name));
    }
    return out;
}

static struct table *traffic_stats_part(const struct table *stats, enum console_id id)
{
    static const char *const database[] = {"database"};
    if (id == CONSOLE_SHOW_STATS_AVERAGES)
        return merge_project(stats, database, 1, "avg_");
    if (id == CONSOLE_SHOW_STATS_TOTALS)
        return merge_project(stats, database, 1, "total_");
    return traffic_totals(stats);
}

static void traffic_on_stats(void *arg, struct table *t)
{
    struct console_call *call = arg;
    struct table *merged = traffic_merged(t, 1);
    struct table *stats =
        merged ? averages_add(console_averages(call->console), merged, clock_now(clock_real()))
               : NULL;
    table_free(merged);
    if (stats && call->parsed.id != CONSOLE_SHOW_STATS) {
        struct table *part = traffic_stats_part(stats, call->parsed.id);
        table_free(stats);
        stats = part;
    }
    console_answer_rows(call, stats, tag);
}

void traffic_stats(struct console_call *call)
{
    TRAFFIC_GATHER(call, stats, traffic_on_stats);
}

/* ---- Pools, connections ------------------------------------------------------------------------------------------- */

/* Workers count by node too, but exporters expect one row for each database and user; SHOW SERVERS has the nodes. */
static void traffic_on_pools(void *arg, struct table *t)
{
    struct table *merged = traffic_merged(t, 2);
    struct table *out = merged ? merge_without(merged, "node") : NULL;
    table_free(merged);
    console_answer_rows(arg, out, tag);
}

void traffic_pools(struct console_call *call)
{
    TRAFFIC_GATHER(call, pools, traffic_on_pools);
}

static void traffic_on_connections(void *arg, struct table *t)
{
    console_answer_rows(arg, t, tag);
}

void traffic_clients(struct console_call *call)
{
    TRAFFIC_GATHER(call, clients, traffic_on_connections);
}

void traffic_servers(struct console_call *call)
{
    TRAFFIC_GATHER(call, servers, traffic_on_connections);
}

/* Clients whose column "pin" says something. */
static void traffic_on_pins(void *arg, struct table *t)
{
    static const char *const columns[] = {"id",   "user", "database", "addr",
                                          "port", "node", "pin",      "application_name"};
    struct table *out = table_new(columns, (int)ARRAY_LEN(columns));
    int pin = t ? merge_column(t, "pin") : -1;
    for (int row = 0; out && pin >= 0 && row < table_n_rows(t); row++) {
        const char *reason = table_get(t, row, pin);
        if (!reason || !*reason)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
            int col = merge_column(t, columns[i]);
            table_cell(out, col >= 0 ? table_get(t, row, col) : NULL);
        }
    }
    table_free(t);
    console_answer_rows(arg, out, tag);
}

void traffic_pins(struct console_call *call)
{
    TRAFFIC_GATHER(call, clients, traffic_on_pins);
}

static void traffic_on_routes(void *arg, struct table *t)
{
    console_answer_rows(arg, traffic_merged(t, 1), tag);
}

void traffic_routes(struct console_call *call)
{
    TRAFFIC_GATHER(call, routes, traffic_on_routes);
}

/* ---- SHOW NODES --------------------------------------------------------------------------------------------------- */

static int traffic_find_node(const struct table *t, const char *cluster, const char *node)
{
    for (int row = 0; row < table_n_rows(t); row++)
        if (strcmp(table_get(t, row, 0), cluster) == 0 && strcmp(table_get(t, row, 1), node) == 0)
            return row;
    return -1;
}

/* The rows of `left`, and behind each the cells of the row in `right` with the same first two columns. */
static struct table *traffic_join(const struct table *left, const struct table *right)
{
    const char *names[TABLE_COLS_MAX];
    int n = 0;
    BUG_ON(table_n_cols(left) + table_n_cols(right) > TABLE_COLS_MAX);
    for (int col = 0; col < table_n_cols(left); col++)
        names[n++] = table_column(left, col);
    for (int col = 2; col < table_n_cols(right); col++)
        names[n++] = table_column(right, col);
    struct table *out = table_new(names, n);
    for (int row = 0; out && row < table_n_rows(left); row++) {
        for (int col = 0; col < table_n_cols(left); col++)
            table_cell(out, table_get(left, row, col));
        int match = traffic_find_node(right, table_get(left, row, 0), table_get(left, row, 1));
        for (int col = 2; col < table_n_cols(right); col++)
            table_cell(out, match >= 0 ? table_get(right, match, col) : "0");
    }
    return out;
}

static void traffic_on_nodes(void *arg, struct table *t)
{
    struct console_call *call = arg;
    struct table *counters = traffic_merged(t, 2);
    struct table *nodes = status_nodes(call->proxy->manager);
    struct table *spread = status_spread(call->proxy->manager);
    struct table *both = counters && nodes ? traffic_join(nodes, counters) : NULL;
    struct table *out = both && spread ? traffic_join(both, spread) : NULL;
    table_free(counters);
    table_free(nodes);
    table_free(spread);
    table_free(both);
    console_answer_rows(call, out, tag);
}

void traffic_nodes(struct console_call *call)
{
    TRAFFIC_GATHER(call, nodes, traffic_on_nodes);
}

/* ---- SHOW DATABASES ----------------------------------------------------------------------------------------------- */

static const struct node_conf *traffic_writer(const struct console_call *call, const char *cluster)
{
    const struct repl_conf *r = &call->proxy->conf->repl;
    const struct node_conf *found = NULL;
    struct table *clusters = status_clusters(call->proxy->manager);
    int name = clusters ? merge_column(clusters, "cluster") : -1;
    int writer = clusters ? merge_column(clusters, "writer") : -1;
    for (int row = 0; name >= 0 && writer >= 0 && row < table_n_rows(clusters); row++) {
        const char *node = table_get(clusters, row, writer);
        if (strcmp(table_get(clusters, row, name), cluster) != 0 || !node)
            continue;
        for (int i = 0; i < r->n_nodes; i++)
            if (strcmp(r->nodes[i].name, node) == 0)
                found = &r->nodes[i];
    }
    table_free(clusters);
    return found;
}

static const char *traffic_pool_mode(int mode)
{
    return mode == POOL_SESSION ? "session" : mode == POOL_STATEMENT ? "statement" : "transaction";
}

/* In the order of pgbouncer's columns. pools may have no row for the database (row -1). */
static void traffic_database_row(const struct console_call *call, struct table *out,
                                 const char *name, const struct table *pools, int row)
{
    const struct config *conf = call->proxy->conf;
    const struct control_gates *gates = control_gates(call->proxy->control);
    const struct database_conf *d = config_database(conf, name);
    const struct node_conf *writer = d ? traffic_writer(call, d->cluster) : NULL;
    const struct pool_conf *pool = config_pool(conf, name, "*");
    static const char *const servers[] = {"sv_active",        "sv_idle",  "sv_used",
                                          "sv_tested",        "sv_login", "sv_active_cancel",
                                          "sv_being_canceled"};
    static const char *const clients[] = {"cl_active", "cl_waiting"};
    int64_t n_servers = 0, n_clients = 0, v = 0;
    for (size_t i = 0; row >= 0 && i < ARRAY_LEN(servers); i++) {
        int col = merge_column(pools, servers[i]);
        n_servers += col >= 0 && str_to_i64(table_get(pools, row, col), &v) ? v : 0;
    }
    for (size_t i = 0; row >= 0 && i < ARRAY_LEN(clients); i++) {
        int col = merge_column(pools, clients[i]);
        n_clients += col >= 0 && str_to_i64(table_get(pools, row, col), &v) ? v : 0;
    }
    table_cell(out, name);
    table_cell(out, writer ? writer->host : NULL);
    table_cell_i64(out, writer ? writer->port : 0);
    table_cell(out, d && *d->dbname ? d->dbname : name);
    table_cell(out, NULL);
    table_cell_i64(out, pool->pool_size);
    table_cell_i64(out, pool->min_pool_size);
    table_cell_i64(out, pool->reserve_pool_size);
    table_cell_i64(out, pool->server_lifetime / USEC_PER_SEC);
    table_cell(out, traffic_pool_mode(pool->pool_mode));
    table_cell(out, NULL);
    table_cell_i64(out, config_max_db_connections(conf, name));
    table_cell_i64(out, n_servers);
    table_cell_i64(out, 0);
    table_cell_i64(out, n_clients);
    table_cell_i64(out, control_paused(gates, name));
    table_cell_i64(out, control_disabled(gates, name));
    table_cell(out, d ? d->cluster : NULL);
}

static bool traffic_has_database(const struct table *pools, const char *name)
{
    for (int row = 0; row < table_n_rows(pools); row++)
        if (strcmp(table_get(pools, row, 0), name) == 0)
            return true;
    return false;
}

/* Databases in use, then configured ones that nobody uses now. */
static void traffic_on_databases(void *arg, struct table *t)
{
    static const char *const columns[] = {"name",
                                          "host",
                                          "port",
                                          "database",
                                          "force_user",
                                          "pool_size",
                                          "min_pool_size",
                                          "reserve_pool_size",
                                          "server_lifetime",
                                          "pool_mode",
                                          "load_balance_hosts",
                                          "max_connections",
                                          "current_connections",
                                          "max_client_connections",
                                          "current_client_connections",
                                          "paused",
                                          "disabled",
                                          "cluster"};
    struct console_call *call = arg;
    const struct config *conf = call->proxy->conf;
    struct table *pools = traffic_merged(t, 1);
    struct table *out = pools ? table_new(columns, (int)ARRAY_LEN(columns)) : NULL;
    for (int row = 0; out && row < table_n_rows(pools); row++)
        traffic_database_row(call, out, table_get(pools, row, 0), pools, row);
    for (int i = 0; out && i < conf->n_databases; i++)
        if (!traffic_has_database(pools, conf->databases[i].name))
            traffic_database_row(call, out, conf->databases[i].name, pools, -1);
    table_free(pools);
    console_answer_rows(call, out, tag);
}

void traffic_databases(struct console_call *call)
{
    TRAFFIC_GATHER(call, pools, traffic_on_databases);
}

/* ---- SHOW LISTS --------------------------------------------------------------------------------------------------- */

static int traffic_distinct(const struct table *pools, int col)
{
    int n = 0;
    for (int row = 0; row < table_n_rows(pools); row++) {
        bool seen = false;
        for (int i = 0; i < row && !seen; i++)
            seen = strcmp(table_get(pools, i, col), table_get(pools, row, col)) == 0;
        n += !seen;
    }
    return n;
}

/* pgbouncer's list, in its order; what tanist does not have is 0. */
static void traffic_on_lists(void *arg, struct table *t)
{
    static const char *const columns[] = {"list", "items"};
    static const char *const absent[] = {"dns_names", "dns_zones", "dns_queries", "dns_pending"};
    struct table *pools = traffic_merged(t, 2);
    struct table *out = pools ? table_new(columns, 2) : NULL;
    if (out) {
        traffic_add(out, "databases", traffic_distinct(pools, 0));
        traffic_add(out, "users", traffic_distinct(pools, 1));
        traffic_add(out, "peers", 0);
        traffic_add(out, "pools", table_n_rows(pools));
        traffic_add(out, "peer_pools", 0);
        traffic_add(out, "free_clients", 0);
        traffic_add(out, "used_clients",
                    merge_sum(pools, "cl_active") + merge_sum(pools, "cl_waiting"));
        traffic_add(out, "login_clients", 0);
        traffic_add(out, "free_servers", merge_sum(pools, "sv_idle"));
        traffic_add(out, "used_servers",
                    merge_sum(pools, "sv_active") + merge_sum(pools, "sv_login"));
        for (size_t i = 0; i < ARRAY_LEN(absent); i++)
            traffic_add(out, absent[i], 0);
    }
    table_free(pools);
    console_answer_rows(arg, out, tag);
}

void traffic_lists(struct console_call *call)
{
    TRAFFIC_GATHER(call, pools, traffic_on_lists);
}
