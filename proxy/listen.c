#include "listen.h"

#include <stdlib.h>
#include <uthash.h>

#include "client.h"
#include "listen_private.h"
#include "pool.h"
#include "worker.h"

enum { SUBS_MAX = 256 };

/* A channel that sessions of this worker want. */
struct topic {
    UT_hash_handle hh;
    char key[LISTEN_KEY_MAX]; /* cluster/database/channel */
    int cluster;
    char dbname[CONF_NAME_MAX], channel[CHANNELS_NAME_MAX];
    bool heard;
    struct list subs;
};

struct sub {
    struct list_node of_topic, of_client;
    struct topic *topic;
    struct client *client;
    bool live; /* the client hears it; before, its LISTEN has not been answered */
};

static bool ask_hub(struct worker *w, struct hub_msg *m)
{
    if (!m)
        return false;
    m->proxy = w->proxy;
    m->worker = w->id;
    m->msg.run = listen_on_hub;
    if (loop_post(&w->proxy->loop, &m->msg))
        return true;
    free(m);
    return false;
}

static bool ask_for(struct worker *w, enum hub_word word, const struct topic *t)
{
    return ask_hub(w, listen_msg(word, t->cluster, t->dbname, t->channel, ""));
}

static struct topic *topic_get(struct worker *w, const struct pool_group *g, const char *channel)
{
    char key[LISTEN_KEY_MAX];
    struct topic *t = NULL;
    listen_key(key, g->cluster, g->dbname, channel);
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
    if (!ask_for(w, HUB_WANT, t)) {
        free(t);
        return NULL;
    }
    HASH_ADD_STR(w->topics, key, t);
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
    (void)ask_for(w, HUB_DROP, t);
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

void listen_live(struct client *c)
{
    for (struct list_node *n = list_first(&c->session.subs); n; n = list_next(&c->session.subs, n))
        LIST_ENTRY(n, struct sub, of_client)->live = true;
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

/* -- being up to date ------------------------------------------------------------------------------------------------- */

static void sync_move(struct client *c, struct list *to)
{
    struct session *ss = &c->session;
    if (ss->sync_in)
        list_remove(ss->sync_in, &ss->of_sync);
    ss->sync_in = to;
    if (to)
        list_push_back(to, &ss->of_sync);
}

bool listen_sync(struct client *c)
{
    struct worker *w = c->w;
    struct hub_msg *m = listen_msg(HUB_SYNC, c->group->cluster, c->group->dbname, "", "");
    if (m)
        m->number = w->sync_asked + 1;
    if (!ask_hub(w, m))
        return false;
    c->session.sync_no = ++w->sync_asked;
    sync_move(c, &w->syncing);
    return true;
}

void listen_sync_end(struct client *c)
{
    sync_move(c, NULL);
}

static bool is_of(const struct client *c, const struct hub_msg *m)
{
    return c->group && c->group->cluster == m->cluster && strcmp(c->group->dbname, m->dbname) == 0;
}

/* Going on may close any client, so those that are due are set apart first. */
static void on_synced(struct worker *w, const struct hub_msg *m)
{
    struct list_node *n;
    LIST_FOR_EACH (at, &w->syncing) {
        struct client *c = CONTAINER_OF(at, struct client, session.of_sync);
        if (c->session.sync_no <= m->number && is_of(c, m))
            sync_move(c, &w->synced);
    }
    while ((n = list_first(&w->synced)) != NULL) {
        struct client *c = CONTAINER_OF(n, struct client, session.of_sync);
        sync_move(c, NULL);
        session_on_synced(c);
    }
}

/* -- from the hub ------------------------------------------------------------------------------------------------------- */

static void on_note(struct worker *w, const struct hub_msg *m)
{
    char key[LISTEN_KEY_MAX];
    struct topic *t = NULL;
    listen_key(key, m->cluster, m->dbname, m->channel);
    HASH_FIND_STR(w->topics, key, t);
    if (t && m->word == HUB_HEARD)
        t->heard = true;
    if (m->word != HUB_NOTE)
        return; /* who waits for a channel that cannot be heard learns it from HUB_SYNCED */
    /* Each comes once: it goes to the end of the list first. A session may close when it hears, and the topic end with it. */
    for (size_t left = t ? t->subs.count : 0; t && left > 0; left--) {
        struct list_node *n = list_pop_front(&t->subs);
        if (!n)
            break;
        list_push_back(&t->subs, n);
        const struct sub *s = LIST_ENTRY(n, struct sub, of_topic);
        const uint64_t ended = w->topics_ended;
        if (s->live)
            session_notify(s->client, m->channel, m->payload, m->pid);
        if (ended != w->topics_ended)
            HASH_FIND_STR(w->topics, key, t);
    }
}

void listen_on_worker(struct loop_msg *lm, struct loop *on)
{
    struct hub_msg *m = CONTAINER_OF(lm, struct hub_msg, msg);
    struct worker *w = on->data;
    if (m->word == HUB_SYNCED) {
        on_synced(w, m);
    } else if (m->word == HUB_GAP) {
        LIST_FOR_EACH (n, &w->clients) {
            struct client *c = LIST_ENTRY(n, struct client, all);
            if (listen_any(c) && is_of(c, m))
                session_notify_gap(c, (unsigned)m->number);
        }
    } else {
        on_note(w, m);
    }
    free(m);
}
