#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../replication/base/log.h"
#include "../replication/base/str.h"
#include "../replication/base/table.h"
#include "cli_conn.h"
#include "proxy.h"
#include "tls.h"

/* Commands that need no running daemon: serve, check, config. */

/* Diagnostics are large, hence static: one thread, one load at a time. */
static struct conf_diags *daemon_diags(void)
{
    static struct conf_diags diags;
    return &diags;
}

static struct config *load_config(const struct cli *cli, const char *conninfo, bool to_run)
{
    struct config *c = NULL;
    struct conf_diags *diags = daemon_diags();
    if (!cli->src.file && !conninfo && cli->src.n_sets == 0) {
        fputs("tanist: no configuration: give -c FILE, set TANIST_CONF, write "
              "/etc/tanist/tanist.conf, or name the nodes:\n"
              "  tanist serve 'postgresql://postgres@host1,host2,host3/postgres'\n",
              stderr);
        return NULL;
    }
    int rc = to_run ? config_load(&cli->src, conninfo, &c, diags)
                    : config_load_check(&cli->src, &c, diags);
    conf_diags_print(diags, stderr);
    return rc == 0 ? c : NULL;
}

/* ---- serve -------------------------------------------------------------------------------------------------------- */

/* Like mkdir -p; only the last folder is private, as it holds the journal and the control socket. */
static int make_dir(const char *path, struct err *e)
{
    char part[CONF_PATH_MAX];
    (void)str_copy(part, sizeof part, path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return err_errno(e, errno, "cannot make the folder %.150s", part);
        *p = '/';
    }
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
        return err_errno(e, errno, "cannot make the state folder %.150s", part);
    return 0;
}

/* Each client and each server is a descriptor. */
static void raise_limits(const struct config *c)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t want = limit.rlim_max;
    if (limit.rlim_cur < want) {
        limit.rlim_cur = want;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    /* Roughly one server for two clients, and some for ourselves. */
    rlim_t need = (rlim_t)c->tanist.max_client_conn * 3 / 2 + 100;
    if (want != RLIM_INFINITY && want < need)
        log_warning("serve.few_descriptors",
                    "the limit of %llu open files is low for max_client_conn = %lld; %llu would be "
                    "comfortable",
                    (unsigned long long)want, (long long)c->tanist.max_client_conn,
                    (unsigned long long)need);
}

int cli_serve(const struct cli *cli)
{
    const char *conninfo = cli->n_args ? cli->args[0] : NULL;
    struct config *c = load_config(cli, conninfo, true);
    if (!c)
        return CLI_USAGE;
    struct err e = {0};
    if (make_dir(c->tanist.state_dir, &e) != 0) {
        fprintf(stderr, "tanist: %s (setting tanist.state_dir)\n", e.text);
        config_unref(c);
        return CLI_USAGE;
    }
    log_set_level((enum log_level)c->tanist.log_level);
    log_set_format((enum log_format)c->tanist.log_format);
    signal(SIGPIPE, SIG_IGN);
    raise_limits(c);
    return proxy_run(c, &cli->src, conninfo);
}

/* ---- check -------------------------------------------------------------------------------------------------------- */

/* What only shows when the files are read. */
static int check_tls(const struct config *c)
{
    int bad = 0;
    struct tls_ctx *ctx;
    for (int i = 0; i < c->n_listens; i++) {
        struct err e = {0};
        if (tls_ctx_listen(&c->listens[i], &ctx, &e) != 0) {
            fprintf(stderr, "error: [listen %s]: %s\n", c->listens[i].name, e.text);
            bad++;
        }
        tls_ctx_unref(ctx);
    }
    struct err e = {0};
    if (tls_ctx_server(&c->server_tls, &ctx, &e) != 0) {
        fprintf(stderr, "error: [server_tls]: %s\n", e.text);
        bad++;
    }
    tls_ctx_unref(ctx);
    return bad;
}

static const char *monitor_of(const struct config *c, const struct node_conf *n)
{
    for (int i = 0; i < c->repl.n_clusters; i++)
        if (strcmp(c->repl.clusters[i].name, n->cluster) == 0)
            return c->repl.clusters[i].monitor;
    return "";
}

/* Role, system identifier, version; one row. */
static const char live_sql[] =
    "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'replica' ELSE 'primary' END,"
    " (SELECT system_identifier FROM pg_catalog.pg_control_system())::text,"
    " pg_catalog.current_setting('server_version'),"
    " pg_catalog.current_setting('server_version_num')::int >= 150000";

