#include "client_settings.h"

#include <stdio.h>
#include <string.h>

#include "../replication/manager.h"
#include "client.h"
#include "client_route.h"
#include "core/settings.h"
#include "pool.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

static const usec_t FLOOR_WAIT = USEC_PER_SEC; /* SHOW tanist.floor waits for a sample so long */

static const char *const routes[] = {"auto", "primary", "replica"}; /* enum route_mode - 1 */

struct answer {
    enum errresp_code code; /* ERRRESP_NONE: it went well */
    const char *hint;
    char text[200];
};

static void fail(struct answer *a, enum errresp_code code, const char *text, const char *hint)
{
    a->code = code;
    a->hint = hint;
    str_copy(a->text, sizeof(a->text), text);
}

/* -- what they mean --------------------------------------------------------------------------------------------------- */

static void set_route(struct client *c, const struct settings_command *k, struct answer *a)
{
    const struct slice v = {k->value, strlen(k->value)};
    if (k->is_default) {
        c->own.route = 0;
        return;
    }
    for (int i = 0; i < 3; i++)
        if (slice_ieq(v, routes[i])) {
            c->own.route = i + 1;
            return;
        }
    fail(a, ERRRESP_INVALID_PARAMETER_VALUE, "tanist.route takes auto, primary or replica", NULL);
}

static void set_max_lag(struct client *c, const struct settings_command *k, struct answer *a)
{
    usec_t d = 0;
    if (!k->is_default && !settings_duration(k->value, &d)) {
        fail(a, ERRRESP_INVALID_PARAMETER_VALUE, "tanist.max_lag takes a time such as 500ms or 2s",
             NULL);
        return;
    }
    c->own.has_max_lag = !k->is_default;
    c->own.max_lag = d;
}

static void apply(struct client *c, const struct settings_command *k, struct answer *a)
{
    switch (k->name) {
    case SETTINGS_CONSISTENCY:
        if (k->is_default)
            c->own.level = (enum consistency)0;
        else if (!consistency_parse(k->value, &c->own.level))
            fail(a, ERRRESP_INVALID_PARAMETER_VALUE,
                 "tanist.consistency takes eventual, session, bounded, global or primary", NULL);
        return;
    case SETTINGS_MAX_LAG:
        set_max_lag(c, k, a);
        return;
    case SETTINGS_ROUTE:
        set_route(c, k, a);
        return;
    case SETTINGS_FLOOR:
        /* A floor is only ever raised: a session cannot forget what it has seen. */
        if (!k->is_default && freshness_take_token(&c->floor, k->value) != 0)
            fail(a, ERRRESP_INVALID_PARAMETER_VALUE,
                 "tanist.floor takes what SHOW tanist.floor gives, such as 1/0/3000148", NULL);
        return;
    case SETTINGS_NODE:
    case SETTINGS_PIN:
    case SETTINGS_UNKNOWN:
    case SETTINGS_NR:
        break;
    }
    fail(a, ERRRESP_UNDEFINED_OBJECT, "there is no such setting that can be changed",
         "SET takes tanist.consistency, max_lag, route and floor.");
}

static void show_max_lag(const struct client *c, char *out, size_t cap)
{
    const usec_t d = c->own.has_max_lag ? c->own.max_lag : c->group->rules.max_lag;
    snprintf(out, cap, "%lldms", (long long)(d / USEC_PER_MS));
}

static void show(struct client *c, const struct settings_command *k, char *out, size_t cap,
                 struct answer *a)
{
    char token[FRESHNESS_TOKEN_MAX];
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    switch (k->name) {
    case SETTINGS_CONSISTENCY:
        str_copy(out, cap, consistency_name(c->own.level ? c->own.level : c->group->rules.level));
        return;
    case SETTINGS_MAX_LAG:
        show_max_lag(c, out, cap);
        return;
    case SETTINGS_ROUTE:
        str_copy(out, cap, routes[(c->own.route ? c->own.route : c->route_mode) - 1]);
        return;
    case SETTINGS_FLOOR:
        str_copy(out, cap, freshness_token(&c->floor, token));
        return;
    case SETTINGS_NODE:
        str_copy(out, cap,
                 t && c->own.node > 0 && c->own.node <= t->n_nodes ? t->nodes[c->own.node - 1].name
                                                                   : "");
        return;
    case SETTINGS_PIN:
        str_copy(out, cap, c->pin == PIN_NONE ? "" : pin_name(c->pin));
        return;
    case SETTINGS_UNKNOWN:
    case SETTINGS_NR:
        break;
    }
    fail(a, ERRRESP_UNDEFINED_OBJECT, "there is no such setting",
         "SHOW takes tanist.consistency, max_lag, route, floor, node and pin.");
}

/* -- how they are answered ---------------------------------------------------------------------------------------------- */

enum part { PART_DESCRIBE = 1, PART_RUN = 2, PART_ALL = 3 };

static void put(struct client *c, const uint8_t *p, const struct writer *w)
{
    stream_send(&c->st, p, w->n);
}

static void send_failure(struct client *c, const struct answer *a)
{
    uint8_t out[ERRRESP_SIZE_MAX];
    struct writer w = writer_of(out, sizeof(out));
    errresp_write(&w, &(struct errresp){.code = a->code,
                                        .severity = ERRRESP_SEV_ERROR,
                                        .message = a->text,
                                        .hint = a->hint});
    put(c, out, &w);
}

