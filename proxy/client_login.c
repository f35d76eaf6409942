/* From the first byte to ReadyForQuery: SSLRequest, cancel requests, the start-up packet, authentication against the role's
 * verifier as the nodes have it, and the welcome that a server of the pool has told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/manager.h"
#include "auth.h"
#include "cancel.h"
#include "client.h"
#include "home.h"
#include "pool.h"
#include "reports.h"
#include "relay.h"
#include "server.h"
#include "tls.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/errresp.h"
#include "wire/frame.h"
#include "wire/md5auth.h"
#include "wire/scram.h"
#include "wire/startup.h"
#include "worker.h"

enum { OUT_MAX = 12 * 1024, LOGIN_MESSAGE_MAX = 16 * 1024, PROTOCOL_MINOR = 2 };

enum expect {
    EXPECT_NOTHING,
    EXPECT_SASL_INITIAL,
    EXPECT_SASL_RESPONSE,
    EXPECT_MD5,
    EXPECT_PASSWORD
};

/* What is needed only until the client is in. */
struct login {
    enum expect expect;
    bool console, mock, needs_user;
    int cluster; /* whose roles count */
    uint8_t salt[MD5AUTH_SALT];
    char md5[MD5AUTH_ROOM];
    struct scram_server scram;
    struct scram_verifier verifier;
    struct creds creds;
    struct params params;
    char dbname_wanted[CONF_NAME_MAX];
};

void client_login_free(struct client *c)
{
    if (!c->login)
        return;
    crypto_wipe(c->login, sizeof(*c->login));
    free(c->login);
    c->login = NULL;
}

static void send_login(struct client *c, const struct writer *w)
{
    BUG_ON(w->bad);
    stream_send(&c->st, w->p, w->n);
}

/* -- authentication -------------------------------------------------------------------------------------------------- */

static void refuse(struct client *c)
{
    char text[160];
    snprintf(text, sizeof(text), "password authentication failed for user \"%s\"", c->user);
    LOG_AT(LOG_WARNING, "client.auth.failed",
           LOG_KV({"peer", c->peer}, {"user", c->user}, {"database", c->database}), "%s", text);
    if (c->login)
        auth_forget(c->w, c->login->cluster, c->user);
    client_fatal(c, ERRRESP_INVALID_PASSWORD, text, NULL);
}

static void enter_console(struct client *c)
{
    const struct admin_conf *a = &c->w->conf->admin;
    c->admin = c->local_admin || config_list_has(a->admin_users, c->user);
    c->stats = c->admin || config_list_has(a->stats_users, c->user);
    if (!c->stats) {
        client_fatal(c, ERRRESP_INSUFFICIENT_PRIVILEGE, "this user may not connect to the console",
                     "Add it to admin_users or stats_users in section [admin].");
        return;
    }
    uint8_t out[OUT_MAX];
    struct writer w = writer_of(out, sizeof(out));
    encode_auth_ok(&w);
    encode_parameter_status(&w, "server_version", "15.0 (tanist)");
    encode_parameter_status(&w, "server_encoding", "UTF8");
    encode_parameter_status(&w, "client_encoding", "UTF8");
    encode_parameter_status(&w, "DateStyle", "ISO");
    encode_parameter_status(&w, "TimeZone", "UTC");
    encode_parameter_status(&w, "integer_datetimes", "on");
    encode_parameter_status(&w, "standard_conforming_strings", "on");
    client_write_key(c, &w);
    encode_ready(&w, 'I');
    send_login(c, &w);
    c->state = CLIENT_CONSOLE;
    c->deadline = 0;
    client_login_free(c);
}

/* What a physical replication client calls its database means nothing, so any will do to find its cluster. */
static const struct database_conf *database_of(const struct client *c)
{
    const struct config *conf = c->w->conf;
    const struct database_conf *db = config_database(conf, c->database);
    if (!db && c->replication == RELAY_PHYSICAL && conf->n_databases > 0)
        db = &conf->databases[0];
    return db;
}

