#include "averages.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/str.h"
#include "../../replication/base/table.h"
#include "merge.h"

/* The average's column, its total, and the total it is divided by (NULL: by seconds). In pgbouncer's order. */
struct average {
    const char *column, *total, *per;
};

static const struct average averages[] = {
    {"avg_server_assignment_count", "total_server_assignment_count", NULL},
    {"avg_xact_count", "total_xact_count", NULL},
    {"avg_query_count", "total_query_count", NULL},
    {"avg_recv", "total_received", NULL},
    {"avg_sent", "total_sent", NULL},
    {"avg_xact_time", "total_xact_time", "total_xact_count"},
    {"avg_query_time", "total_query_time", "total_query_count"},
    {"avg_wait_time", "total_wait_time", NULL},
    {"avg_client_parse_count", "total_client_parse_count", NULL},
    {"avg_server_parse_count", "total_server_parse_count", NULL},
    {"avg_bind_count", "total_bind_count", NULL},
    {"avg_client_login_count", "total_client_login_count", NULL},
};

void averages_init(struct averages *a, usec_t started_at)
{
    *a = (struct averages){.base_at = started_at, .latest_at = started_at};
}

void averages_fini(struct averages *a)
{
    table_free(a->base);
    table_free(a->latest);
    a->base = a->latest = NULL;
}

static int64_t averages_number(const struct table *t, int row, const char *column)
{
    int col = t && row >= 0 ? merge_column(t, column) : -1;
    const char *text = col >= 0 ? table_get(t, row, col) : NULL;
    int64_t v = 0;
    return text && str_to_i64(text, &v) ? v : 0;
}

static int averages_row(const struct table *t, const char *database)
{
    for (int row = 0; t && row < table_n_rows(t); row++)
        if (strcmp(table_get(t, row, 0), database) == 0)
            return row;
    return -1;
}

/* How much a total grew since the base. */
static int64_t averages_grown(const struct averages *a, const struct table *stats, int row,
                              const char *total)
{
    int before = averages_row(a->base, table_get(stats, row, 0));
    int64_t grown = averages_number(stats, row, total) - averages_number(a->base, before, total);
    return grown > 0 ? grown : 0;
}

static int64_t averages_value(const struct averages *a, const struct table *stats, int row,
                              size_t i, usec_t now)
{
    int64_t grown = averages_grown(a, stats, row, averages[i].total);
    if (averages[i].per) {
        int64_t n = averages_grown(a, stats, row, averages[i].per);
        return n ? grown / n : 0;
    }
    usec_t period = now - a->base_at;
    return period > 0 ? (int64_t)((double)grown * (double)USEC_PER_SEC / (double)period) : 0;
}

static bool averages_is_total(const struct table *t, int col)
{
    const char *name = table_column(t, col);
    for (size_t i = 0; i < ARRAY_LEN(averages); i++)
        if (strcmp(name, averages[i].total) == 0)
            return true;
    return col == 0;
}

static struct table *averages_table(const struct table *stats)
{
    const char *names[TABLE_COLS_MAX];
    int n = 0;
    BUG_ON(table_n_cols(stats) + (int)ARRAY_LEN(averages) > TABLE_COLS_MAX);
    for (int col = 0; col < table_n_cols(stats); col++)
        if (averages_is_total(stats, col))
            names[n++] = table_column(stats, col);
    for (size_t i = 0; i < ARRAY_LEN(averages); i++)
        names[n++] = averages[i].column;
    for (int col = 0; col < table_n_cols(stats); col++)
        if (!averages_is_total(stats, col))
            names[n++] = table_column(stats, col);
    return table_new(names, n);
}

/* Moves the base when the latest look is old enough to be one. */
static void averages_turn(struct averages *a, const struct table *stats, usec_t now)
{
    if (now - a->latest_at < AVERAGES_PERIOD_US)
        return;
    struct table *copy = merge_rows(stats, 1);
    if (!copy)
        return;
    table_free(a->base);
    a->base = a->latest;
    a->base_at = a->latest_at;
    a->latest = copy;
    a->latest_at = now;
}

struct table *averages_add(struct averages *a, const struct table *stats, usec_t now)
{
    averages_turn(a, stats, now);
    struct table *out = averages_table(stats);
    for (int row = 0; out && row < table_n_rows(stats); row++) {
        for (int col = 0; col < table_n_cols(stats); col++)
            if (averages_is_total(stats, col))
                table_cell(out, table_get(stats, row, col));
        for (size_t i = 0; i < ARRAY_LEN(averages); i++)
            table_cell_i64(out, averages_value(a, stats, row, i, now));
        for (int col = 0; col < table_n_cols(stats); col++)
            if (!averages_is_total(stats, col))
                table_cell(out, table_get(stats, row, col));
    }
    return out;
}
