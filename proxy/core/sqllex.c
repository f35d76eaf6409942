#include "sqllex.h"

#include <string.h>

#include "../../replication/base/bug.h"

_Static_assert((LEX_NAME_MAX + 1) % 8 == 0, "names are whole words");

#define S LEX_CLASS_SPACE
#define I (LEX_CLASS_IDENT_START | LEX_CLASS_IDENT)
#define D (LEX_CLASS_DIGIT | LEX_CLASS_IDENT)
#define C LEX_CLASS_IDENT
#define O LEX_CLASS_OP
#define P LEX_CLASS_PUNCT
/* clang-format off */
const uint8_t lex_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0, /* 00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 10 */
    S, O, 0, O, C, O, O, 0, P, P, O, O, P, O, 0, O, /* 20 */
    D, D, D, D, D, D, D, D, D, D, 0, P, O, O, O, O, /* 30 */
    O, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* 40 */
    I, I, I, I, I, I, I, I, I, I, I, P, 0, P, O, I, /* 50 */
    O, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* 60 */
    I, I, I, I, I, I, I, I, I, I, I, 0, O, 0, O, 0, /* 70 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* 80 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* 90 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* a0 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* b0 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* c0 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* d0 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* e0 */
    I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, /* f0 */
};
/* clang-format on */
#undef S
#undef I
#undef D
#undef C
#undef O
#undef P

static bool is_class(char c, unsigned mask)
{
    return (lex_classes[(uint8_t)c] & mask) != 0;
}

void lex_init(struct lexer *lx, struct slice text, bool backslash)
{
    BUG_ON(!lx);
    BUG_ON(text.n && !text.p);
    static const char nothing[1] = "";
    const char *p = text.p ? text.p : nothing;
    *lx = (struct lexer){.p = p, .end = p + text.n, .backslash = backslash};
}

/* The token ends at `to`; NULL is "unterminated", and the lexer stays where the error began. */
static enum lex_kind take(struct lexer *lx, enum lex_kind kind, const char *to)
{
    if (!to)
        return LEX_ERROR;
    BUG_ON(to > lx->end);
    lx->p = to;
    return kind;
}

static const char *skip_line(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p;
}

/* Past the end of a comment that starts at p, or NULL. Comments nest. */
static const char *skip_block_comment(const char *p, const char *end)
{
    unsigned depth = 0;
    while (end - p >= 2) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p += 2;
        } else if (p[0] == '*' && p[1] == '/') {
            p += 2;
            if (--depth == 0)
                return p;
        } else {
            p++;
        }
    }
    return NULL;
}

/* Past the closing quote; p is behind the opening one. A doubled quote does not close. */
static const char *skip_quoted(const char *p, const char *end, char quote, bool backslash)
{
    if (!backslash) {
        while ((p = memchr(p, quote, (size_t)(end - p)))) {
            if (end - p < 2 || p[1] != quote)
                return p + 1;
            p += 2;
        }
        return NULL;
    }
    for (; p < end; p++) {
        if (*p == '\\') {
            if (++p == end)
                return NULL;
        } else if (*p == quote) {
            if (end - p < 2 || p[1] != quote)
                return p + 1;
            p++;
        }
    }
    return NULL;
}

/* A string goes on in the same style if white space with a line end in it, and then a quote, follows (scan.l:
 * quotecontinue). It must not be taken for a new string: E'a' <newline> '\' is not closed yet. Returns the place behind
 * the reopening quote, or NULL. */
static const char *string_continues(const char *p, const char *end)
{
    bool line = false;
    while (p < end) {
        if (is_class(*p, LEX_CLASS_SPACE)) {
            line |= *p == '\n' || *p == '\r';
            p++;
        } else if (*p == '-' && end - p >= 2 && p[1] == '-') {
            p = skip_line(p, end);
        } else {
            break;
        }
    }
    return line && p < end && *p == '\'' ? p + 1 : NULL;
}

/* p is behind the first quote. */
static const char *skip_string(const char *p, const char *end, bool backslash)
{
    while (p) {
        const char *closed = skip_quoted(p, end, '\'', backslash);
        if (!closed)
            return NULL;
        p = string_continues(closed, end);
        if (!p)
            return closed;
    }
    return NULL;
}

/* A $ that is not within an identifier: parameter, dollar-quoted string, or nothing that SQL knows. */
static enum lex_kind lex_dollar(struct lexer *lx)
{
    const char *p = lx->p + 1;
    if (p < lx->end && is_class(*p, LEX_CLASS_DIGIT)) {
        while (p < lx->end && is_class(*p, LEX_CLASS_DIGIT))
            p++;
        return take(lx, LEX_PARAM, p);
    }
    if (p < lx->end && is_class(*p, LEX_CLASS_IDENT_START)) {
        while (p < lx->end && is_class(*p, LEX_CLASS_IDENT) && *p != '$')
            p++;
    }
    if (p == lx->end || *p != '$')
        return take(lx, LEX_ERROR, NULL);
    size_t tag_n = (size_t)(++p - lx->p);
    const char *close = memmem(p, (size_t)(lx->end - p), lx->p, tag_n);
    return take(lx, LEX_DOLLAR, close ? close + tag_n : NULL);
}

