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
enum { LEX_NAME_MAX = 63 };
bool lex_name(const struct lex_token *t, char buf[LEX_NAME_MAX + 1], struct slice *name);

#endif
