#include "grammar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 256, DEPTH = 24 };

struct group {
    const char *name;
    size_t len;
    int first, n;
};

static struct group groups[GROUPS];
static int n_groups;

static const struct group *find(const char *name, size_t n)
{
    for (int i = 0; name && i < n_groups; i++)
        if (groups[i].len == n && memcmp(groups[i].name, name, n) == 0)
            return &groups[i];
    return NULL;
}

NORETURN static void die(const char *what, const char *text)
{
    fprintf(stderr, "grammar: %s: %s\n", what, text);
    exit(3);
}

static bool is_special(const char *name, size_t n)
{
    return n > 0 && (name[0] == '#' || (n == 1 && (name[0] == 'i' || name[0] == 'j')));
}

void grammar_check(void)
{
    for (int i = 0; grammar_rules[i].name; i++) {
        const char *name = grammar_rules[i].name;
        if (n_groups && strcmp(groups[n_groups - 1].name, name) == 0) {
            groups[n_groups - 1].n++;
            continue;
        }
        if (find(name, strlen(name)) || n_groups == GROUPS)
            die("rules of one name must stand together", name);
        groups[n_groups++] = (struct group){name, strlen(name), i, 1};
    }
    for (int i = 0; grammar_rules[i].name; i++) {
        for (const char *at = strchr(grammar_rules[i].text, '@'); at;) {
            const char *end = strchr(at + 1, '@');
            if (!end || (!is_special(at + 1, (size_t)(end - at - 1)) &&
                         !find(at + 1, (size_t)(end - at - 1))))
                die("a rule that is not there is named in", grammar_rules[i].text);
            at = strchr(end + 1, '@');
        }
    }
}

static const struct rule *choose(struct expansion *x, const struct group *g)
{
    unsigned sum = 0;
    const struct rule *r = &grammar_rules[g->first];
    for (int i = 0; i < g->n; i++)
        if ((r[i].features & ~x->features) == 0)
            sum += r[i].weight;
    if (sum == 0)
        return NULL;
    unsigned at = prng_below(x->prng, sum);
    for (int i = 0; i < g->n; i++) {
        if (r[i].features & ~x->features)
            continue;
        if (at < r[i].weight)
            return &r[i];
        at -= r[i].weight;
    }
    return NULL;
}

static void expand_special(struct expansion *x, const char *name)
{
    if (name[0] == 'i') {
        buf_addf(x->out, "%d", x->client);
    } else if (name[0] == 'j') {
        buf_addf(x->out, "%u", prng_below(x->prng, (unsigned)x->n_clients));
    } else {
        char *end;
        const long lo = strtol(name + 1, &end, 10), hi = strtol(end + 1, NULL, 10);
        buf_addf(x->out, "%ld", lo + (long)prng_below(x->prng, (unsigned)(hi - lo + 1)));
    }
}

static void expand_group(struct expansion *x, const struct group *g, int depth)
{
    const struct rule *r = choose(x, g);
    if (!r || depth == DEPTH) {
        buf_adds(x->out, "SELECT 1");
        return;
    }
    x->pins |= r->pins;
    x->unpins |= r->unpins;
    const char *from = r->text;
    for (const char *at = strchr(from, '@'); at; at = strchr(from, '@')) {
        const char *end = strchr(at + 1, '@');
        buf_add(x->out, from, (size_t)(at - from));
        const size_t n = (size_t)(end - at - 1);
        if (is_special(at + 1, n))
            expand_special(x, at + 1);
        else
            expand_group(x, find(at + 1, n), depth + 1);
        from = end + 1;
    }
    buf_adds(x->out, from);
}

void grammar_expand(struct expansion *x, const char *name)
{
    const struct group *g = find(name, strlen(name));
    if (!g)
        die("no such rule", name);
    expand_group(x, g, 0);
}

bool grammar_features(const char *list, uint64_t *bits, const char **bad)
{
    static const char *const names[] = {
#define X(NAME, name) name,
        FEATURES(X)
#undef X
    };
    *bits = 0;
    while (*list) {
        const size_t n = strcspn(list, ",");
        int f = 0;
        while (f < FEATURE_NR && (strlen(names[f]) != n || memcmp(names[f], list, n) != 0))
            f++;
        if (f == FEATURE_NR) {
            *bad = list;
            return false;
        }
        *bits |= UINT64_C(1) << f;
        list += n + (list[n] == ',');
    }
    return true;
}
