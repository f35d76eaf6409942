#include "merge.h"

#include <stdlib.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/str.h"
#include "../../replication/base/table.h"

enum merge_how {
    MERGE_SUM = 1,
    MERGE_FIRST,
    MERGE_MAX,        /* maxwait, which decides for maxwait_us */
    MERGE_MAX_DETAIL, /* of the row with the greatest maxwait */
};

struct merge_rule {
    const char *column;
    enum merge_how how;
    const char *by; /* of MERGE_MAX_DETAIL */
};

/* Columns that hold numbers and are not to be added. */
static const struct merge_rule rules[] = {
    {"maxwait", MERGE_MAX, NULL},    {"maxwait_us", MERGE_MAX_DETAIL, "maxwait"},
    {"database", MERGE_FIRST, NULL}, {"user", MERGE_FIRST, NULL},
    {"name", MERGE_FIRST, NULL},
};

static const struct merge_rule *merge_rule_of(const char *column)
{
    static const struct merge_rule add = {"", MERGE_SUM, NULL};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (strcmp(rules[i].column, column) == 0)
            return &rules[i];
    return &add;
}

int merge_column(const struct table *t, const char *name)
{
    for (int col = 0; col < table_n_cols(t); col++)
        if (strcmp(table_column(t, col), name) == 0)
            return col;
    return -1;
}

static int64_t merge_number(const struct table *t, int row, int col)
{
    int64_t v = 0;
    const char *text = col >= 0 ? table_get(t, row, col) : NULL;
    return text && str_to_i64(text, &v) ? v : 0;
}

long long merge_sum(const struct table *t, const char *name)
{
    int col = merge_column(t, name);
    long long sum = 0;
    for (int row = 0; row < table_n_rows(t); row++)
        sum += merge_number(t, row, col);
    return sum;
}

/* ---- Merging ------------------------------------------------------------------------------------------------------ */

/* A run of rows with the same key: order[from..to). */
struct merge_run {
    const struct table *t;
    const int *order;
    int from, to;
};

static int merge_compare(const struct table *t, int n_keys, int a, int b)
{
    for (int col = 0; col < n_keys; col++) {
        const char *x = table_get(t, a, col), *y = table_get(t, b, col);
        int diff = strcmp(x ? x : "", y ? y : "");
        if (diff)
            return diff;
    }
    return 0;
}

struct merge_order {
    const struct table *t;
    int n_keys;
};

static int merge_compare_rows(const void *a, const void *b, void *arg)
{
    const struct merge_order *o = arg;
    int x = *(const int *)a, y = *(const int *)b;
    int diff = merge_compare(o->t, o->n_keys, x, y);
    return diff ? diff : (x > y) - (x < y);
}

static int merge_worst(const struct merge_run *r, int col)
{
    int worst = r->order[r->from];
    for (int i = r->from + 1; i < r->to; i++)
        if (merge_number(r->t, r->order[i], col) > merge_number(r->t, worst, col))
            worst = r->order[i];
    return worst;
}

static void merge_add_cell(struct table *out, const struct merge_run *r, int col)
{
    const struct merge_rule *rule = merge_rule_of(table_column(r->t, col));
    const char *first = table_get(r->t, r->order[r->from], col);
    int64_t number;
    bool numeric = first && str_to_i64(first, &number);
    if (!numeric || rule->how == MERGE_FIRST || r->to - r->from == 1) {
        table_cell(out, first);
        return;
    }
    int64_t v = 0;
    int by = rule->by ? merge_column(r->t, rule->by) : -1;
    if (rule->how == MERGE_MAX)
        v = merge_number(r->t, merge_worst(r, col), col);
    else if (rule->how == MERGE_MAX_DETAIL)
        v = merge_number(r->t, merge_worst(r, by >= 0 ? by : col), col);
    else
        for (int i = r->from; i < r->to; i++)
            v += merge_number(r->t, r->order[i], col);
    table_cell_i64(out, v);
}

static struct table *merge_like(const struct table *t)
{
    const char *names[TABLE_COLS_MAX];
    for (int col = 0; col < table_n_cols(t); col++)
        names[col] = table_column(t, col);
    return table_new(names, table_n_cols(t));
}

struct table *merge_rows(const struct table *t, int n_keys)
{
    int n = table_n_rows(t);
    struct table *out = merge_like(t);
    int *order = malloc(sizeof *order * (size_t)(n ? n : 1));
    if (!out || !order) {
        table_free(out);
        free(order);
        return NULL;
    }
    for (int i = 0; i < n; i++)
        order[i] = i;
    qsort_r(order, (size_t)n, sizeof *order, merge_compare_rows, &(struct merge_order){t, n_keys});
    for (int from = 0, to; from < n; from = to) {
        to = from + 1;
        while (to < n && merge_compare(t, n_keys, order[from], order[to]) == 0)
            to++;
        struct merge_run run = {t, order, from, to};
        for (int col = 0; col < table_n_cols(t); col++)
            if (col < n_keys)
                table_cell(out, table_get(t, order[from], col));
            else
                merge_add_cell(out, &run, col);
    }
    free(order);
    return out;
}

static bool merge_kept(const char *name, const char *const *keep, int n_keep, const char *prefix)
{
    if (prefix && strncmp(name, prefix, strlen(prefix)) == 0)
        return true;
    for (int i = 0; i < n_keep; i++)
        if (strcmp(name, keep[i]) == 0)
            return true;
    return false;
}

static struct table *merge_columns(const struct table *t, const int *from, int n)
{
    const char *names[TABLE_COLS_MAX];
    BUG_ON(n == 0);
    for (int i = 0; i < n; i++)
        names[i] = table_column(t, from[i]);
    struct table *out = table_new(names, n);
    for (int row = 0; out && row < table_n_rows(t); row++)
        for (int i = 0; i < n; i++)
            table_cell(out, table_get(t, row, from[i]));
    return out;
}

struct table *merge_project(const struct table *t, const char *const *keep, int n_keep,
                            const char *prefix)
{
    int from[TABLE_COLS_MAX], n = 0;
    for (int col = 0; col < table_n_cols(t); col++)
        if (merge_kept(table_column(t, col), keep, n_keep, prefix))
            from[n++] = col;
    return merge_columns(t, from, n);
}

struct table *merge_without(const struct table *t, const char *column)
{
    int from[TABLE_COLS_MAX], n = 0;
    for (int col = 0; col < table_n_cols(t); col++)
        if (strcmp(table_column(t, col), column) != 0)
            from[n++] = col;
    return merge_columns(t, from, n);
}
