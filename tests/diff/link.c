#include "link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../proxy/wire/decode.h"
#include "../../proxy/wire/encode.h"
#include "../../proxy/wire/frame.h"
#include "../../proxy/wire/scram.h"
#include "../../proxy/wire/startup.h"

enum { LOGIN_MS = 30000, RECV = 65536, PAIRS = 32, KEYS = 4 };

void link_init(struct link *l)
{
    *l = (struct link){.fd = -1};
}

void link_forget_step(struct link *l)
{
    l->got.n = 0;
    l->n_got = l->since = l->ready = 0;
    l->errored = false;
    l->copy = NULL;
}

void link_close(struct link *l, bool abrupt)
{
    if (l->fd >= 0) {
        if (!abrupt) {
            const uint8_t bye[5] = {'X', 0, 0, 0, 4};
            (void)!send(l->fd, bye, sizeof(bye), MSG_NOSIGNAL);
        }
        close(l->fd);
    }
    buf_free(&l->in);
    buf_free(&l->out);
    buf_free(&l->got);
    buf_free(&l->hello);
    buf_free(&l->notes);
    link_init(l);
}

static int dial(const struct target *t)
{
    int fd;
    int rc;
    if (t->host[0] == '/') {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        snprintf(un.sun_path, sizeof(un.sun_path), "%s/.s.PGSQL.%d", t->host, t->port);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        rc = connect(fd, (struct sockaddr *)&un, sizeof(un));
    } else {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port)};
        inet_pton(AF_INET, t->host, &in.sin_addr);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        rc = connect(fd, (struct sockaddr *)&in, sizeof(in));
        const int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (rc < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool link_has_output(const struct link *l)
{
    return l->sent < l->out.n;
}

static void take(struct link *l, const struct frame *f)
{
    const uint8_t *m = l->in.p;
    if (f->type == 'A') {
        buf_add(&l->notes, m, f->total);
        l->n_notes++;
        return;
    }
    buf_add(&l->got, m, f->total);
    l->n_got++;
    l->since++;
    if (f->type == 'E') {
        l->errored = true;
    } else if (f->type == 'Z') {
        l->ready++;
        l->since = 0;
        l->errored = false;
        l->tx = m[5];
    } else if (f->type == 'G' && l->copy) {
        buf_add(&l->out, l->copy->p, l->copy->n);
    }
}

static bool cut(struct link *l)
{
    size_t at = 0;
    struct buf whole = l->in;
    for (;;) {
        struct frame f = {0};
        l->in.p = whole.p + at;
        const enum frame_result r = frame_next(l->in.p, whole.n - at, FRAME_BACKEND, &f);
        if (r == FRAME_BAD) {
            fprintf(stderr, "link: %s\n", frame_bad_reason(l->in.p, whole.n - at, FRAME_BACKEND));
            l->in = whole;
            return false;
        }
        if (r == FRAME_MORE || f.total > whole.n - at)
            break;
        take(l, &f);
        at += f.total;
    }
    l->in = whole;
    if (at > 0) {
        memmove(l->in.p, l->in.p + at, l->in.n - at);
        l->in.n -= at;
    }
    return true;
}

bool link_pump(struct link *l)
{
    if (l->fd < 0)
        return false;
    while (l->sent < l->out.n) {
        const ssize_t n =
            send(l->fd, l->out.p + l->sent, l->out.n - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0) { /* what the peer said before it closed is still to be read */
            l->sent = l->out.n;
            break;
        }
        l->sent += (size_t)n;
    }
    if (l->sent == l->out.n)
        l->sent = l->out.n = 0;
    for (;;) {
        buf_room(&l->in, RECV);
        const ssize_t n = recv(l->fd, l->in.p + l->in.n, RECV, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0) {
            close(l->fd);
            l->fd = -1;
            return false;
        }
        l->in.n += (size_t)n;
        if (!cut(l)) {
            close(l->fd);
            l->fd = -1;
            return false;
        }
        if (n < RECV)
            return true;
    }
}

/* -- login ---------------------------------------------------------------------------------------------------------- */

/* The costly part of SCRAM is done once for each verifier. */
static struct scram_keys known[KEYS];
static int n_known;

static int sasl_first(struct link *l, struct scram_client *sc, const char *password)
{
    static unsigned serial;
    uint8_t mem[SCRAM_MSG_MAX], msg[SCRAM_MSG_MAX + 64];
    char nonce[32];
    struct writer w = writer_of(mem, sizeof(mem)), m = writer_of(msg, sizeof(msg));
    snprintf(nonce, sizeof(nonce), "diff%08x%08x", (unsigned)getpid(), serial++);
    scram_client_init_password(sc, (struct slice){password, strlen(password)});
    if (scram_client_first(sc, nonce, &w) < 0)
        return -1;
    encode_sasl_initial(&m, SCRAM_MECHANISM, (struct slice){(const char *)mem, w.n});
    buf_add(&l->out, msg, m.n);
    return 0;
}

static int sasl_final(struct link *l, struct scram_client *sc, struct slice in)
{
    uint8_t mem[2 * SCRAM_MSG_MAX], msg[2 * SCRAM_MSG_MAX + 64];
    struct writer w, m = writer_of(msg, sizeof(msg));
    struct err e = {0};
    for (int i = 0; i <= n_known; i++) { /* does a verifier that we know fit? */
        struct scram_client try = *sc;
        w = writer_of(mem, sizeof(mem));
        if (i < n_known) {
            try.from_keys = true;
            try.keys = known[i];
        }
        if (scram_client_final(&try, in, &w, &e) < 0)
            continue;
        *sc = try;
        if (i == n_known && n_known < KEYS)
            known[n_known++] = try.keys;
        encode_sasl_response(&m, (struct slice){(const char *)mem, w.n});
        buf_add(&l->out, msg, m.n);
        return 0;
    }
    fprintf(stderr, "link: %s\n", e.text);
    return -1;
}

static int on_auth(struct link *l, struct scram_client *sc, const struct frame *f,
                   const char *password)
{
    struct msg_auth a;
    struct err e = {0};
    if (decode_auth(l->in.p + FRAME_HEADER, f->body_len, &a) < 0)
        return -1;
    switch (a.code) {
    case AUTH_OK:
        return 0;
    case AUTH_SASL:
        return sasl_first(l, sc, password);
    case AUTH_SASL_CONTINUE:
        return sasl_final(l, sc, a.rest);
    case AUTH_SASL_FINAL:
        return scram_client_verify(sc, a.rest, &e);
    default:
        return -1;
    }
}

/* 1: go on; 0: logged in; -1: refused. */
static int on_login_message(struct link *l, struct scram_client *sc, const struct frame *f,
                            const char *password)
{
    struct msg_key_data k;
    switch (f->type) {
    case 'R':
        return on_auth(l, sc, f, password) < 0 ? -1 : 1;
    case 'K':
        if (decode_key_data(l->in.p + FRAME_HEADER, f->body_len, &k) == 0)
            l->pid = k.pid;
        return 1;
    case 'Z':
        l->tx = l->in.p[FRAME_HEADER];
        return 0;
    case 'E':
        buf_add(&l->hello, l->in.p, f->total);
        return -1;
    default:
        buf_add(&l->hello, l->in.p, f->total);
        return 1;
    }
}

static int login_step(struct link *l, struct scram_client *sc, const char *password)
{
    struct frame f = {0};
    int rc = 1;
    while (rc == 1) {
        const enum frame_result r = frame_next(l->in.p, l->in.n, FRAME_BACKEND, &f);
        if (r == FRAME_BAD)
            return -1;
        if (r == FRAME_MORE || f.total > l->in.n)
            return 1;
        rc = on_login_message(l, sc, &f, password);
        memmove(l->in.p, l->in.p + f.total, l->in.n - f.total);
        l->in.n -= f.total;
    }
    return rc;
}

/* Blocking, message by message, so that nothing of a later step is taken for the login. */
static int login(struct link *l, const char *password)
{
    static struct scram_client sc;
    int rc = 1;
    while (rc == 1) {
        if (l->sent < l->out.n) {
            if (send(l->fd, l->out.p, l->out.n, MSG_NOSIGNAL) != (ssize_t)l->out.n)
                return -1;
            l->out.n = 0;
        }
        struct pollfd p = {.fd = l->fd, .events = POLLIN};
        if (poll(&p, 1, LOGIN_MS) <= 0)
            return -1;
        buf_room(&l->in, RECV);
        const ssize_t n = recv(l->fd, l->in.p + l->in.n, RECV, 0);
        if (n <= 0)
            return -1;
        l->in.n += (size_t)n;
        rc = login_step(l, &sc, password);
    }
    return rc;
}

int link_open(struct link *l, const struct target *t, const char *const *pairs)
{
    struct startup_pair sp[PAIRS];
    uint8_t msg[STARTUP_PACKET_MAX];
    struct writer w = writer_of(msg, sizeof(msg));
    size_t n = 0;
    for (; pairs[0] && n < PAIRS - 1; pairs += 2)
        sp[n++] = (struct startup_pair){pairs[0], pairs[1]};
    sp[n++] = (struct startup_pair){"database", t->database};
    startup_write(&w, 0, sp, n);
    link_init(l);
    l->fd = dial(t);
    if (l->fd < 0)
        return -1;
    buf_add(&l->out, msg, w.n);
    if (login(l, t->password) < 0) {
        close(l->fd);
        l->fd = -1;
        return -1;
    }
    return 0;
}

/* The first column of the first row into value; the error's message if there is one. */
static bool ask(struct link *l, const char *sql, char *value, size_t cap)
{
    link_forget_step(l);
    const size_t at = buf_begin(&l->out, 'Q');
    buf_cstr(&l->out, sql);
    buf_end(&l->out, at);
    value[0] = '\0';
    while (l->ready == 0) {
        struct pollfd p = {.fd = l->fd, .events = POLLIN};
        if (!link_pump(l) || (l->ready == 0 && poll(&p, 1, 4 * LOGIN_MS) <= 0)) {
            fprintf(stderr, "no answer to %s\n", sql);
            exit(3);
        }
    }
    for (size_t i = 0; i < l->got.n; i += be32(l->got.p + i + 1) + 1) {
        const uint8_t *m = l->got.p + i, *body = m + FRAME_HEADER;
        const size_t n = be32(m + 1) - 4;
        struct msg_error e;
        struct msg_row row;
        struct slice v;
        if (m[0] == 'E' && decode_error(body, n, &e) == 0) {
            snprintf(value, cap, "%.*s", (int)e.message.n, e.message.p);
            return false;
        }
        if (m[0] == 'D' && decode_data_row(body, n, &row) == 0 &&
            decode_value_next(&row.values, &v))
            snprintf(value, cap, "%.*s", (int)v.n, v.p ? v.p : "");
    }
    return true;
}

const char *link_value(struct link *l, const char *sql)
{
    static char value[256];
    if (!ask(l, sql, value, sizeof(value))) {
        fprintf(stderr, "%s: %.200s\n", value, sql);
        exit(3);
    }
    return value;
}

bool link_try(struct link *l, const char *sql)
{
    char value[256];
    return ask(l, sql, value, sizeof(value));
}