static void enter(struct client *c)
{
    struct login *l = c->login;
    if (l->console) {
        enter_console(c);
        return;
    }
    const struct database_conf *db = database_of(c); /* a reload may have come in between */
    if (!db) {
        client_fatal(c, ERRRESP_INVALID_CATALOG_NAME, "the database is not configured any more",
                     NULL);
        return;
    }
    struct pool_group *g =
        pool_group_get(c->w, db, c->database, c->user, (enum relay_kind)c->replication);
    if (!g) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for a pool", NULL);
        return;
    }
    if (g->disabled) {
        char text[160];
        snprintf(text, sizeof(text), "database \"%s\" is disabled", c->database);
        client_fatal(c, ERRRESP_CANNOT_CONNECT_NOW, text, NULL);
        return;
    }
    c->group = g;
    g->n_clients++;
    g->stats.logins++;
    if (l->creds.kind != CRED_NONE)
        g->creds = l->creds;
    c->params = pool_params(g, &l->params);
    c->session.base = params_take(c->params);
    if (!c->params) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for the session's parameters", NULL);
        return;
    }
    c->state = CLIENT_WELCOME;
    client_login_free(c);
    if (c->replication)
        relay_begin(c);
    else
        client_login_welcome(c);
}

/* The parameters are tried on a server before the client is told that it is in. */
static void verify_params(struct client *c)
{
    c->verifying = true;
    struct pool *p = pool_of_any(c->group);
    if (!p) {
        client_wait_in(c, &c->group->welcome_waiters);
        return;
    }
    if (pool_checkout(p, c))
        client_login_verify(c);
}

void client_login_verify(struct client *c)
{
    struct server *s = c->server;
    char sql[GATHER_SCRATCH / 2];
    uint8_t out[GATHER_SCRATCH / 2 + 128];
    struct strbuf b;
    struct writer w = writer_of(out, sizeof(out));
    static const struct params none;
    strbuf_init(&b, sql, sizeof(sql));
    /* From the defaults: what is left out of a value, as of DateStyle, shall not be another session's. */
    encode_query(&w, "RESET role;RESET session_authorization;RESET ALL");
    if (!params_diff_sql(&none, &c->params->p, &b) ||
        !server_expect(s, PL_HIDDEN_QUERY, 0, TAG_NONE) ||
        !server_expect(s, PL_HIDDEN_QUERY, 0, TAG_NONE)) {
        client_fatal(c, ERRRESP_INVALID_PARAMETER_VALUE, "too many start-up parameters", NULL);
        return;
    }
    encode_query(&w, sql);
    BUG_ON(w.bad);
    params_become(&s->params, c->params);
    s->hidden_failed = false;
    s->unnamed = s->unnamed_done = 0;
    stream_send(&s->st, out, w.n);
}

void client_login_welcome(struct client *c)
{
    struct pool_group *g = c->group;
    if (!g->welcome) {
        client_wait_in(c, &g->welcome_waiters);
        pool_want_welcome(g);
        return;
    }
    if (c->params->p.n > 0 && !c->params->told) {
        verify_params(c);
        return;
    }
    if (!home_seek(c))
        return;
    if (!session_begin(c)) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for the session's parameters", NULL);
        return;
    }
    uint8_t out[REPORTS_ROOM + 256];
    struct writer w = writer_of(out, sizeof(out));
    encode_auth_ok(&w);
    reports_write(&w, &c->told->p);
    encode_parameter_status(&w, "in_hot_standby", "off");
    client_write_key(c, &w);
    encode_ready(&w, 'I');
    c->state = CLIENT_READY;
    c->deadline = 0;
    c->waited_since = 0;
    c->ready_at = worker_now();
    send_login(c, &w);
    if (c->w->conf->tanist.log_connections)
        LOG_AT(LOG_INFO, "client.login",
               LOG_KV({"peer", c->peer}, {"user", c->user}, {"database", c->database}),
               "client logged in");
    client_process(c);
}

static void ask_scram(struct client *c)
{
    static const char *const mechanisms[] = {SCRAM_MECHANISM};
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));
    scram_server_init(&c->login->scram, &c->login->verifier, c->login->mock);
    encode_auth_sasl(&w, mechanisms, 1);
    c->login->expect = EXPECT_SASL_INITIAL;
    send_login(c, &w);
}

static void ask_md5(struct client *c)
{
    uint8_t out[32];
    struct writer w = writer_of(out, sizeof(out));
    if (crypto_random(c->login->salt, MD5AUTH_SALT) < 0) {
        client_fatal(c, ERRRESP_INTERNAL_ERROR, "no random numbers", NULL);
        return;
    }
    encode_auth_md5(&w, c->login->salt);
    c->login->expect = EXPECT_MD5;
    send_login(c, &w);
}

static void ask_password(struct client *c)
{
    uint8_t out[32];
    struct writer w = writer_of(out, sizeof(out));
    encode_auth_cleartext(&w);
    c->login->expect = EXPECT_PASSWORD;
    send_login(c, &w);
}

