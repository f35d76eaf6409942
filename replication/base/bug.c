#include "bug.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUG_FRAMES_MAX = 64 };

static bug_hook hook_now;

void bug_set_hook(bug_hook hook)
{
    hook_now = hook;
}

void bug_report(const char *file, int line, const char *what)
{
    /* Taken off first: a hook that meets a bug itself must not come back here for ever. */
    bug_hook hook = hook_now;
    hook_now = NULL;

    if (hook) {
        hook(file, line, what);
    } else {
        void *frames[BUG_FRAMES_MAX];
        dprintf(STDERR_FILENO, "BUG at %s:%d: %s\n", file, line, what);
        backtrace_symbols_fd(frames, backtrace(frames, BUG_FRAMES_MAX), STDERR_FILENO);
    }
    abort();
}
