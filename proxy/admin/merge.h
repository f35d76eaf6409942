/* Workers count for themselves; a console table sums them up. Rows with equal keys become one row. Not pure (malloc).
 *
 * The columns say how: counters are added, waiting times take the worst, names are taken from the first. A column is found by its name, so columns may be added to a
 * table without a change here: a new one is added up if it holds numbers, else taken from the first. */
#ifndef TANIST_PROXY_ADMIN_MERGE_H
#define TANIST_PROXY_ADMIN_MERGE_H

#include "../../replication/base/attrs.h"

struct table;

/* New table with the same columns, ordered by the first n_keys columns, which are the key. NULL without memory. */
struct table *merge_rows(const struct table *t, int n_keys) MUST_CHECK;

/* The columns whose name is in `keep` or begins with `prefix` (NULL: none), in their order. NULL without memory. */
struct table *merge_project(const struct table *t, const char *const *keep, int n_keep,
                            const char *prefix) MUST_CHECK;

/* All columns but one. NULL without memory. */
struct table *merge_without(const struct table *t, const char *column) MUST_CHECK;

int merge_column(const struct table *t, const char *name); /* index or -1 */
/* Sum of a column over all rows; 0 if there is no such column. */
long long merge_sum(const struct table *t, const char *name);

#endif
