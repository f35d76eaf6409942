#include "show.h"

#include <string.h>

#include "../../replication/base/str.h"
#include "../../replication/base/table.h"
#include "../../replication/status.h"
#include "../proxy.h"
#include "../stats.h"
#include "../version.h"
#include "console.h"
#include "merge.h"

static const char tag[] = "SHOW";

/* ---- The control plane -------------------------------------------------------------------------------------------- */

void show_clusters(struct console_call *call)
{
    console_answer_rows(call, status_clusters(call->proxy->manager), tag);
}

void show_nodes(struct console_call *call)
{
    console_answer_rows(call, status_nodes(call->proxy->manager), tag);
}

void show_lag(struct console_call *call)
{
    console_answer_rows(call, status_lag(call->proxy->manager), tag);
}

void show_events(struct console_call *call)
{
    console_answer_rows(call, status_events(call->proxy->manager), tag);
}

void show_failover(struct console_call *call)
{
    console_answer_rows(call, status_failover(call->proxy->manager), tag);
}

/* ---- The data plane: workers' rows, summed ------------------------------------------------------------------------ */

/* Takes t; the rows of all workers become one for each key. */
static struct table *show_merged(struct table *t, int n_keys)
{
    struct table *merged = t ? merge_rows(t, n_keys) : NULL;
    table_free(t);
    return merged;
}

/* Takes t. */
static struct table *show_projected(struct table *t, const char *keep, const char *prefix)
{
    struct table *out = t ? merge_project(t, &keep, 1, prefix) : NULL;
    table_free(t);
    return out;
}

static void show_on_pools(void *arg, struct table *t)
{
    console_answer_rows(arg, show_merged(t, 2), tag);
}

static void show_on_databases(void *arg, struct table *t)
{
    console_answer_rows(arg, show_merged(t, 3), tag);
}

static void show_on_connections(void *arg, struct table *t)
{
    console_answer_rows(arg, t, tag);
}

/* One row for each counter, over all databases. */
static struct table *show_totals(struct table *stats)
{
    static const char *const columns[] = {"name", "value"};
    struct table *out = table_new(columns, 2);
    for (int col = 1; out && col < table_n_cols(stats); col++) {
        const char *name = table_column(stats, col);
        if (strncmp(name, "total_", 6) != 0)
            continue;
        table_cell(out, name);
        table_cell_i64(out, merge_sum(stats, name));
    }
    return out;
}

static void show_on_stats(void *arg, struct table *t)
{
    struct console_call *call = arg;
    struct table *merged = show_merged(t, 1);
    if (merged && call->parsed.id == CONSOLE_SHOW_STATS_TOTALS) {
        merged = show_projected(merged, "database", "total_");
    } else if (merged && call->parsed.id == CONSOLE_SHOW_STATS_AVERAGES) {
        merged = show_projected(merged, "database", "avg_");
    } else if (merged && call->parsed.id == CONSOLE_SHOW_TOTALS) {
        struct table *totals = show_totals(merged);
        table_free(merged);
        merged = totals;
    }
    console_answer_rows(call, merged, tag);
}

/* Clients whose column "pin" says something. */
static void show_on_pins(void *arg, struct table *t)
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

static int show_distinct(const struct table *pools, int col)
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

static void show_add_item(struct table *out, const char *name, long long n)
{
    table_cell(out, name);
    table_cell_i64(out, n);
}

