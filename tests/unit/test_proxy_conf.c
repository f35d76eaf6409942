#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../proxy/core/balance.h"
#include "../../proxy/proxy_conf.h"
#include "../../replication/base/log.h"

static struct conf_diags diags;

static const char *path(void)
{
    static char name[64];
    if (!*name)
        snprintf(name, sizeof name, "/tmp/tanist-test-conf-%d", (int)getpid());
    return name;
}

static int unset_environment(void **state)
{
    (void)state;
    unsetenv("TANIST_FAILOVER_MODE");
    unsetenv("XDG_STATE_HOME");
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    (void)unlink(path());
    return 0;
}

/* NULL text: no file. */
static struct config *load(const char *text, const char *conninfo, const char *const *sets,
                           int n_sets)
{
    struct config *c = NULL;
    struct conf_source src = {
        .file = text ? path() : NULL, .sets = sets, .n_sets = n_sets, .environment = true};
    if (text) {
        FILE *f = fopen(path(), "w");
        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
    }
    int rc = config_load(&src, conninfo, &c, &diags);
    assert_true((rc == 0) == (c != NULL));
    assert_true((rc == 0) == (diags.n_errors == 0));
    return c;
}

static struct config *load_ok(const char *text)
{
    struct config *c = load(text, NULL, NULL, 0);
    if (!c)
        conf_diags_print(&diags, stderr);
    assert_non_null(c);
    return c;
}

static bool complains(const char *text, const char *says)
{
    struct config *c = load(text, NULL, NULL, 0);
    config_unref(c);
    for (int i = 0; i < diags.n; i++)
        if (strstr(diags.d[i].text, says))
            return true;
    conf_diags_print(&diags, stderr);
    return false;
}

#define NODES "[cluster main]\n[node a]\nhost = h1\n[node b]\nhost = h2\nport = 5433\nweight = 0\n"

static void test_zero_configuration(void **state)
{
    (void)state;
    struct config *c = load(NULL, "postgresql://postgres@h1,h2:5433,h3/postgres", NULL, 0);
    assert_non_null(c);
    assert_int_equal(c->repl.n_clusters, 1);
    assert_string_equal(c->repl.clusters[0].name, "main");
    assert_int_equal(c->repl.n_nodes, 3);
    assert_int_equal(c->repl.nodes[1].port, 5433);
    assert_int_equal(c->repl.failover.mode, FAILOVER_MANUAL);
    assert_int_equal(c->n_listens, 1);
    assert_string_equal(c->listens[0].address, "127.0.0.1");
    assert_int_equal(c->listens[0].port, 6432);
    assert_int_equal(c->listens[0].route, ROUTE_AUTO);
    const struct database_conf *d = config_database(c, "anything");
    assert_non_null(d);
    assert_int_equal(config_database_cluster(c, d), 0);
    assert_int_equal(config_pool(c, "x", "y")->pool_size, 20);
    assert_string_equal(c->repl.state_dir, c->tanist.state_dir);
    assert_int_equal(c->tanist.state_dir[0], '/');
    config_ref(c);
    config_unref(c);
    config_unref(c);
}

static void test_pool_limits(void **state)
{
    (void)state;
    struct config *c = load_ok(NODES "[tanist]\nmax_db_connections = 50\nmax_user_connections = 7\n"
                                     "[database *]\n[database app]\nmax_db_connections = 0\n"
                                     "[user boss]\nmax_user_connections = 9\n[user nobody]\n"
                                     "[pool app.*]\npool_mode = statement\npool_size = 5\n"
                                     "min_pool_size = 2\nreserve_pool_size = 3\n"
                                     "query_timeout = 3s\nclient_idle_timeout = off\n");
    assert_int_equal(config_max_db_connections(c, "other"), 50);
    assert_int_equal(config_max_db_connections(c, "app"), 0);
    assert_int_equal(config_max_user_connections(c, "boss"), 9);
    assert_int_equal(config_max_user_connections(c, "nobody"), 7);
    assert_int_equal(config_max_user_connections(c, "x"), 7);
    const struct pool_conf *p = config_pool(c, "app", "x"), *d = config_pool(c, "other", "x");
    assert_int_equal(p->pool_mode, POOL_STATEMENT);
    assert_int_equal(p->min_pool_size, 2);
    assert_int_equal(p->reserve_pool_size, 3);
    assert_true(p->reserve_pool_timeout == 5 * USEC_PER_SEC);
    assert_true(p->query_timeout == 3 * USEC_PER_SEC);
    assert_true(p->client_idle_timeout == 0);
    assert_true(d->query_wait_notify == 5 * USEC_PER_SEC);
    assert_true(d->transaction_timeout == 0 && d->idle_transaction_timeout == 0);
    config_unref(c);
    assert_true(complains(NODES "[pool *]\npool_size = 2\nmin_pool_size = 3\n", "min_pool_size"));
}

