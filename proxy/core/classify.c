#include "classify.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "classify_scan.h"

static bool at_string(const struct scan *sc)
{
    enum lex_kind k = sc->cur->lex.kind;
    return k == LEX_STRING || k == LEX_ESTRING || k == LEX_USTRING || k == LEX_DOLLAR;
}

static bool at_name(const struct scan *sc)
{
    enum lex_kind k = sc->cur->lex.kind;
    return k == LEX_IDENT || k == LEX_QIDENT || k == LEX_UIDENT;
}

static void scan_rest(struct scan *sc)
{
    while (!scan_at_end(sc))
        scan_command_token(sc);
}

static void command(struct scan *sc, unsigned bits, enum classify_reason reason)
{
    scan_deny(sc, bits, reason, sc->cur->lex.text);
    scan_rest(sc);
}

static void query(struct scan *sc)
{
    scan_query(sc);
    if (sc->depth)
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, sc->cur->lex.text);
}

static bool begins_query(enum word_id w)
{
    return w == WORD_SELECT || w == WORD_WITH || w == WORD_VALUES || w == WORD_TABLE;
}

/* The first token that is not an opening parenthesis, cur included. */
static enum word_id word_behind_parens(const struct scan *sc)
{
    if (!lex_is_punct(&sc->cur->lex, '('))
        return sc->cur->word.id;
    if (!lex_is_punct(&sc->next->lex, '('))
        return sc->next->word.id;
    struct lexer lx = sc->lx;
    struct lex_token t;
    do
        t = lex_next(&lx);
    while (lex_is_punct(&t, '('));
    if (t.kind != LEX_IDENT)
        return WORD_NONE;
    if (lex_is(&t, "select"))
        return WORD_SELECT;
    if (lex_is(&t, "with"))
        return WORD_WITH;
    if (lex_is(&t, "values"))
        return WORD_VALUES;
    return lex_is(&t, "table") ? WORD_TABLE : WORD_NONE;
}

/* ISOLATION LEVEL ..., READ ONLY, READ WRITE, [NOT] DEFERRABLE, with or without commas, up to the end. False if there is
 * anything else. */
static bool transaction_mode(struct scan *sc, struct classify_tx *tx)
{
    if (scan_accept(sc, WORD_ISOLATION)) {
        if (!scan_accept(sc, WORD_LEVEL))
            return false;
        if (scan_accept(sc, WORD_SERIALIZABLE)) {
            tx->isolation = ISOLATION_SERIALIZABLE;
            return true;
        }
        if (scan_accept(sc, WORD_REPEATABLE)) {
            tx->isolation = ISOLATION_REPEATABLE_READ;
            return scan_accept(sc, WORD_READ);
        }
        tx->isolation = ISOLATION_READ_COMMITTED;
        return scan_accept(sc, WORD_READ) &&
               (scan_accept(sc, WORD_COMMITTED) || scan_accept(sc, WORD_UNCOMMITTED));
    }
    if (scan_accept(sc, WORD_READ)) {
        tx->access = scan_is(sc, WORD_ONLY) ? ACCESS_READ_ONLY : ACCESS_READ_WRITE;
        return scan_accept(sc, WORD_ONLY) || scan_accept(sc, WORD_WRITE);
    }
    tx->deferrable = !scan_accept(sc, WORD_NOT);
    return scan_accept(sc, WORD_DEFERRABLE);
}

static bool transaction_modes(struct scan *sc, struct classify_tx *tx)
{
    while (!scan_at_end(sc)) {
        if (!transaction_mode(sc, tx))
            return false;
        if (!lex_is_punct(&sc->cur->lex, ','))
            continue;
        scan_advance(sc);
        if (scan_at_end(sc))
            return false;
    }
    return true;
}

/* Said of transaction control that is not certainly well-formed: a wrong guess would be answered without a server. */
static void malformed(struct scan *sc)
{
    scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, sc->cur->lex.text);
    scan_rest(sc);
}

/* The statement must be over; then it is what `bits` say. */
static void transaction(struct scan *sc, bool well_formed, unsigned bits, struct slice word)
{
    if (!well_formed || !scan_at_end(sc) || sc->cur->lex.kind == LEX_ERROR) {
        malformed(sc);
        return;
    }
    scan_deny(sc, bits, REASON_TRANSACTION, word);
}

