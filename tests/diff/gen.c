#include "gen.h"

#include <stdio.h>
#include <string.h>

#include "grammar.h"

static const char *const names[GEN_NAMES] = {"", "st1", "st2", "St 3"};
static const char *const portals[] = {"", "", "po1", "Po 2"};

static struct expansion expansion(struct gen *g, int client, struct buf *out)
{
    return (struct expansion){.prng = &g->prng,
                              .features = g->features,
                              .client = client,
                              .n_clients = g->n_clients,
                              .out = out};
}

static const char *state_rule(const struct gen *g, int client)
{
    switch (g->clients[client].tx) {
    case 'T':
        return "intx";
    case 'E':
        return "failed";
    default:
        return "idle";
    }
}

/* What PostgreSQL refuses within a pipeline, which a batch with a Flush may not be any more (doc/next.md). */
static bool not_piped(const struct buf *sql)
{
    static const char *const words[] = {"DISCARD",      "VACUUM",    "REINDEX", "DATABASE",
                                        "ALTER SYSTEM", "ISOLATION", "READ ",   "DEFERRABLE"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (memmem(sql->p, sql->n, words[i], strlen(words[i])))
            return true;
    return false;
}

/* A session that began with start-up parameters finds them back at the end of the text that resets them, or of its batch
 * (doc/next.md): nothing of that text, or batch, may look before. */
static bool resets(const struct gen *g, int client, const struct buf *sql, size_t from)
{
    static const char *const words[] = {"RESET", "DEFAULT", "DISCARD",
                                        "LOCAL", "NULL",    "set_config($"};
    const char *text = (const char *)sql->p + from;
    for (size_t i = 0; g->clients[client].options && i < ARRAY_LEN(words); i++)
        if (memmem(text, sql->n - from, words[i], strlen(words[i])))
            return true;
    return false;
}

static void add_query(struct step *s, const struct buf *sql)
{
    const size_t at = buf_begin(&s->bytes, 'Q');
    buf_add(&s->bytes, sql->p, sql->n);
    buf_u8(&s->bytes, 0);
    buf_end(&s->bytes, at);
    s->n_ready++;
}

/* -- simple queries ------------------------------------------------------------------------------------------------ */

static void simple(struct gen *g, int client, struct step *s)
{
    struct buf sql = {0};
    struct expansion x = expansion(g, client, &sql);
    unsigned n = 1;
    if ((g->features & F(MULTI)) && prng_once(&g->prng, 5))
        n = 2 + prng_below(&g->prng, 4);
    const char *rule = state_rule(g, client);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0) {
            buf_adds(&sql, "; ");
            if (prng_once(&g->prng, 3)) /* the text may open or end a transaction by itself */
                rule = prng_once(&g->prng, 2) ? "intx" : "idle";
        }
        const size_t from = sql.n;
        grammar_expand(&x, rule);
        if (n > 1 && resets(g, client, &sql, from)) {
            sql.n = from;
            buf_adds(&sql, "SELECT 1");
        }
    }
    add_query(s, &sql);
    s->n_statements = n;
    s->pins = x.pins;
    s->unpins = n == 1 && g->clients[client].tx == 'I' ? x.unpins : 0;
    buf_free(&sql);
}

/* -- COPY ---------------------------------------------------------------------------------------------------------- */

static void copy_data(struct gen *g, struct step *s, bool sync)
{
    const unsigned n = prng_below(&g->prng, 5);
    for (unsigned i = 0; i < n; i++) {
        const size_t at = buf_begin(&s->copy, 'd');
        if (prng_once(&g->prng, 12))
            buf_adds(&s->copy, "not a number\tx\n");
        else
            buf_addf(&s->copy, "%u\tcopied\n", 100 + prng_below(&g->prng, 400));
        buf_end(&s->copy, at);
    }
    const bool fail = prng_once(&g->prng, 8);
    const size_t at = buf_begin(&s->copy, fail ? 'f' : 'c');
    if (fail)
        buf_cstr(&s->copy, "no more");
    buf_end(&s->copy, at);
    if (sync)
        buf_end(&s->copy, buf_begin(&s->copy, 'S'));
}

static void copy(struct gen *g, int client, struct step *s)
{
    struct buf sql = {0};
    struct expansion x = expansion(g, client, &sql);
    const bool in = prng_once(&g->prng, 2);
    grammar_expand(&x, in ? "copyin" : "copyout");
    if ((g->features & F(MULTI)) && prng_once(&g->prng, 4)) {
        buf_adds(&sql, "; ");
        grammar_expand(&x, "query");
    }
    if (in)
        copy_data(g, s, false);
    add_query(s, &sql);
    s->n_statements = 1;
    s->pins = x.pins;
    buf_free(&sql);
}

