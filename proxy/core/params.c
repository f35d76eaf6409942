#include "params.h"

#include <string.h>

#include "../../replication/base/bug.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int name_cmp(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

void params_init(struct params *p)
{
    p->hash = 0;
    p->n = p->len = 0;
}

void params_copy(struct params *to, const struct params *from)
{
    to->hash = from->hash;
    to->n = from->n;
    to->len = from->len;
    memcpy(to->kv, from->kv, from->len);
}

bool params_next(const struct params *p, uint32_t *at, const char **name, const char **value)
{
    if (*at >= p->len)
        return false;
    *name = p->kv + *at;
    *value = *name + strlen(*name) + 1;
    *at = (uint32_t)(*value + strlen(*value) + 1 - p->kv);
    return true;
}

const char *params_get(const struct params *p, const char *name)
{
    uint32_t at = 0;
    const char *n, *v;
    while (params_next(p, &at, &n, &v))
        if (name_cmp(n, name) == 0)
            return v;
    return NULL;
}

uint64_t params_analysis_key(const struct params *p)
{
    static const char *const names[] = {"array_nulls",
                                        "backslash_quote",
                                        "client_encoding",
                                        "datestyle",
                                        "default_text_search_config",
                                        "intervalstyle",
                                        "lc_monetary",
                                        "standard_conforming_strings",
                                        "timezone",
                                        "timezone_abbreviations",
                                        "transform_null_equals",
                                        "xmloption"};
    uint64_t key = 0;
    uint32_t at = 0;
    const char *n, *v;
    while (params_next(p, &at, &n, &v))
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (name_cmp(n, names[i]) == 0)
                key = (key * UINT64_C(0x9e3779b97f4a7c15)) ^ slice_hash(slice_of(v)) ^ (i + 1);
    return key;
}

static void params_cut(struct params *p, uint32_t from, uint32_t to)
{
    memmove(p->kv + from, p->kv + to, p->len - to);
    p->len -= to - from;
    p->n--;
}

static void rehash(struct params *p)
{
    p->hash = p->len ? slice_hash((struct slice){p->kv, p->len}) : 0;
}

void params_remove(struct params *p, const char *name)
{
    uint32_t at = 0, prev = 0;
    const char *n, *v;
    for (; params_next(p, &at, &n, &v); prev = at)
        if (name_cmp(n, name) == 0) {
            params_cut(p, prev, at);
            rehash(p);
            return;
        }
}

int params_set(struct params *p, const char *name, const char *value, struct err *e)
{
    const size_t nn = strlen(name) + 1, nv = strlen(value) + 1;
    uint32_t at = 0, prev = 0;
    const char *n, *v;
    bool there = false;
    for (; params_next(p, &at, &n, &v); prev = at) {
        const int c = name_cmp(n, name);
        there = c == 0;
        if (c >= 0)
            break;
    }
    const uint32_t gone = there ? at - prev : 0;
    if (p->n - there >= PARAMS_MAX || p->len - gone + nn + nv > PARAMS_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "too many settings");
    if (there)
        params_cut(p, prev, at);
    memmove(p->kv + prev + nn + nv, p->kv + prev, p->len - prev);
    for (size_t i = 0; i < nn; i++)
        p->kv[prev + i] = lower(name[i]);
    memcpy(p->kv + prev + nn, value, nv);
    p->len += (uint32_t)(nn + nv);
    p->n++;
    rehash(p);
    return 0;
}

/* One white-space separated word with backslash escapes; false at the end. */
static bool next_word(const char **s, char *out, size_t cap, bool *too_long)
{
    const char *p = *s;
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    if (!*p)
        return false;
    size_t n = 0;
    for (; *p && *p != ' ' && *p != '\t' && *p != '\n' && *p != '\r'; p++) {
        if (*p == '\\' && p[1])
            p++;
        if (n + 1 < cap)
            out[n++] = *p;
        else
            *too_long = true;
    }
    out[n] = 0;
    *s = p;
    return true;
}