/* False: an error was sent. */
static bool run(struct client *c, const struct settings_command *k, enum part part)
{
    static const char *const tags[] = {"", "SET", "SHOW", "RESET"};
    uint8_t out[512];
    char value[SETTINGS_VALUE_MAX + 64] = "";
    struct writer w = writer_of(out, sizeof(out));
    struct answer a = {.code = ERRRESP_NONE};
    if (c->tx == 'E' && (part & PART_RUN))
        fail(&a, ERRRESP_IN_FAILED_TRANSACTION,
             "current transaction is aborted, commands ignored until end of transaction block",
             NULL);
    else if (k->bad)
        fail(&a, ERRRESP_SYNTAX_ERROR, "a setting of tanist is written SET tanist.name = 'value'",
             NULL);
    else if (k->local)
        fail(&a, ERRRESP_FEATURE_NOT_SUPPORTED, "SET LOCAL is not supported for tanist.*",
             "Use SET, or a comment hint in the statement.");
    else if (k->verb == SETTINGS_SHOW)
        show(c, k, value, sizeof(value), &a);
    else if (part & PART_RUN)
        apply(c, k, &a);
    if (a.code != ERRRESP_NONE) {
        send_failure(c, &a);
        return false;
    }
    const char *column = k->column;
    const struct slice cell = {value, strlen(value)};
    if ((part & PART_DESCRIBE) && k->verb == SETTINGS_SHOW)
        encode_row_description(&w, &column, 1);
    else if (part == PART_DESCRIBE)
        encode_no_data(&w);
    if ((part & PART_RUN) && k->verb == SETTINGS_SHOW)
        encode_data_row(&w, &cell, 1);
    if (part & PART_RUN)
        encode_command_complete(&w, tags[k->verb]);
    put(c, out, &w);
    return true;
}

enum { BATCH_MAX = 16384 };

/* The whole batch up to its Sync must be about this one statement. *used is 0 if more must come. False: leave it to the
 * server, which takes it for a setting that it does not know. */
static bool extended(struct client *c, const struct settings_command *k, size_t *used)
{
    size_t end = 0;
    struct frame f = {0};
    *used = 0;
    do { /* is it all there? */
        if (frame_next(c->view + end, c->view_n - end, FRAME_FRONTEND, &f) != FRAME_OK ||
            f.total > c->view_n - end)
            return c->view_n < BATCH_MAX;
        if (f.type == 'H')
            return false;
        end += f.total;
    } while (f.type != 'S' && f.type != 'Q');
    bool failed = false;
    size_t at = 0;
    for (; at < end; at += f.total) {
        uint8_t out[64];
        struct writer w = writer_of(out, sizeof(out));
        (void)frame_next(c->view + at, c->view_n - at, FRAME_FRONTEND, &f);
        if (f.type == 'Q') /* without a Sync before it: the next one's business */
            break;
        const bool statement = f.type == 'D' && c->view[at + FRAME_HEADER] == 'S';
        if (failed && f.type != 'S')
            continue;
        if (f.type == 'P' && at > 0) {
            const struct answer a = {.code = ERRRESP_FEATURE_NOT_SUPPORTED,
                                     .text = "a setting of tanist must be alone in its batch"};
            send_failure(c, &a);
            failed = true;
        } else if (f.type == 'D') {
            if (statement)
                encode_parameter_description(&w, NULL, 0);
            put(c, out, &w);
            failed = !run(c, k, PART_DESCRIBE);
        } else if (f.type == 'E') {
            failed = !run(c, k, PART_RUN);
        } else if (f.type == 'P' || f.type == 'B' || f.type == 'C') {
            encode_empty(&w, f.type == 'P' ? '1' : f.type == 'B' ? '2' : '3');
            put(c, out, &w);
        } else if (f.type == 'S') {
            client_send_ready(c);
        }
    }
    *used = at;
    return true;
}

/* SHOW tanist.floor waits until what the session did has a position. */
static bool must_settle(struct client *c, const struct settings_command *k)
{
    const struct topology *t = worker_topo(c->w, c->group->cluster);
    const usec_t now = worker_now();
    if (k->verb != SETTINGS_SHOW || k->name != SETTINGS_FLOOR || !t || c->server)
        return false;
    freshness_update(&c->floor, t, now);
    if (freshness_settled(&c->floor) || (c->fresh_until && now >= c->fresh_until)) {
        c->fresh_until = 0;
        return false;
    }
    client_route_settling(c, c->fresh_until ? c->fresh_until : now + FLOOR_WAIT);
    return true;
}

static bool is_setting(struct client *c, const struct frame *f, struct settings_command *k)
{
    const uint8_t *body = c->view + FRAME_HEADER;
    struct msg_parse m;
    struct slice sql;
    if (f->type == 'Q')
        return decode_query(body, f->body_len, &sql) == 0 && settings_parse(sql, c->backslash, k);
    return decode_parse(body, f->body_len, &m) == 0 && m.name.n == 0 &&
           settings_parse(m.sql, c->backslash, k);
}

bool client_settings(struct client *c, const struct frame *f, size_t *used)
{
    struct settings_command k;
    if ((f->type != 'Q' && f->type != 'P') || f->total > c->view_n || !is_setting(c, f, &k))
        return false;
    *used = 0;
    if (must_settle(c, &k))
        return true;
    if (f->type == 'P')
        return extended(c, &k, used);
    (void)run(c, &k, PART_ALL);
    client_send_ready(c);
    *used = f->total;
    return true;
}