static void begin(struct scan *sc, struct classification *out)
{
    struct slice word = sc->cur->lex.text;
    bool start = scan_is(sc, WORD_START);
    struct classify_tx tx = {0};
    scan_advance(sc);
    bool ok = scan_accept(sc, WORD_TRANSACTION) || !start;
    if (ok && !start && sc->prev_word == WORD_BEGIN)
        (void)scan_accept(sc, WORD_WORK);
    ok = ok && transaction_modes(sc, &tx);
    if (ok)
        out->tx = tx;
    transaction(sc, ok, CLASS_TX_BEGIN, word);
}

/* cur should be the name of a savepoint, the last token of the statement. */
static void savepoint_name(struct scan *sc, struct classification *out,
                           enum classify_savepoint what, struct slice word)
{
    const bool named = at_name(sc);
    if (named) {
        out->savepoint = what;
        out->savepoint_name = sc->cur->lex.text;
        scan_advance(sc);
    }
    transaction(sc, named, CLASS_TX_SAVEPOINT, word);
}

/* COMMIT, END, ROLLBACK, ABORT and their longer forms. */
static void end_transaction(struct scan *sc, struct classification *out)
{
    struct slice word = sc->cur->lex.text;
    bool rollback = scan_is(sc, WORD_ROLLBACK) || scan_is(sc, WORD_ABORT);
    bool long_forms = scan_is(sc, WORD_ROLLBACK) || scan_is(sc, WORD_COMMIT);
    bool may_return = scan_is(sc, WORD_ROLLBACK);
    scan_advance(sc);
    if (long_forms && scan_accept(sc, WORD_PREPARED)) {
        command(sc, CLASS_WRITE, REASON_UTILITY);
        return;
    }
    if (!scan_accept(sc, WORD_WORK))
        (void)scan_accept(sc, WORD_TRANSACTION);
    if (may_return && scan_accept(sc, WORD_TO)) {
        if (scan_is(sc, WORD_SAVEPOINT) && sc->next->lex.kind != LEX_END &&
            sc->next->lex.kind != LEX_SEMI)
            scan_advance(sc);
        savepoint_name(sc, out, SAVEPOINT_BACK, word);
        return;
    }
    bool ok = true, chain = false;
    if (scan_accept(sc, WORD_AND)) {
        chain = !scan_accept(sc, WORD_NO);
        ok = scan_accept(sc, WORD_CHAIN);
    }
    if (ok && scan_at_end(sc))
        out->tx.chain = chain;
    transaction(sc, ok, rollback ? CLASS_TX_ROLLBACK : CLASS_TX_COMMIT, word);
}

static void savepoint(struct scan *sc, struct classification *out)
{
    struct slice word = sc->cur->lex.text;
    bool release = scan_is(sc, WORD_RELEASE);
    scan_advance(sc);
    if (release && scan_is(sc, WORD_SAVEPOINT) && sc->next->lex.kind != LEX_END &&
        sc->next->lex.kind != LEX_SEMI)
        scan_advance(sc);
    savepoint_name(sc, out, release ? SAVEPOINT_RELEASE : SAVEPOINT_SET, word);
}

/* SET name { TO | = } value, cur being the name: which setting, if one can tell. */
static void set_named(struct scan *sc, bool local)
{
    struct slice name = sc->cur->lex.text;
    bool plain = sc->cur->lex.kind == LEX_IDENT;
    scan_advance(sc);
    while (lex_is_punct(&sc->cur->lex, '.') && !scan_at_end(sc)) {
        scan_advance(sc);
        plain = plain && sc->cur->lex.kind == LEX_IDENT;
        name.n = (size_t)(sc->cur->lex.text.p + sc->cur->lex.text.n - name.p);
        scan_advance(sc);
    }
    if (!plain)
        name.n = 0;
    if (local && plain && !memchr(name.p, '.', name.n))
        return;
    scan_touch(sc, local ? TOUCH_LOCAL : TOUCH_SETTINGS);
    scan_setting(sc, name);
}

