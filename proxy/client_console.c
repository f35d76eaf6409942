/* A client of the console: its commands are run on the manager's thread, one at a time, and the answer comes back as bytes. */
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "admin/console.h"
#include "admin/extended.h"
#include "client.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "worker.h"

enum { COMMAND_MAX = 64 * 1024 };

/* There and back again. */
struct command {
    struct loop_msg msg;
    struct worker *w;
    uint32_t slot;
    uint64_t serial;
    bool admin, stats;
    enum answer_form form;
    char user[64], database[64];
    uint8_t *bytes;
    size_t n;
    char sql[];
};

static void on_answer(struct loop_msg *m, struct loop *on)
{
    struct command *k = CONTAINER_OF(m, struct command, msg);
    struct client *c = worker_client(on->data, k->slot, k->serial);
    if (c) {
        c->console_busy = false;
        if (k->bytes) {
            stream_send(&c->st, k->bytes, k->n);
            if (k->form != ANSWER_SIMPLE)
                extended_answered(c->console_ext, k->bytes, k->n);
            client_process(c);
        } else {
            client_close(c, "no memory for the answer");
        }
    }
    free(k->bytes);
    free(k);
}

static void done(void *arg, uint8_t *bytes, size_t n)
{
    struct command *k = arg;
    k->bytes = bytes;
    k->n = n;
    k->msg.run = on_answer;
    if (!loop_post(&k->w->loop, &k->msg)) {
        free(k->bytes);
        free(k);
    }
}

static void on_command(struct loop_msg *m, struct loop *on)
{
    (void)on;
    struct command *k = CONTAINER_OF(m, struct command, msg);
    const struct console_req req = {.sql = k->sql,
                                    .user = k->user,
                                    .database = k->database,
                                    .admin = k->admin,
                                    .stats = k->stats,
                                    .form = k->form,
                                    .arg = k,
                                    .done = done};
    console_run(k->w->proxy->console, &req);
}

static void start(struct client *c, const char *sql, enum answer_form form)
{
    const size_t n = strlen(sql) + 1;
    struct command *k = calloc(1, sizeof(*k) + n);
    if (!k) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for the command", NULL);
        return;
    }
    k->w = c->w;
    k->slot = c->slot;
    k->serial = c->serial;
    k->admin = c->admin;
    k->stats = c->stats;
    k->form = form;
    str_copy(k->user, sizeof(k->user), c->user);
    str_copy(k->database, sizeof(k->database), c->database);
    memcpy(k->sql, sql, n);
    k->msg.run = on_command;
    c->console_busy = true;
    if (!loop_post(&c->w->proxy->loop, &k->msg)) {
        free(k);
        client_fatal(c, ERRRESP_TOO_MANY_CONNECTIONS, "the console is overloaded", NULL);
    }
}

static int on_extended(struct client *c, const struct frame *f, const uint8_t *body)
{
    if (!c->console_ext)
        c->console_ext = extended_new();
    if (!c->console_ext)
        return ERR_NOMEM;
    struct extended_step step;
    const int rc = extended_message(c->console_ext, f->type, body, f->body_len, &step);
    if (step.n_reply)
        stream_send(&c->st, step.reply, step.n_reply);
    if (rc == 0 && step.run)
        start(c, step.run, step.form);
    return rc;
}

static int on_message(struct client *c, const struct frame *f, const uint8_t *body)
{
    struct slice sql;
    if (f->type != 'Q')
        return on_extended(c, f, body);
    if (decode_query(body, f->body_len, &sql) < 0)
        return ERR_PROTO;
    start(c, sql.p, ANSWER_SIMPLE);
    return 0;
}

void client_console_process(struct client *c)
{
    size_t used = 0;
    while (c->state == CLIENT_CONSOLE && !c->console_busy && used < c->in.n) {
        struct frame f = {0};
        const enum frame_result r = frame_next(c->in.p + used, c->in.n - used, FRAME_FRONTEND, &f);
        if (r == FRAME_MORE ||
            (r == FRAME_OK && f.total > c->in.n - used && f.total <= COMMAND_MAX))
            break;
        if (r == FRAME_BAD || f.total > COMMAND_MAX) {
            client_fatal(c, ERRRESP_PROTOCOL_VIOLATION,
                         "invalid or too long message for the console", NULL);
            return;
        }
        if (f.type == 'X') {
            client_close(c, "client said goodbye");
            return;
        }
        if (on_message(c, &f, c->in.p + used + FRAME_HEADER) < 0) {
            client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "invalid message for the console", NULL);
            return;
        }
        used += f.total;
    }
    if (c->state != CLIENT_CONSOLE)
        return;
    if (!inbuf_keep(&c->in, c->in.p ? c->in.p + used : NULL, c->in.n - used))
        client_close(c, "no memory");
    else if (c->console_busy && c->in.n > COMMAND_MAX)
        stream_pause(&c->st);
    else
        stream_resume(&c->st);
}