/* -- the extended protocol ----------------------------------------------------------------------------------------- */

/* A batch in the making; messages counts what the server answers at least. */
struct batch {
    struct gen *g;
    int client;
    struct step *s;
    struct expansion x;
    struct buf sql;
    uint32_t messages;
    bool bound; /* the unnamed portal, since the last Sync */
    bool more;  /* of several statements */
    bool flushes;
};

static void parse(struct batch *b, int name, const char *rule)
{
    struct buf *out = &b->s->bytes;
    char *kinds = b->g->clients[b->client].kinds[name];
    b->sql.n = 0;
    grammar_expand(&b->x, rule);
    if ((b->more && resets(b->g, b->client, &b->sql, 0)) || (b->flushes && not_piped(&b->sql))) {
        b->sql.n = 0;
        buf_adds(&b->sql, "SELECT 1");
    }
    buf_u8(&b->sql, 0);
    char *text = (char *)b->sql.p, *bar = strchr(text, '|');
    size_t n_kinds = 0;
    kinds[0] = '\0';
    if (bar && bar - text < GEN_KINDS) {
        n_kinds = (size_t)(bar - text);
        memcpy(kinds, text, n_kinds);
        kinds[n_kinds] = '\0';
        text = bar + 1;
    }
    const size_t at = buf_begin(out, 'P');
    buf_cstr(out, names[name]);
    buf_cstr(out, text);
    const bool typed = prng_once(&b->g->prng, 3);
    buf_u16(out, typed ? (unsigned)n_kinds : 0);
    for (size_t i = 0; typed && i < n_kinds; i++)
        buf_u32(out, kinds[i] == 'i' ? 23 : kinds[i] == 'b' ? 16 : 25);
    buf_end(out, at);
    b->messages++;
}

static void value(struct batch *b, char kind, bool binary)
{
    static const char *const texts[] = {"x",      "search_path",      "work_mem", "s0",
                                        "1MB",    "application_name", "",         "it's",
                                        "my.var", "TimeZone",         "UTC"};
    struct buf *out = &b->s->bytes;
    struct prng *r = &b->g->prng;
    if (prng_once(r, 15) && !b->g->clients[b->client].options) {
        buf_u32(out, UINT32_MAX);
    } else if (kind == 'i' && binary) {
        buf_u32(out, 4);
        buf_u32(out, prng_below(r, 70));
    } else if (kind == 'b' && binary) {
        buf_u32(out, 1);
        buf_u8(out, prng_below(r, 2));
    } else {
        char text[16];
        const char *v =
            kind == 'b' ? (prng_once(r, 2) ? "t" : "f") : texts[prng_below(r, ARRAY_LEN(texts))];
        if (kind == 'i') {
            snprintf(text, sizeof(text), "%u", prng_below(r, 70));
            v = text;
        }
        buf_u32(out, (uint32_t)strlen(v));
        buf_adds(out, v);
    }
}

static void bind(struct batch *b, int name, const char *portal)
{
    struct buf *out = &b->s->bytes;
    struct prng *r = &b->g->prng;
    const char *kinds = b->g->clients[b->client].kinds[name];
    size_t n = strlen(kinds);
    b->bound = b->bound || !portal[0];
    if (prng_once(r, 40))
        n = n ? n - 1 : 1;
    const size_t at = buf_begin(out, 'B');
    buf_cstr(out, portal);
    buf_cstr(out, names[name]);
    const unsigned how = prng_below(r, 3);
    const bool binary = how == 1;
    if (how == 2) {
        buf_u16(out, (unsigned)n);
        for (size_t i = 0; i < n; i++)
            buf_u16(out, 0);
    } else {
        buf_u16(out, binary);
        if (binary)
            buf_u16(out, 1);
    }
    buf_u16(out, (unsigned)n);
    for (size_t i = 0; i < n; i++)
        value(b, kinds[i] ? kinds[i] : 'i', binary);
    const bool binary_results = prng_once(r, 4);
    buf_u16(out, binary_results);
    if (binary_results)
        buf_u16(out, 1);
    buf_end(out, at);
    b->messages++;
}

static void target(struct batch *b, uint8_t type, uint8_t kind, const char *name)
{
    struct buf *out = &b->s->bytes;
    const size_t at = buf_begin(out, type);
    buf_u8(out, kind);
    buf_cstr(out, name);
    buf_end(out, at);
    b->messages += type == 'D' && kind == 'S' ? 2 : 1;
}