static void set_what(struct scan *sc, bool local)
{
    static const struct {
        const char *word, *setting;
    } forms[] = {{"names", "client_encoding"}, {"schema", "search_path"}, {"role", "role"}};
    if (scan_is(sc, WORD_CONSTRAINTS))
        return;
    if (scan_is(sc, WORD_TIME) && sc->next->word.id == WORD_ZONE) {
        if (!local) {
            scan_touch(sc, TOUCH_SETTINGS);
            scan_setting(sc, slice_of("timezone"));
        }
        return;
    }
    if (lex_is(&sc->cur->lex, "seed"))
        scan_touch(sc, TOUCH_SEED);
    const bool session = scan_is(sc, WORD_SESSION) || lex_is(&sc->cur->lex, "xml");
    if (session) { /* SESSION AUTHORIZATION, SESSION CHARACTERISTICS, XML OPTION */
        if (!local)
            scan_touch(sc, TOUCH_SETTINGS);
        sc->v.all_settings = true;
        return;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (lex_is(&sc->cur->lex, forms[i].word) && !lex_is_punct(&sc->next->lex, '.') &&
            sc->next->word.id != WORD_TO && sc->next->lex.kind != LEX_OP) {
            if (!local) {
                scan_touch(sc, TOUCH_SETTINGS);
                scan_setting(sc, slice_of(forms[i].setting));
            }
            return;
        }
    set_named(sc, local);
}

/* To the end of the statement; a DEFAULT among the values is not a value that one could read back. */
static void set_value(struct scan *sc, bool local)
{
    while (!scan_at_end(sc)) {
        if (lex_is(&sc->cur->lex, "default") ||
            (sc->prev_word == WORD_ZONE && lex_is(&sc->cur->lex, "local"))) {
            sc->v.all_settings = sc->v.resets = true;
            scan_touch(sc, local ? TOUCH_LOCAL : 0);
        }
        scan_command_token(sc);
    }
}

static void set(struct scan *sc, struct classification *out)
{
    scan_deny(sc, CLASS_SESSION, REASON_SESSION, sc->cur->lex.text);
    scan_advance(sc);
    bool local = scan_accept(sc, WORD_LOCAL);
    if (!local && scan_is(sc, WORD_SESSION) && sc->next->word.id != WORD_AUTHORIZATION &&
        sc->next->word.id != WORD_CHARACTERISTICS)
        scan_advance(sc);
    if (scan_is(sc, WORD_TRANSACTION)) {
        scan_advance(sc);
        struct classify_tx tx = {0};
        if (transaction_modes(sc, &tx)) {
            out->tx = tx;
            out->set_transaction = true;
            return;
        }
        /* SET TRANSACTION SNAPSHOT, or a mistake: not for the session. */
        scan_deny(sc, CLASS_UNKNOWN, REASON_SESSION, sc->cur->lex.text);
    } else {
        if (sc->cur->lex.kind == LEX_UIDENT || scan_names_sync_commit(sc->cur->lex.text))
            sc->v.sync_commit = true;
        set_what(sc, local);
    }
    set_value(sc, local);
}

static void discard(struct scan *sc, struct classification *out)
{
    scan_deny(sc, CLASS_SESSION, REASON_SESSION, sc->cur->lex.text);
    scan_advance(sc);
    if (scan_accept(sc, WORD_ALL) && scan_at_end(sc)) {
        out->discards_all =
            true; /* classify_sql takes it back if this was not the only statement */
        out->drops_prepared = true;
        scan_touch(sc, TOUCH_ANY);
        sc->v.all_settings = sc->v.resets = true;
    }
    sc->v.releases |= TOUCH_TEMP | TOUCH_PREPARED | TOUCH_SEQUENCE;
    scan_rest(sc);
}

static void prepare(struct scan *sc)
{
    struct slice word = sc->cur->lex.text;
    scan_advance(sc);
    enum lex_kind behind = sc->next->lex.kind;
    if (scan_is(sc, WORD_TRANSACTION) && (behind == LEX_STRING || behind == LEX_ESTRING ||
                                          behind == LEX_USTRING || behind == LEX_DOLLAR)) {
        scan_advance(sc);
        bool named = at_string(sc);
        scan_advance(sc);
        transaction(sc, named, CLASS_TX_COMMIT | CLASS_WRITE, word);
        return;
    }
    scan_touch(sc, TOUCH_PREPARED);
    sc->v.prepared = sc->cur->lex.text;
    scan_deny(sc, CLASS_SESSION, REASON_PREPARED, word);
    scan_rest(sc);
}

static void deallocate(struct scan *sc, struct classification *out)
{
    scan_deny(sc, CLASS_SESSION, REASON_PREPARED, sc->cur->lex.text);
    scan_advance(sc);
    if (scan_is(sc, WORD_PREPARE) && sc->next->lex.kind != LEX_END &&
        sc->next->lex.kind != LEX_SEMI)
        scan_advance(sc);
    if (scan_is(sc, WORD_ALL))
        out->drops_prepared = true;
    else if (at_name(sc)) {
        sc->v.prepared = sc->cur->lex.text;
        out->deallocates = true;
    }
    sc->v.releases |= TOUCH_PREPARED;
    scan_rest(sc);
}

static void declare(struct scan *sc)
{
    scan_deny(sc, CLASS_UNKNOWN, REASON_CURSOR, sc->cur->lex.text);
    while (!scan_at_end(sc) && !scan_is(sc, WORD_FOR)) {
        if (scan_is(sc, WORD_WITH) && sc->next->word.id == WORD_HOLD)
            scan_touch(sc, TOUCH_CURSORS);
        scan_command_token(sc);
    }
    scan_rest(sc);
}

/* COPY (query) TO STDOUT and COPY table [(columns)] TO STDOUT read; everything else writes somewhere. */
static void copy(struct scan *sc)
{
    struct slice word = sc->cur->lex.text;
    scan_advance(sc);
    if (lex_is_punct(&sc->cur->lex, '(')) {
        if (!begins_query(word_behind_parens(sc)))
            scan_deny(sc, CLASS_UNKNOWN, REASON_COPY, word);
    } else {
        sc->no_calls = true;
    }
    while (!scan_at_end(sc)) {
        if (sc->depth == 0 && (scan_is(sc, WORD_TO) || scan_is(sc, WORD_FROM)))
            break;
        scan_query_token(sc);
    }
    if (!scan_is(sc, WORD_TO) && !scan_is(sc, WORD_FROM))
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, sc->cur->lex.text);
    else if (scan_is(sc, WORD_FROM) || sc->next->word.id != WORD_STDOUT)
        scan_deny(sc, CLASS_WRITE, REASON_COPY, word);
    scan_rest(sc); /* its options hold no expressions */
    if (sc->depth)
        scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, word);
}

