#include "classify_scan.h"

#include <string.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bug.h"
#include "catalog_names.h"

/* Without a catalog nothing is a read; what matters is not to blame a name for it. */
static void look_up_slowly(const struct scan *sc, struct scan_token *t)
{
    t->bits = sc->cat ? catalog_lookup(sc->cat, t->name) : CATALOG_BIT_SAFE;
    if (sc->override) { /* of the settings: asked first */
        const unsigned bits = catalog_lookup(sc->override, t->name);
        t->bits = bits ? bits : t->bits;
    }
    if (!sc->cat)
        t->word = word_find(t->name);
}

static ALWAYS_INLINE void look_up(const struct scan *sc, struct scan_token *t, uint64_t hash,
                                  bool prefix)
{
    t->plain = true;
    if (UNLIKELY(!sc->quick || prefix)) {
        look_up_slowly(sc, t);
        t->plain = false;
        if (!sc->cat)
            return;
    }
    const struct catalog_slot *slot = catalog_find(sc->cat, t->words, t->name.n, hash);
    if (!slot)
        return;
    t->bits |= sc->quick ? slot->flags : 0U;
    t->plain &= (slot->word_flags & WORD_QUIET) && !slot->flags;
    t->word = (struct word){(enum word_id)slot->word, slot->word_flags};
}

/* The token at lx->p is any: an identifier's name is made from it. */
static void read_slowly(struct scan *sc, struct scan_token *t)
{
    lex_next_to(&sc->lx, &t->lex);
    t->byte = t->lex.text.n ? t->lex.text.p[0] : '\0';
    if (t->lex.kind != LEX_IDENT && t->lex.kind != LEX_QIDENT)
        return;
    if (!lex_name_words(&t->lex, sc->lx.end, t->words, &t->name.n)) {
        t->name.n = 0;
        return;
    }
    look_up(sc, t, catalog_hash(t->words, t->name.n), catalog_names_may_prefix(t->name));
    if (t->lex.kind != LEX_IDENT)
        t->word = (struct word){WORD_NONE, 0};
}

/* An identifier of eight bytes and more. False: it is too long for a name, or near the end. */
static bool read_long(struct scan *sc, struct scan_token *t, const char *p)
{
    const size_t n = lex_ident_words(p, sc->lx.end, t->words);
    if (n == 0)
        return false;
    t->lex = (struct lex_token){LEX_IDENT, {p, n}};
    t->name.n = n;
    sc->lx.p = p + n;
    look_up(sc, t, catalog_hash(t->words, n), catalog_names_may_prefix(t->name));
    return true;
}

/* Up to eight bytes of an identifier, in a register. False: it is something else, or longer, or near the end. */
static ALWAYS_INLINE bool read_short(struct scan *sc, struct scan_token *t, const char *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (UNLIKELY(sc->lx.end - p < 8))
        return false;
    uint64_t v;
    memcpy(&v, p, 8);
    v = lex_fold_word(v);
    const uint64_t stop = lex_ident_bytes(v) ^ LEX_BYTES(0x80);
    if (UNLIKELY(!stop))
        return read_long(sc, t, p);
    const unsigned bits = (unsigned)__builtin_ctzll(stop) & ~7U;
    /* One letter, and then a quote or an ampersand: it may open a string. */
    if (UNLIKELY(bits == 8 && (p[1] == '\'' || p[1] == '&')))
        return false;
    v &= (UINT64_C(1) << bits) - 1;
    const size_t n = bits / 8;
    t->words[0] = v;
    t->lex = (struct lex_token){LEX_IDENT, {p, n}};
    t->name.n = n;
    sc->lx.p = p + n;
    /* Names that begin with d, l or p are looked at closer: catalog_names_prefix. */
    const unsigned letters = 1U << ('d' & 31) | 1U << ('l' & 31) | 1U << ('p' & 31);
    const bool prefix = ((letters >> (v & 31)) & 1) && catalog_names_may_prefix(t->name);
    look_up(sc, t, catalog_hash_word(v, n), prefix);
    return true;
#else
    (void)sc, (void)t, (void)p;
    return false;
#endif
}