void client_login_on_verifier(struct client *c, const char *verifier, const struct err *e)
{
    struct login *l = c->login;
    if (c->state != CLIENT_AUTH || !l)
        return;
    if (e && e->code != 0 && e->code != ERR_NOTFOUND) {
        char text[ERR_TEXT_MAX + 128];
        snprintf(text, sizeof(text), "cannot look up user \"%s\": %s", c->user, e->text);
        client_fatal(c, ERRRESP_CANNOT_CONNECT_NOW, text,
                     "auth_query must be answered by a node of the cluster.");
        return;
    }
    if (verifier && md5auth_is_hash(verifier)) {
        str_copy(l->md5, sizeof(l->md5), verifier);
    } else if (!verifier || scram_verifier_parse(verifier, &l->verifier) < 0) {
        l->mock = true;
        if (scram_verifier_mock(&c->w->proxy->mock_key, c->user, &l->verifier) < 0) {
            client_fatal(c, ERRRESP_INTERNAL_ERROR, "authentication is not possible", NULL);
            return;
        }
    }
    if (c->w->conf->auth.method == METHOD_PASSWORD)
        ask_password(c);
    else if (l->md5[0])
        ask_md5(c);
    else
        ask_scram(c);
}

static void on_sasl(struct client *c, const uint8_t *body, size_t n)
{
    struct login *l = c->login;
    struct msg_sasl_initial m;
    struct err e = {0};
    uint8_t raw[SCRAM_NONCE_RAW], text[SCRAM_MSG_MAX], out[SCRAM_MSG_MAX + 64];
    char nonce[CRYPTO_BASE64_ROOM(SCRAM_NONCE_RAW)];
    struct writer wt = writer_of(text, sizeof(text)), w = writer_of(out, sizeof(out));
    if (decode_sasl_initial(body, n, &m) < 0 || !slice_eq(m.mechanism, SCRAM_MECHANISM) ||
        crypto_random(raw, sizeof(raw)) < 0) {
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION,
                     "client selected an invalid SASL authentication mechanism", NULL);
        return;
    }
    crypto_base64_encode(raw, sizeof(raw), nonce);
    if (scram_server_first(&l->scram, m.data, nonce, &wt, &e) < 0) {
        client_fatal(c, e.code == ERR_AUTH ? ERRRESP_INVALID_PASSWORD : ERRRESP_PROTOCOL_VIOLATION,
                     e.text, NULL);
        return;
    }
    encode_auth_sasl_continue(&w, (struct slice){(const char *)text, wt.n});
    l->expect = EXPECT_SASL_RESPONSE;
    send_login(c, &w);
}

static void on_sasl_response(struct client *c, const uint8_t *body, size_t n)
{
    struct login *l = c->login;
    struct slice data;
    struct err e = {0};
    uint8_t text[SCRAM_MSG_MAX], out[SCRAM_MSG_MAX + 64];
    struct writer wt = writer_of(text, sizeof(text)), w = writer_of(out, sizeof(out));
    if (decode_sasl_response(body, n, &data) < 0) {
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "invalid SASL response", NULL);
        return;
    }
    const int rc = scram_server_final(&l->scram, data, &wt, &e);
    if (rc == ERR_PROTO) {
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, e.text, NULL);
        return;
    }
    if (rc < 0) {
        refuse(c);
        return;
    }
    l->creds.kind = CRED_SCRAM;
    scram_server_keys(&l->scram, &l->creds.scram);
    encode_auth_sasl_final(&w, (struct slice){(const char *)text, wt.n});
    send_login(c, &w);
    enter(c);
}

static void on_password(struct client *c, const uint8_t *body, size_t n)
{
    struct login *l = c->login;
    struct slice pw;
    char hash[MD5AUTH_ROOM];
    if (decode_password(body, n, &pw) < 0) {
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "invalid password message", NULL);
        return;
    }
    int rc = ERR_AUTH;
    if (l->expect == EXPECT_MD5) {
        rc = md5auth_verify(l->md5, l->salt, pw.p);
        l->creds.kind = CRED_MD5;
        str_copy(l->creds.md5, sizeof(l->creds.md5), l->md5);
    } else if (l->md5[0]) {
        if (md5auth_hash(c->user, pw.p, hash) == 0 && crypto_equal(hash, l->md5, MD5AUTH_TEXT))
            rc = 0;
        l->creds.kind = CRED_MD5;
        str_copy(l->creds.md5, sizeof(l->creds.md5), l->md5);
    } else {
        rc = scram_verifier_check(&l->verifier, pw, &l->creds.scram);
        l->creds.kind = CRED_SCRAM;
    }
    if (rc < 0 || l->mock)
        refuse(c);
    else
        enter(c);
}