static void test_zero_configuration_mode(void **state)
{
    static const char *const automatic[] = {"failover.mode=automatic"};
    (void)state;
    struct config *c = load(NULL, "host=h1,h2", automatic, 1);
    assert_non_null(c);
    assert_int_equal(c->repl.failover.mode, FAILOVER_AUTOMATIC);
    config_unref(c);
    setenv("TANIST_FAILOVER_MODE", "follow", 1);
    c = load(NULL, "host=h1,h2", NULL, 0);
    unsetenv("TANIST_FAILOVER_MODE");
    assert_non_null(c);
    assert_int_equal(c->repl.failover.mode, FAILOVER_FOLLOW);
    config_unref(c);
    c = load_ok(NODES);
    assert_int_equal(c->repl.failover.mode, FAILOVER_AUTOMATIC);
    config_unref(c);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *c = load_ok(NODES);
    assert_int_equal(c->tanist.workers, -1);
    assert_int_equal(c->tanist.max_client_conn, 10000);
    assert_int_equal(c->tanist.log_level, LOG_INFO);
    assert_int_equal(c->tanist.log_format, LOG_LOGFMT);
    assert_int_equal(c->tanist.client_login_timeout, 60 * USEC_PER_SEC);
    assert_int_equal(c->routing.consistency, CONSISTENCY_SESSION);
    assert_int_equal(c->routing.balance, BALANCE_LEAST_BUSY);
    assert_int_equal(c->routing.when_no_replica, NO_REPLICA_PRIMARY);
    assert_true(c->routing.read_write_split);
    assert_int_equal(c->repl.lag.max_lag, USEC_PER_SEC);
    assert_int_equal(c->repl.lag.max_lag_bytes, 16 * 1024 * 1024);
    assert_int_equal(c->repl.lag.lag_resume, 70);
    assert_int_equal(c->auth.method, METHOD_SCRAM);
    assert_non_null(strstr(c->auth.auth_query, "pg_authid"));
    assert_int_equal(c->server_tls.mode, TLS_PREFER);
    assert_int_equal(c->pools[0].pool_mode, POOL_TRANSACTION);
    assert_int_equal(c->pools[0].query_wait_timeout, 30 * USEC_PER_SEC);
    assert_int_equal(c->pools[0].server_lifetime, 3600 * USEC_PER_SEC);
    assert_int_equal(c->pools[0].max_prepared_statements, 200);
    config_unref(c);
}

/* [routing] belongs to both planes; each row must reach its own struct. */
static void test_routing(void **state)
{
    (void)state;
    struct config *c =
        load_ok(NODES "[routing]\nmax_lag = 250ms\nbalance = round_robin\nlag_resume = 50%\n"
                      "read_functions = f\nread_functions = g, h\nread_write_split = off\n");
    assert_int_equal(c->repl.lag.max_lag, 250 * USEC_PER_MS);
    assert_int_equal(c->repl.lag.lag_resume, 50);
    assert_int_equal(c->routing.balance, BALANCE_ROUND_ROBIN);
    assert_false(c->routing.read_write_split);
    assert_true(config_list_has(c->routing.read_functions, "f"));
    assert_true(config_list_has(c->routing.read_functions, "h"));
    config_unref(c);
}

