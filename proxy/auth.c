#include "auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/base/str.h"
#include "../replication/query.h"
#include "client.h"
#include "wire/crypto.h"
#include "wire/scram.h"
#include "worker.h"

enum { ENTRIES_MAX = 10000, KEY_MAX = 80 };

/* A question of a worker, and on the way back its answer. */
struct question {
    struct loop_msg msg;
    struct question *next; /* others that wait for the same entry */
    struct worker *w;
    int cluster;
    uint32_t slot;
    uint64_t serial;
    bool forget;
    bool found;
    struct err err;
    char user[64];
    char verifier[SCRAM_VERIFIER_TEXT_MAX];
};

struct entry {
    UT_hash_handle hh;
    struct auth_store *store;
    usec_t fetched_at; /* 0: never */
    bool fetching, found;
    struct question *waiting;
    char verifier[SCRAM_VERIFIER_TEXT_MAX];
    char key[KEY_MAX];
    char user[64];
};

struct auth_store {
    struct proxy *proxy;
    struct entry *all;
};

struct auth_store *auth_new(struct proxy *p)
{
    struct auth_store *a = calloc(1, sizeof(*a));
    if (a)
        a->proxy = p;
    return a;
}

static void entry_free(struct auth_store *a, struct entry *e)
{
    HASH_DEL(a->all, e);
    while (e->waiting) {
        struct question *q = e->waiting;
        e->waiting = q->next;
        free(q);
    }
    crypto_wipe(e->verifier, sizeof(e->verifier));
    free(e);
}

void auth_free(struct auth_store *a)
{
    struct entry *e, *tmp;
    if (!a)
        return;
    HASH_ITER(hh, a->all, e, tmp)
    entry_free(a, e);
    free(a);
}

/* -- on the worker ---------------------------------------------------------------------------------------------------- */

static void on_answer(struct loop_msg *m, struct loop *on)
{
    struct question *q = CONTAINER_OF(m, struct question, msg);
    struct client *c = worker_client(on->data, q->slot, q->serial);
    if (c)
        client_login_on_verifier(c, q->found ? q->verifier : NULL, &q->err);
    crypto_wipe(q->verifier, sizeof(q->verifier));
    free(q);
}

/* -- on the manager's thread ------------------------------------------------------------------------------------------ */

static void answer(struct question *q, const struct entry *e, const struct err *err)
{
    q->err = *err;
    q->found = e && e->found;
    if (q->found)
        str_copy(q->verifier, sizeof(q->verifier), e->verifier);
    q->msg.run = on_answer;
    if (!loop_post(&q->w->loop, &q->msg))
        free(q); /* the client's login times out */
}

static void on_result(void *arg, const struct query_result *r, const struct err *err)
{
    struct entry *e = arg;
    const char *verifier = NULL;
    static const struct err none;
    e->fetching = false;
    if (err->code == 0) {
        if (query_n_rows(r) > 0 && query_n_cols(r) > 1)
            verifier = query_text(r, 0, 1);
        e->found = verifier && str_copy(e->verifier, sizeof(e->verifier), verifier);
        e->fetched_at = worker_now();
    } else {
        log_warning("auth.query.failed", "auth_query for user %s: %s", e->user, err->text);
    }
    struct question *q = e->waiting;
    e->waiting = NULL;
    while (q) {
        struct question *next = q->next;
        answer(q, e, err->code ? err : &none);
        q = next;
    }
}

static struct entry *entry_get(struct auth_store *a, int cluster, const char *user)
{
    char key[KEY_MAX];
    struct entry *e = NULL, *tmp;
    snprintf(key, sizeof(key), "%d/%s", cluster, user);
    HASH_FIND_STR(a->all, key, e);
    if (e)
        return e;
    if (HASH_COUNT(a->all) >= ENTRIES_MAX)
        HASH_ITER(hh, a->all, e, tmp)
    if (!e->fetching)
        entry_free(a, e);
    e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->store = a;
    str_copy(e->key, sizeof(e->key), key);
    str_copy(e->user, sizeof(e->user), user);
    HASH_ADD_STR(a->all, key, e);
    return e;
}

static void on_question(struct loop_msg *m, struct loop *on)
{
    (void)on;
    struct question *q = CONTAINER_OF(m, struct question, msg);
    struct proxy *p = q->w->proxy;
    struct entry *e = entry_get(p->auth, q->cluster, q->user);
    struct err err = {0};
    if (q->forget || !e) {
        if (e)
            e->fetched_at = 0;
        free(q);
        return;
    }
    if (e->fetched_at && worker_now() - e->fetched_at < p->conf->auth.auth_cache_ttl) {
        answer(q, e, &err);
        return;
    }
    q->next = e->waiting;
    e->waiting = q;
    if (e->fetching)
        return;
    const struct query_spec spec = {.cluster = q->cluster,
                                    .sql = p->conf->auth.auth_query,
                                    .params = {e->user},
                                    .n_params = 1,
                                    .timeout = 10 * USEC_PER_SEC};
    e->fetching = true;
    if (manager_query(p->manager, &spec, on_result, e, &err) < 0)
        on_result(e, NULL, &err);
}

static void ask(struct worker *w, int cluster, const char *user, struct question proto)
{
    struct question *q = malloc(sizeof(*q));
    if (!q)
        return;
    *q = proto;
    q->w = w;
    q->cluster = cluster;
    q->msg.run = on_question;
    str_copy(q->user, sizeof(q->user), user);
    if (!loop_post(&w->proxy->loop, &q->msg))
        free(q);
}

void auth_fetch(struct worker *w, int cluster, const char *user, uint32_t slot, uint64_t serial)
{
    ask(w, cluster, user, (struct question){.slot = slot, .serial = serial});
}

void auth_forget(struct worker *w, int cluster, const char *user)
{
    ask(w, cluster, user, (struct question){.forget = true});
}
