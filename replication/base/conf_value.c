/* Values of settings: text to typed field and back, by PostgreSQL's rules (its guc.c is the model of behaviour). */
#include "conf.h"

#include <inttypes.h>
#include <string.h>

#include "bug.h"
#include "conf_private.h"
#include "str.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit time_units[] = {
    {"d", 24 * 3600 * USEC_PER_SEC},
    {"h", 3600 * USEC_PER_SEC},
    {"min", 60 * USEC_PER_SEC},
    {"s", USEC_PER_SEC},
    {"ms", USEC_PER_MS},
    {"us", 1},
};
static const struct unit byte_units[] = {
    {"TB", INT64_C(1) << 40},
    {"GB", INT64_C(1) << 30},
    {"MB", INT64_C(1) << 20},
    {"kB", 1024},
    {"B", 1},
};

static const struct {
    const char *name;
    bool value;
} bool_words[] = {
    {"on", true},  {"off", false}, {"true", true}, {"false", false},
    {"yes", true}, {"no", false},  {"1", true},    {"0", false},
};

/* Largest to smallest, for both directions. */
static const struct unit *units_of(enum conf_type type, int *n)
{
    *n = type == CONF_DURATION ? (int)ARRAY_LEN(time_units) : (int)ARRAY_LEN(byte_units);
    return type == CONF_DURATION ? time_units : byte_units;
}

static const struct unit *find_unit(const struct unit *units, int n, struct slice name)
{
    for (int i = 0; i < n; i++) {
        if (slice_eq(name, units[i].name))
            return &units[i];
    }
    return NULL;
}

