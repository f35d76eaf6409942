/* Averages of SHOW STATS: what was counted in the latest period, for each second or for each transaction or query.
 *
 * pgbouncer looks every minute. We keep what was seen at the last look that is at least a minute old, so nothing runs
 * when nobody looks; the period is then as long as the pause between looks. Before the first such look the period begins
 * with the daemon. Manager's thread; not pure (malloc in tables). */
#ifndef TANIST_PROXY_ADMIN_AVERAGES_H
#define TANIST_PROXY_ADMIN_AVERAGES_H

#include "../../replication/base/attrs.h"
#include "../../replication/base/clock.h"

struct table;

enum { AVERAGES_PERIOD_US = 60 * 1000000 };

struct averages {
    struct table *base, *latest; /* totals by database; NULL: all were 0 */
    usec_t base_at, latest_at;
};

void averages_init(struct averages *a, usec_t started_at);
void averages_fini(struct averages *a);

/* stats: database, totals..., other columns. Returns new rows: database, totals, their averages, the others; NULL without
 * memory. */
struct table *averages_add(struct averages *a, const struct table *stats, usec_t now) MUST_CHECK;

#endif
