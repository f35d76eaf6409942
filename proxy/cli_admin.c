#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../replication/base/str.h"
#include "../replication/base/table.h"
#include "cli_conn.h"
#include "proxy_conf.h"

/* Commands that ask the running daemon, through its console on the control socket. */

enum { LOOK_TIMEOUT_S = 10, CHANGE_TIMEOUT_S = 120, SQL_MAX = 8192 };

/* ---- The daemon's answer ------------------------------------------------------------------------------------------ */

static int exit_of(const struct err *e)
{
    if (e->code == ERR_SERVER) {
        if (strcmp(e->sqlstate, "57014") == 0)
            return CLI_TIMED_OUT;
        if (strcmp(e->sqlstate, "42601") == 0 || strcmp(e->sqlstate, "22023") == 0 ||
            strcmp(e->sqlstate, "F0000") == 0)
            return CLI_USAGE;
        return CLI_REFUSED;
    }
    if (e->code == ERR_AUTH)
        return CLI_REFUSED;
    return e->code == ERR_NOTFOUND ? CLI_NOT_RUNNING : CLI_NO_ANSWER;
}

static int complain(const struct err *e, const char *hint)
{
    fprintf(stderr, "tanist: %s\n", e->text);
    if (hint && *hint)
        fprintf(stderr, "%s\n", hint);
    return exit_of(e);
}

static int connect_daemon(const struct cli *cli, struct cli_conn **out)
{
    static struct conf_diags diags; /* large */
    struct config *c = NULL;
    *out = NULL;
    int loaded = config_load_local(&cli->src, &c, &diags);
    if (!c)
        return CLI_USAGE;
    char dir[CONF_PATH_MAX];
    config_control_dir(c, dir, sizeof dir);
    int port = (int)c->listens[0].port;
    config_unref(c);
    struct err e = {0};
    int rc =
        cli_conn_open_console(dir, port, cli->timeout_s ? cli->timeout_s : LOOK_TIMEOUT_S, out, &e);
    if (rc == 0)
        return CLI_OK;
    if (rc != ERR_NOTFOUND)
        return complain(&e, NULL);
    /* Errors in the file may be why we look at the wrong place. */
    conf_diags_print(&diags, stderr);
    fprintf(stderr, "tanist: the daemon is not running: nobody listens at %s/.s.PGSQL.%d\n", dir,
            port);
    return loaded == 0 ? CLI_NOT_RUNNING : CLI_USAGE;
}

static int query(const struct cli *cli, struct cli_conn *conn, const char *sql,
                 int default_timeout_s, struct table **out)
{
    struct err e = {0};
    int rc =
        cli_conn_query(conn, sql, cli->timeout_s ? cli->timeout_s : default_timeout_s, out, &e);
    if (rc == 0)
        return CLI_OK;
    int code = complain(&e, cli_conn_hint(conn));
    /* A change that was sent may still happen: the time is over, not the answer refused. */
    return rc == ERR_TIMEOUT && default_timeout_s == CHANGE_TIMEOUT_S ? CLI_TIMED_OUT : code;
}

/* ---- Looking ------------------------------------------------------------------------------------------------------ */

static int show(const struct cli *cli, const char *sql, const char *const *columns)
{
    struct cli_conn *conn;
    struct table *t = NULL;
    int rc = connect_daemon(cli, &conn);
    if (rc == CLI_OK)
        rc = query(cli, conn, sql, LOOK_TIMEOUT_S, &t);
    if (t)
        cli_print_rows(t, columns, cli->format, stdout);
    table_free(t);
    cli_conn_close(conn);
    return rc;
}

int cli_status(const struct cli *cli)
{
    static const char *const cluster_columns[] = {"cluster",           "writer",  "epoch",
                                                  "timeline",          "mode",    "authority",
                                                  "failover_possible", "because", NULL};
    static const char *const node_columns[] = {"cluster",  "node",   "role",   "state",
                                               "readable", "reason", "lag_ms", "lag_bytes",
                                               "reads",    "writes", NULL};
    struct cli_conn *conn;
    struct table *clusters = NULL, *nodes = NULL;
    int rc = connect_daemon(cli, &conn);
    if (rc == CLI_OK)
        rc = query(cli, conn, "SHOW CLUSTERS", LOOK_TIMEOUT_S, &clusters);
    if (rc == CLI_OK)
        rc = query(cli, conn, "SHOW NODES", LOOK_TIMEOUT_S, &nodes);
    if (rc == CLI_OK) {
        /* People get what fits a terminal, programs get everything. */
        bool people = cli->format == CLI_TABLE;
        const struct cli_print_part parts[] = {
            {"clusters", clusters, people ? cluster_columns : NULL},
            {"nodes", nodes, people ? node_columns : NULL}};
        cli_print_parts(parts, 2, cli->format, stdout);
    }
    table_free(clusters);
    table_free(nodes);
    cli_conn_close(conn);
    return rc;
}

int cli_topology(const struct cli *cli)
{
    static const char *const columns[] = {
        "cluster",    "node",      "host", "port",   "role",           "state", "timeline",
        "replay_lsn", "lag_bytes", "zone", "weight", "server_version", NULL};
    return show(cli, "SHOW NODES", cli->format == CLI_TABLE ? columns : NULL);
}

int cli_events(const struct cli *cli)
{
    return show(cli, "SHOW EVENTS", NULL);
}

int cli_pools(const struct cli *cli)
{
    static const char *const columns[] = {"database",  "user",      "cl_active", "cl_waiting",
                                          "sv_active", "sv_idle",   "sv_used",   "sv_login",
                                          "maxwait",   "pool_mode", NULL};
    return show(cli, "SHOW POOLS", cli->format == CLI_TABLE ? columns : NULL);
}

