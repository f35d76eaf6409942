#include "listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/channels.h"
#include "client.h"
#include "pool.h"
#include "worker.h"

enum { KEY_MAX = 160, SUBS_MAX = 256 };

/* -- a worker's side ------------------------------------------------------------------------------------------------ */

/* A channel that sessions of this worker want. */
struct topic {
    UT_hash_handle hh;
    char key[KEY_MAX]; /* cluster/database/channel */
    int cluster;
    char dbname[CONF_NAME_MAX], channel[CHANNELS_NAME_MAX];
    bool heard;
    struct list subs;
};

struct sub {
    struct list_node of_topic, of_client;
    struct topic *topic;
    struct client *client;
};

enum hub_word { HUB_WANT = 1, HUB_DROP, HUB_HEARD, HUB_FAILED, HUB_NOTE };

/* Between workers and the hub, both ways. */
struct hub_msg {
    struct loop_msg msg;
    struct proxy *proxy;
    enum hub_word word;
    int worker, cluster, pid;
    char dbname[CONF_NAME_MAX], channel[CHANNELS_NAME_MAX];
    char payload[]; /* of a notification */
};

static void make_key(char *key, int cluster, const char *dbname, const char *channel)
{
    snprintf(key, KEY_MAX, "%d/%s/%s", cluster, dbname, channel);
}

static struct hub_msg *msg_new(enum hub_word word, int cluster, const char *dbname,
                               const char *channel, const char *payload)
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

static void on_hub(struct loop_msg *m, struct loop *on);

static void ask_hub(struct worker *w, enum hub_word word, const struct topic *t)
{
    struct hub_msg *m = msg_new(word, t->cluster, t->dbname, t->channel, "");
    if (!m)
        return;
    m->proxy = w->proxy;
    m->worker = w->id;
    m->msg.run = on_hub;
    if (!loop_post(&w->proxy->loop, &m->msg))
        free(m);
}

static struct topic *topic_get(struct worker *w, const struct pool_group *g, const char *channel)
{
    char key[KEY_MAX];
    struct topic *t = NULL;
    make_key(key, g->cluster, g->dbname, channel);
    HASH_FIND_STR(w->topics, key, t);
    if (t)
        return t;
    t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    str_copy(t->key, sizeof(t->key), key);
    str_copy(t->dbname, sizeof(t->dbname), g->dbname);
    str_copy(t->channel, sizeof(t->channel), channel);
    t->cluster = g->cluster;
    list_init(&t->subs);
    HASH_ADD_STR(w->topics, key, t);
    ask_hub(w, HUB_WANT, t);
    return t;
}

static void sub_free(struct sub *s)
{
    struct topic *t = s->topic;
    struct worker *w = s->client->w;
    list_remove(&t->subs, &s->of_topic);
    list_remove(&s->client->session.subs, &s->of_client);
    free(s);
    if (!list_empty(&t->subs))
        return;
    ask_hub(w, HUB_DROP, t);
    w->topics_ended++;
    HASH_DEL(w->topics, t);
    free(t);
}

static const struct topic *topic_of(struct list_node *n)
{
    return LIST_ENTRY(n, struct sub, of_client)->topic;
}

static struct sub *find(const struct client *c, struct slice channel)
{
    for (struct list_node *n = list_first(&c->session.subs); n; n = list_next(&c->session.subs, n))
        if (slice_eq(channel, topic_of(n)->channel))
            return LIST_ENTRY(n, struct sub, of_client);
    return NULL;
}

bool listen_any(const struct client *c)
{
    return !list_empty(&c->session.subs);
}

bool listen_has(const struct client *c, struct slice channel)
{
    return find(c, channel) != NULL;
}

bool listen_add(struct client *c, const char *channel)
{
    if (find(c, slice_of(channel)))
        return true;
    if (c->session.subs.count >= SUBS_MAX || strlen(channel) >= CHANNELS_NAME_MAX)
        return false;
    struct sub *s = calloc(1, sizeof(*s));
    struct topic *t = s ? topic_get(c->w, c->group, channel) : NULL;
    if (!t) {
        free(s);
        return false;
    }
    s->topic = t;
    s->client = c;
    list_push_back(&t->subs, &s->of_topic);
    list_push_back(&c->session.subs, &s->of_client);
    return true;
}

bool listen_ready(const struct client *c)
{
    for (struct list_node *n = list_first(&c->session.subs); n; n = list_next(&c->session.subs, n))
        if (!topic_of(n)->heard)
            return false;
    return true;
}

void listen_sql(const struct client *c, struct strbuf *out)
{
    for (struct list_node *n = list_first(&c->session.subs); n;
         n = list_next(&c->session.subs, n)) {
        strbuf_adds(out, "LISTEN ");
        strbuf_add_sql_ident(out, topic_of(n)->channel);
        strbuf_addc(out, ';');
    }
}

void listen_drop(struct client *c, bool (*keep)(const void *arg, const char *channel),
                 const void *arg)
{
    LIST_FOR_EACH (n, &c->session.subs) {
        struct sub *s = LIST_ENTRY(n, struct sub, of_client);
        if (!keep || !keep(arg, s->topic->channel))
            sub_free(s);
    }
}

