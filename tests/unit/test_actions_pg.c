/* The rewriting of primary_conninfo: place and user are replaced, everything else stays, passwords above all. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/actions_pg.h"

static void rewrites(void **state)
{
    (void)state;
    static const struct {
        const char *old, *host, *user, *expect;
    } rows[] = {
        {"host=a port=1 user=repl", "b", "", "user='repl' host='b' port='7000'"},
        {"user=repl passfile='/p f' hostaddr=10.0.0.1 host=a port=1 sslmode=verify-full", "b", NULL,
         "user='repl' passfile='/p f' sslmode='verify-full' host='b' port='7000'"},
        {"user=repl password='it\\'s' host=a application_name=n1", "b", "other",
         "password='it\\'s' application_name='n1' user='other' host='b' port='7000'"},
        {"postgresql://repl:pw@a,c:1,2/?sslmode=disable", "/run/pg", "",
         "user='repl' password='pw' sslmode='disable' host='/run/pg' port='7000'"},
        {"", "b", "repl", "user='repl' host='b' port='7000'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[512];
        struct err e = {0};
        assert_int_equal(actions_sql_conninfo(rows[i].old,
                                              &(struct actions_sql_place){.host = rows[i].host,
                                                                          .port = 7000,
                                                                          .user = rows[i].user},
                                              out, sizeof(out), &e),
                         0);
        assert_string_equal(out, rows[i].expect);
    }
}

static void refusals(void **state)
{
    (void)state;
    char out[64];
    struct err e = {0};
    assert_int_equal(actions_sql_conninfo("no such thing",
                                          &(struct actions_sql_place){.host = "b", .port = 1}, out,
                                          sizeof(out), &e),
                     ERR_INVALID);
    assert_int_equal(actions_sql_conninfo(
                         "user=u application_name=a-very-long-name-of-an-application",
                         &(struct actions_sql_place){.host = "b", .port = 1}, out, sizeof(out), &e),
                     ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewrites),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
