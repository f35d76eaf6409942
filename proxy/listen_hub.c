/* The hub: what all workers' sessions listen to, and what is heard for them. Manager's thread. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "../replication/base/log.h"
#include "listen.h"
#include "listen_private.h"
#include "worker.h"

struct wish {
    UT_hash_handle hh;
    char key[LISTEN_KEY_MAX];
    uint64_t workers; /* bit w: worker w wants it */
};
static_assert(PROXY_WORKERS_MAX <= 64, "a bit for each worker");

/* Workers that want to have heard everything of a database. One question serves all that asked before it. */
struct meeting {
    UT_hash_handle hh;
    char key[LISTEN_KEY_MAX];
    bool under_way;
    uint64_t asked[PROXY_WORKERS_MAX], covered[PROXY_WORKERS_MAX], told[PROXY_WORKERS_MAX];
};

struct hub {
    struct proxy *proxy;
    struct wish *all;
    struct meeting *meetings; /* for each database that was ever listened in */
};

void listen_key(char key[LISTEN_KEY_MAX], int cluster, const char *dbname, const char *channel)
{
    snprintf(key, LISTEN_KEY_MAX, "%d/%zu/%s/%s", cluster, strlen(dbname), dbname, channel);
}

struct hub_msg *listen_msg(enum hub_word word, int cluster, const char *dbname, const char *channel,
                           const char *payload)
{
    const size_t n = strlen(payload) + 1;
    struct hub_msg *m = calloc(1, sizeof(*m) + n);
    if (!m)
        return NULL;
    m->word = word;
    m->cluster = cluster;
    str_copy(m->dbname, sizeof(m->dbname), dbname);
    str_copy(m->channel, sizeof(m->channel), channel);
    memcpy(m->payload, payload, n);
    return m;
}

static void post(struct hub *h, int worker, struct hub_msg *m)
{
    m->msg.run = listen_on_worker;
    if (loop_post(&h->proxy->workers[worker]->loop, &m->msg))
        return;
    log_error("listen.dropped", "worker %d is too far behind to hear of channel %s", worker,
              m->channel);
    free(m);
}

static void tell(struct hub *h, uint64_t workers, const struct hub_msg *m)
{
    for (int i = 0; i < h->proxy->n_workers; i++) {
        if (!(workers >> i & 1))
            continue;
        struct hub_msg *copy = listen_msg(m->word, m->cluster, m->dbname, m->channel, m->payload);
        if (!copy)
            return;
        copy->pid = m->pid;
        copy->number = m->number;
        post(h, i, copy);
    }
}

static struct wish *wish_of(const struct hub *h, int cluster, const char *dbname,
                            const char *channel)
{
    char key[LISTEN_KEY_MAX];
    struct wish *wish = NULL;
    listen_key(key, cluster, dbname, channel);
    HASH_FIND_STR(h->all, key, wish);
    return wish;
}

static void on_listening(void *arg, int cluster, const char *dbname, const char *channel,
                         const struct err *e)
{
    struct hub *h = arg;
    const struct wish *wish = wish_of(h, cluster, dbname, channel);
    if (e->code)
        log_warning("listen.failed", "cannot listen in database %s: %s", dbname, e->text);
    struct hub_msg *m =
        wish ? listen_msg(e->code ? HUB_FAILED : HUB_HEARD, cluster, dbname, channel, "") : NULL;
    if (m)
        tell(h, wish->workers, m);
    free(m);
}

static void on_notified(void *arg, int cluster, const char *dbname, const char *channel,
                        const char *payload, int pid)
{
    struct hub *h = arg;
    const struct wish *wish = wish_of(h, cluster, dbname, channel);
    struct hub_msg *m = wish ? listen_msg(HUB_NOTE, cluster, dbname, channel, payload) : NULL;
    if (!m)
        return;
    m->pid = pid;
    tell(h, wish->workers, m);
    free(m);
}

static void on_resumed(void *arg, int cluster, const char *dbname, usec_t gap)
{
    struct hub_msg *m = listen_msg(HUB_GAP, cluster, dbname, "", "");
    log_warning("listen.gap", "notifications of %d ms may have been missed in database %s",
                (int)(gap / USEC_PER_MS), dbname);
    if (!m)
        return;
    m->number = (uint64_t)(gap / USEC_PER_MS);
    tell(arg, UINT64_MAX, m);
    free(m);
}

