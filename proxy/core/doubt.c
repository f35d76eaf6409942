#include "doubt.h"

enum doubt_verdict doubt_judge(const struct doubt_case *d, const struct topology *t)
{
    if (!t || t->writer < 0)
        return DOUBT_WAIT;
    if (d->status == DOUBT_NOT_ASKED || d->status == DOUBT_IN_PROGRESS)
        return DOUBT_ASK;
    if (t->writer != d->node || t->nodes[d->node].role_since != d->asked_of)
        return DOUBT_ASK; /* somebody else is the writer by now */
    if (t->nodes[d->node].replay_at <= d->answered_at)
        return DOUBT_WAIT;
    if (d->status == DOUBT_FORGOTTEN)
        return DOUBT_IS_UNKNOWN;
    if (d->status == DOUBT_ABORTED)
        return DOUBT_IS_LOST;
    switch (topology_term_of(t, d->xid, d->learned)) {
    case TOPO_TERM_SAME:
        return DOUBT_IS_COMMITTED;
    case TOPO_TERM_OTHER:
        return DOUBT_IS_LOST;
    case TOPO_TERM_UNKNOWN:
    default:
        return DOUBT_IS_UNKNOWN;
    }
}

/* A logical message needs no table. Sessions that do not wait for replicas do here: what was lost may have. */
bool doubt_sql(uint64_t xid, struct strbuf *b)
{
    strbuf_adds(b, "BEGIN READ WRITE; SELECT ");
    if (xid)
        strbuf_addf(b, "pg_catalog.pg_xact_status('%llu')", (unsigned long long)xid);
    else
        strbuf_adds(b, "'committed'");
    strbuf_adds(b,
                ", CASE WHEN pg_catalog.current_setting('synchronous_standby_names') <> '' THEN "
                "pg_catalog.pg_logical_emit_message(true, 'tanist', '') END, "
                "CASE WHEN pg_catalog.current_setting('synchronous_commit') <> 'remote_apply' THEN "
                "pg_catalog.set_config('synchronous_commit', 'on', true) END; COMMIT");
    return !b->truncated;
}

enum doubt_status doubt_status_of(struct slice text)
{
    if (slice_eq(text, "committed"))
        return DOUBT_COMMITTED;
    if (slice_eq(text, "aborted"))
        return DOUBT_ABORTED;
    return slice_eq(text, "in progress") ? DOUBT_IN_PROGRESS : DOUBT_FORGOTTEN;
}
