#include "reports.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "pool.h"
#include "server.h"
#include "wire/decode.h"
#include "wire/encode.h"

void reports_hear(struct server *s, const uint8_t *body, size_t n)
{
    struct msg_parameter m;
    struct err e;
    if (decode_parameter_status(body, n, &m) < 0)
        return;
    /* It is of the node, not of the one database that clients see. */
    if (slice_eq(m.name, "in_hot_standby") && !s->relay)
        return;
    if (!s->news) {
        s->news = malloc(sizeof(*s->news));
        if (!s->news)
            return;
        params_init(s->news);
        if (s->reports)
            params_copy(s->news, &s->reports->p);
    }
    if (params_set(s->news, m.name.p, m.value.p, &e) < 0)
        return; /* no room: more than any server has to say */
}

void reports_settle(struct server *s)
{
    struct params_ref *r = s->news ? pool_params(s->pool->group, s->news) : NULL;
    free(s->news);
    s->news = NULL;
    if (!r)
        return;
    params_unref(s->reports);
    s->reports = r;
}

/* Sets have names in lower case. */
static const char *spelled(const char *name)
{
    static const char *const names[] = {"DateStyle", "IntervalStyle", "TimeZone"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_ieq(slice_of(name), names[i]))
            return names[i];
    return name;
}

void reports_write(struct writer *w, const struct params *p)
{
    uint32_t at = 0;
    const char *n, *v;
    while (params_next(p, &at, &n, &v))
        encode_parameter_status(w, spelled(n), v);
}

void reports_tell(struct client *c, struct writer *w)
{
    const struct params *now = &c->server->reports->p, *told = &c->told->p;
    uint32_t at = 0;
    const char *n, *v;
    if (!params_equal(now, told))
        while (params_next(now, &at, &n, &v)) {
            const char *before = params_get(told, n);
            /* Nodes may differ in their version; a session does not change it. */
            if ((!before || strcmp(before, v) != 0) && strcmp(n, "server_version") != 0)
                encode_parameter_status(w, spelled(n), v);
        }
    params_become(&c->told, c->server->reports);
    const char *conforming = params_get(now, "standard_conforming_strings");
    c->backslash = conforming && strcmp(conforming, "off") == 0;
}
