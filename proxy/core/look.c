#include "look.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "classify.h"
#include "sqllex.h"

static const char *const pins[PIN_NR] = {
    [PIN_NONE] = "none",
    [PIN_TEMP] = "temporary-object",
    [PIN_ADVISORY] = "advisory-lock",
    [PIN_CURSOR_HOLD] = "cursor-with-hold",
    [PIN_LISTEN] = "listen",
    [PIN_PREPARE] = "sql-prepare",
    [PIN_LOAD] = "load",
    [PIN_SEED] = "setseed",
    [PIN_FUNCTION] = "function",
    [PIN_SEQUENCE] = "sequence",
    [PIN_STATE] = "unknown-state",
};

const char *pin_name(enum pin p)
{
    BUG_ON((unsigned)p >= PIN_NR);
    return pins[p];
}

enum pin look_pin(unsigned found)
{
    static const struct {
        unsigned bit;
        enum pin pin;
    } rows[] = {
        {TOUCH_TEMP, PIN_TEMP},           {TOUCH_LOCKS, PIN_ADVISORY},
        {TOUCH_CURSORS, PIN_CURSOR_HOLD}, {TOUCH_LISTEN, PIN_LISTEN},
        {TOUCH_PREPARED, PIN_PREPARE},    {TOUCH_LOAD, PIN_LOAD},
        {TOUCH_SEED, PIN_SEED},           {TOUCH_FUNCTION, PIN_FUNCTION},
        {TOUCH_SEQUENCE, PIN_SEQUENCE},   {LOOK_STATE, PIN_STATE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (found & rows[i].bit)
            return rows[i].pin;
    return PIN_NONE;
}

bool look_name_next(const struct look_names *l, uint16_t *at, const char **name)
{
    if (*at >= l->len)
        return false;
    *name = l->text + *at;
    *at = (uint16_t)(*at + strlen(*name) + 1);
    return true;
}

enum look_name look_name_kind(struct slice name)
{
    static const char *const never[] = {"transaction_isolation", "transaction_read_only",
                                        "transaction_deferrable", "seed"};
    static const char *const plain[] = {"application_name",
                                        "bytea_output",
                                        "client_encoding",
                                        "client_min_messages",
                                        "datestyle",
                                        "default_transaction_deferrable",
                                        "default_transaction_isolation",
                                        "default_transaction_read_only",
                                        "extra_float_digits",
                                        "idle_in_transaction_session_timeout",
                                        "intervalstyle",
                                        "jit",
                                        "lock_timeout",
                                        "maintenance_work_mem",
                                        "plan_cache_mode",
                                        "role",
                                        "row_security",
                                        "search_path",
                                        "session_authorization",
                                        "standard_conforming_strings",
                                        "statement_timeout",
                                        "synchronous_commit",
                                        "timezone",
                                        "work_mem"};
    if (memchr(name.p, '.', name.n))
        return LOOK_NAME_PLAIN;
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (slice_ieq(name, plain[i]))
            return LOOK_NAME_PLAIN;
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        if (slice_ieq(name, never[i]))
            return LOOK_NAME_NEVER;
    return LOOK_NAME_OTHER;
}

void look_name_add(struct look_names *l, struct slice name)
{
    uint16_t at = 0;
    const char *n;
    while (look_name_next(l, &at, &n))
        if (strlen(n) == name.n && slice_ieq(name, n))
            return;
    if (l->len + name.n + 1 > sizeof(l->text) || memchr(name.p, 0, name.n)) {
        l->full = true;
        return;
    }
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.p[i];
        l->text[l->len++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    l->text[l->len++] = 0;
}

bool look_channel_next(const struct look_channels *l, uint16_t *at, const char **name)
{
    if (*at >= l->len)
        return false;
    *name = l->text + *at;
    *at = (uint16_t)(*at + strlen(*name) + 1);
    return true;
}

bool look_channel_has(const struct look_channels *l, const char *name)
{
    uint16_t at = 0;
    const char *n;
    while (look_channel_next(l, &at, &n))
        if (strcmp(n, name) == 0)
            return true;
    return false;
}

static void add_channel(struct look_channels *l, struct slice name)
{
    if (!name.p || l->len + name.n + 1 > sizeof(l->text)) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->len, name.p, name.n);
    l->len = (uint16_t)(l->len + name.n);
    l->text[l->len++] = 0;
}

static void next_part(struct strbuf *out)
{
    if (out->n)
        strbuf_adds(out, " UNION ALL ");
}

static void add_name(struct strbuf *out, const char *name, bool *first)
{
    strbuf_adds(out, *first ? "" : ",");
    *first = false;
    strbuf_add_sql_literal(out, name);
}

static bool is_custom(const char *name)
{
    return strchr(name, '.') != NULL;
}

/* Names that other sessions have used: '' is what those leave behind, and what an extension defined is among the settings. */
static void add_custom(struct strbuf *out, const struct look_names *custom)
{
    uint16_t at = 0;
    bool first = true;
    const char *n;
    next_part(out);
    strbuf_adds(out, "SELECT n,CASE WHEN pg_catalog.current_setting(n,true) "
                     "OPERATOR(pg_catalog.<>) '' THEN pg_catalog.current_setting(n) END "
                     "FROM pg_catalog.unnest(ARRAY[");
    while (look_name_next(custom, &at, &n))
        add_name(out, n, &first);
    strbuf_adds(out, "]::pg_catalog.text[]) n WHERE n OPERATOR(pg_catalog.<>) "
                     "ALL(ARRAY(SELECT name FROM pg_catalog.pg_settings))");
}

static void add_names(struct strbuf *out, const struct look_ask *ask)
{
    uint16_t at = 0;
    uint32_t kv = 0;
    bool first = true;
    const char *n, *v;
    next_part(out);
    strbuf_adds(out, "SELECT n,pg_catalog.current_setting(n,true) FROM pg_catalog.unnest(ARRAY[");
    while (ask->names && look_name_next(ask->names, &at, &n))
        if (!ask->all || is_custom(n)) /* what is at its default shall not be told with its value */
            add_name(out, n, &first);
    while (ask->all && ask->known && params_next(ask->known, &kv, &n, &v))
        if (is_custom(n))
            add_name(out, n, &first);
    if (ask->all) {
        add_name(out, "role", &first);
        add_name(out, "session_authorization", &first);
    }
    strbuf_adds(out, "]::pg_catalog.text[]) n");
}

/* What binds a session to its server: the row that tells it, named in the query and in the answer. */
static const struct {
    unsigned bit;
    const char *name, *sql;
} objects[] = {
    {TOUCH_TEMP, "?temp",
     "SELECT '?temp','' WHERE EXISTS(SELECT FROM pg_catalog.pg_depend WHERE refclassid "
     "OPERATOR(pg_catalog.=) '2615'::pg_catalog.oid AND refobjid OPERATOR(pg_catalog.=) "
     "pg_catalog.pg_my_temp_schema())"},
    {TOUCH_LOCKS, "?locks",
     "SELECT '?locks','' WHERE EXISTS(SELECT FROM pg_catalog.pg_locks WHERE locktype "
     "OPERATOR(pg_catalog.=) 'advisory' AND pid OPERATOR(pg_catalog.=) "
     "pg_catalog.pg_backend_pid())"},
    {TOUCH_CURSORS, "?cursor",
     "SELECT '?cursor','' WHERE EXISTS(SELECT FROM pg_catalog.pg_cursors WHERE "
     "is_holdable)"},
    {TOUCH_LISTEN, "?listen", "SELECT '?listen',c FROM pg_catalog.pg_listening_channels() c"},
    /* Two rows each, of which the second follows the first. Those that Parse made have no text there. */
    {TOUCH_PREPARED, NULL,
     "SELECT pg_catalog.unnest('{?name,?text}'::pg_catalog.text[]),pg_catalog.unnest(ARRAY[name,"
     "CASE WHEN from_sql THEN statement END]) FROM pg_catalog.pg_prepared_statements WHERE "
     "pg_catalog.left(name,7) OPERATOR(pg_catalog.<>) 'tanist_' UNION ALL SELECT '?none','' WHERE "
     "NOT EXISTS(SELECT FROM pg_catalog.pg_prepared_statements WHERE pg_catalog.left(name,7) "
     "OPERATOR(pg_catalog.=) 'tanist_')"},
};

static void add_objects(struct strbuf *out, unsigned asked)
{
    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
        if (asked & objects[i].bit) {
            next_part(out);
            strbuf_adds(out, objects[i].sql);
        }
}

bool look_sql(const struct look_ask *ask, struct strbuf *out)
{
    if (ask->all)
        strbuf_adds(out,
                    "SELECT name,pg_catalog.current_setting(name) FROM pg_catalog.pg_settings "
                    "WHERE source OPERATOR(pg_catalog.=) 'session' AND name "
                    "OPERATOR(pg_catalog.<>) ALL('{transaction_isolation,transaction_read_only,"
                    "transaction_deferrable,seed}')");
    if (ask->all && ask->custom && ask->custom->len)
        add_custom(out, ask->custom);
    if (ask->all || (ask->names && ask->names->len))
        add_names(out, ask);
    add_objects(out, ask->objects);
    return !out->truncated;
}

void look_begin(struct look_seen *seen, const struct look_ask *ask, const struct params *before)
{
    seen->found = 0;
    seen->all = ask->all;
    seen->base = ask->base;
    seen->reset = ask->reset;
    params_init(&seen->settings);
    seen->channels.len = 0;
    seen->channels.full = false;
    if (!ask->all && before)
        params_copy(&seen->settings, before);
}

static void found_object(struct look_seen *seen, struct slice name)
{
    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
        if (objects[i].name && slice_eq(name, objects[i].name))
            seen->found |= objects[i].bit;
}

/* Is this value the one that a session begins with? */
static bool is_initial(struct slice name, struct slice value, const char *user)
{
    return (slice_eq(name, "role") && slice_eq(value, "none")) ||
           (slice_eq(name, "session_authorization") && slice_eq(value, user));
}

void look_row(struct look_seen *seen, struct slice name, struct slice value, const char *user)
{
    char n[128], v[4096];
    struct err e;
    if (name.n && name.p[0] == '?') {
        found_object(seen, name);
        if (slice_eq(name, "?listen"))
            add_channel(&seen->channels, value);
        return;
    }
    if (name.n >= sizeof(n) || value.n >= sizeof(v)) {
        seen->found |= LOOK_STATE;
        return;
    }
    memcpy(n, name.p, name.n);
    n[name.n] = 0;
    /* With another value among the start-up parameters, only a RESET leads to what others begin with. */
    const bool begins_other = !seen->reset && seen->base && params_get(seen->base, n);
    /* A custom setting has no source that one could ask for, but a RESET leaves it empty. */
    if (seen->reset && value.n == 0 && is_custom(n) && seen->base && params_get(seen->base, n))
        value.p = NULL;
    if (!value.p || (is_initial(name, value, user) && !begins_other)) {
        params_remove(&seen->settings, n);
        return;
    }
    memcpy(v, value.p, value.n);
    v[value.n] = 0;
    if (params_set(&seen->settings, n, v, &e) < 0)
        seen->found |= LOOK_STATE;
}

void look_restore_base(struct look_seen *seen, const struct params *base)
{
    uint32_t at = 0;
    const char *n, *v;
    struct err e;
    while (params_next(base, &at, &n, &v))
        if (!params_get(&seen->settings, n) && params_set(&seen->settings, n, v, &e) < 0)
            seen->found |= LOOK_STATE;
}

bool look_prepare_text(struct slice text, struct slice name, bool backslash, struct slice *out)
{
    struct lexer lx;
    struct slice plain;
    char buf[LEX_NAME_MAX + 1];
    bool found = false;
    int statements = 0;
    lex_init(&lx, text, backslash);
    for (struct lex_token t = lex_next(&lx); t.kind != LEX_END && t.kind != LEX_ERROR;) {
        statements++;
        const char *begin = t.text.p;
        const bool prepares = t.kind == LEX_IDENT && lex_is(&t, "prepare");
        if (prepares)
            t = lex_next(&lx);
        const bool it = prepares && lex_name(&t, buf, &plain) && plain.n == name.n &&
                        memcmp(plain.p, name.p, name.n) == 0;
        while (t.kind != LEX_SEMI && t.kind != LEX_END && t.kind != LEX_ERROR)
            t = lex_next(&lx);
        if (it) { /* the last one counts: it was dropped in between */
            const char *end = t.kind == LEX_SEMI ? t.text.p : text.p + text.n;
            *out = (struct slice){begin, (size_t)(end - begin)};
            found = true;
        }
        while (t.kind == LEX_SEMI)
            t = lex_next(&lx);
    }
    if (found && statements == 1)
        *out = text; /* as pg_prepared_statements shows it */
    return found;
}