/* A dot that begins no number, an operator of one byte, a number of one digit: its kind. LEX_END: it is none. */
static inline enum lex_kind kind_alone(const char *p, const char *end, unsigned class)
{
    const char after = p + 1 < end ? p[1] : '\0';
    const unsigned next = lex_classes[(uint8_t)after];
    if (class & LEX_CLASS_OP)
        return next & LEX_CLASS_OP ? LEX_END : LEX_OP;
    if (class & LEX_CLASS_DIGIT)
        return next & LEX_CLASS_IDENT || after == '.' ? LEX_END : LEX_NUMBER;
    return *p == '.' && !(next & LEX_CLASS_DIGIT) ? LEX_PUNCT : LEX_END;
}

static ALWAYS_INLINE void read_token(struct scan *sc, struct scan_token *t, bool behind_dot)
{
    struct lexer *lx = &sc->lx;
    const char *p = lx->p, *const end = lx->end;
    while (p < end && (lex_classes[(uint8_t)*p] & LEX_CLASS_SPACE))
        p++;
    lx->p = p;
    t->word = (struct word){WORD_NONE, 0};
    t->bits = 0;
    t->name.n = 0;
    t->plain = false;
    if (UNLIKELY(p == end)) {
        t->lex = (struct lex_token){LEX_END, {p, 0}};
        t->byte = '\0';
        return;
    }
    t->byte = *p;
    const unsigned class = lex_classes[(uint8_t)*p];
    if (class & LEX_CLASS_PUNCT) {
        t->lex = (struct lex_token){*p == ';' ? LEX_SEMI : LEX_PUNCT, {p, 1}};
        lx->p = p + 1;
        return;
    }
    if (class & LEX_CLASS_IDENT_START) {
        if (!read_short(sc, t, p))
            read_slowly(sc, t);
    } else {
        const enum lex_kind kind = kind_alone(p, end, class);
        if (kind == LEX_END) {
            read_slowly(sc, t);
        } else {
            t->lex = (struct lex_token){kind, {p, 1}};
            lx->p = p + 1;
            return;
        }
    }
    /* Behind a dot every word is a name: public.coalesce() is somebody's function. */
    if (behind_dot)
        t->word = (struct word){WORD_NONE, 0};
}

void scan_init(struct scan *sc, struct slice sql, const struct catalog *cat,
               const struct classify_opts *opts)
{
    BUG_ON(!sc);
    sc->cat = cat;
    sc->override = opts ? opts->override : NULL;
    sc->quick = cat && !sc->override;
    sc->cur = &sc->tokens[0];
    sc->next = &sc->tokens[1];
    sc->cur->name.p = (const char *)sc->cur->words;
    sc->next->name.p = (const char *)sc->next->words;
    lex_init(&sc->lx, sql, opts && opts->backslash);
    read_token(sc, sc->cur, false);
    read_token(sc, sc->next, scan_is_dot(sc->cur));
    scan_start_statement(sc);
}

void scan_start_statement(struct scan *sc)
{
    sc->prev_kind = LEX_SEMI;
    sc->prev_byte = ';';
    sc->prev_word = WORD_NONE;
    sc->prev2_word = WORD_NONE;
    sc->first = sc->cur->word.id;
    sc->depth = 0;
    sc->body = 0;
    sc->alias_after = 0;
    sc->for_within = 0;
    sc->value_after = 0;
    sc->closed_value = false;
    sc->closed_alias = false;
    sc->type_name = false;
    sc->no_calls = false;
    sc->table_name = false;
    sc->v = (struct scan_verdict){0};
}

void scan_deny(struct scan *sc, unsigned bits, enum classify_reason reason, struct slice token)
{
    sc->v.bits |= bits;
    if (sc->v.reason == REASON_NONE) {
        sc->v.reason = reason;
        sc->v.token = token;
    }
}

void scan_touch(struct scan *sc, unsigned touches)
{
    sc->v.touches |= touches;
}

static bool is_setting_name(struct slice s)
{
    if (s.n == 0 || s.n > LEX_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '.' || c == '$')))
            return false;
    }
    return true;
}

void scan_setting(struct scan *sc, struct slice name)
{
    struct scan_verdict *v = &sc->v;
    if (!is_setting_name(name) || v->n_settings == CLASSIFY_SETTINGS_MAX)
        v->all_settings = true;
    else
        v->settings[v->n_settings++] = name;
}