/* -- meetings --------------------------------------------------------------------------------------------------------- */

static struct meeting *meeting_of(const struct hub *h, int cluster, const char *dbname)
{
    char key[LISTEN_KEY_MAX];
    struct meeting *y = NULL;
    listen_key(key, cluster, dbname, "");
    HASH_FIND_STR(h->meetings, key, y);
    return y;
}

static void meet(struct hub *h, struct meeting *y, int cluster, const char *dbname)
{
    y->under_way = true;
    memcpy(y->covered, y->asked, sizeof(y->covered));
    manager_channels_sync(h->proxy->manager, cluster, dbname);
}

static void on_synced(void *arg, int cluster, const char *dbname)
{
    struct hub *h = arg;
    struct meeting *y = meeting_of(h, cluster, dbname);
    if (!y || !y->under_way)
        return;
    y->under_way = false;
    bool more = false;
    for (int i = 0; i < h->proxy->n_workers; i++) {
        more |= y->asked[i] > y->covered[i];
        if (y->covered[i] == y->told[i])
            continue;
        struct hub_msg *m = listen_msg(HUB_SYNCED, cluster, dbname, "", "");
        if (!m)
            continue; /* the next one tells it */
        m->number = y->told[i] = y->covered[i];
        post(h, i, m);
    }
    if (more)
        meet(h, y, cluster, dbname);
}

static void sync_asked(struct hub *h, const struct hub_msg *m)
{
    struct meeting *y = meeting_of(h, m->cluster, m->dbname);
    if (!y) {
        y = calloc(1, sizeof(*y));
        if (!y)
            return;
        listen_key(y->key, m->cluster, m->dbname, "");
        HASH_ADD_STR(h->meetings, key, y);
    }
    y->asked[m->worker] = m->number;
    if (!y->under_way)
        meet(h, y, m->cluster, m->dbname);
}

/* -- wishes ------------------------------------------------------------------------------------------------------------- */

static const struct channels_ops ops = {
    .listening = on_listening, .notified = on_notified, .resumed = on_resumed, .synced = on_synced};

static void want(struct hub *h, const struct hub_msg *m)
{
    struct wish *wish = wish_of(h, m->cluster, m->dbname, m->channel);
    struct err e = {0};
    if (!wish) {
        wish = calloc(1, sizeof(*wish));
        if (!wish)
            return;
        listen_key(wish->key, m->cluster, m->dbname, m->channel);
        HASH_ADD_STR(h->all, key, wish);
    }
    wish->workers |= UINT64_C(1) << m->worker;
    if (manager_listen(h->proxy->manager, m->cluster, m->dbname, m->channel, &e) < 0)
        on_listening(h, m->cluster, m->dbname, m->channel, &e);
}

static void drop(struct hub *h, const struct hub_msg *m)
{
    struct wish *wish = wish_of(h, m->cluster, m->dbname, m->channel);
    if (!wish)
        return;
    wish->workers &= ~(UINT64_C(1) << m->worker);
    if (wish->workers)
        return;
    manager_unlisten(h->proxy->manager, m->cluster, m->dbname, m->channel);
    HASH_DEL(h->all, wish);
    free(wish);
}

void listen_on_hub(struct loop_msg *lm, struct loop *on)
{
    struct hub_msg *m = CONTAINER_OF(lm, struct hub_msg, msg);
    (void)on;
    if (m->proxy->stopping)
        ; /* nobody listens any more */
    else if (m->word == HUB_WANT)
        want(m->proxy->hub, m);
    else if (m->word == HUB_SYNC)
        sync_asked(m->proxy->hub, m);
    else
        drop(m->proxy->hub, m);
    free(m);
}

/* -- life --------------------------------------------------------------------------------------------------------------- */

struct hub *hub_new(struct proxy *p)
{
    struct hub *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->proxy = p;
    manager_channels(p->manager, &ops, h);
    return h;
}

void hub_free(struct hub *h)
{
    struct wish *w, *tmp;
    struct meeting *y, *next;
    if (!h)
        return;
    HASH_ITER(hh, h->all, w, tmp)
    {
        HASH_DEL(h->all, w);
        free(w);
    }
    HASH_ITER(hh, h->meetings, y, next)
    {
        HASH_DEL(h->meetings, y);
        free(y);
    }
    free(h);
}
