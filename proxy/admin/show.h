/* Commands that look at the control plane and the daemon: each takes the call and answers it. Manager's thread. */
#ifndef TANIST_PROXY_ADMIN_SHOW_H
#define TANIST_PROXY_ADMIN_SHOW_H

struct console_call;

void show_help(struct console_call *call);
void show_clusters(struct console_call *call);
void show_lag(struct console_call *call);
void show_events(struct console_call *call);
void show_failover(struct console_call *call);
void show_state(struct console_call *call);
void show_config(struct console_call *call);
void show_version(struct console_call *call);

#endif