int params_set_options(struct params *p, const char *options, struct err *e)
{
    char word[1024];
    bool too_long = false;
    while (next_word(&options, word, sizeof(word), &too_long)) {
        const char *pair = NULL;
        if (strncmp(word, "--", 2) == 0)
            pair = word + 2;
        else if (strncmp(word, "-c", 2) == 0 && word[2])
            pair = word + 2;
        else if (strcmp(word, "-c") == 0 && next_word(&options, word, sizeof(word), &too_long))
            pair = word;
        char *eq = pair ? strchr(word, '=') : NULL;
        if (!eq || too_long)
            return err_set(e, ERR_INVALID, "option \"%.60s\" is not supported: only -c name=value",
                           word);
        *eq = 0;
        for (char *c = word; *c; c++)
            if (*c == '-')
                *c = '_';
        const char *name = pair == word ? word : word + 2;
        const int rc = params_set(p, name, eq + 1, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_identity(const char *name)
{
    return strcmp(name, "role") == 0 || strcmp(name, "session_authorization") == 0;
}

/* A RESET leaves this of a setting that no extension has defined; where one has, it may not be a value at all. RESET says
 * the same there, and makes it known to a server that has not heard of it. */
static bool is_left_behind(const char *name, const char *value)
{
    return *value == 0 && strchr(name, '.');
}

static bool differs(const struct params *a, const struct params *b, const char *name)
{
    const char *x = params_get(a, name), *y = params_get(b, name);
    return (!x != !y) || (x && strcmp(x, y) != 0);
}

static void add_reset(struct strbuf *out, const char *name)
{
    strbuf_adds(out, "RESET ");
    strbuf_add_sql_ident(out, name);
    strbuf_addc(out, ';');
}

static void add_setting(struct strbuf *out, const char *name, const char *value, bool local,
                        bool *first)
{
    strbuf_adds(out, *first ? "SELECT pg_catalog.set_config(" : ",pg_catalog.set_config(");
    *first = false;
    strbuf_add_sql_literal(out, name);
    strbuf_addc(out, ',');
    strbuf_add_sql_literal(out, value);
    strbuf_adds(out, local ? ",true)" : ",false)");
}

static void add_set(struct strbuf *out, const char *name, const char *value, bool *first)
{
    add_setting(out, name, value, false, first);
}

bool params_diff_sql(const struct params *have, const struct params *want, struct strbuf *out)
{
    static const char *const identity[] = {"session_authorization", "role"};
    uint32_t at = 0;
    const char *n, *v;
    if (params_equal(have, want))
        return true;
    const bool had = params_get(have, identity[0]) || params_get(have, identity[1]);
    const bool has = params_get(want, identity[0]) || params_get(want, identity[1]);
    if (had) {
        add_reset(out, "role");
        add_reset(out, "session_authorization");
    }
    while (params_next(have, &at, &n, &v))
        if (!is_identity(n) && !params_get(want, n))
            add_reset(out, n);
    for (at = 0; params_next(want, &at, &n, &v);)
        if (is_left_behind(n, v) && differs(have, want, n))
            add_reset(out, n);
    bool first = true;
    at = 0;
    while (params_next(want, &at, &n, &v))
        if (!is_identity(n) && !is_left_behind(n, v) && differs(have, want, n))
            add_set(out, n, v, &first);
    if (has && !first)
        strbuf_addc(out, ';');
    for (size_t i = 0; has && i < sizeof(identity) / sizeof(*identity); i++) {
        const char *value = params_get(want, identity[i]);
        first = true;
        if (value) {
            add_set(out, identity[i], value, &first);
            strbuf_addc(out, ';');
        }
    }
    return !out->truncated;
}

bool params_plain_ascii(const struct params *p)
{
    for (uint32_t i = 0; i < p->len; i++)
        if ((unsigned char)p->kv[i] >= 0x80)
            return false;
    return true;
}

bool params_encoding_sql(const struct params *have, const struct params *want,
                         struct params *between, struct strbuf *out)
{
    static const char name[] = "client_encoding";
    const char *v = params_get(want, name);
    struct err e;
    bool first = true;
    if (LIKELY(params_plain_ascii(want)) || !differs(have, want, name))
        return true;
    params_copy(between, have);
    if (!v) {
        add_reset(out, name);
        params_remove(between, name);
        return !out->truncated;
    }
    add_set(out, name, v, &first);
    return params_set(between, name, v, &e) == 0 && !out->truncated;
}

bool params_refill_sql(const struct params *base, bool local, struct strbuf *out)
{
    uint32_t at = 0;
    const char *n, *v;
    bool first = true;
    strbuf_adds(out, "SELECT pg_catalog.set_config(s.name,b.v,");
    strbuf_adds(out, local ? "true" : "false");
    strbuf_adds(out, ") FROM pg_catalog.pg_settings s,(VALUES ");
    while (params_next(base, &at, &n, &v)) {
        strbuf_adds(out, first ? "(" : ",(");
        first = false;
        strbuf_add_sql_literal(out, n);
        strbuf_addc(out, ',');
        strbuf_add_sql_literal(out, v);
        strbuf_addc(out, ')');
    }
    strbuf_adds(out, ") b(n,v) WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) b.n AND "
                     "s.source OPERATOR(pg_catalog.<>) 'session'");
    const char *role = params_get(base, "role");
    if (role) { /* no view shows it */
        first = true;
        strbuf_adds(out, " UNION ALL ");
        add_setting(out, "role", role, local, &first);
        strbuf_adds(out, " WHERE pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none'");
    }
    return !out->truncated;
}

bool params_fragile(const struct params *want)
{
    static const char *const names[] = {"role",
                                        "session_authorization",
                                        "default_tablespace",
                                        "temp_tablespaces",
                                        "lc_messages",
                                        "session_replication_role",
                                        "default_table_access_method",
                                        "lc_monetary",
                                        "lc_numeric",
                                        "lc_time",
                                        "default_text_search_config"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (params_get(want, names[i]))
            return true;
    return false;
}
