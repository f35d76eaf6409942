/* EXPECT_BUG(statement): the statement must end in a BUG_ON. The hook jumps out before abort(). Include after
 * <cmocka.h>; each test program has its own copy. */
#ifndef TANIST_TESTS_EXPECT_BUG_H
#define TANIST_TESTS_EXPECT_BUG_H

#include <setjmp.h>

#include "../../replication/base/bug.h"

UNUSED static jmp_buf expect_bug_jump;

NORETURN UNUSED static void expect_bug_hook(const char *file, int line, const char *what)
{
    (void)file;
    (void)line;
    (void)what;
    longjmp(expect_bug_jump, 1);
}

#define EXPECT_BUG(statement)                      \
    do {                                           \
        if (setjmp(expect_bug_jump) == 0) {        \
            bug_set_hook(expect_bug_hook);         \
            statement;                             \
            bug_set_hook(NULL);                    \
            fail_msg("no BUG in: %s", #statement); \
        }                                          \
    } while (0)

#endif
