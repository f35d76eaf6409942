#include "hint.h"

#include "../../replication/base/attrs.h"

static bool parts(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

static struct slice next_word(struct slice *text)
{
    size_t at = 0;
    while (at < text->n && parts(text->p[at]))
        at++;
    size_t to = at;
    while (to < text->n && !parts(text->p[to]))
        to++;
    const struct slice word = {text->p + at, to - at};
    *text = (struct slice){text->p + to, text->n - to};
    return word;
}

/* What stands behind "key=". */
static bool value_of(struct slice word, const char *key, struct slice *value)
{
    size_t n = 0;
    while (n < word.n && word.p[n] != '=')
        n++;
    if (n == word.n || !slice_ieq((struct slice){word.p, n}, key))
        return false;
    *value = (struct slice){word.p + n + 1, word.n - n - 1};
    return true;
}

static bool duration(struct slice s, usec_t *out)
{
    static const struct {
        const char *name;
        usec_t unit;
    } units[] = {
        {"us", 1},           {"ms", USEC_PER_MS},        {"", USEC_PER_MS},
        {"s", USEC_PER_SEC}, {"min", 60 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
    };
    usec_t n = 0;
    size_t at = 0;
    for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++) {
        if (at == 9) /* far beyond any lag, and no unit can overflow it */
            return false;
        n = n * 10 + (s.p[at] - '0');
    }
    const struct slice unit = {s.p + at, s.n - at};
    for (size_t i = 0; at > 0 && i < ARRAY_LEN(units); i++) {
        if (slice_ieq(unit, units[i].name)) {
            *out = n * units[i].unit;
            return *out > 0;
        }
    }
    return false;
}

struct hint hint_parse(struct slice text)
{
    struct hint h = {0};
    for (;;) {
        const struct slice word = next_word(&text);
        struct slice value;
        if (word.n == 0)
            return h;
        if (slice_ieq(word, "primary"))
            h.primary = true;
        else if (slice_ieq(word, "replica"))
            h.replica = true;
        else if (value_of(word, "node", &value) && value.n > 0)
            h.node = value;
        else if (!value_of(word, "max_lag", &value) || !duration(value, &h.max_lag))
            h.odd = true;
    }
}
