#include "hook.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"

enum { HOOK_ENVIRON_MAX = 1024 };

struct hook {
    uv_process_t process;
    uv_timer_t timer;
    hook_cb cb;
    void *arg;
    struct err result;
    bool started, timed_out, closing;
    int handles;
    void (*done)(void *arg);
    void *done_arg;
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct hook *h = handle->data;
    if (--h->handles > 0)
        return;
    const hook_cb cb = h->cb;
    void *arg = h->arg;
    void (*done)(void *) = h->done;
    void *done_arg = h->done_arg;
    const struct err e = h->result;
    free(h);
    if (cb)
        cb(arg, &e);
    if (done)
        done(done_arg);
}

static void hook_end(struct hook *h)
{
    if (h->closing)
        return;
    h->closing = true;
    if (h->started)
        uv_close((uv_handle_t *)&h->process, on_handle_closed);
    uv_close((uv_handle_t *)&h->timer, on_handle_closed);
}

static void on_exit_status(uv_process_t *p, int64_t status, int sig)
{
    struct hook *h = p->data;
    if (h->timed_out)
        err_set(&h->result, ERR_TIMEOUT, "the command did not end in time and was killed");
    else if (sig)
        err_set(&h->result, ERR_IO, "the command was ended by signal %d", sig);
    else if (status)
        err_set(&h->result, ERR_IO, "the command ended with exit status %d", (int)status);
    hook_end(h);
}

static void on_timer(uv_timer_t *t)
{
    struct hook *h = t->data;
    h->timed_out = true;
    uv_process_kill(&h->process, SIGKILL);
}

static int spawn(uv_loop_t *loop, struct hook *h, const struct hook_spec *spec)
{
    char shell[] = "/bin/sh", flag[] = "-c";
    char *env[HOOK_ENVIRON_MAX + HOOK_ENV_MAX + 1];
    int n = 0;
    for (char **e = environ; *e && n < HOOK_ENVIRON_MAX; e++)
        env[n++] = *e;
    for (int i = 0; i < HOOK_ENV_MAX && spec->env[i]; i++)
        env[n++] = (char *)(uintptr_t)spec->env[i]; /* uv's interface lacks const */
    env[n] = NULL;
    char *args[] = {shell, flag, (char *)(uintptr_t)spec->command, NULL};
    uv_stdio_container_t io[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    const uv_process_options_t options = {.exit_cb = on_exit_status,
                                          .file = shell,
                                          .args = args,
                                          .env = env,
                                          .stdio_count = 3,
                                          .stdio = io};
    return uv_spawn(loop, &h->process, &options);
}

struct hook *hook_start(uv_loop_t *loop, const struct hook_spec *spec, hook_cb cb, void *arg,
                        struct err *e)
{
    struct hook *h = calloc(1, sizeof(*h));
    if (!h) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    BUG_ON(uv_timer_init(loop, &h->timer) != 0);
    h->timer.data = h->process.data = h;
    h->handles = 2; /* also a process that could not be spawned wants closing */
    h->started = true;
    const int rc = spawn(loop, h, spec);
    if (rc != 0) {
        err_set(e, ERR_IO, "the command cannot be started: %s", uv_strerror(rc));
        hook_end(h);
        return NULL;
    }
    h->cb = cb;
    h->arg = arg;
    uv_timer_start(&h->timer, on_timer, (uint64_t)(spec->timeout / USEC_PER_MS), 0);
    return h;
}

void hook_close(struct hook *h, void (*done)(void *arg), void *arg)
{
    h->cb = NULL;
    h->done = done;
    h->done_arg = arg;
    if (!h->closing)
        uv_process_kill(&h->process, SIGKILL);
    hook_end(h);
}