/* What may stand before a parenthesis that an alias with a column list can follow: FROM (...) t(a), f(...) t(a). A
 * parenthesis behind any other word of the grammar may be followed by a function: DISTINCT ON (a) f(b). */
static bool opens_aliased(const struct scan *sc)
{
    switch ((unsigned)sc->prev_kind) {
    case LEX_IDENT:
        return sc->prev_word == WORD_NONE || sc->prev_word == WORD_FROM ||
               sc->prev_word == WORD_JOIN || sc->prev_word == WORD_LATERAL;
    case LEX_QIDENT:
        return true;
    case LEX_PUNCT:
        return sc->prev_byte == ',' || sc->prev_byte == '(';
    default:
        return false;
    }
}

static uint64_t with_bit(uint64_t mask, unsigned bit, bool on)
{
    return on ? mask | UINT64_C(1) << bit : mask & ~(UINT64_C(1) << bit);
}

static void open_paren(struct scan *sc)
{
    if (++sc->depth >= SCAN_DEPTH_MAX)
        return;
    enum word_id prev = sc->prev_word;
    bool prefix = (prev == WORD_ON && sc->prev2_word == WORD_DISTINCT) || prev == WORD_OPERATOR;
    bool takes_for = prev == WORD_SUBSTRING || prev == WORD_OVERLAY;
    sc->value_after = with_bit(sc->value_after, sc->depth, !prefix);
    sc->alias_after = with_bit(sc->alias_after, sc->depth, opens_aliased(sc));
    sc->for_within = with_bit(sc->for_within, sc->depth, takes_for);
}

bool scan_depth_bit(const struct scan *sc, uint64_t mask)
{
    return sc->depth > 0 && sc->depth < SCAN_DEPTH_MAX && ((mask >> sc->depth) & 1);
}

static void close_paren(struct scan *sc)
{
    if (sc->depth == 0) {
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, sc->cur->lex.text);
        return;
    }
    sc->closed_value = scan_depth_bit(sc, sc->value_after);
    sc->closed_alias = scan_depth_bit(sc, sc->alias_after);
    sc->depth--;
}

/* Whether a name directly behind cur still belongs to the type or alias that "::" or AS began: a::b.c(3). */
static bool continues_type(const struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (t->lex.kind == LEX_OP)
        return t->lex.text.n == 2 && t->lex.text.p[0] == ':' && t->lex.text.p[1] == ':';
    if (t->word.id == WORD_AS)
        return true;
    return sc->type_name && (scan_is_dot(t) || (scan_is_ident(t) && scan_is_dot(sc->next)));
}

static ALWAYS_INLINE void advance(struct scan *sc)
{
    struct scan_token *const t = sc->cur, *const next = sc->next;
    sc->closed_value = false;
    sc->closed_alias = false;
    if (scan_is_byte(t, '('))
        open_paren(sc);
    else if (scan_is_byte(t, ')'))
        close_paren(sc);
    if (UNLIKELY(sc->type_name || t->word.id == WORD_AS || t->lex.kind == LEX_OP))
        sc->type_name = continues_type(sc);
    sc->prev_kind = t->lex.kind;
    sc->prev_byte = t->byte;
    sc->prev2_word = sc->prev_word;
    sc->prev_word = t->word.id;
    sc->cur = next;
    sc->next = t;
    read_token(sc, t, scan_is_dot(next));
}

void scan_advance(struct scan *sc)
{
    advance(sc);
}

/* Most names of a query are columns and tables that nothing is known of: nothing to look at, unless they are called. */
static ALWAYS_INLINE void query_token(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    const enum lex_kind kind = t->lex.kind;
    if (scan_is_ident(t)) {
        if (!t->plain || scan_is_byte(sc->next, '('))
            scan_rule_name(sc);
    } else if (UNLIKELY(kind == LEX_OP)) {
        if (sc->cat && (sc->cat->operators_n || sc->cat->any_operator))
            scan_rule_operator(sc);
    } else if (UNLIKELY(kind == LEX_SEMI)) { /* not at the end: within parentheses */
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, t->lex.text);
    }
    advance(sc);
}

void scan_query_token(struct scan *sc)
{
    query_token(sc);
}

void scan_query(struct scan *sc)
{
    while (!scan_at_end(sc))
        query_token(sc);
}
