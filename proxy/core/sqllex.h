/* A lexer for PostgreSQL's SQL, the same for every server version. Pure; allocates nothing; linear time, no recursion.
 *
 * It follows the server's lexical rules where they decide where a token ends (nested comments, string continuation over
 * lines, E'' and dollar quotes, standard_conforming_strings) and is only as exact elsewhere as classification needs: an
 * operator is a run of operator bytes, a number may be followed by an identifier without a gap as up to version 14.
 * Tokens borrow from the text. Anything unterminated, and any byte that no SQL text may contain, is LEX_ERROR. */
#ifndef TANIST_CORE_SQLLEX_H
#define TANIST_CORE_SQLLEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../replication/base/str.h"

enum lex_kind {
    LEX_END = 0,
    LEX_ERROR,   /* the rest of the text cannot be understood; repeated for ever */
    LEX_IDENT,   /* bare identifier or key word, any case */
    LEX_QIDENT,  /* "quoted", text includes the quotes */
    LEX_UIDENT,  /* U&"quoted": the name is not known without decoding */
    LEX_STRING,  /* '...', also after N */
    LEX_ESTRING, /* E'...' */
    LEX_USTRING, /* U&'...' */
    LEX_BITS,    /* B'...' and X'...' */
    LEX_DOLLAR,  /* $tag$...$tag$ */
    LEX_NUMBER,
    LEX_PARAM,   /* $1 */
    LEX_OP,      /* a run of operator bytes, or "::", ":=", ":" */
    LEX_PUNCT,   /* one of ( ) [ ] , . */
    LEX_SEMI,    /* ; */
    LEX_COMMENT, /* lex_next_raw only */
    LEX_KIND_NR
};

struct lex_token {
    enum lex_kind kind;
    struct slice text; /* as written, with quotes */
};

struct lexer {
    const char *p, *end;
    bool backslash; /* standard_conforming_strings is off: '...' has backslash escapes */
    struct slice
        hint; /* what follows "tanist:" in the first comment that begins so, trimmed; n is 0 if none */
};

/* Lends text until the last use of its tokens. */
void lex_init(struct lexer *lx, struct slice text, bool backslash);
/* The next token, comments skipped (a hint in them is remembered). */
struct lex_token lex_next(struct lexer *lx);
void lex_next_to(struct lexer *lx, struct lex_token *t);
/* The same with comments. */
struct lex_token lex_next_raw(struct lexer *lx);

/* Whether an identifier is `lower` as the server would fold it. A bare one is compared without ASCII case, a quoted one
 * exactly (a name with a doubled quote in it never matches). */
bool lex_is(const struct lex_token *t, const char *lower);

static inline bool lex_is_punct(const struct lex_token *t, char c)
{
    return t->kind == LEX_PUNCT && t->text.p[0] == c;
}

/* The name an identifier stands for: bare ones folded into buf. False: not known without decoding (U&, doubled quotes),
 * or longer than the server keeps (63 bytes). */
enum { LEX_NAME_MAX = 63, LEX_NAME_WORDS = (LEX_NAME_MAX + 1) / 8 };
bool lex_name(const struct lex_token *t, char buf[LEX_NAME_MAX + 1], struct slice *name);

/* The same as whole words padded with NUL; *n is its length. end: of the text that t is in. */
bool lex_name_words(const struct lex_token *t, const char *end, uint64_t w[LEX_NAME_WORDS],
                    size_t *n);

/* Classes of bytes. A byte over 127 is part of identifiers whatever the encoding (scan.l: ident_start). */
enum lex_class {
    LEX_CLASS_SPACE = 1,
    LEX_CLASS_IDENT_START = 2,
    LEX_CLASS_IDENT = 4,
    LEX_CLASS_DIGIT = 8,
    LEX_CLASS_OP = 16,
    LEX_CLASS_PUNCT = 32, /* a token by itself, whatever follows; not the dot */
};
extern const uint8_t lex_classes[256];

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LEX_BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* fold() for eight bytes at once: sets bit 5 of the bytes from 'A' to 'Z'. No sum carries into the next byte. */
static inline uint64_t lex_fold_word(uint64_t v)
{
    const uint64_t low = v & LEX_BYTES(0x7f);
    const uint64_t upper = ((low + LEX_BYTES(0x80 - 'A')) ^ (low + LEX_BYTES(0x7f - 'Z'))) & ~v;
    return v | ((upper & LEX_BYTES(0x80)) >> 2);
}

/* Which of eight folded bytes are part of identifiers: their highest bits. */
static inline uint64_t lex_ident_bytes(uint64_t folded)
{
    const uint64_t low = folded & LEX_BYTES(0x7f);
    const uint64_t letter = (low + LEX_BYTES(0x80 - 'a')) ^ (low + LEX_BYTES(0x7f - 'z'));
    const uint64_t digit = (low + LEX_BYTES(0x80 - '0')) ^ (low + LEX_BYTES(0x7f - '9'));
    const uint64_t other =
        ((low ^ LEX_BYTES('_')) + LEX_BYTES(0x7f)) & ((low ^ LEX_BYTES('$')) + LEX_BYTES(0x7f));
    return (letter | digit | ~other | folded) & LEX_BYTES(0x80);
}

/* An identifier at p, folded into w as lex_name_words does: its length, without a branch for each byte. 0: too long, or
 * too near the end of the text to be looked at in words. */
static inline size_t lex_ident_words(const char *p, const char *end, uint64_t w[LEX_NAME_WORDS])
{
    for (size_t i = 0; i < LEX_NAME_WORDS && end - p >= 8; i++, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        v = lex_fold_word(v);
        const uint64_t stop = lex_ident_bytes(v) ^ LEX_BYTES(0x80);
        if (stop) {
            const unsigned bits = (unsigned)__builtin_ctzll(stop) & ~7U;
            w[i] = v & ((UINT64_C(1) << bits) - 1);
            return i * 8 + bits / 8;
        }
        w[i] = v;
    }
    return 0;
}
#else
static inline size_t lex_ident_words(const char *p, const char *end, uint64_t w[LEX_NAME_WORDS])
{
    (void)p, (void)end, (void)w;
    return 0;
}
#endif

#endif