static void test_pools(void **state)
{
    static const struct {
        const char *database, *user;
        int64_t size;
    } rows[] = {
        {"app", "alice", 1}, {"app", "bob", 2},    {"other", "report", 3}, {"app", "report", 2},
        {"x", "y", 4},       {"a.b", "c", 5},      {"a", "b.c", 5},        {"app", "", 2},
        {"", "report", 3},   {"appl", "alice", 4}, {"ap", "p.alice", 4},
    };
    (void)state;
    struct config *c = load_ok(
        NODES "[pool *]\npool_size = 4\n[pool *.report]\npool_size = 3\n[pool app.*]\npool_size = "
              "2\n[pool app.alice]\npool_size = 1\n[pool a.b.c]\npool_size = 5\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (config_pool(c, rows[i].database, rows[i].user)->pool_size != rows[i].size)
            fail_msg("%s.%s: the wrong pool", rows[i].database, rows[i].user);
    config_unref(c);
}

static void test_databases(void **state)
{
    (void)state;
    struct config *c = load_ok(
        "[cluster one]\n[cluster two]\n[node a]\nhost = h\ncluster = one\n[node b]\nhost = i\n"
        "cluster = two\n[database app]\ncluster = two\ndbname = app_v2\n");
    const struct database_conf *d = config_database(c, "app");
    assert_int_equal(config_database_cluster(c, d), 1);
    assert_string_equal(d->dbname, "app_v2");
    assert_null(config_database(c, "other"));
    config_unref(c);
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(config_list_has("a, b ,c", "b"));
    assert_true(config_list_has("a", "a"));
    assert_true(config_list_has("x,*", "who"));
    assert_false(config_list_has("", "a"));
    assert_false(config_list_has("ab,c", "a"));
    assert_false(config_list_has("a,,b", "ab"));
}

static void test_functions(void **state)
{
    (void)state;
    struct config *c = load_ok(NODES);
    assert_null(config_functions(c));
    config_unref(c);
    c = load_ok(NODES "[routing]\nread_functions = 'GetPrice, app.next_id ,, "
                      "both'\nwrite_functions = both,log_it\n");
    const struct catalog *f = config_functions(c);
    assert_non_null(f);
    assert_int_equal(catalog_function(f, slice_of("getprice")), CATALOG_SAFE);
    assert_int_equal(catalog_function(f, slice_of("next_id")), CATALOG_SAFE);
    assert_int_equal(catalog_function(f, slice_of("log_it")), CATALOG_UNSAFE);
    /* Named in both lists: the careful answer. */
    assert_int_equal(catalog_function(f, slice_of("both")), CATALOG_UNSAFE);
    assert_int_equal(catalog_function(f, slice_of("now")), CATALOG_ABSENT);
    config_unref(c);
    assert_true(complains(NODES "[routing]\nread_functions = app.\n", "is not a function's name"));
}

static void test_complaints(void **state)
{
    (void)state;
    assert_true(complains("", "there is no cluster"));
    assert_true(complains(NODES "[listen x]\ntls = require\n", "tls_cert_file is needed"));
    assert_true(complains(NODES "[listen x]\ntls = require\n", "tls_key_file is needed"));
    assert_true(complains(NODES
                          "[listen x]\ntls = verify-full\ntls_cert_file = /a\ntls_key_file = /b\n",
                          "tls_ca_file is needed"));
    assert_true(complains(NODES
                          "[listen x]\ntls = require\ntls_cert_file = /none/a\ntls_key_file = /b\n",
                          "cannot read \"/none/a\""));
    assert_true(complains(NODES "[listen x]\n[listen y]\n", "is also the address of [listen x]"));
    assert_true(complains(NODES "[database app]\ncluster = mian\n",
                          "there is no [cluster mian]; did you mean \"main\"?"));
    assert_true(complains(NODES "[database tanist]\n", "belongs to the console"));
    assert_true(complains(NODES "[pool app]\n", "must be *, DATABASE.USER"));
    assert_true(complains(NODES "[pool app.]\n", "must be *, DATABASE.USER"));
    assert_true(complains(NODES "[pool *]\npool_size = 0\n", "pool_size"));
    assert_true(complains(NODES "[tanist]\nstate_dir = here\n", "not an absolute path"));
    assert_true(complains(NODES "[tanist]\nstate_dir = "
                                "/a/really/very/long/path/of/which/nobody/knows/the/end/that/does/"
                                "not/leave/enough/room/for/the/name/of/"
                                "a/unix/socket/in/it\n",
                          "Unix socket"));
    assert_true(complains(NODES "[tanist]\nworkers = 65\n", "workers"));
    assert_true(complains(NODES "[server_tls]\nkey_file = /none\n", "cert_file is needed"));
    assert_true(complains(NODES "[auth]\nauth_query =\n", "auth_query"));
    assert_true(complains(NODES "[routing]\nmax_lga = 1s\n", "did you mean \"max_lag\"?"));
}

static void test_both_sources(void **state)
{
    (void)state;
    struct config *c = load(NODES, "host=h1", NULL, 0);
    assert_null(c);
    /* One mistake, one complaint. */
    c = load(NULL, "host=a port=zz", NULL, 0);
    assert_null(c);
    assert_int_equal(diags.n_errors, 1);
    c = load("[listen main]\nport = 7000\n", "host=h1", NULL, 0);
    assert_non_null(c);
    assert_int_equal(c->listens[0].port, 7000);
    config_unref(c);
}

/* The command line finds the daemon without knowing its clusters. */
static void test_local(void **state)
{
    static const char *const sets[] = {"tanist.state_dir=/tmp/x", "listen main.port=7777"};
    struct conf_source src = {.sets = sets, .n_sets = 2, .environment = false};
    struct config *c = NULL;
    char dir[CONF_PATH_MAX];
    (void)state;
    assert_int_equal(config_load_local(&src, &c, &diags), 0);
    config_control_dir(c, dir, sizeof dir);
    assert_string_equal(dir, "/tmp/x");
    assert_int_equal(c->listens[0].port, 7777);
    config_unref(c);
}

static void test_rows(void **state)
{
    int n;
    const struct conf_section *s = config_sections(&n);
    (void)state;
    assert_true(n >= 11);
    for (int i = 0; i < n; i++) {
        assert_non_null(s[i].doc);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(s[i].kind, s[j].kind);
        for (int k = 0; k < s[i].n_settings; k++) {
            assert_non_null(s[i].settings[k].doc);
            assert_true(s[i].settings[k].size > 0);
            for (int j = 0; j < k; j++)
                assert_string_not_equal(s[i].settings[k].name, s[i].settings[j].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_configuration),
        cmocka_unit_test(test_zero_configuration_mode),
        cmocka_unit_test(test_pool_limits),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_routing),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_databases),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_both_sources),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, unset_environment, remove_file);
}