/* "invalid value "x": why", without the value when it is secret. */
PRINTF_LIKE(4, 5)
static int bad_value(const struct conf_setting *s, const char *text, struct err *e, const char *fmt,
                     ...)
{
    char why[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    if (s->flags & CONF_SECRET)
        return err_set(e, ERR_INVALID, "%s: invalid value: %s", s->name, why);
    return err_set(e, ERR_INVALID, "%s: invalid value \"%.64s\"%s: %s", s->name, text,
                   strlen(text) > 64 ? "..." : "", why);
}

static int check_range(const struct conf_setting *s, int64_t v, const char *text, struct err *e)
{
    if ((s->min == 0 && s->max == 0) || (v >= s->min && v <= s->max))
        return 0;
    char low[32], high[32];
    conf_field_text(s, &s->min, low, sizeof(low));
    conf_field_text(s, &s->max, high, sizeof(high));
    return bad_value(s, text, e, "outside the valid range (%s .. %s)", low, high);
}

/* A decimal with an optional fraction and what follows it. */
struct number {
    bool negative;
    uint64_t whole;
    uint64_t millionths;
    struct slice rest; /* trimmed */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* False if there are no digits or they overflow. */
static bool read_number(const char *text, struct number *out)
{
    struct slice t = slice_trim(slice_of(text));
    size_t i = 0;
    *out = (struct number){0};
    if (i < t.n && (t.p[i] == '-' || t.p[i] == '+'))
        out->negative = t.p[i++] == '-';
    const size_t start = i;
    for (; i < t.n && is_digit(t.p[i]); i++) {
        const uint64_t digit = (uint64_t)(t.p[i] - '0');
        if (out->whole > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        out->whole = out->whole * 10 + digit;
    }
    bool any = i > start;
    if (i < t.n && t.p[i] == '.') {
        i++;
        for (uint64_t weight = 100000; i < t.n && is_digit(t.p[i]); i++, weight /= 10) {
            out->millionths += (uint64_t)(t.p[i] - '0') * weight;
            any = true;
        }
    }
    out->rest = slice_trim((struct slice){t.p + i, t.n - i});
    return any;
}

/* number * factor, rounded down; false on overflow. */
static bool scale(const struct number *n, int64_t factor, int64_t *out)
{
    const uint64_t f = (uint64_t)factor;
    if (n->whole > (uint64_t)INT64_MAX / f)
        return false;
    const uint64_t whole = n->whole * f;
    /* millionths < 10^6 and f < 2^41, so the product fits 61 bits. */
    const uint64_t part = n->millionths * f / 1000000;
    if (part > (uint64_t)INT64_MAX - whole)
        return false;
    *out = n->negative ? -(int64_t)(whole + part) : (int64_t)(whole + part);
    return true;
}

static int parse_int(const struct conf_setting *s, int64_t *field, const char *text, struct err *e)
{
    struct number n;
    int64_t v;
    const struct slice t = slice_trim(slice_of(text));
    const bool is_auto = (s->flags & CONF_AUTO) && slice_ieq(t, "auto");
    if (is_auto) {
        *field = -1;
        return 0;
    }
    if (!read_number(text, &n) || n.rest.n || n.millionths || memchr(t.p, '.', t.n) ||
        !scale(&n, 1, &v))
        return bad_value(s, text, e, "expected a whole number%s",
                         s->flags & CONF_AUTO ? " or auto" : "");
    const int rc = check_range(s, v, text, e);
    if (rc == 0)
        *field = v;
    return rc;
}

static int parse_percent(const struct conf_setting *s, int64_t *field, const char *text,
                         struct err *e)
{
    struct number n;
    int64_t v;
    if (!read_number(text, &n) || n.millionths || (n.rest.n && !slice_eq(n.rest, "%")) ||
        !scale(&n, 1, &v))
        return bad_value(s, text, e, "expected a percentage such as 70%%");
    const int rc = check_range(s, v, text, e);
    if (rc == 0)
        *field = v;
    return rc;
}

static int bad_unit(const struct conf_setting *s, const char *text, struct err *e)
{
    if (s->type == CONF_DURATION)
        return bad_value(s, text, e,
                         "expected a number with one of the units us, ms, s, min, h, d%s",
                         s->flags & CONF_NEVER ? ", or off" : "");
    return bad_value(s, text, e, "expected a number with one of the units B, kB, MB, GB, TB%s",
                     s->flags & CONF_AUTO ? ", or auto" : "");
}

/* Durations and sizes: 0, or INT64 in base units. */
static int parse_with_unit(const struct conf_setting *s, int64_t *out, const char *text,
                           struct err *e)
{
    struct number n;
    int n_units;
    const struct unit *units = units_of(s->type, &n_units);
    const struct slice t = slice_trim(slice_of(text));
    if ((s->flags & CONF_AUTO) && slice_ieq(t, "auto")) {
        *out = -1;
        return 0;
    }
    if ((s->flags & CONF_NEVER) && slice_ieq(t, "off")) {
        *out = 0;
        return 0;
    }
    if (!read_number(text, &n))
        return bad_unit(s, text, e);
    const char *bare = s->unit ? s->unit : s->type == CONF_BYTES ? "B" : NULL;
    const struct unit *unit = NULL;
    if (n.rest.n)
        unit = find_unit(units, n_units, n.rest);
    else if (bare)
        unit = find_unit(units, n_units, slice_of(bare));
    else if (n.whole == 0 && n.millionths == 0)
        unit = &units[n_units - 1]; /* zero needs no unit */
    if (!unit)
        return bad_unit(s, text, e);
    int64_t v;
    if (!scale(&n, unit->factor, &v))
        return bad_value(s, text, e, "the number is too large");
    if (v == 0 && (s->flags & CONF_NEVER)) {
        *out = 0;
        return 0;
    }
    if (v < 0 && s->min >= 0)
        return bad_value(s, text, e, "cannot be negative");
    const int rc = check_range(s, v, text, e);
    if (rc == 0)
        *out = v;
    return rc;
}

static int parse_bool(const struct conf_setting *s, bool *field, const char *text, struct err *e)
{
    const struct slice t = slice_trim(slice_of(text));
    for (size_t i = 0; i < ARRAY_LEN(bool_words); i++) {
        if (slice_ieq(t, bool_words[i].name)) {
            *field = bool_words[i].value;
            return 0;
        }
    }
    return bad_value(s, text, e, "expected on or off (or true, false, yes, no, 1, 0)");
}

static const char *enum_name_at(const void *arg, int i)
{
    const struct conf_setting *s = arg;
    return s->values[i];
}

static int parse_enum(const struct conf_setting *s, int *field, const char *text, struct err *e)
{
    const struct slice t = slice_trim(slice_of(text));
    char all[ERR_TEXT_MAX];
    struct strbuf b;
    int n = 0;
    strbuf_init(&b, all, sizeof(all));
    for (; s->values[n]; n++) {
        if (slice_ieq(t, s->values[n])) {
            *field = n + 1;
            return 0;
        }
        strbuf_addf(&b, "%s%s", n ? ", " : "", s->values[n]);
    }
    const char *near = conf_nearest(text, enum_name_at, s, n);
    if (near)
        return bad_value(s, text, e, "did you mean \"%s\"? (one of %s)", near, all);
    return bad_value(s, text, e, "expected one of %s", all);
}

static int parse_string(const struct conf_setting *s, char *field, const char *text, struct err *e)
{
    if (strlen(text) >= s->size)
        return bad_value(s, text, e, "longer than %zu bytes", s->size - 1);
    if (*text == '\0' && (s->flags & CONF_REQUIRED))
        return bad_value(s, text, e, "must not be empty");
    (void)str_copy(field, s->size, text);
    return 0;
}

int conf_field_parse(const struct conf_setting *s, void *field, const char *text, struct err *e)
{
    int64_t v = 0;
    int rc;
    switch (s->type) {
    case CONF_BOOL:
        return parse_bool(s, field, text, e);
    case CONF_INT:
        return parse_int(s, field, text, e);
    case CONF_PERCENT:
        return parse_percent(s, field, text, e);
    case CONF_DURATION:
        return parse_with_unit(s, field, text, e);
    case CONF_BYTES:
        rc = parse_with_unit(s, &v, text, e);
        if (rc == 0)
            *(uint64_t *)field = (uint64_t)v;
        return rc;
    case CONF_STRING:
        return parse_string(s, field, text, e);
    case CONF_ENUM:
        return parse_enum(s, field, text, e);
    case CONF_TYPE_NR:
        break;
    }
    BUG("unknown type of setting");
}

static size_t field_size(const struct conf_setting *s)
{
    switch (s->type) {
    case CONF_BOOL:
        return sizeof(bool);
    case CONF_INT:
    case CONF_PERCENT:
    case CONF_DURATION:
    case CONF_BYTES:
        return sizeof(int64_t);
    case CONF_ENUM:
        return sizeof(int);
    case CONF_STRING:
        return s->size;
    case CONF_TYPE_NR:
        break;
    }
    BUG("unknown type of setting");
}

int conf_set_value(const struct conf_setting *s, void *instance, const char *text, struct err *e)
{
    BUG_ON(s->size != 0 && s->size != field_size(s));
    return conf_field_parse(s, conf_field(s, instance), text, e);
}

void conf_field_default(const struct conf_setting *s, void *field)
{
    BUG_ON(s->size != 0 && s->size != field_size(s));
    memset(field, 0, field_size(s));
    /* An empty default of a required string is no value; everything else must parse. */
    if (s->def && *s->def)
        BUG_ON(conf_field_parse(s, field, s->def, NULL) != 0);
}

bool conf_field_equal(const struct conf_setting *s, const void *a, const void *b)
{
    if (s->type == CONF_STRING)
        return strcmp(a, b) == 0;
    return memcmp(a, b, field_size(s)) == 0;
}

static void unit_text(const struct conf_setting *s, int64_t v, struct strbuf *b)
{
    int n;
    const struct unit *units = units_of(s->type, &n);
    if (v == -1 && (s->flags & CONF_AUTO)) {
        strbuf_adds(b, "auto");
        return;
    }
    if (v == 0) {
        strbuf_adds(b, s->flags & CONF_NEVER ? "off" : "0");
        return;
    }
    for (int i = 0; i < n; i++) {
        if (v % units[i].factor == 0) {
            strbuf_addf(b, "%" PRId64 "%s", v / units[i].factor, units[i].name);
            return;
        }
    }
}

void conf_field_text(const struct conf_setting *s, const void *field, char *out, size_t cap)
{
    struct strbuf b;
    strbuf_init(&b, out, cap);
    switch (s->type) {
    case CONF_BOOL:
        strbuf_adds(&b, *(const bool *)field ? "on" : "off");
        break;
    case CONF_INT:
        if ((s->flags & CONF_AUTO) && *(const int64_t *)field == -1)
            strbuf_adds(&b, "auto");
        else
            strbuf_addf(&b, "%" PRId64, *(const int64_t *)field);
        break;
    case CONF_PERCENT:
        strbuf_addf(&b, "%" PRId64 "%%", *(const int64_t *)field);
        break;
    case CONF_DURATION:
    case CONF_BYTES:
        unit_text(s, *(const int64_t *)field, &b);
        break;
    case CONF_STRING:
        strbuf_adds(&b, field);
        break;
    case CONF_ENUM:
        if (*(const int *)field > 0)
            strbuf_adds(&b, s->values[*(const int *)field - 1]);
        break;
    case CONF_TYPE_NR:
        BUG("unknown type of setting");
    }
}

void conf_value_text(const struct conf_setting *s, const void *instance, char *out, size_t cap)
{
    conf_field_text(s, conf_field_const(s, instance), out, cap);
    if ((s->flags & CONF_SECRET) && out[0])
        (void)str_copy(out, cap, "********");
}

bool conf_value_is_default(const struct conf_setting *s, const void *instance)
{
    union {
        char text[CONF_VALUE_MAX];
        int64_t align;
    } def;
    BUG_ON(field_size(s) > sizeof(def));
    conf_field_default(s, &def);
    return conf_field_equal(s, &def, conf_field_const(s, instance));
}

const char *conf_nearest(const char *word, const char *(*name_at)(const void *arg, int i),
                         const void *arg, int n)
{
    const char *best = NULL;
    /* A third of the letters may be wrong, but never a whole short word. */
    const unsigned max = (unsigned)(strlen(word) < 3       ? 1
                                    : strlen(word) / 3 < 4 ? strlen(word) / 3
                                                           : 4);
    unsigned best_distance = max + 1;
    for (int i = 0; i < n; i++) {
        const unsigned d = str_distance(word, name_at(arg, i), max);
        if (d < best_distance) {
            best_distance = d;
            best = name_at(arg, i);
        }
    }
    return best;
}
