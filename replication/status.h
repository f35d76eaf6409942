/* Read-only rows about the control plane for the console, the CLI and HTTP. Manager thread. The caller owns the tables
 * returned (table_free). Column names and order are part of the interface; new ones go to the end. */
#ifndef TANIST_STATUS_H
#define TANIST_STATUS_H

#include "base/table.h"

struct manager;

/* cluster, node, host, port, role, state, readable, reason, timeline, lag_ms, lag_bytes, replay_lsn, weight, zone,
 * last_probe_ms, probe_ms, probes, probe_failures, server_version, epoch_since */
struct table *status_nodes(struct manager *m);
/* cluster, node, share, ejected_ms, returns_ms, drained, max_in_flight: the end of SHOW NODES */
struct table *status_spread(struct manager *m);

/* cluster, node, eligible, reason, lag_ms, lag_bytes, max_lag_ms, max_lag_bytes, resume_ms, resume_bytes, received_lsn,
 * replay_lsn, writer_lsn, streaming, paused, zone, weight, share, ejected_ms, returns_ms, drained */
struct table *status_lag(struct manager *m);

/* time, level, event, cluster, node, message: the newest last, at most 1000 kept. */
struct table *status_events(struct manager *m);

/* cluster, state, since_ms, deadline_ms, epoch, writer, candidate, reason, last_moves */
struct table *status_failover(struct manager *m);

/* cluster, epoch, version, timeline, writer, mode, authority, failover_possible, because, system_identifier, nodes, quorum,
 * failover_safe, safe_because */
struct table *status_clusters(struct manager *m);

#endif
