/* The command line: `tanist COMMAND ...`. Main thread, before and instead of the daemon.
 *
 * Data goes to stdout, talk to stderr. Commands and options are tables (cli.c); each command is a function of a parsed
 * struct cli. */
#ifndef TANIST_PROXY_CLI_H
#define TANIST_PROXY_CLI_H

#include <stdbool.h>

#include "../replication/base/conf.h"
#include "cli_print.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_USAGE = 1,     /* usage or configuration */
    CLI_NO_ANSWER = 2, /* the daemon does not answer */
    CLI_NOT_RUNNING = 3,
    CLI_REFUSED = 4,
    CLI_TIMED_OUT = 5,
};

enum { CLI_ARGS_MAX = 4, CLI_TEXT_MAX = 256 };

struct cli {
    const char *sets[CONF_SETS_MAX];
    struct conf_source src;
    const char *args[CLI_ARGS_MAX]; /* what is no option */
    int n_args;
    enum cli_format format;
    const char *to;       /* --to NODE */
    const char *at;       /* --at TIME */
    const char *cluster;  /* --cluster NAME */
    const char *database; /* --database NAME */
    const char *user;     /* --user NAME */
    int timeout_s;        /* --timeout SECONDS; 0: the command's own */
    bool dry_run, accept_data_loss, yes, live;
};

/* The whole program; returns its exit code. */
int cli_main(int argc, char **argv);

/* Commands, in cli_daemon.c and cli_admin.c. */
int cli_serve(const struct cli *cli);
int cli_check(const struct cli *cli);
int cli_config_dump(const struct cli *cli);
int cli_config_sample(const struct cli *cli);
int cli_config_man(const struct cli *cli);
int cli_status(const struct cli *cli);
int cli_topology(const struct cli *cli);
int cli_events(const struct cli *cli);
int cli_pools(const struct cli *cli);
int cli_explain(const struct cli *cli);
int cli_switchover(const struct cli *cli);
int cli_cancel(const struct cli *cli);
int cli_failover(const struct cli *cli);
int cli_drain(const struct cli *cli);
int cli_undrain(const struct cli *cli);
int cli_pause(const struct cli *cli);
int cli_resume(const struct cli *cli);
int cli_maintenance(const struct cli *cli);
int cli_reload(const struct cli *cli);
int cli_stop(const struct cli *cli);

#endif