/* Past EXPLAIN and its options, to the statement that it explains. False if that is none it can. */
static bool skip_explain(struct scan *sc)
{
    scan_advance(sc);
    if (lex_is_punct(&sc->cur->lex, '(') && !begins_query(word_behind_parens(sc))) {
        do
            scan_advance(sc);
        while (!scan_at_end(sc) && sc->depth);
    } else {
        (void)scan_accept(sc, WORD_ANALYZE);
        (void)scan_accept(sc, WORD_VERBOSE);
    }
    if (scan_at_end(sc))
        return false;
    switch ((unsigned)sc->cur->word.id) {
    case WORD_SELECT:
    case WORD_WITH:
    case WORD_VALUES:
    case WORD_TABLE:
    case WORD_INSERT:
    case WORD_UPDATE:
    case WORD_DELETE:
    case WORD_MERGE:
    case WORD_CREATE:
    case WORD_REFRESH:
    case WORD_DECLARE:
    case WORD_EXECUTE:
        return true;
    default:
        return lex_is_punct(&sc->cur->lex, '(');
    }
}

/* Commands of the session and of cursors. False: it is none. */
static bool session_command(struct scan *sc, struct classification *out)
{
    switch ((unsigned)sc->cur->word.id) {
    case WORD_SET:
        set(sc, out);
        return true;
    case WORD_RESET:
        scan_touch(sc, TOUCH_SETTINGS);
        sc->v.all_settings = sc->v.resets = true;
        command(sc, CLASS_SESSION, REASON_SESSION);
        return true;
    case WORD_SHOW: /* may differ between the nodes: transaction_read_only, in_hot_standby */
        command(sc, CLASS_UNKNOWN, REASON_SESSION);
        return true;
    case WORD_DISCARD:
        discard(sc, out);
        return true;
    case WORD_LISTEN:
        scan_touch(sc, TOUCH_LISTEN);
        command(sc, CLASS_SESSION, REASON_SESSION);
        return true;
    case WORD_UNLISTEN:
        sc->v.releases |= TOUCH_LISTEN;
        command(sc, CLASS_SESSION, REASON_SESSION);
        return true;
    case WORD_LOAD:
        scan_touch(sc, TOUCH_LOAD);
        command(sc, CLASS_SESSION, REASON_SESSION);
        return true;
    case WORD_PREPARE:
        prepare(sc);
        return true;
    case WORD_EXECUTE:
        scan_touch(sc, TOUCH_EXECUTE);
        sc->v.prepared = sc->next->lex.text;
        command(sc, CLASS_SESSION | CLASS_UNKNOWN, REASON_PREPARED);
        return true;
    case WORD_DEALLOCATE:
        deallocate(sc, out);
        return true;
    case WORD_DECLARE:
        declare(sc);
        return true;
    case WORD_CLOSE:
        sc->v.releases |= TOUCH_CURSORS;
        command(sc, CLASS_UNKNOWN, REASON_CURSOR);
        return true;
    case WORD_FETCH:
    case WORD_MOVE:
        command(sc, CLASS_UNKNOWN, REASON_CURSOR);
        return true;
    default:
        return false;
    }
}