/* pgbouncer's list, in its order; what tanist does not have is 0. */
static void show_on_lists(void *arg, struct table *t)
{
    static const char *const columns[] = {"list", "items"};
    static const char *const absent[] = {"dns_names", "dns_zones", "dns_queries", "dns_pending"};
    struct table *pools = show_merged(t, 2);
    struct table *out = pools ? table_new(columns, 2) : NULL;
    if (out) {
        show_add_item(out, "databases", show_distinct(pools, 0));
        show_add_item(out, "users", show_distinct(pools, 1));
        show_add_item(out, "peers", 0);
        show_add_item(out, "pools", table_n_rows(pools));
        show_add_item(out, "peer_pools", 0);
        show_add_item(out, "free_clients", 0);
        show_add_item(out, "used_clients",
                      merge_sum(pools, "cl_active") + merge_sum(pools, "cl_waiting"));
        show_add_item(out, "login_clients", 0);
        show_add_item(out, "free_servers", merge_sum(pools, "sv_idle"));
        show_add_item(out, "used_servers",
                      merge_sum(pools, "sv_active") + merge_sum(pools, "sv_login"));
        for (size_t i = 0; i < ARRAY_LEN(absent); i++)
            show_add_item(out, absent[i], 0);
    }
    table_free(pools);
    console_answer_rows(arg, out, tag);
}

void show_pools(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_pools, stats_n_cols_pools, stats_rows_pools, show_on_pools,
                 call);
}

void show_stats(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_stats, stats_n_cols_stats, stats_rows_stats, show_on_stats,
                 call);
}

void show_clients(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_clients, stats_n_cols_clients, stats_rows_clients,
                 show_on_connections, call);
}

void show_pins(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_clients, stats_n_cols_clients, stats_rows_clients,
                 show_on_pins, call);
}

void show_servers(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_servers, stats_n_cols_servers, stats_rows_servers,
                 show_on_connections, call);
}

void show_databases(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_databases, stats_n_cols_databases, stats_rows_databases,
                 show_on_databases, call);
}

void show_lists(struct console_call *call)
{
    proxy_gather(call->proxy, stats_cols_pools, stats_n_cols_pools, stats_rows_pools, show_on_lists,
                 call);
}

/* ---- The daemon --------------------------------------------------------------------------------------------------- */

static void show_config_section(struct table *t, const struct conf_section *s, const void *root)
{
    const char *name = "";
    const void *instance;
    for (int at = 0; (instance = s->at(root, at, &name)) != NULL; at++)
        for (int i = 0; i < s->n_settings; i++) {
            const struct conf_setting *row = &s->settings[i];
            char value[CONF_VALUE_MAX];
            conf_value_text(row, instance, value, sizeof value);
            if (s->named)
                table_cellf(t, "%s %s.%s", s->kind, name, row->name);
            else
                table_cellf(t, "%s.%s", s->kind, row->name);
            table_cell(t, value);
            table_cell(t, row->def ? row->def : "");
            table_cell(t, row->flags & CONF_RELOAD ? "yes" : "no");
        }
}

void show_config(struct console_call *call)
{
    static const char *const columns[] = {"key", "value", "default", "changeable"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    int n;
    const struct conf_section *sections = config_sections(&n);
    for (int i = 0; t && i < n; i++)
        show_config_section(t, &sections[i], call->proxy->conf);
    console_answer_rows(call, t, tag);
}

void show_version(struct console_call *call)
{
    static const char *const columns[] = {"version"};
    struct table *t = table_new(columns, 1);
    if (t)
        table_cell(t, "tanist " TANIST_VERSION);
    console_answer_rows(call, t, tag);
}

void show_state(struct console_call *call)
{
    static const char *const columns[] = {"key", "value"};
    struct table *t = table_new(columns, 2);
    if (t) {
        table_cell(t, "active");
        table_cell(t, call->proxy->stopping ? "no" : "yes");
        table_cell(t, "paused");
        table_cell(t, "no");
        table_cell(t, "suspended");
        table_cell(t, "no");
    }
    console_answer_rows(call, t, tag);
}

void show_help(struct console_call *call)
{
    static const char *const columns[] = {"command", "description", "rights"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (enum console_id id = CONSOLE_EMPTY + 1; t && id < CONSOLE_ID_NR; id++) {
        const struct console_command *c = console_command(id);
        if (!c->doc)
            continue;
        table_cellf(t, "%s%s%s", c->words, *c->usage ? " " : "", c->usage);
        table_cell(t, c->doc);
        table_cell(t, c->access == CONSOLE_CHANGE ? "admin" : "stats");
    }
    console_answer_rows(call, t, tag);
}
