#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../replication/base/bug.h"
#include "../replication/base/log.h"
#include "../replication/base/str.h"
#include "tls.h"
#include "wire/errresp.h"
#include "worker.h"

enum { SOCKETS_MAX = 64, BACKLOG = 1024, ACCEPT_MAX = 64 };

struct sock {
    uv_poll_t poll;
    struct listeners *all;
    int fd;
    int listen_index; /* -1: the control socket */
    bool local;
    char path[CONF_PATH_MAX]; /* of a Unix socket, to be removed */
};

struct listeners {
    struct proxy *proxy;
    int n;
    struct sock *socks[SOCKETS_MAX];
    struct tls_ctx *tls[CONF_LISTENS_MAX];
};

static struct worker *least_loaded(struct proxy *p)
{
    struct worker *best = p->workers[0];
    int64_t least = INT64_MAX;
    for (int i = 0; i < p->n_workers; i++) {
        const int64_t n = atomic_load_explicit(&p->workers[i]->n_clients, memory_order_relaxed);
        if (n < least) {
            least = n;
            best = p->workers[i];
        }
    }
    return best;
}

static void refuse(int fd)
{
    uint8_t out[ERRRESP_SIZE_MAX];
    struct writer w = writer_of(out, sizeof(out));
    errresp_write(&w,
                  &(struct errresp){
                      .code = ERRRESP_TOO_MANY_CONNECTIONS,
                      .message = "no more connections allowed (max_client_conn)",
                      .hint = "Raise max_client_conn, or close connections that are not needed."});
    (void)!send(fd, out, w.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* The daemon's own user, or root, over a Unix socket. */
static bool is_local_admin(const struct sock *s, int fd)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    return s->local && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
           (cred.uid == geteuid() || cred.uid == 0);
}

static void on_acceptable(uv_poll_t *h, int status, int events)
{
    struct sock *s = CONTAINER_OF(h, struct sock, poll);
    struct proxy *p = s->all->proxy;
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPT_MAX; i++) {
        const int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                log_warning("listener.accept.failed", "cannot accept: %s", strerror(errno));
            return;
        }
        const bool admin = is_local_admin(s, fd);
        /* The control socket stays open to its owner when the house is full. */
        if (atomic_load_explicit(&p->n_clients, memory_order_relaxed) >=
                p->conf->tanist.max_client_conn &&
            !(admin && s->listen_index < 0)) {
            refuse(fd);
            continue;
        }
        atomic_fetch_add_explicit(&p->n_clients, 1, memory_order_relaxed);
        struct tls_ctx *tls =
            s->listen_index >= 0 && !s->local ? s->all->tls[s->listen_index] : NULL;
        worker_give_client(least_loaded(p), fd, s->listen_index, tls, admin);
    }
}

/* Takes fd. */
static int add(struct listeners *l, int fd, int listen_index, const char *path, struct err *e)
{
    struct sock *s = l->n < SOCKETS_MAX ? calloc(1, sizeof(*s)) : NULL;
    if (!s) {
        close(fd);
        return err_set(e, ERR_LIMIT, "too many listening sockets");
    }
    s->all = l;
    s->fd = fd;
    s->listen_index = listen_index;
    s->local = path != NULL;
    str_copy(s->path, sizeof(s->path), path ? path : "");
    const int rc = uv_poll_init(&l->proxy->loop.uv, &s->poll, fd);
    BUG_ON(rc != 0);
    uv_poll_start(&s->poll, UV_READABLE, on_acceptable);
    l->socks[l->n++] = s;
    return 0;
}

static int bind_one(struct listeners *l, const struct addrinfo *a, int index, struct err *e)
{
    const struct listen_conf *c = &l->proxy->conf->listens[index];
    const int on = 1;
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, errno, "cannot make a socket for %s", c->address);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        const int saved = errno;
        close(fd);
        return err_errno(e, saved, "cannot listen on %s port %lld", c->address, (long long)c->port);
    }
    return add(l, fd, index, NULL, e);
}

