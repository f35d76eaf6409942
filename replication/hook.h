/* Runs an operator's shell command with a deadline; what it prints goes to the log. Manager's loop only. */
#ifndef TANIST_HOOK_H
#define TANIST_HOOK_H

#include <stdbool.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"

struct hook;

enum { HOOK_ENV_MAX = 16 };

struct hook_spec {
    const char *command;
    const char
        *env[HOOK_ENV_MAX]; /* "NAME=value", NULL-terminated; added to the daemon's environment */
    usec_t timeout;         /* then it is killed */
};

typedef void (*hook_cb)(void *arg, const struct err *e);

/* NULL with err set when it cannot be started. The callback comes once, never from within the call. */
struct hook *hook_start(uv_loop_t *loop, const struct hook_spec *spec, hook_cb cb, void *arg,
                        struct err *e);
/* Kills it; its callback does not come any more; done comes when it is gone. */
void hook_close(struct hook *h, void (*done)(void *arg), void *arg);

#endif
