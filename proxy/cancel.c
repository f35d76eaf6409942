#include "cancel.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "../replication/base/log.h"
#include "client.h"
#include "client_xid.h"
#include "pool.h"
#include "server.h"
#include "wire/encode.h"
#include "wire/startup.h"
#include "worker.h"

enum { CANCEL_TIMEOUT_MS = 10000 };

struct forward {
    struct loop_msg msg;
    uint32_t pid;
    struct cancel_key key;
    int worker;          /* where it is going */
    struct worker *from; /* where the canceller waits for its connection to end */
    uint32_t from_slot;
    uint64_t from_serial;
};

/* A connection that carries one CancelRequest. The postmaster closes it once the signal is sent. */
struct sender {
    struct stream st;
    uv_timer_t timer;
    struct list_node node; /* in the worker's list */
    struct worker *w;
    struct server *s; /* its cancels count holds it back; NULL once it was closed */
    uint32_t pid, key_len;
    uint8_t key[STARTUP_KEY_MAX];
};

static void on_timer_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_timer_t *)h, struct sender, timer));
}

static void end(struct sender *k)
{
    struct server *s = k->s;
    stream_close(&k->st);
    list_remove(&k->w->cancels, &k->node);
    uv_close((uv_handle_t *)&k->timer, on_timer_closed);
    if (!s || --s->cancels > 0)
        return;
    if (s->state == SERVER_CANCELING)
        pool_release(s->pool, s);
    else if (s->state == SERVER_CLEANING)
        server_clean_step(s);
    else if (s->client)
        client_process(s->client); /* its next batch was held back */
}

void cancel_forget(struct server *s)
{
    if (s->cancels == 0)
        return;
    LIST_FOR_EACH (n, &s->w->cancels) {
        struct sender *k = LIST_ENTRY(n, struct sender, node);
        if (k->s == s)
            k->s = NULL;
    }
    s->cancels = 0;
}

void cancel_end_all(struct worker *w)
{
    while (!list_empty(&w->cancels)) {
        struct sender *k = LIST_ENTRY(list_first(&w->cancels), struct sender, node);
        k->s = NULL;
        end(k);
    }
}

static void on_ready(struct stream *st)
{
    struct sender *k = CONTAINER_OF(st, struct sender, st);
    uint8_t out[STARTUP_KEY_MAX + 16];
    struct writer w = writer_of(out, sizeof(out));
    startup_write_cancel(&w, k->pid, k->key, k->key_len);
    stream_send(st, out, w.n);
}

static void on_readable(struct stream *st)
{
    struct sender *k = CONTAINER_OF(st, struct sender, st);
    uint8_t byte;
    const long n = stream_recv(st, &byte, 1, NULL);
    if (n != ERR_AGAIN)
        end(k);
}

static void on_gone(struct stream *st)
{
    end(CONTAINER_OF(st, struct sender, st));
}

static void on_error(struct stream *st, const struct err *e)
{
    (void)e;
    on_gone(st);
}

static void on_timeout(uv_timer_t *t)
{
    end(CONTAINER_OF(t, struct sender, timer));
}

static const struct stream_ops ops = {.on_ready = on_ready,
                                      .on_readable = on_readable,
                                      .on_drained = on_gone,
                                      .on_hangup = on_gone,
                                      .on_error = on_error};

void cancel_server(struct server *s)
{
    struct sockaddr_storage addr;
    struct err e;
    const socklen_t n = server_address(s->pool, &addr);
    struct sender *k = n ? calloc(1, sizeof(*k)) : NULL;
    if (!k || s->key_len == 0) {
        free(k);
        return;
    }
    k->w = s->w;
    k->s = s;
    k->pid = s->pid;
    k->key_len = s->key_len;
    memcpy(k->key, s->key, s->key_len);
    if (stream_connect(&k->st, &ops, &s->w->loop, (const struct sockaddr *)&addr, n, &e) < 0) {
        log_warning("cancel.failed", "cannot reach node %s: %s", s->pool->name, e.text);
        free(k);
        return;
    }
    s->cancels++;
    list_push_back(&s->w->cancels, &k->node);
    uv_timer_init(&s->w->loop.uv, &k->timer);
    uv_timer_start(&k->timer, on_timeout, CANCEL_TIMEOUT_MS, 0);
}

