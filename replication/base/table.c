#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bug.h"

/* A cell is an offset into one text buffer, so that growing never moves a pointer that a cell holds. */
enum { CELL_NULL = 0 };

struct table {
    int n_cols, n_rows;
    int col; /* next column of the row being filled */
    bool truncated;
    char *text;
    size_t text_n, text_cap;
    size_t row_start; /* text_n when the present row began */
    uint32_t *cells;
    size_t cells_cap;
    uint32_t columns[TABLE_COLS_MAX];
};

/* Room for `need` more bytes or items in a doubling buffer; false at the bound or without memory. */
static bool reserve(void **p, size_t *cap, size_t used, size_t need, size_t item)
{
    if (need <= *cap - used)
        return true;
    if (need > TABLE_BYTES_MAX / item || used + need > TABLE_BYTES_MAX / item)
        return false;
    size_t want = *cap ? *cap : 256;
    while (want < used + need)
        want *= 2;
    void *grown = realloc(*p, want * item);
    if (!grown)
        return false;
    *p = grown;
    *cap = want;
    return true;
}

static bool add_text(struct table *t, const char *text, uint32_t *at)
{
    const size_t n = strlen(text) + 1;
    void *p = t->text;
    const bool ok = reserve(&p, &t->text_cap, t->text_n, n, 1);
    t->text = p;
    if (!ok)
        return false;
    memcpy(t->text + t->text_n, text, n);
    *at = (uint32_t)t->text_n;
    t->text_n += n;
    return true;
}

struct table *table_new(const char *const *columns, int n)
{
    BUG_ON(n < 1);
    BUG_ON(n > TABLE_COLS_MAX);
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->n_cols = n;
    /* Offset 0 stands for NULL, so the text begins one byte later. */
    uint32_t unused;
    bool ok = add_text(t, "", &unused);
    for (int i = 0; ok && i < n; i++)
        ok = add_text(t, columns[i], &t->columns[i]);
    if (!ok) {
        table_free(t);
        return NULL;
    }
    t->row_start = t->text_n;
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    free(t->text);
    free(t->cells);
    free(t);
}

/* Drops the row begun and everything that follows. */
static void give_up(struct table *t)
{
    t->truncated = true;
    t->text_n = t->row_start;
    t->col = 0;
}

void table_cell(struct table *t, const char *text)
{
    if (t->truncated)
        return;
    if (t->col == 0) {
        void *p = t->cells;
        const size_t used = (size_t)t->n_rows * (size_t)t->n_cols;
        const bool ok = t->n_rows < TABLE_ROWS_MAX &&
                        reserve(&p, &t->cells_cap, used, (size_t)t->n_cols, sizeof(*t->cells));
        t->cells = p;
        if (!ok) {
            give_up(t);
            return;
        }
        t->row_start = t->text_n;
    }
    uint32_t at = CELL_NULL;
    if (text && !add_text(t, text, &at)) {
        give_up(t);
        return;
    }
    t->cells[(size_t)t->n_rows * (size_t)t->n_cols + (size_t)t->col] = at;
    if (++t->col == t->n_cols) {
        t->col = 0;
        t->n_rows++;
    }
}

void table_cellf(struct table *t, const char *fmt, ...)
{
    char text[TABLE_CELL_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    table_cell(t, text);
}

void table_cell_i64(struct table *t, int64_t v)
{
    table_cellf(t, "%" PRId64, v);
}

void table_cell_u64(struct table *t, uint64_t v)
{
    table_cellf(t, "%" PRIu64, v);
}

void table_cell_bool(struct table *t, bool v)
{
    table_cell(t, v ? "t" : "f");
}

int table_n_cols(const struct table *t)
{
    return t->n_cols;
}

int table_n_rows(const struct table *t)
{
    return t->n_rows;
}

bool table_truncated(const struct table *t)
{
    return t->truncated;
}

const char *table_column(const struct table *t, int col)
{
    BUG_ON(col < 0);
    BUG_ON(col >= t->n_cols);
    return t->text + t->columns[col];
}

const char *table_get(const struct table *t, int row, int col)
{
    BUG_ON(row < 0);
    BUG_ON(row >= t->n_rows);
    BUG_ON(col < 0);
    BUG_ON(col >= t->n_cols);
    const uint32_t at = t->cells[(size_t)row * (size_t)t->n_cols + (size_t)col];
    return at == CELL_NULL ? NULL : t->text + at;
}