/* -- start-up -------------------------------------------------------------------------------------------------------- */

static bool take_params(struct client *c, const struct startup *s)
{
    struct err e = {0};
    uint32_t at = 0;
    const char *name, *value;
    int rc = 0;
    params_init(&c->login->params);
    while (rc == 0 && startup_next(s, &at, &name, &value)) {
        if (strcmp(name, "user") == 0 || strcmp(name, "database") == 0 ||
            startup_is_pq_option(name) || strcmp(name, "replication") == 0)
            continue;
        if (strcmp(name, "options") == 0)
            rc = params_set_options(&c->login->params, value, &e);
        else
            rc = params_set(&c->login->params, name, value, &e);
    }
    if (rc < 0)
        client_fatal(c, ERRRESP_INVALID_PARAMETER_VALUE, e.text, NULL);
    return rc == 0;
}

static void begin_auth(struct client *c)
{
    c->state = CLIENT_AUTH;
    if ((c->login->console && c->local_admin) || c->w->conf->auth.method == METHOD_TRUST) {
        enter(c);
        return;
    }
    auth_fetch(c->w, c->login->cluster, c->user, c->slot, c->serial);
}

static void on_startup(struct client *c, const struct startup *s)
{
    struct worker *w = c->w;
    const char *user = startup_get(s, "user"), *database = startup_get(s, "database"),
               *replication = startup_get(s, "replication");
    const int listen_tls = c->listen_index >= 0 && c->listen_index < w->conf->n_listens
                               ? w->conf->listens[c->listen_index].tls
                               : TLS_OFF;
    if (listen_tls >= TLS_REQUIRE && !c->st.tls) {
        client_fatal(c, ERRRESP_INVALID_AUTHORIZATION, "this port requires TLS",
                     "Connect with sslmode=require.");
        return;
    }
    if (!user || !*user) {
        client_fatal(c, ERRRESP_INVALID_AUTHORIZATION,
                     "no PostgreSQL user name specified in startup packet", NULL);
        return;
    }
    if (!database || !*database)
        database = user;
    if (!str_copy(c->user, sizeof(c->user), user) ||
        !str_copy(c->database, sizeof(c->database), database)) {
        client_fatal(c, ERRRESP_INVALID_PARAMETER_VALUE, "user or database name is too long", NULL);
        return;
    }
    const int kind = replication ? relay_kind_of(replication) : RELAY_NONE;
    if (kind < 0) {
        client_fatal(c, ERRRESP_INVALID_PARAMETER_VALUE,
                     "invalid value for parameter \"replication\"",
                     "Valid values are: \"false\", 0, \"true\", 1, \"database\".");
        return;
    }
    c->replication = (uint8_t)kind;
    c->login = calloc(1, sizeof(*c->login));
    if (!c->login) {
        client_fatal(c, ERRRESP_OUT_OF_MEMORY, "no memory for the login", NULL);
        return;
    }
    if (!take_params(c, s))
        return;
    const char *app = params_get(&c->login->params, "application_name");
    str_copy(c->application_name, sizeof(c->application_name), app ? app : "");
    c->minor = (uint8_t)(s->minor < PROTOCOL_MINOR ? s->minor : PROTOCOL_MINOR);
    if (c->minor >= 2)
        c->key_len = CLIENT_KEY_MAX;
    if (startup_needs_negotiation(s, PROTOCOL_MINOR)) {
        uint8_t out[OUT_MAX];
        struct writer o = writer_of(out, sizeof(out));
        startup_write_negotiate(&o, s, PROTOCOL_MINOR);
        if (!o.bad)
            send_login(c, &o);
    }
    if (strcmp(database, "tanist") == 0 || strcmp(database, "pgbouncer") == 0) {
        c->login->console = true;
        begin_auth(c);
        return;
    }
    const struct database_conf *db = database_of(c);
    if (!db) {
        char text[160];
        snprintf(text, sizeof(text), "no database \"%s\" is configured", database);
        client_fatal(c, ERRRESP_INVALID_CATALOG_NAME, text, NULL);
        return;
    }
    c->login->cluster = config_database_cluster(w->conf, db);
    begin_auth(c);
}

static void on_ssl_request(struct client *c)
{
    const uint8_t answer = c->tls_ctx && !c->st.tls ? 'S' : 'N';
    stream_send(&c->st, &answer, 1);
    if (answer != 'S')
        return;
    struct tls *t = tls_accept_new(c->tls_ctx, c->st.fd);
    if (!t || stream_kept(&c->st) > 0) {
        tls_free(t);
        client_close(c, "cannot begin TLS");
        return;
    }
    c->state = CLIENT_TLS;
    stream_start_tls(&c->st, t);
}