/* What the monitor's role lacks, as one text. The rights to set a parameter exist since PostgreSQL 15. */
#define LACKS(alter_system_)                                                                      \
    "SELECT pg_catalog.concat_ws(', ',"                                                           \
    " CASE WHEN NOT pg_catalog.pg_has_role(current_user, 'pg_monitor', 'usage')"                  \
    " THEN 'membership in pg_monitor' END,"                                                       \
    " CASE WHEN NOT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select')"             \
    " THEN 'select on pg_authid (auth_query)' END,"                                               \
    " CASE WHEN NOT pg_catalog.has_function_privilege('pg_promote(boolean, integer)', 'execute')" \
    " THEN 'execute on pg_promote' END,"                                                          \
    " CASE WHEN NOT pg_catalog.has_function_privilege('pg_reload_conf()', 'execute')"             \
    " THEN 'execute on pg_reload_conf' END,"                                                      \
    " CASE WHEN NOT pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'usage')"           \
    " THEN 'membership in pg_signal_backend' END,"                                                \
    " CASE WHEN NOT " alter_system_ " THEN 'alter system for primary_conninfo' END)"

static const char lacks_sql[] =
    LACKS("(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)");
static const char lacks_sql_15[] =
    LACKS("pg_catalog.has_parameter_privilege('primary_conninfo', 'alter system')");

/* Asks one node; *facts (owned) has its row, and e the reason if it does not do. */
static int ask_node(const struct config *c, const struct node_conf *n, int timeout_s,
                    struct table **facts, struct err *e)
{
    struct cli_conn *conn = NULL;
    struct table *lacks = NULL;
    int rc = cli_conn_open_node(monitor_of(c, n), n->host, (int)n->port, timeout_s, &conn, e);
    if (rc == 0)
        rc = cli_conn_query(conn, live_sql, timeout_s, facts, e);
    bool new = rc == 0 && strcmp(table_get(*facts, 0, 3), "t") == 0;
    if (rc == 0)
        rc = cli_conn_query(conn, new ? lacks_sql_15 : lacks_sql, timeout_s, &lacks, e);
    if (rc == 0 && c->repl.failover.mode != FAILOVER_FOLLOW && *table_get(lacks, 0, 0))
        rc = err_set(e, ERR_AUTH, "the monitor's role lacks %s", table_get(lacks, 0, 0));
    table_free(lacks);
    cli_conn_close(conn);
    return rc;
}

static int check_node(const struct config *c, const struct node_conf *n, int timeout_s,
                      struct table *out)
{
    struct err e = {0};
    struct table *facts = NULL;
    int rc = ask_node(c, n, timeout_s, &facts, &e);
    table_cell(out, n->cluster);
    table_cell(out, n->name);
    for (int col = 0; col < 3; col++)
        table_cell(out, facts ? table_get(facts, 0, col) : NULL);
    table_cell(out, rc == 0 ? "ok" : e.text);
    table_free(facts);
    return rc != 0;
}

/* Nodes of one cluster are copies of one system. */
static int check_same_system(const struct table *t)
{
    int bad = 0;
    for (int row = 0; row < table_n_rows(t); row++)
        for (int other = 0; other < row; other++) {
            const char *a = table_get(t, row, 3), *b = table_get(t, other, 3);
            if (!a || !b || strcmp(table_get(t, row, 0), table_get(t, other, 0)) != 0 ||
                strcmp(a, b) == 0)
                continue;
            fprintf(stderr,
                    "error: nodes %s and %s of cluster %s are not copies of one system (%s, %s)\n",
                    table_get(t, other, 1), table_get(t, row, 1), table_get(t, row, 0), b, a);
            bad++;
        }
    return bad;
}

static int check_live(const struct cli *cli, const struct config *c)
{
    static const char *const columns[] = {"cluster",           "node",           "role",
                                          "system_identifier", "server_version", "result"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    if (!t)
        return 1;
    int bad = 0;
    for (int i = 0; i < c->repl.n_nodes; i++)
        bad += check_node(c, &c->repl.nodes[i], cli->timeout_s ? cli->timeout_s : 5, t);
    bad += check_same_system(t);
    cli_print_rows(t, NULL, CLI_TABLE, stdout);
    table_free(t);
    return bad;
}

int cli_check(const struct cli *cli)
{
    struct config *c = load_config(cli, NULL, false);
    if (!c)
        return CLI_USAGE;
    int bad = check_tls(c);
    if (cli->live)
        bad += check_live(cli, c);
    config_unref(c);
    if (bad == 0)
        fprintf(stderr, "%s: no errors\n", cli->src.file ? cli->src.file : "configuration");
    return bad ? CLI_USAGE : CLI_OK;
}

/* ---- config ------------------------------------------------------------------------------------------------------- */

int cli_config_dump(const struct cli *cli)
{
    struct config *c = load_config(cli, NULL, false);
    if (!c)
        return CLI_USAGE;
    int n;
    const struct conf_section *sections = config_sections(&n);
    conf_print_dump(c, sections, n, stdout);
    config_unref(c);
    return CLI_OK;
}

int cli_config_sample(const struct cli *cli)
{
    (void)cli;
    int n;
    const struct conf_section *sections = config_sections(&n);
    conf_print_sample(sections, n, stdout);
    return CLI_OK;
}

int cli_config_man(const struct cli *cli)
{
    (void)cli;
    int n;
    const struct conf_section *sections = config_sections(&n);
    conf_print_scdoc(sections, n, stdout);
    return CLI_OK;
}