static int bind_tcp(struct listeners *l, int index, struct err *e)
{
    const struct listen_conf *c = &l->proxy->conf->listens[index];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof(port), "%lld", (long long)c->port);
    const char *address = strcmp(c->address, "*") == 0 ? NULL : c->address;
    int rc = getaddrinfo(address, port, &hints, &found);
    if (rc != 0)
        return err_set(e, ERR_INVALID, "cannot resolve listen address %s: %s", c->address,
                       gai_strerror(rc));
    int bound = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        if (bind_one(l, a, index, e) == 0)
            bound++;
        else if (address) /* of "*" one family may be missing on this machine */
            break;
    freeaddrinfo(found);
    if (bound == 0)
        return e->code;
    log_info("listener.ready", "listening on %s port %lld", c->address, (long long)c->port);
    return 0;
}

static int bind_unix(struct listeners *l, const char *dir, int64_t port, int index, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const int n =
        snprintf(un.sun_path, sizeof(un.sun_path), "%s/.s.PGSQL.%lld", dir, (long long)port);
    if (n < 0 || (size_t)n >= sizeof(un.sun_path))
        return err_set(e, ERR_INVALID, "path of the Unix socket in %s is too long", dir);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, errno, "cannot make a Unix socket");
    if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0) {
        close(fd);
        return err_set(e, ERR_STATE, "somebody listens on %s already", un.sun_path);
    }
    unlink(un.sun_path);
    if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, BACKLOG) < 0) {
        const int saved = errno;
        close(fd);
        return err_errno(e, saved, "cannot listen on %s", un.sun_path);
    }
    (void)chmod(un.sun_path, index < 0 ? 0600 : 0777);
    return add(l, fd, index, un.sun_path, e);
}

static int bind_all(struct listeners *l, struct err *e)
{
    const struct config *c = l->proxy->conf;
    int rc = 0;
    for (int i = 0; rc == 0 && i < c->n_listens; i++) {
        rc = tls_ctx_listen(&c->listens[i], &l->tls[i], e);
        if (rc == 0)
            rc = bind_tcp(l, i, e);
        if (rc == 0 && c->tanist.unix_socket_dir[0])
            rc = bind_unix(l, c->tanist.unix_socket_dir, c->listens[i].port, i, e);
    }
    if (rc < 0 || c->n_listens == 0)
        return rc;
    char dir[CONF_PATH_MAX];
    config_control_dir(c, dir, sizeof(dir));
    if (bind_unix(l, dir, c->listens[0].port, -1, e) < 0) {
        /* The data path works without; the command line does not. */
        log_warning("listener.control.failed", "no control socket: %s", e->text);
        err_clear(e);
    }
    return 0;
}

int listeners_start(struct proxy *p, struct listeners **out, struct err *e)
{
    struct listeners *l = calloc(1, sizeof(*l));
    if (!l)
        return err_set(e, ERR_NOMEM, "no memory for listeners");
    l->proxy = p;
    *out = l;
    return bind_all(l, e);
}

int listeners_reload(struct listeners *l, struct err *e)
{
    const struct config *c = l->proxy->conf;
    for (int i = 0; i < c->n_listens; i++) {
        struct tls_ctx *t = NULL;
        const int rc = tls_ctx_listen(&c->listens[i], &t, e);
        if (rc < 0)
            return rc;
        tls_ctx_unref(l->tls[i]);
        l->tls[i] = t;
    }
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    free(CONTAINER_OF((uv_poll_t *)h, struct sock, poll));
}

void listeners_close(struct listeners *l)
{
    for (int i = 0; i < l->n; i++) {
        struct sock *s = l->socks[i];
        uv_poll_stop(&s->poll);
        close(s->fd);
        if (s->path[0])
            unlink(s->path);
        uv_close((uv_handle_t *)&s->poll, on_closed);
    }
    l->n = 0;
}

void listeners_free(struct listeners *l)
{
    if (!l)
        return;
    for (int i = 0; i < CONF_LISTENS_MAX; i++)
        tls_ctx_unref(l->tls[i]);
    free(l);
}
