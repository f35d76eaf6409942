#include "topology.h"

#include <string.h>

#include "../base/bug.h"
#include "../base/str.h"

static int check_node(const struct topology *t, int i, struct err *e)
{
    const struct topo_node *n = &t->nodes[i];
    if (!n->name[0] || !memchr(n->name, 0, sizeof(n->name)))
        return err_set(e, ERR_INVALID, "node %d has no name", i);
    if (n->role >= ROLE_NR || n->unreadable >= READ_NR)
        return err_set(e, ERR_INVALID, "node %s: role or reason out of range", n->name);
    if (n->role_since > t->epoch)
        return err_set(e, ERR_INVALID, "node %s: its role is newer than the epoch", n->name);
    for (int j = 0; j < i; j++)
        if (!strcmp(n->name, t->nodes[j].name))
            return err_set(e, ERR_INVALID, "node %s is there twice", n->name);
    return 0;
}

int topology_check(const struct topology *t, struct err *e)
{
    if (t->n_nodes > TOPO_NODES_MAX)
        return err_set(e, ERR_INVALID, "%d nodes are too many", t->n_nodes);
    if (t->writer < TOPO_NO_WRITER || t->writer >= (int)t->n_nodes)
        return err_set(e, ERR_INVALID, "writer %d does not exist", t->writer);
    for (int i = 0; i < t->n_nodes; i++)
        if (check_node(t, i, e))
            return ERR_INVALID;
    if (t->writer != TOPO_NO_WRITER && t->nodes[t->writer].role != ROLE_PRIMARY)
        return err_set(e, ERR_INVALID, "writer %s is not a primary", t->nodes[t->writer].name);
    if (t->writer != TOPO_NO_WRITER && t->holding)
        return err_set(e, ERR_INVALID, "clients are held although there is a writer");
    return 0;
}

static bool same_address(const struct topo_node *a, const struct topo_node *b)
{
    return a->port == b->port && !strcmp(a->host, b->host) && !strcmp(a->addr, b->addr);
}

/* A node's right to serve: lag and slowness move often and must not churn epochs, so that these reasons are one with
 * READ_OK. */
static enum topo_unreadable right_to_serve(enum topo_unreadable u)
{
    return u == READ_LAG_TIME || u == READ_LAG_BYTES || u == READ_EJECTED ? READ_OK : u;
}

bool topology_same_rules(const struct topology *a, const struct topology *b)
{
    if (a->writer != b->writer || a->holding != b->holding || a->n_nodes != b->n_nodes ||
        a->timeline != b->timeline || a->system_identifier != b->system_identifier ||
        strcmp(a->cluster, b->cluster) != 0)
        return false;
    for (int i = 0; i < a->n_nodes; i++) {
        const struct topo_node *x = &a->nodes[i], *y = &b->nodes[i];
        if (strcmp(x->name, y->name) != 0 || strcmp(x->zone, y->zone) != 0 || !same_address(x, y) ||
            x->role != y->role || x->role_since != y->role_since || x->weight != y->weight ||
            x->drained != y->drained ||
            right_to_serve(x->unreadable) != right_to_serve(y->unreadable))
            return false;
    }
    return true;
}

static uint8_t diff_node(const struct topo_node *a, const struct topo_node *b)
{
    uint8_t c = 0;
    if (a->role != b->role || a->role_since != b->role_since)
        c |= TOPO_CHANGED_ROLE;
    if (!same_address(a, b))
        c |= TOPO_CHANGED_ADDRESS;
    if ((a->unreadable == READ_OK) != (b->unreadable == READ_OK))
        c |= TOPO_CHANGED_READABLE;
    return c;
}

int topology_diff(const struct topology *old, const struct topology *new,
                  uint8_t changes[TOPO_NODES_MAX])
{
    int n_old = old ? old->n_nodes : 0, n_new = new->n_nodes;
    int n = n_old > n_new ? n_old : n_new, changed = 0;
    BUG_ON(n > TOPO_NODES_MAX);
    for (int i = 0; i < n; i++) {
        changes[i] = 0;
        if (i >= n_new)
            changes[i] = TOPO_CHANGED_GONE;
        else if (i >= n_old)
            changes[i] = TOPO_CHANGED_ADDED;
        else if (strcmp(old->nodes[i].name, new->nodes[i].name) != 0)
            changes[i] = TOPO_CHANGED_GONE | TOPO_CHANGED_ADDED;
        else
            changes[i] = diff_node(&old->nodes[i], &new->nodes[i]);
        changed += changes[i] != 0;
    }
    return changed;
}

