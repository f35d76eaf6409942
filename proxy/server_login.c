/* Logging in to a node: TLS, the start-up packet, the authentication exchange with the client's own key, then the
 * ParameterStatus messages that become the welcome of the group's clients. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "client.h"
#include "pool.h"
#include "reports.h"
#include "relay.h"
#include "server.h"
#include "tls.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/md5auth.h"
#include "wire/scram.h"
#include "worker.h"

enum { OUT_MAX = 16 * 1024 };

static int node_tls_mode(const struct server *s)
{
    const struct topology *t = worker_topo(s->w, s->pool->group->cluster);
    if (!s->w->server_tls || !t || t->nodes[s->pool->node].host[0] == '/')
        return TLS_OFF;
    return s->w->conf->server_tls.mode;
}

static void send_startup(struct server *s)
{
    uint8_t out[OUT_MAX];
    struct writer w = writer_of(out, sizeof(out));
    const struct startup_pair pairs[] = {{"user", s->pool->group->user},
                                         {"database", s->pool->group->dbname}};
    if (s->relay)
        relay_write_startup(s, &w);
    else
        startup_write(&w, 0, pairs, 2);
    BUG_ON(w.bad);
    s->state = SERVER_LOGIN;
    stream_send(&s->st, out, w.n);
}

void server_login_begin(struct server *s)
{
    const int mode = node_tls_mode(s);
    if (s->state == SERVER_CONNECTING && mode > TLS_ALLOW) {
        uint8_t out[16];
        struct writer w = writer_of(out, sizeof(out));
        startup_write_ssl(&w);
        s->state = SERVER_TLS_ASKED;
        stream_send(&s->st, out, w.n);
        return;
    }
    send_startup(s);
}

void server_login_fail(struct server *s, const struct err *e)
{
    struct pool *p = s->pool;
    struct err copy = *e;
    struct worker *w = s->w;
    w->stats.nodes[p->group->cluster][p->node].connect_failures++;
    LOG_AT(LOG_WARNING, "server.login.failed",
           LOG_KV({"node", p->name}, {"database", p->group->dbname}, {"user", p->group->user}),
           "%s", copy.text);
    pool_back_off(p); /* before the close, which looks for waiters to help */
    const bool relay = s->relay != NULL;
    if (relay)
        relay_failed(s, &copy);
    server_close(s, "login failed");
    if (!relay)
        pool_login_failed(p, &copy);
}

static void fail(struct server *s, int code, const char *sqlstate, const char *text)
{
    struct err e;
    err_set(&e, code, "%s", text);
    str_copy(e.sqlstate, sizeof(e.sqlstate), sqlstate);
    server_login_fail(s, &e);
}

/* The node asks for something that the keys of this user cannot answer. */
static void fail_key(struct server *s, const char *what)
{
    char text[ERR_TEXT_MAX];
    snprintf(text, sizeof(text), "node asks for %s of user \"%s\", which is not known", what,
             s->pool->group->user);
    fail(s, ERR_AUTH, "28P01", text);
}

/* The one byte that answers SSLRequest. */
static void on_tls_answer(struct server *s, uint8_t answer)
{
    const int mode = node_tls_mode(s);
    const struct topology *t = worker_topo(s->w, s->pool->group->cluster);
    if (answer == 'S') {
        struct tls *tls = tls_connect_new(s->w->server_tls, s->st.fd, t->nodes[s->pool->node].host);
        if (!tls) {
            fail(s, ERR_TLS, "08001", "no memory for TLS");
            return;
        }
        s->state = SERVER_TLS;
        stream_start_tls(&s->st, tls);
    } else if (answer == 'N' && mode <= TLS_PREFER) {
        send_startup(s);
    } else {
        fail(s, ERR_AUTH, "08001", "node does not offer TLS, which server_tls requires");
    }
}

static void send_password(struct server *s, const char *password)
{
    uint8_t out[OUT_MAX];
    struct writer w = writer_of(out, sizeof(out));
    encode_password(&w, password);
    if (w.bad)
        fail(s, ERR_AUTH, "28P01", "password is too long");
    else
        stream_send(&s->st, out, w.n);
    crypto_wipe(out, sizeof(out));
}

