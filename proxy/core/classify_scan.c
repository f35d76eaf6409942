#include "classify_scan.h"

#include <string.h>

#include "../../replication/base/bug.h"

static bool is_ident(const struct scan_token *t)
{
    return t->lex.kind == LEX_IDENT || t->lex.kind == LEX_QIDENT || t->lex.kind == LEX_UIDENT;
}

static char first_byte(const struct scan_token *t)
{
    return t->lex.text.n ? t->lex.text.p[0] : '\0';
}

static bool is_punct(const struct scan_token *t, char c)
{
    return t->lex.kind == LEX_PUNCT && t->lex.text.p[0] == c;
}

static bool prev_is_punct(const struct scan *sc, char c)
{
    return sc->prev_kind == LEX_PUNCT && sc->prev_byte == c;
}

static void read_token(struct lexer *lx, struct scan_token *t, bool behind_dot)
{
    lex_next_to(lx, &t->lex);
    t->word = (struct word){WORD_NONE, 0};
    t->name = (struct slice){NULL, 0};
    if (t->lex.kind != LEX_IDENT && t->lex.kind != LEX_QIDENT)
        return;
    if (!lex_name(&t->lex, t->folded, &t->name))
        t->name = (struct slice){NULL, 0};
    /* Behind a dot every word is a name: public.coalesce() is somebody's function. */
    if (t->lex.kind == LEX_IDENT && t->name.n && !behind_dot)
        t->word = word_find(t->name);
}

void scan_init(struct scan *sc, struct slice sql, const struct catalog *cat,
               const struct classify_opts *opts)
{
    BUG_ON(!sc);
    sc->cat = cat;
    sc->override = opts ? opts->override : NULL;
    sc->cur = &sc->tokens[0];
    sc->next = &sc->tokens[1];
    lex_init(&sc->lx, sql, opts && opts->backslash);
    read_token(&sc->lx, sc->cur, false);
    read_token(&sc->lx, sc->next, is_punct(sc->cur, '.'));
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
    sc->v = (struct scan_verdict){0};
}

bool scan_at_end(const struct scan *sc)
{
    enum lex_kind k = sc->cur->lex.kind;
    return k == LEX_END || k == LEX_ERROR || (k == LEX_SEMI && sc->depth == 0 && sc->body == 0);
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

static bool depth_bit(const struct scan *sc, uint64_t mask)
{
    return sc->depth > 0 && sc->depth < SCAN_DEPTH_MAX && ((mask >> sc->depth) & 1);
}

static void close_paren(struct scan *sc)
{
    if (sc->depth == 0) {
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, sc->cur->lex.text);
        return;
    }
    sc->closed_value = depth_bit(sc, sc->value_after);
    sc->closed_alias = depth_bit(sc, sc->alias_after);
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
    return sc->type_name && (is_punct(t, '.') || (is_ident(t) && is_punct(sc->next, '.')));
}

void scan_advance(struct scan *sc)
{
    struct scan_token *t = sc->cur;
    sc->closed_value = false;
    sc->closed_alias = false;
    if (is_punct(t, '('))
        open_paren(sc);
    else if (is_punct(t, ')'))
        close_paren(sc);
    sc->type_name = continues_type(sc);
    sc->prev_kind = t->lex.kind;
    sc->prev_byte = first_byte(t);
    sc->prev2_word = sc->prev_word;
    sc->prev_word = t->word.id;
    bool behind_dot = is_punct(sc->next, '.');
    sc->cur = sc->next;
    sc->next = t;
    read_token(&sc->lx, t, behind_dot);
}

