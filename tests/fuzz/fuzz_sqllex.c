/* The lexer ends on any bytes, its tokens are in order and within the text, and comments are all that lex_next leaves out. */
#include <stddef.h>
#include <stdint.h>

#include "../../proxy/core/sqllex.h"
#include "../../replication/base/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(struct slice text, bool backslash, bool raw, size_t *tokens)
{
    struct lexer lx;
    lex_init(&lx, text, backslash);
    const char *at = text.p;
    *tokens = 0;
    for (size_t i = 0;; i++) {
        BUG_ON(i > text.n);
        struct lex_token t = raw ? lex_next_raw(&lx) : lex_next(&lx);
        if (t.kind == LEX_END)
            return text.n;
        BUG_ON(t.text.p < at || t.text.p + t.text.n > text.p + text.n || t.text.n == 0);
        if (t.kind == LEX_ERROR)
            return (size_t)(t.text.p - text.p);
        char buf[LEX_NAME_MAX + 1];
        struct slice name;
        if (lex_name(&t, buf, &name))
            BUG_ON(name.n == 0 || name.n > LEX_NAME_MAX);
        at = t.text.p + t.text.n;
        *tokens += t.kind != LEX_COMMENT;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char nothing[1] = "";
    struct slice text = {.p = size ? (const char *)data : nothing, .n = size};
    for (int backslash = 0; backslash < 2; backslash++) {
        size_t a, b;
        size_t end_a = walk(text, backslash, false, &a);
        size_t end_b = walk(text, backslash, true, &b);
        BUG_ON(a != b || end_a != end_b);
    }
    return 0;
}
