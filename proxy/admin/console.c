#include "console.h"

#include <stdlib.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/log.h"
#include "../../replication/base/table.h"
#include "../proxy.h"
#include "../version.h"
#include "answer.h"
#include "averages.h"
#include "commands.h"
#include "show.h"
#include "traffic.h"

struct console {
    struct proxy *proxy;
    uint32_t calls; /* under way */
    struct averages averages;
};

struct console *console_new(struct proxy *p)
{
    struct console *c = calloc(1, sizeof *c);
    if (c) {
        c->proxy = p;
        averages_init(&c->averages, p->started_at);
    }
    return c;
}

void console_free(struct console *c)
{
    if (!c)
        return;
    BUG_ON(c->calls);
    averages_fini(&c->averages);
    free(c);
}

struct averages *console_averages(struct console *c)
{
    return &c->averages;
}

/* ---- Answers ------------------------------------------------------------------------------------------------------ */

/* The one place where a call ends. */
static void console_finish(struct console_call *call, uint8_t *bytes, size_t n)
{
    void (*done)(void *, uint8_t *, size_t) = call->req.done;
    void *arg = call->req.arg;
    BUG_ON(call->console->calls == 0);
    call->console->calls--;
    free(call);
    done(arg, bytes, bytes ? n : 0);
}

void console_answer_rows(struct console_call *call, struct table *t, const char *tag)
{
    if (!t) {
        console_answer_error(call, ERRRESP_OUT_OF_MEMORY, "out of memory", NULL);
        return;
    }
    size_t n = 0;
    uint8_t *bytes = answer_table(t, tag, call->req.form, &n);
    table_free(t);
    console_finish(call, bytes, n);
}

void console_answer_report(struct console_call *call, struct table *t)
{
    if (!t) {
        console_answer_error(call, ERRRESP_OUT_OF_MEMORY, "out of memory", NULL);
        return;
    }
    size_t n = 0;
    uint8_t *bytes = answer_report(t, call->command->words, call->req.form, &n);
    table_free(t);
    console_finish(call, bytes, n);
}

void console_answer_tag(struct console_call *call, const char *tag)
{
    size_t n = 0;
    uint8_t *bytes = answer_tag(tag, call->req.form, &n);
    console_finish(call, bytes, n);
}

void console_answer_errresp(struct console_call *call, struct errresp err)
{
    size_t n = 0;
    err.severity = ERRRESP_SEV_ERROR;
    uint8_t *bytes = answer_error(&err, call->req.form, &n);
    console_finish(call, bytes, n);
}

void console_answer_error(struct console_call *call, enum errresp_code code, const char *message,
                          const char *hint)
{
    console_answer_errresp(call, (struct errresp){.code = code, .message = message, .hint = hint});
}

/* ---- What drivers send by themselves ------------------------------------------------------------------------------ */

static void console_value(struct console_call *call, const char *column, const char *value,
                          const char *tag)
{
    struct table *t = table_new(&column, 1);
    if (t)
        table_cell(t, value);
    console_answer_rows(call, t, tag);
}

static void console_noise_value(struct console_call *call)
{
    switch ((int)call->parsed.id) {
    case CONSOLE_SELECT_VERSION:
        console_value(call, "version", "tanist " TANIST_VERSION, "SELECT 1");
        return;
    case CONSOLE_SELECT_DATABASE:
        console_value(call, "current_database", call->req.database, "SELECT 1");
        return;
    case CONSOLE_SHOW_ISOLATION:
        console_value(call, "transaction_isolation", "read committed", "SHOW");
        return;
    case CONSOLE_SHOW_SERVER_VERSION:
        console_value(call, "server_version", TANIST_VERSION, "SHOW");
        return;
    default:
        console_value(call, "?column?", call->parsed.literal, "SELECT 1");
    }
}

/* Nothing here is transactional or has parameters, so the polite answer costs nothing. */
static void console_noise_tag(struct console_call *call)
{
    const char *tag = call->command->words;
    if (call->parsed.id == CONSOLE_END)
        tag = "COMMIT";
    else if (call->parsed.id == CONSOLE_START_TRANSACTION)
        tag = "BEGIN";
    console_answer_tag(call, tag);
}

/* ---- Dispatch ----------------------------------------------------------------------------------------------------- */

typedef void (*console_fn)(struct console_call *call);

