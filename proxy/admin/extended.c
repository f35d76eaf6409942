#include "extended.h"

#include <stdlib.h>
#include <string.h>

#include "../../replication/base/str.h"
#include "../wire/decode.h"
#include "../wire/encode.h"

struct statement {
    char name[EXTENDED_NAME_MAX];
    char *sql; /* NULL: free */
};

struct extended {
    struct statement statements[EXTENDED_STATEMENTS_MAX];
    char portal[EXTENDED_NAME_MAX];
    char *portal_sql; /* NULL: no portal */
    bool skipping;    /* until Sync */
};

struct extended *extended_new(void)
{
    return calloc(1, sizeof(struct extended));
}

void extended_free(struct extended *x)
{
    if (!x)
        return;
    for (int i = 0; i < EXTENDED_STATEMENTS_MAX; i++)
        free(x->statements[i].sql);
    free(x->portal_sql);
    free(x);
}

static int extended_error(struct extended *x, struct writer *w, enum errresp_code code,
                          const char *message)
{
    errresp_write(
        w, &(struct errresp){.code = code, .severity = ERRRESP_SEV_ERROR, .message = message});
    x->skipping = true;
    return 0;
}

static struct statement *extended_find(struct extended *x, struct slice name)
{
    for (int i = 0; i < EXTENDED_STATEMENTS_MAX; i++)
        if (x->statements[i].sql && slice_eq(name, x->statements[i].name))
            return &x->statements[i];
    return NULL;
}

static void extended_drop(struct statement *s)
{
    if (!s)
        return;
    free(s->sql);
    s->sql = NULL;
}

static struct statement *extended_free_slot(struct extended *x)
{
    for (int i = 0; i < EXTENDED_STATEMENTS_MAX; i++)
        if (!x->statements[i].sql)
            return &x->statements[i];
    return NULL;
}

static char *extended_copy(struct slice s)
{
    return strndup(s.p, s.n);
}

/* ---- Messages ----------------------------------------------------------------------------------------------------- */

static int extended_parse(struct extended *x, const uint8_t *body, size_t n, struct writer *w)
{
    struct msg_parse p;
    if (decode_parse(body, n, &p) < 0)
        return ERR_PROTO;
    struct statement *old = extended_find(x, p.name);
    if (old && p.name.n)
        return extended_error(x, w, ERRRESP_DUPLICATE_STATEMENT,
                              "a prepared statement of this name exists");
    extended_drop(old);
    struct statement *s = extended_free_slot(x);
    if (!s || p.name.n >= EXTENDED_NAME_MAX)
        return extended_error(x, w, ERRRESP_CONFIGURATION_LIMIT,
                              s ? "the name of the prepared statement is too long"
                                : "too many prepared statements");
    s->sql = extended_copy(p.sql);
    if (!s->sql)
        return ERR_NOMEM;
    memcpy(s->name, p.name.p, p.name.n);
    s->name[p.name.n] = '\0';
    encode_parse_complete(w);
    return 0;
}

static int extended_bind(struct extended *x, const uint8_t *body, size_t n, struct writer *w)
{
    struct msg_bind b;
    if (decode_bind(body, n, n, &b) < 0)
        return ERR_PROTO;
    struct statement *s = extended_find(x, b.statement);
    if (!s)
        return extended_error(x, w, ERRRESP_INVALID_STATEMENT_NAME,
                              "there is no such prepared statement");
    if (b.portal.n >= EXTENDED_NAME_MAX)
        return extended_error(x, w, ERRRESP_CONFIGURATION_LIMIT,
                              "the name of the portal is too long");
    free(x->portal_sql);
    x->portal_sql = strdup(s->sql);
    if (!x->portal_sql)
        return ERR_NOMEM;
    memcpy(x->portal, b.portal.p, b.portal.n);
    x->portal[b.portal.n] = '\0';
    encode_bind_complete(w);
    return 0;
}

static bool extended_is_portal(const struct extended *x, struct slice name)
{
    return x->portal_sql && slice_eq(name, x->portal);
}

static int extended_describe(struct extended *x, const uint8_t *body, size_t n, struct writer *w,
                             struct extended_step *out)
{
    struct msg_target t;
    if (decode_describe(body, n, &t) < 0)
        return ERR_PROTO;
    out->form = ANSWER_DESCRIBE;
    if (t.kind == 'P') {
        if (!extended_is_portal(x, t.name))
            return extended_error(x, w, ERRRESP_INVALID_CURSOR_NAME, "there is no such portal");
        out->run = x->portal_sql;
        return 0;
    }
    struct statement *s = extended_find(x, t.name);
    if (!s)
        return extended_error(x, w, ERRRESP_INVALID_STATEMENT_NAME,
                              "there is no such prepared statement");
    encode_parameter_description(w, NULL, 0);
    out->run = s->sql;
    return 0;
}

static int extended_execute(struct extended *x, const uint8_t *body, size_t n, struct writer *w,
                            struct extended_step *out)
{
    struct msg_execute m;
    if (decode_execute(body, n, &m) < 0)
        return ERR_PROTO;
    if (!extended_is_portal(x, m.portal))
        return extended_error(x, w, ERRRESP_INVALID_CURSOR_NAME, "there is no such portal");
    out->form = ANSWER_EXECUTE;
    out->run = x->portal_sql;
    return 0;
}

static int extended_close(struct extended *x, const uint8_t *body, size_t n, struct writer *w)
{
    struct msg_target t;
    if (decode_close(body, n, &t) < 0)
        return ERR_PROTO;
    if (t.kind == 'S') {
        extended_drop(extended_find(x, t.name));
    } else if (extended_is_portal(x, t.name)) {
        free(x->portal_sql);
        x->portal_sql = NULL;
    }
    encode_close_complete(w);
    return 0;
}

static int extended_sync(struct extended *x, struct writer *w)
{
    /* No transaction outlives Sync, so neither does a portal. */
    free(x->portal_sql);
    x->portal_sql = NULL;
    x->skipping = false;
    encode_ready(w, 'I');
    return 0;
}

static int extended_dispatch(struct extended *x, uint8_t type, const uint8_t *body, size_t n,
                             struct writer *w, struct extended_step *out)
{
    switch (type) {
    case 'P':
        return extended_parse(x, body, n, w);
    case 'B':
        return extended_bind(x, body, n, w);
    case 'D':
        return extended_describe(x, body, n, w, out);
    case 'E':
        return extended_execute(x, body, n, w, out);
    case 'C':
        return extended_close(x, body, n, w);
    case 'H':
        return 0;
    default:
        return ERR_PROTO;
    }
}

int extended_message(struct extended *x, uint8_t type, const uint8_t *body, size_t n,
                     struct extended_step *out)
{
    struct writer w = writer_of(out->reply, sizeof out->reply);
    out->run = NULL;
    out->form = ANSWER_SIMPLE;
    int rc = 0;
    if (type == 'S')
        rc = extended_sync(x, &w);
    else if (!x->skipping)
        rc = extended_dispatch(x, type, body, n, &w, out);
    out->n_reply = w.n;
    return rc;
}

void extended_answered(struct extended *x, const uint8_t *bytes, size_t n)
{
    if (n && bytes[0] == 'E')
        x->skipping = true;
}
