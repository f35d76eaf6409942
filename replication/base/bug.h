/* Assertions that stay on in release builds. They catch programmer errors, never bad input.
 *
 * BUG_ON(cond) reports the condition with a backtrace through the bug hook and aborts.
 * The hook is one of the few mutable file-scope data (see replication/README). */
#ifndef TANIST_BASE_BUG_H
#define TANIST_BASE_BUG_H

#include "attrs.h"

typedef void (*bug_hook)(const char *file, int line, const char *what);

/* Called once before abort(); set at start-up, before any thread runs. NULL restores the default (stderr). */
void bug_set_hook(bug_hook hook);

NORETURN
void bug_report(const char *file, int line, const char *what);

#define BUG_ON(cond)                               \
    do {                                           \
        if (UNLIKELY(cond))                        \
            bug_report(__FILE__, __LINE__, #cond); \
    } while (0)

#define BUG(what) bug_report(__FILE__, __LINE__, what)

/* `if` implies `then`. */
#define BUG_UNLESS_IMPLIES(if_, then_) BUG_ON((if_) && !(then_))

#endif
