/* The token stream that classification walks, and the rules that look at one token at a time. Pure; private to
 * classify.c and classify_scan.c. */
#ifndef TANIST_CORE_CLASSIFY_SCAN_H
#define TANIST_CORE_CLASSIFY_SCAN_H

#include "classify.h"
#include "sqllex.h"
#include "sqlwords.h"

/* A token with what is needed of it again and again. */
struct scan_token {
    struct lex_token lex;
    char byte;         /* its first; 0 at the end */
    bool plain;        /* an identifier that nothing is known of */
    struct word word;  /* of a bare identifier that is not behind a dot; else WORD_NONE */
    unsigned bits;     /* of an identifier: what the catalog says */
    struct slice name; /* of an identifier, folded; n is 0 if unknown or no identifier */
    uint64_t words[LEX_NAME_WORDS]; /* the name, padded with NUL to whole words */
};

/* What is left to find out about one statement. */
struct scan_verdict {
    unsigned bits; /* CLASS_WRITE, CLASS_UNKNOWN and the like; 0: still a read */
    enum classify_reason reason;
    struct slice token;
    unsigned touches, releases; /* enum classify_touch */
    struct slice settings[CLASSIFY_SETTINGS_MAX];
    uint8_t n_settings;
    bool all_settings;
    bool resets;
    struct slice prepared; /* the name in PREPARE, EXECUTE, DEALLOCATE */
    bool sync_commit;
    bool loud;  /* calls something that may change the session */
    bool nodal; /* see struct classification */
    bool tells_time;
};

enum { SCAN_DEPTH_MAX = 64 }; /* deeper parentheses are never given the benefit of the doubt */

struct scan {
    struct lexer lx;
    struct scan_token tokens[2];
    struct scan_token *cur, *next; /* the token looked at, and the one behind it */
    enum lex_kind prev_kind;       /* of the token before cur; LEX_SEMI at a statement's start */
    char prev_byte;                /* its first byte */
    enum word_id prev_word, prev2_word; /* of the token before cur, and before that */

    enum word_id first; /* the statement's first word */
    unsigned depth;     /* open parentheses in this statement */
    unsigned body;      /* within CREATE FUNCTION ... BEGIN ATOMIC: open BEGINs and CASEs */
    uint64_t
        alias_after; /* bit d: what the open parenthesis of depth d holds may be followed by "alias (columns)" */
    uint64_t for_within; /* bit d: it is substring's or overlay's, FOR is an argument there */
    uint64_t
        value_after;   /* bit d: no function can follow it directly, as in DISTINCT ON (a) f(b) */
    bool closed_value; /* prev is a parenthesis with that bit set */
    bool closed_alias; /* prev is a parenthesis with its alias_after bit set */
    bool type_name;    /* cur continues a name after "::" or AS: no function can stand there */
    bool table_name;   /* in a command: cur continues the name behind INTO */
    bool no_calls;     /* a name before a parenthesis has a column list here: COPY t (a, b) */

    const struct catalog *cat, *override;
    bool quick; /* there is a catalog, and nothing overrides it */
    struct scan_verdict v;
};

void scan_init(struct scan *sc, struct slice sql, const struct catalog *cat,
               const struct classify_opts *opts);

/* Forgets the statement before, cur being the first token of the next one. */
void scan_start_statement(struct scan *sc);

/* cur is behind the last token of the statement. True also after a lexical error. */
static inline bool scan_at_end(const struct scan *sc)
{
    const enum lex_kind k = sc->cur->lex.kind;
    return k == LEX_END || k == LEX_ERROR || (k == LEX_SEMI && sc->depth == 0 && sc->body == 0);
}

/* Goes to the next token, keeping count of parentheses. */
void scan_advance(struct scan *sc);

/* Takes cur as part of a query, or of a command that is no query, and advances. */
void scan_query_token(struct scan *sc);
void scan_command_token(struct scan *sc);
/* The same up to the statement's end. */
void scan_query(struct scan *sc);

/* The rules for cur, which is not plain or stands before a parenthesis; and for an operator. classify_rules.c */
void scan_rule_name(struct scan *sc);
void scan_rule_operator(struct scan *sc);
/* Whether the open parenthesis of the present depth has that bit in one of the masks above. */
bool scan_depth_bit(const struct scan *sc, uint64_t mask);

/* Adds to the verdict; the first reason stays. */
void scan_deny(struct scan *sc, unsigned bits, enum classify_reason reason, struct slice token);
/* Does a token mention synchronous_commit, anywhere and in any case? */
bool scan_names_sync_commit(struct slice s);
void scan_touch(struct scan *sc, unsigned touches);
/* A setting that it may change; an empty or an odd name: any of them. */
void scan_setting(struct scan *sc, struct slice name);

/* c is one of the bytes that are tokens by themselves, other than the dot. */
static inline bool scan_is_byte(const struct scan_token *t, char c)
{
    return t->byte == c;
}

static inline bool scan_is_dot(const struct scan_token *t)
{
    return t->byte == '.' && t->lex.kind == LEX_PUNCT;
}

static inline bool scan_is_ident(const struct scan_token *t)
{
    return t->lex.kind >= LEX_IDENT && t->lex.kind <= LEX_UIDENT;
}

static inline bool scan_is(const struct scan *sc, enum word_id w)
{
    return sc->cur->word.id == w;
}

/* Goes past cur if it is that word. */
static inline bool scan_accept(struct scan *sc, enum word_id w)
{
    if (sc->cur->word.id != w)
        return false;
    scan_advance(sc);
    return true;
}

#endif
