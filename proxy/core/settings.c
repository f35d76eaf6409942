#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "../../replication/base/attrs.h"
#include "sqllex.h"

static const char *const names[SETTINGS_NR] = {
    [SETTINGS_CONSISTENCY] = "consistency",
    [SETTINGS_MAX_LAG] = "max_lag",
    [SETTINGS_ROUTE] = "route",
    [SETTINGS_FLOOR] = "floor",
    [SETTINGS_NODE] = "node",
    [SETTINGS_PIN] = "pin",
};

/* Most statements end here: they do not begin with S-E-T, S-H-O-W or R-E-S-E-T. */
static bool may_begin(struct slice sql)
{
    size_t i = 0;
    while (i < sql.n &&
           (sql.p[i] == ' ' || sql.p[i] == '\n' || sql.p[i] == '\t' || sql.p[i] == '\r'))
        i++;
    if (sql.n - i < sizeof("SET tanist.x") - 1 || sql.n > 1024)
        return false;
    const char a = (char)(sql.p[i] | 0x20), c = (char)(sql.p[i + 2] | 0x20);
    return (a == 's' && (c == 't' || c == 'o')) || (a == 'r' && c == 's');
}

static bool copy(char *out, size_t cap, struct slice s)
{
    if (s.n >= cap)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

/* 'text', a word, or a number with a unit behind it. */
static bool read_value(struct lexer *lx, struct lex_token *t, struct settings_command *out)
{
    struct slice v = t->text;
    if (t->kind == LEX_STRING) {
        if (v.n < 2 || v.p[0] != '\'' || memchr(v.p + 1, '\'', v.n - 2) || memchr(v.p, '\\', v.n))
            return false;
        v = (struct slice){v.p + 1, v.n - 2};
    } else if (t->kind == LEX_IDENT) {
        out->is_default = lex_is(t, "default");
    } else if (t->kind != LEX_NUMBER) {
        return false;
    }
    if (!copy(out->value, sizeof(out->value), v))
        return false;
    *t = lex_next(lx);
    return true;
}

static enum settings_verb verb_of(const struct lex_token *t)
{
    return lex_is(t, "set")     ? SETTINGS_SET
           : lex_is(t, "show")  ? SETTINGS_SHOW
           : lex_is(t, "reset") ? SETTINGS_RESET
                                : SETTINGS_NONE;
}

static void read_name(const struct lex_token *t, struct settings_command *out)
{
    char word[LEX_NAME_MAX + 1];
    struct slice name = {0};
    if (!lex_name(t, word, &name))
        return;
    snprintf(out->column, sizeof(out->column), "tanist.%.*s", (int)(name.n > 20 ? 20 : name.n),
             name.p);
    for (int i = SETTINGS_UNKNOWN + 1; i < SETTINGS_NR; i++)
        if (slice_eq(name, names[i]))
            out->name = (enum settings_name)i;
}

bool settings_parse(struct slice sql, bool backslash, struct settings_command *out)
{
    struct lexer lx;
    if (LIKELY(!may_begin(sql)))
        return false;
    memset(out, 0, sizeof(*out));
    lex_init(&lx, sql, backslash);
    struct lex_token t = lex_next(&lx);
    out->verb = verb_of(&t);
    if (out->verb == SETTINGS_NONE)
        return false;
    t = lex_next(&lx);
    if (out->verb == SETTINGS_SET && (lex_is(&t, "session") || lex_is(&t, "local"))) {
        out->local = lex_is(&t, "local");
        t = lex_next(&lx);
    }
    if (!lex_is(&t, "tanist"))
        return false;
    t = lex_next(&lx);
    if (!lex_is_punct(&t, '.'))
        return false;
    t = lex_next(&lx);
    read_name(&t, out);
    t = lex_next(&lx);
    if (out->verb == SETTINGS_SET) {
        const bool to = lex_is(&t, "to") || (t.kind == LEX_OP && slice_eq(t.text, "="));
        if (to)
            t = lex_next(&lx);
        out->bad = !to || !read_value(&lx, &t, out);
    }
    out->is_default |= out->verb == SETTINGS_RESET;
    if (t.kind == LEX_SEMI)
        t = lex_next(&lx);
    out->bad |= t.kind != LEX_END;
    return true;
}

bool settings_duration(const char *text, usec_t *out)
{
    static const struct {
        const char *name;
        usec_t factor;
    } units[] = {{"", USEC_PER_MS},          {"us", 1},
                 {"ms", USEC_PER_MS},        {"s", USEC_PER_SEC},
                 {"min", 60 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC}};
    size_t i = 0;
    int64_t n = 0;
    for (; text[i] >= '0' && text[i] <= '9'; i++) {
        if (i == 9)
            return false;
        n = n * 10 + (text[i] - '0');
    }
    if (i == 0)
        return false;
    while (text[i] == ' ')
        i++;
    for (size_t u = 0; u < ARRAY_LEN(units); u++)
        if (strcmp(text + i, units[u].name) == 0) {
            *out = n * units[u].factor;
            return true;
        }
    return false;
}