static void execute(struct batch *b, const char *portal, uint32_t rows)
{
    struct buf *out = &b->s->bytes;
    const size_t at = buf_begin(out, 'E');
    buf_cstr(out, portal);
    buf_u32(out, rows);
    buf_end(out, at);
    b->messages++;
    b->s->n_statements++;
}

static void sync_(struct batch *b)
{
    buf_end(&b->s->bytes, buf_begin(&b->s->bytes, 'S'));
    b->s->n_ready++;
    b->messages = 0;
    b->bound = false;
}

static void flush(struct batch *b)
{
    b->bound = false;
    buf_end(&b->s->bytes, buf_begin(&b->s->bytes, 'H'));
    if (b->s->n_waits < STEP_WAITS)
        b->s->waits[b->s->n_waits++] =
            (struct step_wait){(uint32_t)b->s->bytes.n, b->s->n_ready, b->messages};
}

/* What was bound before a Flush stays behind on a replica when the rest of the batch goes to the primary (doc/next.md). */
static const char *some_portal(struct batch *b)
{
    return b->flushes ? "" : portals[prng_below(&b->g->prng, ARRAY_LEN(portals))];
}

static int some_name(struct batch *b)
{
    return prng_once(&b->g->prng, 2) ? 0 : (int)prng_below(&b->g->prng, GEN_NAMES);
}

/* What drivers do: Parse, Bind, Describe, Execute. */
static void usual(struct batch *b, const char *rule)
{
    struct prng *r = &b->g->prng;
    const int name = some_name(b);
    const char *portal = prng_once(r, 4) ? some_portal(b) : "";
    const bool taken = name > 0 && b->g->clients[b->client].kinds[name][0] && prng_once(r, 2);
    if (!taken) {
        if (name > 0 && prng_once(r, 2))
            target(b, 'C', 'S', names[name]);
        parse(b, name, rule);
        if (prng_once(r, 4))
            target(b, 'D', 'S', names[name]);
    }
    bind(b, name, portal);
    if (!prng_once(r, 3))
        target(b, 'D', 'P', portal);
    execute(b, portal, prng_once(r, 6) ? 1 + prng_below(r, 3) : 0);
    if (prng_once(r, 10))
        execute(b, portal, prng_below(r, 3));
    if (prng_once(r, 12))
        target(b, 'C', 'P', portal);
}

static void odd(struct batch *b)
{
    struct prng *r = &b->g->prng;
    const int name = some_name(b);
    const char *portal = some_portal(b);
    /* PostgreSQL 15.20 crashes when the unnamed portal of a Query that failed is executed: never without a Bind. */
    if (!portal[0] && !b->bound)
        portal = b->flushes ? "none" : "po1";
    switch (prng_below(r, 8)) {
    case 0:
        parse(b, name, "xstmt");
        break;
    case 1:
        bind(b, name, portal);
        break;
    case 2:
        target(b, 'D', 'S', names[name]);
        break;
    case 3:
        target(b, 'D', 'P', portal);
        break;
    case 4:
        target(b, 'C', prng_once(r, 2) ? 'S' : 'P', prng_once(r, 2) ? names[name] : portal);
        break;
    case 5:
        execute(b, portal, prng_below(r, 3));
        break;
    default:
        parse(b, name, "xstmt");
        bind(b, name, portal);
        execute(b, portal, 0);
    }
}

static void extended(struct gen *g, int client, struct step *s)
{
    struct batch b = {.g = g, .client = client, .s = s};
    struct prng *r = &g->prng;
    unsigned n = 1, syncs = 1;
    b.x = expansion(g, client, &b.sql);
    if ((g->features & F(PIPELINE)) && prng_once(r, 3)) {
        n = 1 + prng_below(r, 5);
        syncs = 1 + prng_below(r, 3);
    }
    b.more = n > 1 || syncs > 1;
    b.flushes = b.more && prng_once(r, 2);
    for (unsigned k = 0; k < syncs; k++) {
        for (unsigned i = 0; i < n; i++) {
            if (prng_once(r, 5))
                odd(&b);
            else if ((g->features & F(TX)) && g->clients[client].tx != 'I' && prng_once(r, 4))
                usual(&b, "xtx");
            else
                usual(&b, "xstmt");
            if (b.flushes && prng_once(r, 6))
                flush(&b);
        }
        sync_(&b);
        if ((g->features & F(PIPELINE)) && prng_once(r, 20)) {
            b.sql.n = 0;
            grammar_expand(&b.x, "any");
            add_query(s, &b.sql);
        }
    }
    s->pins = b.x.pins;
    buf_free(&b.sql);
}

