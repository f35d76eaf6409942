/* Nanoseconds for one classification: `make bench-classify`. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../proxy/core/classify.h"
#include "../../replication/base/attrs.h"
#include "../unit/classify_catalog.h"

enum { ROUNDS = 500, TRIES = 400 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure(struct slice sql, unsigned *sum)
{
    const struct catalog *cat = classify_test_catalog();
    double best = 1e18;
    for (int try = 0; try < TRIES; try++) {
        double from = now();
        for (int i = 0; i < ROUNDS; i++) {
            struct classification c;
            classify_sql(sql, cat, NULL, &c);
            *sum += c.bits;
        }
        double one = (now() - from) / ROUNDS;
        best = one < best ? one : best;
    }
    return best;
}

int main(void)
{
    static char kilo[1024];
    static const struct {
        const char *name, *sql;
    } rows[] = {
        {"pgbench -S", "SELECT abalance FROM pgbench_accounts WHERE aid = 123456;"},
        {"100 bytes", "SELECT u.id, u.name, lower(u.email) FROM users u WHERE u.id = $1 AND "
                      "u.active ORDER BY u.id LIMIT 1"},
        {"update", "UPDATE pgbench_accounts SET abalance = abalance + -4213 WHERE aid = 123456;"},
        {"begin", "BEGIN"},
        {"1 kB", kilo},
    };
    static const char join[] =
        "SELECT o.id, o.total, coalesce(c.name, 'none') AS name, count(*) FROM orders o "
        "JOIN customers c ON c.id = o.customer_id WHERE o.created_at > now() - interval '1 day' "
        "AND o.state IN ('new', 'paid', 'sent') GROUP BY 1, 2, 3 ";
    snprintf(kilo, sizeof(kilo), "%s UNION ALL %s UNION ALL %s UNION ALL %s ORDER BY 1", join, join,
             join, join);
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice sql = slice_of(rows[i].sql);
        double ns = measure(sql, &sum);
        printf("%-12s %5zu bytes %8.1f ns %6.2f ns/byte\n", rows[i].name, sql.n, ns,
               ns / (double)sql.n);
    }
    return sum == 0;
}