static bool has_prefix(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

enum {
    SCAN_AHEAD_MAX =
        64, /* tokens of a set_config call that are read ahead: calls nest, and the time must stay linear */
    SCAN_SETTING_MAX =
        96, /* bytes of a string that might be the name of a setting, quotes included */
};

/* Without ASCII case, as setting names are compared; anywhere in the token, so that quoting and bodies of functions do
 * not matter. */
bool scan_names_sync_commit(struct slice s)
{
    static const char name[] = "synchronous_commit";
    size_t n = sizeof(name) - 1;
    for (size_t i = 0; i + n <= s.n; i++) {
        size_t k = 0;
        while (k < n && (s.p[i + k] | 0x20) == (name[k] | 0x20))
            k++;
        if (k == n)
            return true;
    }
    return false;
}

/* set_config('name', 'value', true) is over with the transaction; whatever else the last argument is, the session keeps
 * the value. cur is the function's name. */
static void look_at_set_config(struct scan *sc)
{
    struct lexer ahead = sc->lx;
    struct lex_token t, arg = {LEX_END, {NULL, 0}};
    struct slice name = {NULL, 0};
    unsigned depth = 1, args = 1, tokens = 0;
    for (int n = 0; depth > 0 && n < SCAN_AHEAD_MAX; n++) {
        t = lex_next(&ahead);
        if (t.kind == LEX_END || t.kind == LEX_ERROR)
            break;
        if (lex_is_punct(&t, '(') || lex_is_punct(&t, '['))
            depth++;
        else if (lex_is_punct(&t, ')') || lex_is_punct(&t, ']'))
            depth--;
        if (depth == 1 && lex_is_punct(&t, ',')) {
            if (args == 1 && tokens == 1 && arg.kind == LEX_STRING && arg.text.n > 2)
                name = (struct slice){arg.text.p + 1, arg.text.n - 2};
            args++;
            tokens = 0;
        } else if (depth > 0) {
            arg = t;
            tokens++;
        }
    }
    if (!name.n || scan_names_sync_commit(name))
        sc->v.sync_commit = true;
    const bool local =
        depth == 0 && args == 3 && tokens == 1 && arg.kind == LEX_IDENT && lex_is(&arg, "true");
    if (!local)
        scan_touch(sc, TOUCH_SETTINGS);
    else if (!name.n || memchr(name.p, '.', name.n))
        scan_touch(sc, TOUCH_LOCAL);
    else
        return;
    scan_setting(sc, name);
}

static bool name_is(const struct scan_token *t, const char *name)
{
    return t->name.n == strlen(name) && memcmp(t->name.p, name, t->name.n) == 0;
}

/* Calls that leave something in the session, in whatever statement they are. */
static void look_at_call(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (t->lex.kind == LEX_UIDENT) { /* it could be any of them */
        scan_touch(sc, TOUCH_ANY | TOUCH_SEED | TOUCH_FUNCTION);
        sc->v.all_settings = true;
        sc->v.sync_commit = true;
    } else if (has_prefix(t->name, "pg_advisory_") || has_prefix(t->name, "pg_try_advisory_")) {
        if (has_prefix(t->name, "pg_advisory_unlock"))
            sc->v.releases |= TOUCH_LOCKS;
        else if (!memmem(t->name.p, t->name.n, "_xact_", 6))
            scan_touch(sc, TOUCH_LOCKS);
    } else if (name_is(t, "set_config")) {
        look_at_set_config(sc);
    } else if (name_is(t, "setseed")) {
        scan_touch(sc, TOUCH_SEED);
    } else if (name_is(t, "currval") || name_is(t, "lastval")) {
        scan_touch(sc, TOUCH_SEQUENCE);
    } else if (has_prefix(t->name, "dblink_connect") ||
               name_is(t, "pg_replication_origin_session_setup")) {
        scan_touch(sc, TOUCH_FUNCTION);
    }
}

static void look_at_temp(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (has_prefix(t->name, "pg_temp") && (t->name.n == 7 || t->name.p[7] == '_')) {
        scan_touch(sc, TOUCH_TEMP);
        scan_deny(sc, CLASS_UNKNOWN, REASON_TEMP, t->lex.text);
    }
    if (t->word.id != WORD_TEMP && t->word.id != WORD_TEMPORARY)
        return;
    if (sc->prev_word == WORD_CREATE || sc->prev_word == WORD_REPLACE ||
        sc->prev_word == WORD_LOCAL || sc->prev_word == WORD_GLOBAL || sc->prev_word == WORD_INTO)
        scan_touch(sc, TOUCH_TEMP);
}

/* Of the settings first, then of the database. */
static unsigned look_up(const struct scan *sc, struct slice name)
{
    if (sc->override) {
        unsigned bits = catalog_lookup(sc->override, name);
        if (bits)
            return bits;
    }
    /* Without a catalog nothing is a read; what matters is not to blame a function for it. */
    return sc->cat ? catalog_lookup(sc->cat, name) : CATALOG_BIT_SAFE;
}

/* ", name (a, b) AS [[NOT] MATERIALIZED] ( SELECT": a further member of WITH. A function in FROM with a column definition
 * list looks alike up to the last parenthesis, but that list does not begin with these reserved words. cur is the name. */
static bool is_with_member(const struct scan *sc)
{
    struct lexer lx = sc->lx;
    struct lex_token t;
    do {
        t = lex_next(&lx);
        if (t.kind != LEX_IDENT && t.kind != LEX_QIDENT)
            return false;
        t = lex_next(&lx);
    } while (lex_is_punct(&t, ','));
    if (!lex_is_punct(&t, ')'))
        return false;
    t = lex_next(&lx);
    if (t.kind != LEX_IDENT || !lex_is(&t, "as"))
        return false;
    t = lex_next(&lx);
    if (t.kind == LEX_IDENT && lex_is(&t, "not"))
        t = lex_next(&lx);
    if (t.kind == LEX_IDENT && lex_is(&t, "materialized"))
        t = lex_next(&lx);
    if (!lex_is_punct(&t, '('))
        return false;
    t = lex_next(&lx);
    return lex_is_punct(&t, '(') ||
           (t.kind == LEX_IDENT && (lex_is(&t, "select") || lex_is(&t, "with")));
}

/* cur is a name before a parenthesis. True if the grammar makes something else than a function of it there. */
static bool is_no_call(const struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (t->word.flags & WORD_HARD)
        return true;
    if (sc->no_calls || sc->type_name)
        return true;
    if (t->word.id != WORD_NONE) /* the rest is for names that are no key words */
        return false;
    switch ((unsigned)sc->prev_word) {
    case WORD_WITH:
    case WORD_RECURSIVE:
    case WORD_ORDINALITY:
        return true;
    case WORD_TABLESAMPLE:
        return lex_is(&t->lex, "bernoulli") || lex_is(&t->lex, "system");
    default:
        return sc->closed_alias;
    }
}

/* The token before cur ends a value, a table or a name: an operator or a clause must follow, never a function. */
static bool behind_value(const struct scan *sc)
{
    switch ((unsigned)sc->prev_kind) {
    case LEX_IDENT:
        return sc->prev_word == WORD_NONE;
    case LEX_QIDENT:
    case LEX_STRING:
    case LEX_ESTRING:
    case LEX_USTRING:
    case LEX_BITS:
    case LEX_DOLLAR:
    case LEX_NUMBER:
    case LEX_PARAM:
        return true;
    case LEX_PUNCT:
        return sc->prev_byte == ']' || sc->closed_value;
    default:
        return false;
    }
}

/* cur is a soft word before a parenthesis. True where it cannot be a function's name. */
static bool is_grammar(const struct scan *sc)
{
    enum word_id prev = sc->prev_word, prev2 = sc->prev2_word;
    switch ((unsigned)sc->cur->word.id) {
    case WORD_BY:
        return prev == WORD_GROUP || prev == WORD_ORDER || prev == WORD_PARTITION;
    case WORD_FIRST:
    case WORD_NEXT:
        return prev == WORD_FETCH;
    case WORD_SETS:
        return prev == WORD_GROUPING;
    case WORD_ROLLUP:
    case WORD_CUBE:
        return prev == WORD_BY && prev2 == WORD_GROUP;
    case WORD_ZONE:
        return prev == WORD_TIME;
    case WORD_VARYING:
        return prev == WORD_BIT || prev == WORD_CHARACTER || prev == WORD_CHAR ||
               prev == WORD_NCHAR;
    case WORD_MATERIALIZED:
        return prev == WORD_AS || (prev == WORD_NOT && prev2 == WORD_AS);
    default: /* JOIN (, OVER (, FILTER (, LIKE (, ESCAPE ( and so on */
        return behind_value(sc);
    }
}

static void check_call(struct scan *sc, unsigned bits)
{
    const struct scan_token *t = sc->cur;
    if (is_no_call(sc))
        return;
    if (bits & CATALOG_BIT_UNSAFE) {
        scan_deny(sc, CLASS_UNKNOWN, REASON_VOLATILE_FUNCTION, t->lex.text);
        return;
    }
    if ((bits & CATALOG_BIT_SAFE) && sc->prev_word != WORD_TABLESAMPLE)
        return;
    if ((t->word.flags & WORD_SOFT) && is_grammar(sc))
        return;
    if (prev_is_punct(sc, ',') && is_with_member(sc))
        return;
    scan_deny(sc, CLASS_UNKNOWN, REASON_UNKNOWN_FUNCTION, t->lex.text);
}

static void check_for(struct scan *sc)
{
    struct slice token = sc->cur->lex.text;
    switch ((unsigned)sc->next->word.id) {
    case WORD_UPDATE:
    case WORD_SHARE:
    case WORD_NO:
    case WORD_KEY:
        scan_deny(sc, CLASS_WRITE, REASON_LOCKING, token);
        return;
    case WORD_READ:       /* FOR READ ONLY: no lock */
    case WORD_ORDINALITY: /* XMLTABLE, JSON_TABLE */
        return;
    default:
        break;
    }
    if (depth_bit(sc, sc->for_within) || sc->prev_word == WORD_COLLATION)
        return;
    scan_deny(sc, CLASS_UNKNOWN, REASON_LOCKING, token);
}

static void check_word(struct scan *sc)
{
    struct slice token = sc->cur->lex.text;
    switch ((unsigned)sc->cur->word.id) {
    case WORD_INSERT:
    case WORD_UPDATE:
    case WORD_DELETE:
    case WORD_MERGE:
        scan_deny(sc, CLASS_WRITE, REASON_DML, token);
        break;
    case WORD_INTO:
        scan_deny(sc, CLASS_WRITE, REASON_INTO, token);
        break;
    case WORD_FOR:
        check_for(sc);
        break;
    default:
        break;
    }
}

void scan_query_token(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (is_ident(t)) {
        bool call = is_punct(sc->next, '(');
        if (call)
            look_at_call(sc);
        look_at_temp(sc);
        if (t->name.n == 0) {
            scan_deny(sc, CLASS_UNKNOWN, REASON_NAME, t->lex.text);
        } else if (!(t->word.flags & WORD_RESERVED)) {
            unsigned bits = look_up(sc, t->name);
            if (call)
                check_call(sc, bits);
            if (bits & CATALOG_BIT_PRIMARY)
                scan_deny(sc, CLASS_UNKNOWN, REASON_PRIMARY_RELATION, t->lex.text);
        }
        check_word(sc);
    } else if (t->lex.kind == LEX_SEMI) { /* not at the end: within parentheses */
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, t->lex.text);
    }
    scan_advance(sc);
}

/* The bodies of SQL functions hold semicolons: BEGIN ATOMIC ...; END. */
static void count_body(struct scan *sc)
{
    if (sc->first != WORD_CREATE)
        return;
    if (scan_is(sc, WORD_BEGIN) && sc->next->word.id == WORD_ATOMIC)
        sc->body++;
    else if (sc->body && scan_is(sc, WORD_CASE))
        sc->body++;
    else if (sc->body && scan_is(sc, WORD_END))
        sc->body--;
}

void scan_command_token(struct scan *sc)
{
    const struct scan_token *t = sc->cur;
    if (is_ident(t)) {
        if (is_punct(sc->next, '('))
            look_at_call(sc);
        look_at_temp(sc);
        count_body(sc);
    }
    /* Long strings are data; the bodies of DO and of functions are mostly dollar-quoted. */
    bool look = t->lex.kind == LEX_DOLLAR || t->lex.text.n < SCAN_SETTING_MAX;
    if (look && scan_names_sync_commit(t->lex.text))
        sc->v.sync_commit = true;
    scan_advance(sc);
}
