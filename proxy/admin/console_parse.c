#include "console_parse.h"

#include <string.h>
#include <strings.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/str.h"

static const struct console_command commands[CONSOLE_ID_NR] = {
#define X(ID, words_, usage_, access_, args_, doc_) \
    [CONSOLE_##ID] = {.words = words_,              \
                      .usage = usage_,              \
                      .access = CONSOLE_##access_,  \
                      .args = CONSOLE_ARGS_##args_, \
                      .doc = doc_},
    CONSOLE_COMMANDS(X)
#undef X
};

const struct console_command *console_command(enum console_id id)
{
    BUG_ON(id <= CONSOLE_EMPTY || id >= CONSOLE_ID_NR);
    return &commands[id];
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------- */

struct token {
    char text[CONSOLE_LITERAL_MAX];
    bool quoted;   /* was in quotes: a name or a string, never a keyword */
    bool overlong; /* did not fit */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_special(char c)
{
    return c == '(' || c == ')' || c == ',' || c == '=' || c == ';' || c == '"' || c == '\'';
}

static const char *skip_space(const char *p)
{
    for (;;) {
        if (is_space(*p)) {
            p++;
        } else if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
        } else {
            return p;
        }
    }
}

static void token_put(struct token *t, size_t *n, char c)
{
    if (*n + 1 < sizeof t->text)
        t->text[(*n)++] = c;
    else
        t->overlong = true;
}

/* The rest after a quoted token whose quote is *p, or NULL if it never ends. A doubled quote stands for itself. */
static const char *token_quoted(const char *p, struct token *t)
{
    char quote = *p++;
    size_t n = 0;
    for (; *p; p++) {
        if (*p == quote && *++p != quote) {
            t->text[n] = '\0';
            return p;
        }
        token_put(t, &n, *p);
    }
    return NULL;
}

/* Reads the next token at *p and moves on. false at the end of the command (a semicolon ends it too). */
static bool token_next(const char **p, struct token *t, struct err *e)
{
    *t = (struct token){0};
    const char *at = skip_space(*p);
    *p = at;
    if (!*at || *at == ';')
        return false;
    size_t n = 0;
    if (*at == '"' || *at == '\'') {
        t->quoted = true;
        at = token_quoted(at, t);
        if (!at) {
            err_set(e, ERR_INVALID, "unterminated quote");
            return false;
        }
    } else if (is_special(*at)) {
        token_put(t, &n, *at++);
    } else {
        while (*at && !is_space(*at) && !is_special(*at))
            token_put(t, &n, *at++);
    }
    *p = at;
    if (t->overlong)
        err_set(e, ERR_INVALID, "a word is longer than %d bytes", CONSOLE_LITERAL_MAX - 1);
    return !t->overlong;
}

static bool token_is(const struct token *t, const char *word)
{
    return !t->quoted && strcasecmp(t->text, word) == 0;
}

/* Takes the next token if it is this word. */
static bool accept(const char **p, const char *word)
{
    struct token t;
    struct err ignored = {0};
    const char *at = *p;
    if (!token_next(&at, &t, &ignored) || !token_is(&t, word))
        return false;
    *p = at;
    return true;
}

static bool accept_words(const char **p, const char *words)
{
    char word[32];
    const char *at = *p;
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, " ");
        BUG_ON(n >= sizeof word);
        memcpy(word, w, n);
        word[n] = '\0';
        if (!accept(&at, word))
            return false;
        w += n + (w[n] == ' ');
    }
    *p = at;
    return true;
}

static int parse_name(const char **p, const char *what, char *out, struct err *e)
{
    struct token t;
    if (!token_next(p, &t, e))
        return e->code ? e->code : err_set(e, ERR_INVALID, "the name of a %s is missing", what);
    if (!t.quoted && strlen(t.text) == 1 && is_special(t.text[0]))
        return err_set(e, ERR_INVALID, "expected the name of a %s, not \"%s\"", what, t.text);
    if (!t.text[0])
        return err_set(e, ERR_INVALID, "the name of a %s is empty", what);
    if (!str_copy(out, CONSOLE_NAME_MAX, t.text))
        return err_set(e, ERR_INVALID, "the name of a %s is longer than %d bytes", what,
                       CONSOLE_NAME_MAX - 1);
    return 0;
}

