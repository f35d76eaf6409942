#include "coreview.h"

#include <stdio.h>
#include <string.h>

void coreview_ok(struct view *v, int i, usec_t now)
{
    struct view_node *n = &v->nodes[i];
    n->health.verdict = HEALTH_OK;
    n->health.reason = HEALTH_ANSWERS;
    n->health.suspect_at = 0;
    n->health.last_ok = now;
    n->seen = true;
    n->obs.outcome = OBSERVE_OK;
    n->obs.sent_at = n->obs.position_at = now;
    n->obs.received_at = now;
}

void coreview_down(struct view *v, int i, usec_t since)
{
    struct view_node *n = &v->nodes[i];
    n->health.verdict = HEALTH_DOWN;
    n->health.reason = HEALTH_REFUSED;
    n->health.since = since;
    n->health.suspect_at = since;
}

void coreview_primary(struct view *v, int i, uint32_t timeline, lsn_t flush)
{
    struct view_node *n = &v->nodes[i];
    n->obs.role = ROLE_PRIMARY;
    n->obs.timeline = n->timeline = timeline;
    n->obs.timeline_received = false;
    n->obs.flush_lsn = n->obs.insert_lsn = flush;
    n->obs.receive_lsn = n->obs.replay_lsn = 0;
    n->obs.receiver = n->obs.streaming = false;
    n->obs.has_primary_conninfo = false;
}

void coreview_unfollow(struct view *v, int i)
{
    struct view_node *n = &v->nodes[i];
    n->obs.receiver = n->obs.streaming = n->obs.timeline_received = false;
    n->obs.sender_host[0] = '\0';
    n->obs.sender_port = 0;
    n->obs.message_age_known = false;
}

void coreview_replica(struct view *v, int i, int of, lsn_t receive, lsn_t replay)
{
    struct view_node *n = &v->nodes[i];
    n->obs.role = ROLE_REPLICA;
    n->obs.flush_lsn = n->obs.insert_lsn = 0;
    n->obs.receive_lsn = receive;
    n->obs.replay_lsn = replay;
    coreview_unfollow(v, i);
    if (of < 0)
        return;
    n->obs.timeline = n->timeline = v->nodes[of].timeline;
    n->obs.timeline_received = n->obs.receiver = n->obs.streaming = true;
    memcpy(n->obs.sender_host, v->nodes[of].host, sizeof(n->obs.sender_host));
    n->obs.sender_port = v->nodes[of].port;
    memcpy(n->obs.primary_conninfo_host, v->nodes[of].host, sizeof(n->obs.primary_conninfo_host));
    n->obs.primary_conninfo_port = v->nodes[of].port;
    n->obs.has_primary_conninfo = true;
    n->obs.message_age_known = true;
    n->obs.message_age = 0;
}

void coreview_make(struct view *v, int n, usec_t now)
{
    view_init(v, "prod");
    for (int i = 0; i < n; i++) {
        char name[TOPO_NAME_MAX];
        (void)snprintf(name, sizeof(name), "pg%d", i + 1);
        (void)view_add_node(v, name);
        (void)snprintf(v->nodes[i].host, sizeof(v->nodes[i].host), "10.0.0.%d", i + 1);
        v->nodes[i].obs.system_identifier = COREVIEW_SYSID;
        v->nodes[i].obs.server_version_num = 150000;
        v->nodes[i].obs.commit_flushes = true;
        coreview_ok(v, i, now);
        if (i == 0)
            coreview_primary(v, i, 1, 1000);
        else
            coreview_replica(v, i, 0, 1000, 1000);
    }
}

struct decide_memory coreview_memory(void)
{
    struct decide_memory m = {
        .epoch = 5, .system_identifier = COREVIEW_SYSID, .timeline = 1, .writer_lsn = 1000};
    memcpy(m.writer, "pg1", 4);
    return m;
}