static void on_auth_md5(struct server *s, struct slice salt)
{
    const struct creds *k = &s->pool->group->creds;
    char hash[MD5AUTH_ROOM], answer[MD5AUTH_ROOM];
    int rc = ERR_AUTH;
    if (k->kind == CRED_MD5)
        rc = md5auth_response(k->md5, (const uint8_t *)salt.p, answer);
    else if (k->kind == CRED_PASSWORD && md5auth_hash(s->pool->group->user, k->password, hash) == 0)
        rc = md5auth_response(hash, (const uint8_t *)salt.p, answer);
    if (rc < 0)
        fail_key(s, "the md5 key");
    else
        send_password(s, answer);
}

static void on_auth_sasl(struct server *s, const struct msg_auth *a)
{
    const struct creds *k = &s->pool->group->creds;
    if (!decode_auth_offers(a, SCRAM_MECHANISM) ||
        (k->kind != CRED_SCRAM && k->kind != CRED_PASSWORD)) {
        fail_key(s, "the SCRAM key");
        return;
    }
    uint8_t raw[SCRAM_NONCE_RAW], out[OUT_MAX], first[SCRAM_MSG_MAX];
    char nonce[CRYPTO_BASE64_ROOM(SCRAM_NONCE_RAW)];
    struct writer wf = writer_of(first, sizeof(first)), w = writer_of(out, sizeof(out));
    s->scram = calloc(1, sizeof(*s->scram));
    if (!s->scram || crypto_random(raw, sizeof(raw)) < 0) {
        fail(s, ERR_NOMEM, "53200", "no memory for the login");
        return;
    }
    crypto_base64_encode(raw, sizeof(raw), nonce);
    if (k->kind == CRED_SCRAM)
        scram_client_init_keys(s->scram, &k->scram);
    else
        scram_client_init_password(s->scram, slice_of(k->password));
    if (scram_client_first(s->scram, nonce, &wf) < 0) {
        fail(s, ERR_AUTH, "28000", "cannot begin SCRAM");
        return;
    }
    encode_sasl_initial(&w, SCRAM_MECHANISM, (struct slice){(const char *)first, wf.n});
    stream_send(&s->st, out, w.n);
}

static void on_auth_scram(struct server *s, const struct msg_auth *a)
{
    uint8_t final[SCRAM_MSG_MAX], out[OUT_MAX];
    struct writer wf = writer_of(final, sizeof(final)), w = writer_of(out, sizeof(out));
    struct err e = {0};
    if (!s->scram) {
        fail(s, ERR_PROTO, "08P01", "node sent SCRAM out of order");
        return;
    }
    int rc;
    if (a->code == AUTH_SASL_CONTINUE)
        rc = scram_client_final(s->scram, a->rest, &wf, &e);
    else
        rc = scram_client_verify(s->scram, a->rest, &e);
    if (rc < 0) {
        err_wrap(&e, "SCRAM with the node");
        fail(s, ERR_AUTH, "28P01", e.text);
        return;
    }
    if (a->code == AUTH_SASL_CONTINUE) {
        encode_sasl_response(&w, (struct slice){(const char *) final, wf.n});
        stream_send(&s->st, out, w.n);
    }
}

static void on_auth(struct server *s, const uint8_t *body, size_t n)
{
    struct msg_auth a;
    if (decode_auth(body, n, &a) < 0) {
        fail(s, ERR_PROTO, "08P01", "node sent a malformed authentication request");
        return;
    }
    switch (a.code) {
    case AUTH_OK:
        return;
    case AUTH_CLEARTEXT:
        if (s->pool->group->creds.kind == CRED_PASSWORD)
            send_password(s, s->pool->group->creds.password);
        else
            fail_key(s, "the clear password");
        return;
    case AUTH_MD5:
        on_auth_md5(s, a.rest);
        return;
    case AUTH_SASL:
        on_auth_sasl(s, &a);
        return;
    case AUTH_SASL_CONTINUE:
    case AUTH_SASL_FINAL:
        on_auth_scram(s, &a);
        return;
    default:
        fail(s, ERR_AUTH, "28000", "node asks for an authentication method that is not supported");
    }
}

