/* Classification ends on any bytes and keeps what its header says. A read stays one when a read is put behind it, and is none
 * any more when a write is: no text may swallow what follows its end. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../proxy/core/classify.h"
#include "../../replication/base/bug.h"
#include "../unit/classify_catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct classification check(struct slice sql, const struct classify_opts *opts)
{
    struct classification c;
    classify_sql(sql, classify_test_catalog(), opts, &c);
    BUG_ON(c.bits == 0);
    BUG_ON((c.bits & CLASS_READ) && c.bits != CLASS_READ);
    BUG_ON((c.bits == CLASS_READ) != (c.reason == REASON_NONE));
    BUG_ON(c.bits == CLASS_READ && c.touches != 0 &&
           c.touches != TOUCH_ANY); /* calls a function that may */
    BUG_ON(c.empty != (c.bits == CLASS_READ && c.n_statements == 0));
    BUG_ON(c.token.n && (c.token.p < sql.p || c.token.p + c.token.n > sql.p + sql.n));
    BUG_ON(c.hint.n && (c.hint.p < sql.p || c.hint.p + c.hint.n > sql.p + sql.n));
    struct classification none;
    classify_sql(sql, NULL, opts, &none);
    BUG_ON(none.bits == CLASS_READ && !none.empty);
    return c;
}

static void check_with(struct slice sql, const char *tail, bool is_read)
{
    enum { MAX = 1 << 16 };
    static char text[MAX];
    size_t n = strlen(tail);
    if (sql.n + n > MAX)
        return;
    memcpy(text, sql.p, sql.n);
    memcpy(text + sql.n, tail, n);
    struct classification c = check((struct slice){.p = text, .n = sql.n + n}, NULL);
    BUG_ON((c.bits == CLASS_READ) != is_read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char nothing[1] = "";
    struct slice sql = {.p = size ? (const char *)data : nothing, .n = size};
    struct classify_opts opts = {.backslash = true};
    check(sql, &opts);
    struct classification c = check(sql, NULL);
    if (c.bits == CLASS_READ) {
        check_with(sql, "\n;select 1", true);
        check_with(sql, "\n;delete from t", false);
    }
    return 0;
}
