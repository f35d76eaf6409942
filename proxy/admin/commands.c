#include "commands.h"

#include <string.h>
#include <time.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/str.h"
#include "../../replication/base/table.h"
#include "../../replication/manager.h"
#include "../control.h"
#include "../proxy.h"
#include "console.h"

/* Reports are for people: one row for each line, so that psql and the command line show them as they are. */
static struct table *commands_report(const char *text)
{
    static const char *const columns[] = {"report"};
    struct table *t = table_new(columns, 1);
    for (const char *line = text; t && *line;) {
        size_t n = strcspn(line, "\n");
        table_cellf(t, "%.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    return t;
}

static enum errresp_code commands_code(int code)
{
    switch (code) {
    case ERR_INVALID:
    case ERR_NOTFOUND:
        return ERRRESP_INVALID_PARAMETER_VALUE;
    case ERR_TIMEOUT:
    case ERR_CANCELED:
        return ERRRESP_QUERY_CANCELED;
    case ERR_NOMEM:
        return ERRRESP_OUT_OF_MEMORY;
    default:
        return ERRRESP_NOT_IN_PREREQUISITE_STATE;
    }
}

/* ---- Commands of the manager -------------------------------------------------------------------------------------- */

/* What was tried is worth reading when it failed. */
static void commands_failed(struct console_call *call, const struct err *e, const char *text)
{
    char detail[ERRRESP_DETAIL_MAX];
    (void)str_copy(detail, sizeof detail, text ? text : "");
    for (size_t n = strlen(detail); n && detail[n - 1] == '\n'; n--)
        detail[n - 1] = '\0';
    console_answer_errresp(call, (struct errresp){.code = commands_code(e->code),
                                                  .message = e->text,
                                                  .detail = *detail ? detail : NULL});
}

static void commands_on_done(void *arg, const struct err *e, const char *text)
{
    struct console_call *call = arg;
    if (e->code != 0) {
        commands_failed(call, e, text);
        return;
    }
    if (text && *text)
        console_answer_report(call, commands_report(text));
    else
        console_answer_tag(call, call->command->words);
}

static int commands_cluster(struct console_call *call)
{
    const struct repl_conf *r = &call->proxy->conf->repl;
    if (!*call->parsed.cluster)
        return -1;
    for (int i = 0; i < r->n_clusters; i++)
        if (strcmp(r->clusters[i].name, call->parsed.cluster) == 0)
            return i;
    return -2;
}

static enum manager_cmd_kind commands_kind(const struct console_parsed *parsed)
{
    switch ((int)parsed->id) {
    case CONSOLE_SWITCHOVER:
        return MANAGER_SWITCHOVER;
    case CONSOLE_FAILOVER:
        return MANAGER_FAILOVER;
    case CONSOLE_CANCEL:
        return MANAGER_CANCEL;
    case CONSOLE_DRAIN:
        return MANAGER_DRAIN;
    case CONSOLE_UNDRAIN:
        return MANAGER_UNDRAIN;
    default:
        return parsed->on ? MANAGER_MAINTENANCE_ON : MANAGER_MAINTENANCE_OFF;
    }
}

static bool commands_relative(const char *text, usec_t *delay)
{
    static const struct {
        const char *unit;
        usec_t length;
    } units[] = {{"s", USEC_PER_SEC},
                 {"", USEC_PER_SEC},
                 {"min", 60 * USEC_PER_SEC},
                 {"h", 3600 * USEC_PER_SEC},
                 {"d", 86400 * USEC_PER_SEC}};
    const size_t n = strspn(text, "0123456789");
    char number[10];
    uint64_t value;
    if (n == 0 || n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strcmp(text + n, units[i].unit) == 0 && str_to_u64(number, &value)) {
            *delay = (usec_t)value * units[i].length;
            return *delay > 0;
        }
    return false;
}

/* "2026-11-21 22:00", with seconds and a zone (Z, +01:00) if wanted, else UTC; or "+90s" from now. False: neither, or it
 * is past. */
static bool commands_time(const char *text, usec_t *delay)
{
    static const char *const forms[] = {
        "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M%z",
        "%Y-%m-%dT%H:%M:%S",   "%Y-%m-%d %H:%M:%S",   "%Y-%m-%dT%H:%M",   "%Y-%m-%d %H:%M"};
    if (text[0] == '+')
        return commands_relative(text + 1, delay);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (!end || *end)
            continue;
        const long off = tm.tm_gmtoff;
        *delay = ((usec_t)timegm(&tm) - off - (usec_t)time(NULL)) * USEC_PER_SEC;
        return *delay > 0;
    }
    return false;
}

void commands_manager(struct console_call *call)
{
    struct manager_cmd cmd = {
        .kind = commands_kind(&call->parsed),
        .cluster = commands_cluster(call),
        .dry_run = call->parsed.dry_run,
        .accept_data_loss = call->parsed.accept_data_loss,
    };
    if (cmd.cluster == -2) {
        char message[128];
        snprintf(message, sizeof message, "there is no cluster \"%s\"", call->parsed.cluster);
        console_answer_error(call, ERRRESP_INVALID_PARAMETER_VALUE, message,
                             "SHOW CLUSTERS lists them.");
        return;
    }
    if (call->parsed.id == CONSOLE_SWITCHOVER && *call->parsed.literal &&
        !commands_time(call->parsed.literal, &cmd.delay)) {
        console_answer_error(
            call, ERRRESP_INVALID_PARAMETER_VALUE,
            "that is no time to come: use YYYY-MM-DD HH:MM[:SS] (UTC, or with Z or "
            "+HH:MM) or +10min",
            NULL);
        return;
    }
    (void)str_copy(cmd.node, sizeof cmd.node, call->parsed.node);
    manager_command(call->proxy->manager, &cmd, commands_on_done, call);
}

/* ---- Pools -------------------------------------------------------------------------------------------------------- */

static void commands_on_control(void *arg, const struct err *e)
{
    struct console_call *call = arg;
    if (e->code != 0)
        commands_failed(call, e, NULL);
    else
        console_answer_tag(call, call->command->words);
}

static enum control_op commands_op(enum console_id id)
{
    switch ((int)id) {
    case CONSOLE_PAUSE:
        return CONTROL_PAUSE;
    case CONSOLE_RESUME:
        return CONTROL_RESUME;
    case CONSOLE_RECONNECT:
        return CONTROL_RECONNECT;
    case CONSOLE_WAIT_CLOSE:
        return CONTROL_WAIT_CLOSE;
    case CONSOLE_DISABLE:
        return CONTROL_DISABLE;
    case CONSOLE_ENABLE:
        return CONTROL_ENABLE;
    case CONSOLE_KILL:
        return CONTROL_KILL;
    default:
        return CONTROL_KILL_CLIENT;
    }
}

void commands_control(struct console_call *call)
{
    struct control_req req = {.op = commands_op(call->parsed.id), .client = call->parsed.client};
    (void)str_copy(req.database, sizeof req.database, call->parsed.database);
    control_run(call->proxy->control, &req, commands_on_control, call);
}

/* ---- The daemon --------------------------------------------------------------------------------------------------- */

void commands_reload(struct console_call *call)
{
    struct err e = {0};
    if (proxy_reload(call->proxy, &e) == 0)
        console_answer_tag(call, "RELOAD");
    else
        console_answer_error(
            call, ERRRESP_CONFIG_FILE_ERROR, e.text,
            "The old configuration stays in force; `tanist check` shows every error.");
}

void commands_shutdown(struct console_call *call)
{
    struct proxy *p = call->proxy;
    /* The answer first: afterwards nobody may be left to send it. */
    console_answer_tag(call, "SHUTDOWN");
    proxy_shutdown(p);
}

/* ---- EXPLAIN ROUTE ------------------------------------------------------------------------------------------------ */

void commands_explain(struct console_call *call)
{
    static const char *const columns[] = {"item", "value", "explanation"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    const char *database = *call->parsed.database ? call->parsed.database : "postgres";
    const char *user = *call->parsed.user ? call->parsed.user : call->req.user;
    if (t)
        proxy_explain(call->proxy, database, user, call->parsed.sql, t);
    console_answer_rows(call, t, "EXPLAIN ROUTE");
}
