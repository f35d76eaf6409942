#include "show.h"

#include "../../replication/base/table.h"
#include "../../replication/status.h"
#include "../control.h"
#include "../proxy.h"
#include "../version.h"
#include "console.h"

static const char tag[] = "SHOW";

/* ---- The control plane -------------------------------------------------------------------------------------------- */

void show_clusters(struct console_call *call)
{
    console_answer_rows(call, status_clusters(call->proxy->manager), tag);
}

void show_lag(struct console_call *call)
{
    console_answer_rows(call, status_lag(call->proxy->manager), tag);
}

void show_events(struct console_call *call)
{
    console_answer_rows(call, status_events(call->proxy->manager), tag);
}

void show_failover(struct console_call *call)
{
    console_answer_rows(call, status_failover(call->proxy->manager), tag);
}

/* ---- The daemon --------------------------------------------------------------------------------------------------- */

static void show_config_section(struct table *t, const struct conf_section *s, const void *root)
{
    const char *name = "";
    const void *instance;
    for (int at = 0; (instance = s->at(root, at, &name)) != NULL; at++)
        for (int i = 0; i < s->n_settings; i++) {
            const struct conf_setting *row = &s->settings[i];
            char value[CONF_VALUE_MAX];
            conf_value_text(row, instance, value, sizeof value);
            if (s->named)
                table_cellf(t, "%s %s.%s", s->kind, name, row->name);
            else
                table_cellf(t, "%s.%s", s->kind, row->name);
            table_cell(t, value);
            table_cell(t, row->def ? row->def : "");
            table_cell(t, row->flags & CONF_RELOAD ? "yes" : "no");
        }
}

void show_config(struct console_call *call)
{
    static const char *const columns[] = {"key", "value", "default", "changeable"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    int n;
    const struct conf_section *sections = config_sections(&n);
    for (int i = 0; t && i < n; i++)
        show_config_section(t, &sections[i], call->proxy->conf);
    console_answer_rows(call, t, tag);
}

void show_version(struct console_call *call)
{
    static const char *const columns[] = {"version"};
    struct table *t = table_new(columns, 1);
    if (t)
        table_cell(t, "tanist " TANIST_VERSION);
    console_answer_rows(call, t, tag);
}

void show_state(struct console_call *call)
{
    static const char *const columns[] = {"key", "value"};
    struct table *t = table_new(columns, 2);
    if (t) {
        table_cell(t, "active");
        table_cell(t, call->proxy->stopping ? "no" : "yes");
        table_cell(t, "paused");
        table_cell(t, control_gates(call->proxy->control)->all_paused ? "yes" : "no");
        table_cell(t, "suspended");
        table_cell(t, "no");
    }
    console_answer_rows(call, t, tag);
}

void show_help(struct console_call *call)
{
    static const char *const columns[] = {"command", "description", "rights"};
    struct table *t = table_new(columns, (int)ARRAY_LEN(columns));
    for (enum console_id id = CONSOLE_EMPTY + 1; t && id < CONSOLE_ID_NR; id++) {
        const struct console_command *c = console_command(id);
        if (!c->doc)
            continue;
        table_cellf(t, "%s%s%s", c->words, *c->usage ? " " : "", c->usage);
        table_cell(t, c->doc);
        table_cell(t, c->access == CONSOLE_CHANGE ? "admin" : "stats");
    }
    console_answer_rows(call, t, tag);
}