/* Only white space, comments and semicolons may be left. */
static int parse_end(const char *p, struct err *e)
{
    p = skip_space(p);
    bool ended = *p == ';';
    while (*p == ';')
        p = skip_space(p + 1);
    if (!*p)
        return 0;
    if (ended)
        return err_set(e, ERR_INVALID,
                       "one command at a time, please: there is more after the semicolon");
    return err_set(e, ERR_INVALID, "syntax error at \"%.40s\"", p);
}

/* ---- Arguments ---------------------------------------------------------------------------------------------------- */

static int parse_cluster(const char **p, struct console_parsed *out, struct err *e)
{
    return accept(p, "CLUSTER") ? parse_name(p, "cluster", out->cluster, e) : 0;
}

static int parse_node_args(const char **p, struct console_parsed *out, struct err *e)
{
    int rc = parse_name(p, "node", out->node, e);
    return rc ? rc : parse_cluster(p, out, e);
}

static int parse_time(const char **p, struct console_parsed *out, struct err *e)
{
    struct token t;
    if (!token_next(p, &t, e) || !t.text[0])
        return e->code ? e->code : err_set(e, ERR_INVALID, "the time is missing");
    (void)str_copy(out->literal, sizeof out->literal, t.text);
    return 0;
}

/* Options in any order, each at most once as the loop ends at the first word that is none. */
static int parse_change_args(const char **p, struct console_parsed *out, struct err *e)
{
    for (int rc = 0;;) {
        if (!*out->node && accept(p, "TO"))
            rc = parse_name(p, "node", out->node, e);
        else if (!*out->cluster && accept(p, "CLUSTER"))
            rc = parse_name(p, "cluster", out->cluster, e);
        else if (!*out->literal && out->id == CONSOLE_SWITCHOVER && accept(p, "AT"))
            rc = parse_time(p, out, e);
        else if (!out->dry_run && accept_words(p, "DRY RUN"))
            out->dry_run = true;
        else if (!out->accept_data_loss && out->id == CONSOLE_FAILOVER &&
                 accept_words(p, "ACCEPT DATA LOSS"))
            out->accept_data_loss = true;
        else
            return 0;
        if (rc != 0)
            return rc;
    }
}

static int parse_on_off(const char **p, struct console_parsed *out, struct err *e)
{
    if (accept(p, "ON"))
        out->on = true;
    else if (!accept(p, "OFF"))
        return err_set(e, ERR_INVALID, "expected ON or OFF");
    return parse_cluster(p, out, e);
}

/* The options look like EXPLAIN's; a statement may begin with a parenthesis too, but never with (DATABASE or (USER. */
static int parse_route(const char **p, struct console_parsed *out, struct err *e)
{
    const char *at = *p;
    int rc = 0;
    if (accept(&at, "(")) {
        bool option = false;
        do {
            if (accept(&at, "DATABASE"))
                rc = parse_name(&at, "database", out->database, e);
            else if (accept(&at, "USER"))
                rc = parse_name(&at, "user", out->user, e);
            else if (option)
                rc = err_set(e, ERR_INVALID, "expected DATABASE or USER");
            else
                break;
            option = true;
        } while (rc == 0 && accept(&at, ","));
        if (rc == 0 && option && !accept(&at, ")"))
            rc = err_set(e, ERR_INVALID, "the options of EXPLAIN ROUTE lack a closing parenthesis");
        if (option)
            *p = at;
    }
    /* Comments before the statement stay: they may be hints. */
    while (is_space(**p))
        (*p)++;
    out->sql = *p;
    if (rc == 0 && !*skip_space(*p))
        rc = err_set(e, ERR_INVALID, "the statement is missing");
    *p += strlen(*p);
    return rc;
}

static int parse_literal(const char **p, struct console_parsed *out, struct err *e)
{
    struct token t;
    if (!token_next(p, &t, e))
        return e->code ? e->code : err_set(e, ERR_INVALID, "this is a console, not a database");
    int64_t number;
    if (!t.quoted && !str_to_i64(t.text, &number))
        return err_set(e, ERR_INVALID, "this is a console, not a database");
    (void)str_copy(out->literal, sizeof out->literal, t.text);
    return 0;
}

static int parse_databases(const char **p, struct console_parsed *out, struct err *e)
{
    const char *at = skip_space(*p);
    return *at && *at != ';' ? parse_name(p, "database", out->database, e) : 0;
}

