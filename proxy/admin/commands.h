/* Commands that change something, and EXPLAIN ROUTE: each takes the call and answers it, perhaps later. Manager's thread. */
#ifndef TANIST_PROXY_ADMIN_COMMANDS_H
#define TANIST_PROXY_ADMIN_COMMANDS_H

struct console_call;

void commands_reload(struct console_call *call);
void commands_shutdown(struct console_call *call);
void commands_manager(
    struct console_call *call); /* SWITCHOVER, FAILOVER, DRAIN, UNDRAIN, MAINTENANCE */
void commands_control(struct console_call *call); /* PAUSE and the like */
void commands_explain(struct console_call *call);

#endif
