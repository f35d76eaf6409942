#include "server_label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "pool.h"
#include "server.h"
#include "session.h"
#include "gather.h"
#include "wire/encode.h"

bool server_label_ask(struct server *s)
{
    char sql[GATHER_SCRATCH / 4];
    uint8_t msg[GATHER_SCRATCH / 4 + 8];
    struct strbuf b;
    struct writer w = writer_of(msg, sizeof(msg));
    const struct look_ask ask = {
        .all = true, .custom = &s->pool->group->custom, .known = s->params ? &s->params->p : NULL};
    if (s->pool->group->conf.pool_mode == POOL_SESSION || s->close_after)
        return false;
    strbuf_init(&b, sql, sizeof(sql));
    s->look = look_sql(&ask, &b) ? malloc(sizeof(*s->look)) : NULL;
    encode_query(&w, sql);
    if (!s->look || w.bad || !server_expect(s, PL_HIDDEN_QUERY, 0, 0))
        BUG("no room to ask for a server's settings");
    look_begin(s->look, &ask, NULL);
    stream_send(&s->st, msg, w.n);
    return true;
}

/* A custom setting that is empty may as well not be there, and everybody begins with role none. */
static bool says_nothing(const char *name, const char *value)
{
    return (strchr(name, '.') && !value[0]) ||
           (strcmp(name, "role") == 0 && strcmp(value, "none") == 0);
}

static void assert_within(const struct params *a, const struct params *b, const char *what)
{
    static const struct params none;
    uint32_t at = 0;
    const char *n, *v;
    char text[512];
    while (params_next(a ? a : &none, &at, &n, &v)) {
        const char *other = params_get(b ? b : &none, n);
        if (says_nothing(n, v) || (other && strcmp(other, v) == 0))
            continue;
        snprintf(text, sizeof(text), "%s: %s is '%s', not '%s'", what, n, v,
                 other ? other : "(default)");
        BUG(text);
    }
}

void server_label_assert(struct server *s)
{
    const struct params *label = s->params ? &s->params->p : NULL;
    if (!s->hidden_failed && !(s->look->found & LOOK_STATE)) {
        assert_within(&s->look->settings, label, "the server's settings and its label");
        assert_within(label, &s->look->settings, "the server's label and its settings");
    }
    free(s->look);
    s->look = NULL;
}