static int parse_client(const char **p, struct console_parsed *out, struct err *e)
{
    struct token t;
    int64_t id;
    if (!token_next(p, &t, e))
        return e->code ? e->code : err_set(e, ERR_INVALID, "the id of a client is missing");
    if (!str_to_i64(t.text, &id) || id < 0)
        return err_set(e, ERR_INVALID, "\"%.40s\" is not the id of a client", t.text);
    out->client = (uint64_t)id;
    return 0;
}

static int parse_args(const char **p, struct console_parsed *out, struct err *e)
{
    switch (commands[out->id].args) {
    case CONSOLE_ARGS_NONE:
        return 0;
    case CONSOLE_ARGS_ANY:
        *p += strlen(*p);
        return 0;
    case CONSOLE_ARGS_NODE:
        return parse_node_args(p, out, e);
    case CONSOLE_ARGS_CLUSTER:
        return parse_cluster(p, out, e);
    case CONSOLE_ARGS_CHANGE:
        return parse_change_args(p, out, e);
    case CONSOLE_ARGS_ON_OFF:
        return parse_on_off(p, out, e);
    case CONSOLE_ARGS_ROUTE:
        return parse_route(p, out, e);
    case CONSOLE_ARGS_LITERAL:
        return parse_literal(p, out, e);
    case CONSOLE_ARGS_DATABASES:
        return parse_databases(p, out, e);
    case CONSOLE_ARGS_DATABASE:
        return parse_name(p, "database", out->database, e);
    case CONSOLE_ARGS_CLIENT:
        return parse_client(p, out, e);
    }
    BUG("argument kind without a parser");
}

/* ---- Commands ----------------------------------------------------------------------------------------------------- */

static int word_count(const char *words)
{
    int n = 1;
    for (; *words; words++)
        n += *words == ' ';
    return n;
}

/* The command with the most words that begin the text. */
static enum console_id find_command(const char **p)
{
    enum console_id best = CONSOLE_EMPTY;
    int best_words = 0;
    const char *best_end = *p;
    for (enum console_id id = CONSOLE_EMPTY + 1; id < CONSOLE_ID_NR; id++) {
        const char *at = *p;
        int n = word_count(commands[id].words);
        if (n > best_words && accept_words(&at, commands[id].words)) {
            best = id;
            best_words = n;
            best_end = at;
        }
    }
    *p = best_end;
    return best;
}

/* "SHOW POOL" -> "SHOW POOLS". Only two-word commands are compared, by the second word. */
static const char *nearest(const char *text)
{
    struct token first, second;
    struct err ignored = {0};
    const char *best = NULL;
    unsigned best_distance = 3;
    if (!token_next(&text, &first, &ignored))
        return NULL;
    bool two = token_next(&text, &second, &ignored);
    for (enum console_id id = CONSOLE_EMPTY + 1; id < CONSOLE_ID_NR; id++) {
        const struct console_command *c = &commands[id];
        char typed[2 * CONSOLE_LITERAL_MAX];
        bool whole = two && strchr(c->words, ' ');
        snprintf(typed, sizeof typed, whole ? "%s %s" : "%s", first.text, second.text);
        for (char *s = typed; *s; s++)
            if (*s >= 'a' && *s <= 'z')
                *s = (char)(*s - 'a' + 'A');
        unsigned distance = c->doc ? str_distance(typed, c->words, 2) : 3;
        if (distance < best_distance) {
            best = c->words;
            best_distance = distance;
        }
    }
    return best;
}

int console_parse(const char *text, struct console_parsed *out,
                  const struct console_command **usage, struct err *e)
{
    *out = (struct console_parsed){0};
    *usage = NULL;
    struct err local = {0};
    const char *p = skip_space(text);
    while (*p == ';')
        p = skip_space(p + 1);
    int rc = 0;
    if (*p) {
        const char *begin = p;
        out->id = find_command(&p);
        if (out->id == CONSOLE_EMPTY) {
            const char *meant = nearest(begin);
            rc = err_set(&local, ERR_INVALID, "unknown command \"%.40s\"%s%s%s", begin,
                         meant ? ", did you mean " : "", meant ? meant : "", meant ? "?" : "");
        } else {
            *usage = &commands[out->id];
            rc = parse_args(&p, out, &local);
            if (rc == 0)
                rc = parse_end(p, &local);
        }
    }
    if (e)
        *e = local;
    return rc;
}