/* Digits, fraction, exponent. "1..2" is 1 and then dots, and "1else" is 1 and then a word. */
static enum lex_kind lex_number(struct lexer *lx)
{
    const char *p = lx->p, *end = lx->end;
    while (p < end && is_class(*p, LEX_CLASS_DIGIT))
        p++;
    if (p < end && *p == '.' && (end - p < 2 || p[1] != '.')) {
        p++;
        while (p < end && is_class(*p, LEX_CLASS_DIGIT))
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *e = p + 1;
        if (e < end && (*e == '+' || *e == '-'))
            e++;
        if (e < end && is_class(*e, LEX_CLASS_DIGIT)) {
            while (e < end && is_class(*e, LEX_CLASS_DIGIT))
                e++;
            p = e;
        }
    }
    return take(lx, LEX_NUMBER, p);
}

/* A run of operator bytes up to the start of a comment in it. */
static enum lex_kind lex_operator(struct lexer *lx)
{
    const char *p = lx->p + 1;
    for (; p < lx->end && is_class(*p, LEX_CLASS_OP); p++) {
        if (lx->end - p < 2)
            continue;
        if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))
            break;
    }
    return take(lx, LEX_OP, p);
}

/* A letter that may open a string: E'', N'', B'', X'', U&'', U&"". LEX_END: it does not. */
static enum lex_kind lex_prefixed(struct lexer *lx)
{
    const char *p = lx->p, *end = lx->end;
    size_t n = (size_t)(end - p);
    bool quote = n >= 2 && p[1] == '\'';
    switch (*p | 0x20) {
    case 'e':
        if (quote)
            return take(lx, LEX_ESTRING, skip_string(p + 2, end, true));
        break;
    case 'n':
        if (quote)
            return take(lx, LEX_STRING, skip_string(p + 2, end, lx->backslash));
        break;
    case 'b':
    case 'x':
        if (quote)
            return take(lx, LEX_BITS, skip_string(p + 2, end, false));
        break;
    case 'u':
        if (n >= 3 && p[1] == '&' && p[2] == '"')
            return take(lx, LEX_UIDENT, skip_quoted(p + 3, end, '"', false));
        if (n >= 3 && p[1] == '&' &&
            p[2] == '\'') /* the server refuses it when backslashes are special */
            return take(lx, LEX_USTRING, lx->backslash ? NULL : skip_string(p + 3, end, false));
        break;
    default:
        break;
    }
    return LEX_END;
}

static enum lex_kind lex_word(struct lexer *lx)
{
    const char *p = lx->p;
    if (lx->end - p >= 2 && (p[1] == '\'' || p[1] == '&')) {
        enum lex_kind kind = lex_prefixed(lx);
        if (kind != LEX_END)
            return kind;
    }
    const char *end = lx->end;
    do
        p++;
    while (p < end && is_class(*p, LEX_CLASS_IDENT));
    lx->p = p;
    return LEX_IDENT;
}

static enum lex_kind lex_rest(struct lexer *lx)
{
    const char *p = lx->p, *end = lx->end;
    char next = end - p >= 2 ? p[1] : '\0';
    switch (*p) {
    case '\'':
        return take(lx, LEX_STRING, skip_string(p + 1, end, lx->backslash));
    case '"':
        return take(lx, LEX_QIDENT, skip_quoted(p + 1, end, '"', false));
    case '$':
        return lex_dollar(lx);
    case ';':
        return take(lx, LEX_SEMI, p + 1);
    case '.':
        if (is_class(next, LEX_CLASS_DIGIT))
            return lex_number(lx);
        return take(lx, LEX_PUNCT, p + 1);
    case '(':
    case ')':
    case '[':
    case ']':
    case ',':
        return take(lx, LEX_PUNCT, p + 1);
    case ':':
        return take(lx, LEX_OP, next == ':' || next == '=' ? p + 2 : p + 1);
    default:
        return take(lx, LEX_ERROR, NULL);
    }
}

/* Moves over one token, a comment too; lx->p is behind it then and *from at its start. Tokens are not passed by value in
 * here: they would be written in parts and read as a whole, at every level. */
static enum lex_kind lex_kind_next(struct lexer *lx, const char **from)
{
    const char *p = lx->p, *end = lx->end;
    while (p < end && is_class(*p, LEX_CLASS_SPACE))
        p++;
    lx->p = p;
    *from = p;
    if (p == end)
        return LEX_END;
    unsigned c = lex_classes[(uint8_t)*p];
    if (c & LEX_CLASS_IDENT_START)
        return lex_word(lx);
    if (c & LEX_CLASS_DIGIT)
        return lex_number(lx);
    if (c & LEX_CLASS_OP) {
        if (end - p >= 2 && p[0] == '-' && p[1] == '-')
            return take(lx, LEX_COMMENT, skip_line(p, end));
        if (end - p >= 2 && p[0] == '/' && p[1] == '*')
            return take(lx, LEX_COMMENT, skip_block_comment(p, end));
        return lex_operator(lx);
    }
    return lex_rest(lx);
}