static void on_error_response(struct server *s, const uint8_t *body, size_t n)
{
    struct msg_error m;
    struct err e;
    if (decode_error(body, n, &m) < 0) {
        fail(s, ERR_PROTO, "08P01", "node sent a malformed error");
        return;
    }
    err_set(&e, ERR_SERVER, "%.*s", (int)m.message.n, m.message.p ? m.message.p : "");
    snprintf(e.sqlstate, sizeof(e.sqlstate), "%.*s", (int)m.sqlstate.n,
             m.sqlstate.p ? m.sqlstate.p : "");
    if (strncmp(e.sqlstate, "57P", 3) == 0)
        manager_hint(s->w->proxy->manager, s->pool->group->cluster, s->pool->node);
    server_login_fail(s, &e);
}

static void on_login_done(struct server *s)
{
    struct pool *p = s->pool;
    if (s->scram) {
        scram_client_wipe(s->scram);
        free(s->scram);
        s->scram = NULL;
    }
    s->deadline = 0;
    s->last_used = s->ready_at = worker_now();
    s->tx = 'I';
    manager_want_sample(s->w->proxy->manager,
                        p->group->cluster); /* for its reads: freshness_knows */
    list_remove(&p->login, &s->node);
    s->state = SERVER_CANCELING;
    list_push_front(&p->busy, &s->node);
    p->retry_at = 0;
    const bool relay = s->relay != NULL;
    reports_settle(s);
    struct params_ref *welcome = params_take(s->reports);
    if (relay)
        relay_ready(s);
    /* First, as whoever waited for the welcome may want a server at once. */
    if (s->state == SERVER_CANCELING)
        pool_release(p, s);
    if (!relay && !p->group->welcome)
        pool_welcome_learned(p->group, welcome);
    params_unref(welcome);
}

/* One complete message of the login. */
static void on_message(struct server *s, const struct frame *f, const uint8_t *msg)
{
    const uint8_t *body = msg + FRAME_HEADER;
    struct msg_key_data k;
    switch (f->type) {
    case 'R':
        on_auth(s, body, f->body_len);
        return;
    case 'S':
        reports_hear(s, body, f->body_len);
        return;
    case 'K':
        if (decode_key_data(body, f->body_len, &k) == 0 && k.key_len <= sizeof(s->key)) {
            s->pid = k.pid;
            s->key_len = k.key_len;
            memcpy(s->key, k.key, k.key_len);
        }
        return;
    case 'E':
        on_error_response(s, body, f->body_len);
        return;
    case 'N':
    case 'v':
        return;
    default:
        fail(s, ERR_PROTO, "08P01", "node sent an unexpected message during login");
    }
}

void server_login_on_bytes(struct server *s)
{
    struct worker *w = s->w;
    struct err e = {0};
    uint8_t *buf = w->buf;
    size_t have = s->in.n;
    if (have)
        memcpy(buf, s->in.p, have);
    /* One byte only while the answer to SSLRequest is due: what follows belongs to TLS. */
    const size_t room = s->state == SERVER_TLS_ASKED ? 1 : WORKER_BUF - have;
    const long got = stream_recv(&s->st, buf + have, room, &e);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        fail(s, ERR_IO, "08001", got == 0 ? "node closed the connection during login" : e.text);
        return;
    }
    if (s->state == SERVER_TLS_ASKED) {
        on_tls_answer(s, buf[0]);
        return;
    }
    const size_t n = have + (size_t)got;
    size_t at = 0;
    while (s->state == SERVER_LOGIN) {
        struct frame f = {0};
        const enum frame_result r = frame_next(buf + at, n - at, FRAME_BACKEND, &f);
        if (r == FRAME_BAD || (r == FRAME_OK && f.total > WORKER_BUF / 2)) {
            fail(s, ERR_PROTO, "08P01", "node sent an invalid message during login");
            return;
        }
        if (r == FRAME_MORE || n - at < f.total)
            break;
        if (f.type == 'Z') {
            inbuf_free(&s->in);
            on_login_done(s); /* it may belong to another worker now */
            return;
        }
        on_message(s, &f, buf + at);
        at += f.total;
    }
    if (s->state == SERVER_LOGIN && !inbuf_keep(&s->in, buf + at, n - at))
        fail(s, ERR_NOMEM, "53200", "no memory");
}
