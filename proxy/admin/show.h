/* Commands that look: each takes the call and answers it. Manager's thread. */
#ifndef TANIST_PROXY_ADMIN_SHOW_H
#define TANIST_PROXY_ADMIN_SHOW_H

struct console_call;

void show_help(struct console_call *call);
void show_clusters(struct console_call *call);
void show_nodes(struct console_call *call);
void show_lag(struct console_call *call);
void show_events(struct console_call *call);
void show_failover(struct console_call *call);
void show_pools(struct console_call *call);
void show_stats(struct console_call *call); /* STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS */
void show_clients(struct console_call *call);
void show_pins(struct console_call *call);
void show_servers(struct console_call *call);
void show_databases(struct console_call *call);
void show_lists(struct console_call *call);
void show_state(struct console_call *call);
void show_config(struct console_call *call);
void show_version(struct console_call *call);

#endif