static const console_fn functions[CONSOLE_ID_NR] = {
    [CONSOLE_SHOW_HELP] = show_help,
    [CONSOLE_SHOW_CLUSTERS] = show_clusters,
    [CONSOLE_SHOW_TOPOLOGY] = show_clusters,
    [CONSOLE_SHOW_NODES] = traffic_nodes,
    [CONSOLE_SHOW_LAG] = show_lag,
    [CONSOLE_SHOW_EVENTS] = show_events,
    [CONSOLE_SHOW_FAILOVER] = show_failover,
    [CONSOLE_SHOW_POOLS] = traffic_pools,
    [CONSOLE_SHOW_STATS] = traffic_stats,
    [CONSOLE_SHOW_STATS_TOTALS] = traffic_stats,
    [CONSOLE_SHOW_STATS_AVERAGES] = traffic_stats,
    [CONSOLE_SHOW_TOTALS] = traffic_stats,
    [CONSOLE_SHOW_CLIENTS] = traffic_clients,
    [CONSOLE_SHOW_PINS] = traffic_pins,
    [CONSOLE_SHOW_SERVERS] = traffic_servers,
    [CONSOLE_SHOW_ROUTES] = traffic_routes,
    [CONSOLE_SHOW_DATABASES] = traffic_databases,
    [CONSOLE_SHOW_LISTS] = traffic_lists,
    [CONSOLE_SHOW_STATE] = show_state,
    [CONSOLE_SHOW_CONFIG] = show_config,
    [CONSOLE_SHOW_VERSION] = show_version,
    [CONSOLE_EXPLAIN_ROUTE] = commands_explain,
    [CONSOLE_RELOAD] = commands_reload,
    [CONSOLE_SWITCHOVER] = commands_manager,
    [CONSOLE_FAILOVER] = commands_manager,
    [CONSOLE_CANCEL] = commands_manager,
    [CONSOLE_DRAIN] = commands_manager,
    [CONSOLE_UNDRAIN] = commands_manager,
    [CONSOLE_MAINTENANCE] = commands_manager,
    [CONSOLE_PAUSE] = commands_control,
    [CONSOLE_RESUME] = commands_control,
    [CONSOLE_RECONNECT] = commands_control,
    [CONSOLE_WAIT_CLOSE] = commands_control,
    [CONSOLE_DISABLE] = commands_control,
    [CONSOLE_ENABLE] = commands_control,
    [CONSOLE_KILL] = commands_control,
    [CONSOLE_KILL_CLIENT] = commands_control,
    [CONSOLE_SHUTDOWN] = commands_shutdown,
    [CONSOLE_SELECT_VERSION] = console_noise_value,
    [CONSOLE_SELECT_DATABASE] = console_noise_value,
    [CONSOLE_SELECT] = console_noise_value,
    [CONSOLE_SHOW_ISOLATION] = console_noise_value,
    [CONSOLE_SHOW_SERVER_VERSION] = console_noise_value,
    [CONSOLE_SET] = console_noise_tag,
    [CONSOLE_RESET] = console_noise_tag,
    [CONSOLE_DISCARD] = console_noise_tag,
    [CONSOLE_DEALLOCATE] = console_noise_tag,
    [CONSOLE_BEGIN] = console_noise_tag,
    [CONSOLE_START_TRANSACTION] = console_noise_tag,
    [CONSOLE_COMMIT] = console_noise_tag,
    [CONSOLE_END] = console_noise_tag,
    [CONSOLE_ROLLBACK] = console_noise_tag,
};

static bool console_allowed(const struct console_call *call)
{
    switch (call->command->access) {
    case CONSOLE_NOISE:
        return true;
    case CONSOLE_LOOK:
        return call->req.admin || call->req.stats;
    case CONSOLE_CHANGE:
        return call->req.admin;
    }
    return false;
}

/* The call with copies of the request's texts behind it, in one piece. */
static struct console_call *console_call_new(struct console *c, const struct console_req *req)
{
    size_t sql = strlen(req->sql) + 1, user = strlen(req->user) + 1,
           database = strlen(req->database) + 1;
    struct console_call *call = calloc(1, sizeof *call + sql + user + database);
    if (!call)
        return NULL;
    char *text = (char *)(call + 1);
    call->console = c;
    call->proxy = c->proxy;
    call->req = *req;
    call->req.sql = memcpy(text, req->sql, sql);
    call->req.user = memcpy(text + sql, req->user, user);
    call->req.database = memcpy(text + sql + user, req->database, database);
    c->calls++;
    return call;
}

static void console_refuse(struct console_call *call)
{
    LOG_AT(LOG_WARNING, "console.refused",
           LOG_KV({"user", call->req.user}, {"command", call->command->words}), "%s may not run %s",
           call->req.user, call->command->words);
    char message[128];
    snprintf(message, sizeof message, "permission denied for %s", call->command->words);
    console_answer_error(call, ERRRESP_INSUFFICIENT_PRIVILEGE, message,
                         call->command->access == CONSOLE_LOOK
                             ? "The role must be listed in admin.admin_users or admin.stats_users."
                             : "The role must be listed in admin.admin_users.");
}

void console_run(struct console *c, const struct console_req *req)
{
    struct console_call *call = console_call_new(c, req);
    if (!call) {
        req->done(req->arg, NULL, 0);
        return;
    }
    struct err e = {0};
    const struct console_command *meant = NULL;
    if (console_parse(call->req.sql, &call->parsed, &meant, &e) != 0) {
        char hint[192] = "SHOW HELP lists the commands.";
        if (meant && meant->doc)
            snprintf(hint, sizeof hint, "Usage: %s %s", meant->words, meant->usage);
        console_answer_error(call, ERRRESP_SYNTAX_ERROR, e.text, hint);
        return;
    }
    if (call->parsed.id == CONSOLE_EMPTY) {
        size_t n = 0;
        uint8_t *bytes = answer_empty(call->req.form, &n);
        console_finish(call, bytes, n);
        return;
    }
    call->command = console_command(call->parsed.id);
    if (!console_allowed(call)) {
        console_refuse(call);
        return;
    }
    /* To describe a command it is run, as only its answer knows the columns; one that changes things has none. */
    if (call->req.form == ANSWER_DESCRIBE && call->command->access == CONSOLE_CHANGE) {
        console_answer_tag(call, call->command->words);
        return;
    }
    if (call->command->access == CONSOLE_CHANGE)
        LOG_AT(LOG_NOTICE, "console.command",
               LOG_KV({"user", call->req.user}, {"command", call->command->words},
                      {"node", *call->parsed.node ? call->parsed.node : NULL}),
               "%s: %s%s%s", call->req.user, call->command->words, *call->parsed.node ? " " : "",
               call->parsed.node);
    functions[call->parsed.id](call);
}