/* In the same time whatever differs. */
static bool same_key(const struct client *c, const struct cancel_key *k)
{
    uint8_t diff = 0;
    if (k->len != c->key_len)
        return false;
    for (uint32_t i = 0; i < k->len; i++)
        diff |= (uint8_t)(k->bytes[i] ^ c->key[i]);
    return diff == 0;
}

static struct client *find(const struct worker *w, uint32_t pid, const struct cancel_key *k)
{
    if (pid >= KEY_PID_VIRTUAL) {
        const uint32_t slot = pid & (KEY_PID_VIRTUAL - 1);
        struct client *c = slot < w->n_slots ? w->slots[slot] : NULL;
        return c && c->key_pid == 0 && same_key(c, k) ? c : NULL;
    }
    LIST_FOR_EACH (n, &w->clients) {
        struct client *c = LIST_ENTRY(n, struct client, all);
        if (c->key_pid == pid && same_key(c, k))
            return c;
    }
    return NULL;
}

static void cancel_here(struct worker *w, uint32_t pid, const struct cancel_key *k)
{
    struct client *c = pid ? find(w, pid, k) : NULL;
    if (!c)
        return;
    if (c->state == CLIENT_RELAY)
        cancel_server(c->relay);
    if (c->state != CLIENT_READY)
        return;
    /* Only a query that runs: a server that is idle within a transaction would keep the signal for the next statement. */
    if (c->server && c->batch.opened && !client_xid_commits(c))
        cancel_server(c->server);
    else if (c->waiting_in)
        client_cancel_wait(c);
}

/* Back on the worker that took the request: only now may the canceller believe that it was delivered. */
static void on_forwarded(struct loop_msg *m, struct loop *on)
{
    struct forward *f = CONTAINER_OF(m, struct forward, msg);
    struct client *c = worker_client(on->data, f->from_slot, f->from_serial);
    if (c)
        client_close(c, "cancel request");
    free(f);
}

static void on_forward(struct loop_msg *m, struct loop *on)
{
    struct forward *f = CONTAINER_OF(m, struct forward, msg);
    struct proxy *p = f->from->proxy;
    cancel_here(on->data, f->pid, &f->key);
    struct worker *next = f->from;
    if (f->pid < KEY_PID_VIRTUAL && f->worker + 1 < p->n_workers)
        next = p->workers[++f->worker];
    else
        f->msg.run = on_forwarded;
    if (!loop_post(&next->loop, &f->msg))
        free(f); /* the login's deadline ends the canceller */
}

bool cancel_request(struct client *canceller, uint32_t pid, const struct cancel_key *key)
{
    struct worker *w = canceller->w;
    const bool any = pid < KEY_PID_VIRTUAL; /* of a home: only asking every worker tells whose */
    const uint32_t worker = any ? 0 : pid / KEY_PID_VIRTUAL - 1;
    if (worker >= (uint32_t)w->proxy->n_workers)
        return true;
    struct worker *to = w->proxy->workers[worker];
    if (to == w && (!any || w->proxy->n_workers == 1)) {
        cancel_here(w, pid, key);
        return true;
    }
    struct forward *f = calloc(1, sizeof(*f));
    if (!f)
        return true;
    *f = (struct forward){.pid = pid,
                          .key = *key,
                          .worker = (int)worker,
                          .from = w,
                          .from_slot = canceller->slot,
                          .from_serial = canceller->serial};
    f->msg.run = on_forward;
    if (loop_post(&to->loop, &f->msg))
        return false;
    free(f);
    return true;
}
