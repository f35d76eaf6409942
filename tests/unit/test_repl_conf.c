/* Settings of clusters, nodes and failover: defaults, checks between settings, connection strings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../replication/base/str.h"
#include "../../replication/repl_conf.h"

static struct repl_conf conf;
static struct conf_diags diags;

static int load(const char *const *sets, int n)
{
    const struct conf_source src = {.sets = sets, .n_sets = n};
    memset(&conf, 0, sizeof(conf));
    memset(&diags, 0, sizeof(diags));
    int rc = conf_load(&conf, repl_conf_sections, repl_conf_n_sections, &src, &diags);
    if (rc == 0)
        repl_conf_check(&conf, &diags);
    return diags.n_errors;
}

static bool said(const char *text)
{
    for (int i = 0; i < diags.n; i++) {
        if (strstr(diags.d[i].text, text))
            return true;
    }
    return false;
}

static void defaults(void **state)
{
    (void)state;
    static const char *const sets[] = {"node.pg1.host=10.0.0.11",
                                       "cluster.prod.monitor=user=tanist"};
    assert_int_equal(load(sets, 2), 0);
    assert_int_equal(conf.n_clusters, 1);
    assert_int_equal(conf.n_nodes, 1);
    assert_string_equal(conf.nodes[0].cluster, "prod"); /* the only one */
    assert_int_equal(conf.nodes[0].port, 5432);
    assert_int_equal(conf.nodes[0].weight, 1);
    assert_true(conf.nodes[0].promotable);
    assert_int_equal(conf.clusters[0].check_interval, 500 * USEC_PER_MS);
    assert_int_equal(conf.clusters[0].check_timeout, USEC_PER_SEC);
    assert_int_equal(conf.clusters[0].check_misses, 3);
    assert_int_equal(conf.failover.mode, FAILOVER_AUTOMATIC);
    assert_int_equal(conf.failover.failover_max_lag, 1 << 20);
    assert_int_equal(conf.failover.client_hold, 30 * USEC_PER_SEC);
    assert_int_equal(conf.lag.max_lag, USEC_PER_SEC);
    assert_int_equal(conf.lag.max_lag_bytes, 16 << 20);
    assert_int_equal(conf.lag.lag_resume, 70);
}

static void enum_values_match(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        int mode;
    } rows[] = {
        {"failover.mode=automatic", FAILOVER_AUTOMATIC},
        {"failover.mode=manual", FAILOVER_MANUAL},
        {"failover.mode=follow", FAILOVER_FOLLOW},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *sets[] = {"node.a.host=h", "cluster.c.monitor=user=u", rows[i].set};
        assert_int_equal(load(sets, 3), 0);
        assert_int_equal(conf.failover.mode, rows[i].mode);
    }
}