int cli_explain(const struct cli *cli)
{
    char sql[SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof sql);
    strbuf_adds(&b, "EXPLAIN ROUTE ");
    if (cli->database || cli->user) {
        strbuf_adds(&b, cli->database ? "(DATABASE " : "(USER ");
        strbuf_add_sql_ident(&b, cli->database ? cli->database : cli->user);
        if (cli->database && cli->user) {
            strbuf_adds(&b, ", USER ");
            strbuf_add_sql_ident(&b, cli->user);
        }
        strbuf_adds(&b, ") ");
    }
    strbuf_adds(&b, cli->args[0]);
    if (b.truncated) {
        fprintf(stderr, "tanist: the statement is longer than %d bytes\n", SQL_MAX - 256);
        return CLI_USAGE;
    }
    return show(cli, sql, NULL);
}

/* ---- Changing ----------------------------------------------------------------------------------------------------- */

/* Asks a person, and nobody else: without a terminal the answer must come with --yes. */
static bool confirmed(const struct cli *cli, const char *what)
{
    if (cli->yes)
        return true;
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "tanist: %s: refused without --yes, as there is no terminal to ask at\n",
                what);
        return false;
    }
    fprintf(stderr, "%s: are you sure? [y/N] ", what);
    char answer[16];
    if (!fgets(answer, sizeof answer, stdin))
        return false;
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

/* Reports have one column and are text, not a table. */
static void print_report(const struct table *t)
{
    for (int row = 0; row < table_n_rows(t); row++)
        for (int col = 0; col < table_n_cols(t); col++) {
            const char *text = table_get(t, row, col);
            printf("%s%s", text ? text : "", col == table_n_cols(t) - 1 ? "\n" : "  ");
        }
}

static int change(const struct cli *cli, const char *sql)
{
    struct cli_conn *conn;
    struct table *t = NULL;
    int rc = connect_daemon(cli, &conn);
    if (rc == CLI_OK)
        rc = query(cli, conn, sql, CHANGE_TIMEOUT_S, &t);
    if (t)
        print_report(t);
    else if (rc == CLI_OK)
        fputs("done\n", stderr);
    table_free(t);
    cli_conn_close(conn);
    return rc;
}

static void add_name(struct strbuf *b, const char *keyword, const char *name)
{
    if (!name)
        return;
    strbuf_adds(b, keyword);
    strbuf_add_sql_ident(b, name);
}

static int promote(const struct cli *cli, const char *word)
{
    char sql[SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof sql);
    strbuf_adds(&b, word);
    add_name(&b, " CLUSTER ", cli->cluster);
    add_name(&b, " TO ", cli->to);
    if (cli->at) {
        strbuf_adds(&b, " AT ");
        strbuf_add_sql_literal(&b, cli->at);
    }
    if (cli->accept_data_loss)
        strbuf_adds(&b, " ACCEPT DATA LOSS");
    if (cli->dry_run)
        strbuf_adds(&b, " DRY RUN");
    if (!cli->dry_run && !confirmed(cli, sql))
        return CLI_REFUSED;
    return change(cli, sql);
}

int cli_switchover(const struct cli *cli)
{
    return promote(cli, "SWITCHOVER");
}

int cli_cancel(const struct cli *cli)
{
    char sql[SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof sql);
    strbuf_adds(&b, "CANCEL");
    add_name(&b, " CLUSTER ", cli->cluster);
    return change(cli, sql);
}

int cli_failover(const struct cli *cli)
{
    return promote(cli, "FAILOVER");
}

static int on_node(const struct cli *cli, const char *word)
{
    char sql[SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof sql);
    add_name(&b, word, cli->args[0]);
    add_name(&b, " CLUSTER ", cli->cluster);
    return change(cli, sql);
}

int cli_drain(const struct cli *cli)
{
    return on_node(cli, "DRAIN ");
}

int cli_undrain(const struct cli *cli)
{
    return on_node(cli, "UNDRAIN ");
}

static int on_database(const struct cli *cli, const char *word)
{
    char sql[SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof sql);
    strbuf_adds(&b, word);
    add_name(&b, " ", cli->n_args > 0 ? cli->args[0] : NULL);
    return change(cli, sql);
}

int cli_pause(const struct cli *cli)
{
    return on_database(cli, "PAUSE");
}

int cli_resume(const struct cli *cli)
{
    return on_database(cli, "RESUME");
}

int cli_maintenance(const struct cli *cli)
{
    bool on = strcmp(cli->args[0], "on") == 0;
    if (!on && strcmp(cli->args[0], "off") != 0) {
        fprintf(stderr, "tanist: maintenance is on or off, not \"%s\"\n", cli->args[0]);
        return CLI_USAGE;
    }
    char sql[SQL_MAX];
    struct strbuf b;
    strbuf_init(&b, sql, sizeof sql);
    strbuf_adds(&b, on ? "MAINTENANCE ON" : "MAINTENANCE OFF");
    add_name(&b, " CLUSTER ", cli->cluster);
    return change(cli, sql);
}

int cli_reload(const struct cli *cli)
{
    return change(cli, "RELOAD");
}

int cli_stop(const struct cli *cli)
{
    struct cli_conn *conn;
    struct table *t = NULL;
    struct err e = {0};
    int rc = connect_daemon(cli, &conn);
    if (rc == CLI_OK)
        rc = query(cli, conn, "SHUTDOWN", LOOK_TIMEOUT_S, &t);
    if (rc == CLI_OK &&
        cli_conn_wait_gone(conn, cli->timeout_s ? cli->timeout_s : CHANGE_TIMEOUT_S, &e) != 0) {
        fputs("tanist: the daemon has not stopped yet\n", stderr);
        rc = CLI_TIMED_OUT;
    }
    table_free(t);
    cli_conn_close(conn);
    return rc;
}