static bool transaction_command(struct scan *sc, struct classification *out)
{
    switch ((unsigned)sc->cur->word.id) {
    case WORD_BEGIN:
    case WORD_START:
        begin(sc, out);
        return true;
    case WORD_COMMIT:
    case WORD_END:
    case WORD_ROLLBACK:
    case WORD_ABORT:
        end_transaction(sc, out);
        return true;
    case WORD_SAVEPOINT:
    case WORD_RELEASE:
        savepoint(sc, out);
        return true;
    default:
        return false;
    }
}

/* Commands that may leave something in the session, or change what sessions begin with. */
static void look_at_utility(struct scan *sc, struct classification *out)
{
    const struct lex_token *t = &sc->cur->lex, *then = &sc->next->lex;
    if (lex_is(t, "do") || lex_is(t, "call")) {
        scan_touch(sc, TOUCH_ANY);
        sc->v.all_settings = true;
    } else if (lex_is(t, "drop")) {
        sc->v.releases |= TOUCH_TEMP;
    } else if (lex_is(t, "alter")) {
        out->defaults |= lex_is(then, "role") || lex_is(then, "user") || lex_is(then, "database") ||
                         lex_is(then, "system");
    }
}

/* UPDATE pg_settings: a rule of it calls set_config(). */
static bool updates_settings(const struct scan *sc)
{
    struct lexer ahead = sc->lx;
    struct lex_token t = sc->next->lex;
    for (int n = 0; n < 4; n++, t = lex_next(&ahead))
        if (lex_is(&t, "pg_settings") || t.kind == LEX_UIDENT)
            return true;
    return false;
}

static void statement(struct scan *sc, struct classification *out)
{
    struct slice explain = {NULL, 0};
    if (scan_is(sc, WORD_EXPLAIN)) {
        explain = sc->cur->lex.text;
        if (!skip_explain(sc)) {
            scan_deny(sc, CLASS_UNKNOWN, REASON_SYNTAX, explain);
            scan_rest(sc);
            return;
        }
    }
    enum word_id first = sc->cur->word.id;
    if (begins_query(first) ||
        (lex_is_punct(&sc->cur->lex, '(') && begins_query(word_behind_parens(sc)))) {
        query(sc);
    } else if (first == WORD_INSERT || first == WORD_UPDATE || first == WORD_DELETE ||
               first == WORD_MERGE) {
        if (first == WORD_UPDATE && updates_settings(sc)) {
            scan_touch(sc, TOUCH_SETTINGS);
            sc->v.all_settings = true;
        }
        command(sc, CLASS_WRITE, REASON_DML);
    } else if (first == WORD_COPY) {
        copy(sc);
    } else if (!transaction_command(sc, out) && !session_command(sc, out)) {
        look_at_utility(sc, out);
        if (sc->cur->word.flags & WORD_UTILITY)
            command(sc, CLASS_WRITE, REASON_UTILITY);
        else
            command(sc, CLASS_UNKNOWN, at_name(sc) ? REASON_UTILITY : REASON_SYNTAX);
    }
}