static bool cancelled(struct client *c, const struct startup *s)
{
    struct cancel_key k = {.len = s->key_len};
    memcpy(k.bytes, s->key, s->key_len);
    return cancel_request(c, s->pid, &k);
}

/* Bytes used; 0: more are needed, or the client is gone. */
static size_t on_first_packet(struct client *c, const uint8_t *p, size_t n)
{
    struct startup s;
    switch (startup_parse(p, n, &s)) {
    case STARTUP_MORE:
        return 0;
    case STARTUP_SSL:
        if (n > s.total) { /* bytes behind an SSLRequest in clear could be injected by anyone */
            client_fatal(c, ERRRESP_PROTOCOL_VIOLATION,
                         "received unencrypted data after SSL request", NULL);
            return 0;
        }
        on_ssl_request(c);
        return s.total;
    case STARTUP_GSSENC: {
        const uint8_t no = 'N';
        stream_send(&c->st, &no, 1);
        return s.total;
    }
    case STARTUP_CANCEL:
        if (cancelled(c, &s)) {
            client_close(c, "cancel request");
            return 0;
        }
        c->state = CLIENT_AUTH; /* nothing more is expected of it */
        return s.total;
    case STARTUP_V3:
        on_startup(c, &s);
        return s.total;
    case STARTUP_BAD:
        LOG_AT(LOG_WARNING, "client.startup.bad", LOG_KV({"peer", c->peer}), "%s", s.reason);
        client_fatal(c, (int)s.code, s.reason, NULL);
        return 0;
    case STARTUP_NONE:
    case STARTUP_DIRECT_TLS:
    case STARTUP_KIND_NR:
    default:
        client_close(c, "TLS without SSLRequest is not supported");
        return 0;
    }
}

static size_t on_auth_message(struct client *c, const uint8_t *p, size_t n)
{
    struct frame f = {0};
    const enum frame_result r = frame_next(p, n, FRAME_FRONTEND, &f);
    if (r == FRAME_BAD || (r == FRAME_OK && (f.type != 'p' || f.total > LOGIN_MESSAGE_MAX))) {
        if (r == FRAME_OK && f.type == 'X')
            client_close(c, "client left during authentication");
        else
            client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "expected a password response", NULL);
        return 0;
    }
    if (r == FRAME_MORE || f.total > n || !c->login)
        return 0;
    const uint8_t *body = p + FRAME_HEADER;
    switch (c->login->expect) {
    case EXPECT_SASL_INITIAL:
        on_sasl(c, body, f.body_len);
        break;
    case EXPECT_SASL_RESPONSE:
        on_sasl_response(c, body, f.body_len);
        break;
    case EXPECT_MD5:
    case EXPECT_PASSWORD:
        on_password(c, body, f.body_len);
        break;
    case EXPECT_NOTHING:
    default:
        client_fatal(c, ERRRESP_PROTOCOL_VIOLATION, "password was not asked for", NULL);
        break;
    }
    return f.total;
}

void client_login_on_bytes(struct client *c)
{
    struct err e = {0};
    uint8_t *at = inbuf_room(&c->in, LOGIN_MESSAGE_MAX);
    const long got = at && c->in.n < 2 * LOGIN_MESSAGE_MAX
                         ? stream_recv(&c->st, at, LOGIN_MESSAGE_MAX, &e)
                         : ERR_LIMIT;
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        client_close(c, got == 0 ? "client closed the connection during login"
                                 : "too much data before the login ended");
        return;
    }
    c->in.n += (size_t)got;
    size_t used = 0;
    c->processing = true; /* requests behind the login wait until its own bytes are taken off */
    while (c->in.n > used) {
        size_t n = 0;
        if (c->state == CLIENT_STARTUP)
            n = on_first_packet(c, c->in.p + used, c->in.n - used);
        else if (c->state == CLIENT_AUTH)
            n = on_auth_message(c, c->in.p + used, c->in.n - used);
        if (c->state == CLIENT_CLOSED)
            return;
        if (n == 0)
            break;
        used += n;
    }
    c->processing = false;
    if (!inbuf_keep(&c->in, c->in.p ? c->in.p + used : NULL, c->in.n - used))
        client_close(c, "no memory");
    else if (c->state >= CLIENT_READY && c->in.n > 0)
        client_process(c);
}