static void fill(const struct lexer *lx, enum lex_kind kind, const char *from, struct lex_token *t)
{
    t->kind = kind;
    t->text.p = from;
    t->text.n = (size_t)((kind == LEX_ERROR ? lx->end : lx->p) - from);
}

struct lex_token lex_next_raw(struct lexer *lx)
{
    struct lex_token t;
    const char *from;
    enum lex_kind kind = lex_kind_next(lx, &from);
    fill(lx, kind, from, &t);
    return t;
}

static const char hint_word[] = "tanist:";

/* Keeps the text of the first hint. */
static void note_hint(struct lexer *lx, struct slice comment)
{
    const char *p = comment.p + 2, *end = comment.p + comment.n;
    if (comment.p[0] == '/')
        end -= 2;
    while (p < end && is_class(*p, LEX_CLASS_SPACE))
        p++;
    size_t n = sizeof(hint_word) - 1;
    if ((size_t)(end - p) < n || memcmp(p, hint_word, n) != 0)
        return;
    p += n;
    while (p < end && is_class(*p, LEX_CLASS_SPACE))
        p++;
    while (p < end && is_class(end[-1], LEX_CLASS_SPACE))
        end--;
    lx->hint = (struct slice){.p = p, .n = (size_t)(end - p)};
}

void lex_next_to(struct lexer *lx, struct lex_token *t)
{
    const char *from;
    enum lex_kind kind;
    while ((kind = lex_kind_next(lx, &from)) == LEX_COMMENT) {
        if (!lx->hint.n)
            note_hint(lx, (struct slice){.p = from, .n = (size_t)(lx->p - from)});
    }
    fill(lx, kind, from, t);
}

struct lex_token lex_next(struct lexer *lx)
{
    struct lex_token t;
    lex_next_to(lx, &t);
    return t;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool lex_is(const struct lex_token *t, const char *lower)
{
    struct slice s = t->text;
    size_t n = strlen(lower);
    if (t->kind == LEX_QIDENT)
        return s.n == n + 2 && memcmp(s.p + 1, lower, n) == 0;
    if (t->kind != LEX_IDENT || s.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (fold(s.p[i]) != lower[i])
            return false;
    }
    return true;
}

/* One to eight bytes as they would be in memory, the rest zero. Byte by byte is right everywhere; where it can be done in
 * registers it is several times faster, as what is written in parts and read as a whole has to wait. */
static uint64_t load_word(const char *p, size_t n)
{
    uint64_t v = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n == 8) {
        memcpy(&v, p, 8);
    } else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        v = low | (uint64_t)high << (8 * (n - 4));
    } else {
        for (size_t i = 0; i < n; i++)
            v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    }
#else
    memcpy(&v, p, n);
#endif
    return v;
}

/* As lex_fold_word; also where words are the other way round. */
static uint64_t fold_word(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = v & (ones * 0x7f);
    uint64_t from_a = low + ones * (0x80 - 'A');
    uint64_t behind_z = low + ones * (0x7f - 'Z');
    uint64_t upper = (from_a ^ behind_z) & ~v & (ones * 0x80);
    return v | (upper >> 2);
}

/* One to eight bytes of a text that goes on to `end`: usually far enough to read eight and drop what is too much. */
static uint64_t load_within(const char *p, size_t n, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (end - p >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        return v & (UINT64_MAX >> (64 - 8 * n));
    }
#else
    (void)end;
#endif
    return load_word(p, n);
}

bool lex_name_words(const struct lex_token *t, const char *end, uint64_t w[LEX_NAME_WORDS],
                    size_t *n)
{
    struct slice s = t->text;
    const bool bare = t->kind == LEX_IDENT;
    if (t->kind == LEX_QIDENT) {
        s = (struct slice){.p = s.p + 1, .n = s.n - 2};
        if (memchr(s.p, '"', s.n))
            return false;
    } else if (!bare) {
        return false;
    }
    if (s.n == 0 || s.n > LEX_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.n; i += 8) {
        const uint64_t v = load_within(s.p + i, s.n - i < 8 ? s.n - i : 8, end);
        w[i / 8] = bare ? fold_word(v) : v;
    }
    *n = s.n;
    return true;
}

bool lex_name(const struct lex_token *t, char buf[LEX_NAME_MAX + 1], struct slice *name)
{
    uint64_t w[LEX_NAME_WORDS] = {0};
    size_t n;
    if (!lex_name_words(t, t->text.p + t->text.n, w, &n))
        return false;
    memcpy(buf, w, sizeof(w));
    *name = (struct slice){.p = buf, .n = n};
    return true;
}