unsigned topo_share(const struct topo_node *n, usec_t slow_start, usec_t now)
{
    const usec_t back_for = now - n->readable_since;
    if (back_for >= slow_start)
        return 1000;
    return 100 + (back_for > 0 ? (unsigned)(900 * back_for / slow_start) : 0);
}

enum topo_term_says topology_term_of(const struct topology *t, uint64_t xid, usec_t learned)
{
    /* Older ones are forgotten. */
    if (t->n_terms == 0 || (t->n_terms == TOPO_TERMS_MAX && t->terms[0].by > learned))
        return TOPO_TERM_UNKNOWN;
    for (int i = 0; i < t->n_terms; i++) {
        const struct topo_term *m = &t->terms[i];
        if (m->by <= learned || (m->frontier && xid && xid < m->frontier))
            continue;
        return m->frontier && xid && m->exact && m->after >= learned ? TOPO_TERM_OTHER
                                                                     : TOPO_TERM_UNKNOWN;
    }
    return TOPO_TERM_SAME;
}

int topology_find(const struct topology *t, const char *name)
{
    for (int i = 0; i < t->n_nodes; i++)
        if (!strcmp(t->nodes[i].name, name))
            return i;
    return -1;
}

const char *topo_role_name(enum topo_role r)
{
    static const char *const names[ROLE_NR] = {"unknown", "primary", "replica"};
    return (unsigned)r < ROLE_NR ? names[r] : "invalid";
}

static const struct {
    const char *name, *text;
} unreadables[READ_NR] = {
    [READ_OK] = {"ok", "may serve reads"},
    [READ_DOWN] = {"down", "does not answer"},
    [READ_UNKNOWN] = {"unknown", "has not been observed yet"},
    [READ_NOT_REPLICA] = {"not-replica", "is neither a replica nor the writer"},
    [READ_FOREIGN] = {"foreign", "belongs to another cluster (system identifier differs)"},
    [READ_TIMELINE] = {"timeline", "is not on the current timeline"},
    [READ_NOT_STREAMING] = {"not-streaming",
                            "has no connection to the primary and is not caught up"},
    [READ_LAG_TIME] = {"lag-time", "is further behind than max_lag"},
    [READ_LAG_BYTES] = {"lag-bytes", "is further behind than max_lag_bytes"},
    [READ_FENCED] = {"fenced", "is an old primary, not shown to follow the current one"},
    [READ_DRAINED] = {"drained", "was drained by the operator"},
    [READ_STARTING] = {"starting", "is starting up or shutting down"},
    [READ_EJECTED] = {"ejected", "was ejected: it does not answer as promptly as the others"},
};

const char *topo_unreadable_name(enum topo_unreadable u)
{
    return (unsigned)u < READ_NR ? unreadables[u].name : "invalid";
}

const char *topo_unreadable_text(enum topo_unreadable u)
{
    return (unsigned)u < READ_NR ? unreadables[u].text : "is in an invalid state";
}

const char *lsn_text(lsn_t lsn, char buf[24])
{
    struct strbuf b;
    strbuf_init(&b, buf, 24);
    strbuf_addf(&b, "%X/%X", (unsigned)(lsn >> 32), (unsigned)(lsn & UINT32_MAX));
    return buf;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One to eight hex digits; returns the first character after them, or NULL. */
static const char *parse_half(const char *s, uint32_t *out)
{
    uint32_t v = 0;
    int n = 0;
    for (; hex_digit(*s) >= 0; s++, n++) {
        if (n == 8)
            return NULL;
        v = (v << 4) | (uint32_t)hex_digit(*s);
    }
    *out = v;
    return n ? s : NULL;
}

bool lsn_parse(const char *text, lsn_t *out)
{
    uint32_t hi, lo;
    const char *s = parse_half(text, &hi);
    if (!s || *s != '/')
        return false;
    s = parse_half(s + 1, &lo);
    if (!s || *s)
        return false;
    *out = ((lsn_t)hi << 32) | lo;
    return true;
}

lsn_t lsn_of_insert(lsn_t insert)
{
    enum { PAGE = 8192, SHORT_HEADER = 24, LONG_HEADER = 40, SEGMENT = 16 << 20 };
    if (insert % SEGMENT == LONG_HEADER)
        return insert - LONG_HEADER;
    return insert % PAGE == SHORT_HEADER ? insert - SHORT_HEADER : insert;
}