/* Parse, Bind, Execute and Sync of a COPY; its data are sent when the server asks, with a Sync of their own. */
static void extended_copy(struct gen *g, int client, struct step *s)
{
    struct batch b = {.g = g, .client = client, .s = s};
    b.x = expansion(g, client, &b.sql);
    const bool in = prng_once(&g->prng, 2);
    parse(&b, 0, in ? "copyin" : "copyout");
    bind(&b, 0, "");
    if (prng_once(&g->prng, 2))
        target(&b, 'D', 'P', "");
    execute(&b, "", 0);
    sync_(&b);
    if (in)
        copy_data(g, s, true);
    s->pins = b.x.pins;
    buf_free(&b.sql);
}

/* int4pl and others by the function call message. */
static void function_call(struct gen *g, struct step *s)
{
    static const uint32_t oids[] = {177, 154, 1, 3027};
    struct buf *out = &s->bytes;
    struct prng *r = &g->prng;
    const size_t at = buf_begin(out, 'F');
    buf_u32(out, oids[prng_below(r, ARRAY_LEN(oids))]);
    buf_u16(out, 0);
    buf_u16(out, 2);
    for (int i = 0; i < 2; i++) {
        buf_u32(out, 1);
        buf_u8(out, '0' + prng_below(r, 10));
    }
    buf_u16(out, prng_below(r, 2));
    buf_end(out, at);
    s->n_ready = 1;
    s->n_statements = 1;
}

/* -- all ------------------------------------------------------------------------------------------------------------ */

void gen_login(struct gen *g, int client, bool abrupt, struct step *out)
{
    struct buf text = {0};
    struct expansion x = expansion(g, client, &text);
    *out = (struct step){.kind = STEP_LOGIN, .client = client, .abrupt = abrupt};
    grammar_expand(&x, "login");
    g->clients[client].options = text.n > 0;
    bool name = true; /* the first '=' of a line ends the name */
    for (size_t i = 0; i < text.n; i++) {
        const uint8_t c = text.p[i];
        const bool ends = c == '\n' || (c == '=' && name);
        buf_u8(&out->bytes, ends ? 0 : c);
        if (ends)
            name = c == '\n';
    }
    buf_free(&text);
}

void gen_check(struct gen *g, int client, struct step *out)
{
    struct buf sql = {0};
    struct expansion x = expansion(g, client, &sql);
    *out = (struct step){.kind = STEP_BATCH, .client = client};
    grammar_expand(&x, "state");
    add_query(out, &sql);
    out->n_statements = 1;
    buf_free(&sql);
}

static void let_go(struct step *s)
{
    struct buf sql = {0};
    buf_adds(&sql, "DISCARD ALL");
    add_query(s, &sql);
    s->n_statements = 1;
    s->unpins = ~0U;
    buf_free(&sql);
}

static void kinds_after(struct gen_client *c)
{
    for (int i = 0; i < GEN_NAMES; i++)
        c->kinds[i][0] = '\0';
}

void gen_step(struct gen *g, int client, struct step *out)
{
    struct prng *r = &g->prng;
    struct gen_client *c = &g->clients[client];
    if ((g->features & F(LOGIN)) && prng_once(r, 120)) {
        gen_login(g, client, (g->features & F(ABRUPT)) && prng_once(r, 2), out);
        kinds_after(c);
        return;
    }
    *out = (struct step){.kind = STEP_BATCH, .client = client};
    if (c->pinned && c->tx == 'I' && prng_once(r, 10)) {
        let_go(out);
        kinds_after(c);
    } else if ((g->features & F(FUNCTION)) && prng_once(r, 150)) {
        function_call(g, out);
    } else if ((g->features & F(COPY)) && prng_once(r, 25)) {
        if ((g->features & F(EXTENDED)) && prng_once(r, 3))
            extended_copy(g, client, out);
        else
            copy(g, client, out);
    } else if ((g->features & F(EXTENDED)) && prng_below(r, 100) < 40) {
        extended(g, client, out);
    } else {
        simple(g, client, out);
    }
    /* Somebody may have asked for currval(): then every session that writes keeps its server (doc/next.md). */
    if ((g->features & F(SEQ)) && out->unpins != ~0U)
        out->pins |= PIN_BIT_SEQ;
}
