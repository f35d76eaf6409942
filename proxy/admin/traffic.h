/* Commands that look at the data plane: rows gathered from the workers, summed, in pgbouncer's columns and order with
 * ours behind. Each takes the call and answers it later. Manager's thread. */
#ifndef TANIST_PROXY_ADMIN_TRAFFIC_H
#define TANIST_PROXY_ADMIN_TRAFFIC_H

struct console_call;

void traffic_pools(struct console_call *call);
void traffic_stats(struct console_call *call); /* STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS */
void traffic_clients(struct console_call *call);
void traffic_pins(struct console_call *call);
void traffic_servers(struct console_call *call);
void traffic_databases(struct console_call *call);
void traffic_lists(struct console_call *call);
void traffic_routes(struct console_call *call);
void traffic_nodes(
    struct console_call *call); /* the manager's rows with the workers' counters behind */

#endif