/* What the statement just scanned adds to the whole. */
static void merge(struct classification *out, const struct scan *sc)
{
    const unsigned bits = sc->v.bits ? sc->v.bits : (unsigned)CLASS_READ;
    if (out->n_statements++ == 0)
        out->first = bits;
    out->bits |= bits;
    out->nodal |= sc->v.nodal;
    out->tells_time |= sc->v.tells_time;
    if (out->reason == REASON_NONE) {
        out->reason = sc->v.reason;
        out->token = sc->v.token;
    }
    const unsigned facts = sc->cat ? sc->cat->facts : 0;
    const unsigned fires =
        CLASS_WRITE | CLASS_UNKNOWN | CLASS_TX_COMMIT; /* triggers, deferred too */
    if (sc->v.loud || (facts & CATALOG_FACT_ALL) ||
        ((facts & CATALOG_FACT_TRIGGERS) && (sc->v.bits & fires))) {
        out->touches |= TOUCH_ANY;
        out->all_settings = true;
    }
    /* A read calls nothing and creates nothing of the session's: what looked like it was an alias or a column. Without
     * a catalog nobody knows what is called. */
    if (!sc->v.bits && sc->cat)
        return;
    out->touches |= sc->v.touches;
    if (sc->v.prepared.n) {
        out->more_prepared |= out->prepared.n > 0;
        out->prepared = sc->v.prepared;
    }
    out->releases |= sc->v.releases;
    out->all_settings |= sc->v.all_settings;
    out->resets |= sc->v.resets;
    for (unsigned i = 0; i < sc->v.n_settings; i++) {
        if (out->n_settings == CLASSIFY_SETTINGS_MAX)
            out->all_settings = true;
        else
            out->settings[out->n_settings++] = sc->v.settings[i];
    }
    out->mentions_sync_commit |= sc->v.sync_commit;
}

static void not_a_read(struct classification *out, enum classify_reason reason, struct slice token)
{
    out->bits |= CLASS_UNKNOWN;
    if (out->reason == REASON_NONE) {
        out->reason = reason;
        out->token = token;
    }
}

static bool has_high_byte(struct slice sql)
{
    for (size_t i = 0; i < sql.n; i++) {
        if ((unsigned char)sql.p[i] > 127)
            return true;
    }
    return false;
}

void classify_sql(struct slice sql, const struct catalog *cat, const struct classify_opts *opts,
                  struct classification *out)
{
    BUG_ON(!out);
    memset(out, 0, sizeof(*out));
    struct scan sc;
    scan_init(&sc, sql, cat, opts);
    for (;;) {
        while (sc.cur->lex.kind == LEX_SEMI)
            scan_advance(&sc);
        if (sc.cur->lex.kind == LEX_END || sc.cur->lex.kind == LEX_ERROR)
            break;
        scan_start_statement(&sc);
        statement(&sc, out);
        BUG_ON(!scan_at_end(&sc));
        merge(out, &sc);
    }
    out->hint = sc.lx.hint;
    struct slice nothing = {NULL, 0};
    out->empty = out->n_statements == 0 && sc.cur->lex.kind == LEX_END;
    if (out->empty)
        out->bits = CLASS_READ; /* every node answers it */
    if (sc.cur->lex.kind == LEX_ERROR)
        not_a_read(out, REASON_LEX_ERROR, sc.cur->lex.text);
    if (opts && opts->unsafe_encoding && has_high_byte(sql))
        not_a_read(out, REASON_NAME, nothing);
    if (!cat && !out->empty && out->bits == CLASS_READ)
        not_a_read(out, REASON_NO_CATALOG, nothing);
    if (cat && (cat->facts & CATALOG_FACT_UNSAFE) && !out->empty && out->bits == CLASS_READ)
        not_a_read(out, REASON_HIDDEN, nothing);
    out->each = out->bits;
    if (out->n_statements > 1) {
        out->discards_all = false;
        if (out->bits & CLASS_TX)
            not_a_read(out, REASON_TRANSACTION, nothing);
    }
    if (out->bits != CLASS_READ)
        out->bits &= ~(unsigned)CLASS_READ;
}
