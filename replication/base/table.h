/* A bounded text table: what SHOW commands and the command line print. Heap, one thread at a time, not pure (malloc).
 *
 * Owned by who made it; every string is copied in. Rows are filled cell by cell from the left; the row ends by itself
 * when its last column is filled. Beyond a bound (or without memory) cells are dropped by whole rows and `truncated` is set. */
#ifndef TANIST_BASE_TABLE_H
#define TANIST_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"

enum {
    TABLE_COLS_MAX = 64,
    TABLE_ROWS_MAX = 100000,
    TABLE_BYTES_MAX = 16 * 1024 * 1024,
    TABLE_CELL_MAX = 1024
};

struct table;

/* Returns owned, or NULL without memory. n is 1 to TABLE_COLS_MAX. */
struct table *table_new(const char *const *columns, int n) MUST_CHECK;
void table_free(struct table *t); /* NULL is allowed */

/* The next cell; NULL is SQL's NULL. Formatted cells are cut at TABLE_CELL_MAX bytes, copied ones are not. */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_cell_i64(struct table *t, int64_t v);
void table_cell_u64(struct table *t, uint64_t v);
void table_cell_bool(struct table *t, bool v); /* "t" or "f", as PostgreSQL writes it */

int table_n_cols(const struct table *t);
int table_n_rows(const struct table *t); /* complete rows */
bool table_truncated(const struct table *t);
const char *table_column(const struct table *t, int col);
/* Returns borrowed, until the table grows or is freed; NULL for SQL's NULL. */
const char *table_get(const struct table *t, int row, int col);

#endif