static void wrong_values(void **state)
{
    (void)state;
    static const struct {
        const char *sets[4];
        int n;
        const char *text;
    } rows[] = {
        {{"node.a.host=h"}, 1, "there is no cluster"},
        {{"cluster.c.monitor=user=u"}, 1, "no node"},
        {{"cluster.c.monitor=user=u", "node.a.host=h", "node.a.cluster=d"}, 3, "[cluster d]"},
        {{"cluster.c.monitor=user=u", "node.a.host=h", "node.b.host=h"}, 3, "node a has the same"},
        {{"cluster.c.monitor=host=x", "node.a.host=h"}, 2, "host does not belong here"},
        {{"cluster.c.monitor=nonsense=x", "node.a.host=h"}, 2, "nonsense"},
        {{"cluster.c.monitor=user=u", "cluster.d.monitor=user=u", "node.a.host=h"},
         3,
         "2 clusters"},
        {{"cluster.c.monitor=user=u", "node.a.host=h", "failover.synchronous=quorum"}, 3, "quorum"},
        {{"cluster.c/d.monitor=user=u", "node.a.host=h"}, 2, "name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(load(rows[i].sets, rows[i].n) > 0);
        assert_true(said(rows[i].text));
    }
}

static int from(const char *conninfo, struct err *e)
{
    memset(&conf, 0, sizeof(conf));
    *e = (struct err){0};
    return repl_conf_from_conninfo(&conf, conninfo, e);
}

static void connection_strings(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(from("postgresql://postgres@h1,h2:5433,h3/postgres", &e), 0);
    assert_int_equal(conf.n_clusters, 1);
    assert_string_equal(conf.clusters[0].name, "main");
    assert_int_equal(conf.clusters[0].check_interval, 500 * USEC_PER_MS);
    assert_string_equal(conf.clusters[0].monitor, "user='postgres' dbname='postgres'");
    assert_int_equal(conf.n_nodes, 3);
    assert_string_equal(conf.nodes[0].name, "h1");
    assert_string_equal(conf.nodes[2].host, "h3");
    assert_int_equal(conf.nodes[0].port, 5432);
    assert_int_equal(conf.nodes[1].port, 5433);
    assert_int_equal(conf.nodes[2].port, 5432);
    assert_string_equal(conf.nodes[1].cluster, "main");
    memset(&diags, 0, sizeof(diags));
    repl_conf_check(&conf, &diags);
    assert_int_equal(diags.n_errors, 0);

    /* A repeated host needs the port in its name; one port serves all hosts. */
    assert_int_equal(from("host=h,h port=1,2 user=u", &e), 0);
    assert_string_equal(conf.nodes[0].name, "h:1");
    assert_string_equal(conf.nodes[1].name, "h:2");
    assert_int_equal(from("host=a,b port=7000", &e), 0);
    assert_int_equal(conf.nodes[1].port, 7000);

    /* Values are quoted again; what chooses among hosts is ours. */
    assert_int_equal(from("host=a password='x''y' target_session_attrs=primary", &e), ERR_INVALID);
    assert_int_equal(from("host=a password='it\\'s \\\\' target_session_attrs=primary", &e), 0);
    assert_string_equal(conf.clusters[0].monitor, "password='it\\'s \\\\'");

    /* Unix sockets: a name without slashes. */
    assert_int_equal(from("host=/var/run/postgresql user=u", &e), 0);
    assert_string_equal(conf.nodes[0].host, "/var/run/postgresql");
    assert_string_equal(conf.nodes[0].name, "var-run-postgresql");
    assert_int_equal(from("hostaddr=127.0.0.1 user=u", &e), 0);
    assert_string_equal(conf.nodes[0].host, "127.0.0.1");
}

static void wrong_connection_strings(void **state)
{
    (void)state;
    struct err e;
    static const char *const rows[] = {
        "user=u",        "postgresql:///db", "nonsense", "host=a,b port=1,2,3", "host=a port=99999",
        "host=a port=x", "host=a,,b",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(from(rows[i], &e), ERR_INVALID);
        assert_true(e.text[0] != '\0');
    }
}

static void bounds(void **state)
{
    (void)state;
    struct err e;
    static char text[4096];
    struct strbuf b;
    strbuf_init(&b, text, sizeof(text));
    strbuf_adds(&b, "host=n0");
    for (int i = 1; i < TOPO_NODES_MAX; i++)
        strbuf_addf(&b, ",n%d", i);
    assert_int_equal(from(text, &e), 0);
    assert_int_equal(conf.n_nodes, TOPO_NODES_MAX);
    strbuf_adds(&b, ",more");
    assert_int_equal(from(text, &e), ERR_LIMIT);
    strbuf_reset(&b);
    strbuf_adds(&b, "host=a user=");
    for (int i = 0; i < REPL_CONNINFO_MAX; i++)
        strbuf_addc(&b, 'u');
    assert_int_equal(from(text, &e), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(enum_values_match),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(connection_strings),
        cmocka_unit_test(wrong_connection_strings),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