/* From the hub: the channel is heard, cannot be heard, or somebody notified. */
static void on_worker(struct loop_msg *lm, struct loop *on)
{
    struct hub_msg *m = CONTAINER_OF(lm, struct hub_msg, msg);
    struct worker *w = on->data;
    char key[KEY_MAX];
    struct topic *t = NULL;
    make_key(key, m->cluster, m->dbname, m->channel);
    HASH_FIND_STR(w->topics, key, t);
    if (t && m->word == HUB_HEARD)
        t->heard = true;
    /* Each comes once: it goes to the end of the list first. A session may close when it hears, and the topic end with it. */
    for (size_t left = t ? t->subs.count : 0; t && left > 0; left--) {
        struct list_node *n = list_pop_front(&t->subs);
        if (!n)
            break;
        list_push_back(&t->subs, n);
        struct client *c = LIST_ENTRY(n, struct sub, of_topic)->client;
        const uint64_t ended = w->topics_ended;
        if (m->word == HUB_NOTE)
            session_notify(c, m->channel, m->payload, m->pid);
        else
            session_on_listening(c, m->word == HUB_HEARD);
        if (ended != w->topics_ended)
            HASH_FIND_STR(w->topics, key, t);
    }
    free(m);
}

/* -- the hub: manager's thread -------------------------------------------------------------------------------------- */

struct wish {
    UT_hash_handle hh;
    char key[KEY_MAX];
    uint64_t workers; /* bit w: worker w wants it */
};

struct hub {
    struct proxy *proxy;
    struct wish *all;
};

static void tell_workers(struct hub *h, const struct wish *wish, const struct hub_msg *m)
{
    struct proxy *p = h->proxy;
    for (int i = 0; i < p->n_workers; i++) {
        if (!(wish->workers >> i & 1))
            continue;
        struct hub_msg *copy = msg_new(m->word, m->cluster, m->dbname, m->channel, m->payload);
        if (!copy)
            return;
        copy->pid = m->pid;
        copy->msg.run = on_worker;
        if (!loop_post(&p->workers[i]->loop, &copy->msg))
            free(copy);
    }
}

static void tell(struct hub *h, enum hub_word word, int cluster, const char *dbname,
                 const char *channel, const char *payload, int pid)
{
    char key[KEY_MAX];
    struct wish *wish = NULL;
    make_key(key, cluster, dbname, channel);
    HASH_FIND_STR(h->all, key, wish);
    struct hub_msg *m = wish ? msg_new(word, cluster, dbname, channel, payload) : NULL;
    if (!m)
        return;
    m->pid = pid;
    tell_workers(h, wish, m);
    free(m);
}

static void on_listening(void *arg, int cluster, const char *dbname, const char *channel,
                         const struct err *e)
{
    if (e->code)
        log_warning("listen.failed", "cannot listen in database %s: %s", dbname, e->text);
    tell(arg, e->code ? HUB_FAILED : HUB_HEARD, cluster, dbname, channel, "", 0);
}

static void on_notified(void *arg, int cluster, const char *dbname, const char *channel,
                        const char *payload, int pid)
{
    tell(arg, HUB_NOTE, cluster, dbname, channel, payload, pid);
}

static const struct channels_ops ops = {.listening = on_listening, .notified = on_notified};

static void want(struct hub *h, const struct hub_msg *m)
{
    char key[KEY_MAX];
    struct wish *wish = NULL;
    struct err e = {0};
    make_key(key, m->cluster, m->dbname, m->channel);
    HASH_FIND_STR(h->all, key, wish);
    if (!wish) {
        wish = calloc(1, sizeof(*wish));
        if (!wish)
            return;
        str_copy(wish->key, sizeof(wish->key), key);
        HASH_ADD_STR(h->all, key, wish);
    }
    wish->workers |= UINT64_C(1) << m->worker;
    if (manager_listen(h->proxy->manager, m->cluster, m->dbname, m->channel, &e) < 0)
        on_listening(h, m->cluster, m->dbname, m->channel, &e);
}

static void drop(struct hub *h, const struct hub_msg *m)
{
    char key[KEY_MAX];
    struct wish *wish = NULL;
    make_key(key, m->cluster, m->dbname, m->channel);
    HASH_FIND_STR(h->all, key, wish);
    if (!wish)
        return;
    wish->workers &= ~(UINT64_C(1) << m->worker);
    if (wish->workers)
        return;
    manager_unlisten(h->proxy->manager, m->cluster, m->dbname, m->channel);
    HASH_DEL(h->all, wish);
    free(wish);
}

static void on_hub(struct loop_msg *lm, struct loop *on)
{
    struct hub_msg *m = CONTAINER_OF(lm, struct hub_msg, msg);
    (void)on;
    if (m->proxy->stopping)
        ; /* nobody listens any more */
    else if (m->word == HUB_WANT)
        want(m->proxy->hub, m);
    else
        drop(m->proxy->hub, m);
    free(m);
}

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
    if (!h)
        return;
    HASH_ITER(hh, h->all, w, tmp)
    {
        HASH_DEL(h->all, w);
        free(w);
    }
    free(h);
}
