#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../replication/base/bug.h"
#include "../replication/base/str.h"
#include "version.h"

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

enum option_id {
    OPT_CONFIG = 1 << 0,
    OPT_SET = 1 << 1,
    OPT_FORMAT = 1 << 2,
    OPT_TO = 1 << 3,
    OPT_CLUSTER = 1 << 4,
    OPT_DATABASE = 1 << 5,
    OPT_USER = 1 << 6,
    OPT_TIMEOUT = 1 << 7,
    OPT_DRY_RUN = 1 << 8,
    OPT_ACCEPT = 1 << 9,
    OPT_YES = 1 << 10,
    OPT_LIVE = 1 << 11,
    OPT_AT = 1 << 12,
    OPT_DAEMON = OPT_CONFIG | OPT_SET | OPT_TIMEOUT, /* of every command that talks to the daemon */
    OPT_LOOK = OPT_DAEMON | OPT_FORMAT,
};

struct option {
    const char *name;
    char letter;     /* 0: none */
    const char *arg; /* NULL: a switch */
    enum option_id id;
    const char *doc;
};

static const struct option options[] = {
    {"config", 'c', "FILE", OPT_CONFIG,
     "configuration file; default $TANIST_CONF, else /etc/tanist/tanist.conf"},
    {"set", 's', "SECTION.NAME=VALUE", OPT_SET,
     "one setting, stronger than the file; may be repeated"},
    {"format", 'f', "table|json|tsv", OPT_FORMAT, "how to print"},
    {"to", 't', "NODE", OPT_TO, "the node to promote; default: the best candidate"},
    {"at", 0, "TIME", OPT_AT, "begin then: YYYY-MM-DD HH:MM[:SS] (UTC, or with a zone), or +10min"},
    {"cluster", 0, "NAME", OPT_CLUSTER, "which cluster, if there are several"},
    {"database", 'd', "NAME", OPT_DATABASE, "database that the statement is for; default postgres"},
    {"user", 'U', "NAME", OPT_USER, "user that the statement is from"},
    {"timeout", 0, "SECONDS", OPT_TIMEOUT, "how long to wait for the answer"},
    {"dry-run", 'n', NULL, OPT_DRY_RUN, "only say what would be done"},
    {"accept-data-loss", 0, NULL, OPT_ACCEPT, "promote although commits may be lost"},
    {"yes", 'y', NULL, OPT_YES, "do not ask"},
    {"live", 0, NULL, OPT_LIVE, "also connect to every node"},
};

struct command {
    const char *words; /* one or two */
    const char *args;  /* for the usage */
    int min_args, max_args;
    unsigned options; /* enum option_id */
    int (*run)(const struct cli *cli);
    const char *doc;
};

static int cli_help(const struct cli *cli);
static int cli_version(const struct cli *cli);

static const struct command commands[] = {
    {"serve", "[CONNINFO]", 0, 1, OPT_CONFIG | OPT_SET, cli_serve,
     "run the daemon in the foreground. With CONNINFO (many hosts) and no file it needs no "
     "configuration: it listens on "
     "127.0.0.1:6432, finds out which node is the primary, and promotes nothing by itself"},
    {"check", "", 0, 0, OPT_CONFIG | OPT_SET | OPT_LIVE | OPT_TIMEOUT, cli_check,
     "check the configuration: every error as file:line:column, exit code 1"},
    {"status", "", 0, 0, OPT_LOOK, cli_status, "clusters and nodes: roles, states, lag, reasons"},
    {"topology", "", 0, 0, OPT_LOOK, cli_topology,
     "who follows whom, with addresses and positions"},
    {"events", "", 0, 0, OPT_LOOK, cli_events, "the latest events, newest last"},
    {"pools", "", 0, 0, OPT_LOOK, cli_pools, "clients and servers of each database and user"},
    {"explain", "SQL", 1, 1, OPT_LOOK | OPT_DATABASE | OPT_USER, cli_explain,
     "where a statement would go, and why"},
    {"switchover", "", 0, 0, OPT_DAEMON | OPT_TO | OPT_AT | OPT_CLUSTER | OPT_DRY_RUN | OPT_YES,
     cli_switchover, "make another node the primary, planned, without losing anything"},
    {"cancel", "", 0, 0, OPT_DAEMON | OPT_CLUSTER, cli_cancel,
     "give up a planned switchover, or one that has not promoted yet"},
    {"failover", "", 0, 0, OPT_DAEMON | OPT_TO | OPT_CLUSTER | OPT_DRY_RUN | OPT_ACCEPT | OPT_YES,
     cli_failover, "promote a replica although the primary is gone"},
    {"drain", "NODE", 1, 1, OPT_DAEMON | OPT_CLUSTER, cli_drain, "send no new work to a node"},
    {"undrain", "NODE", 1, 1, OPT_DAEMON | OPT_CLUSTER, cli_undrain, "undo drain"},
    {"pause", "[DATABASE]", 0, 1, OPT_DAEMON, cli_pause,
     "let transactions end, close all server connections, let new requests wait"},
    {"resume", "[DATABASE]", 0, 1, OPT_DAEMON, cli_resume, "undo pause"},
    {"maintenance", "on|off", 1, 1, OPT_DAEMON | OPT_CLUSTER, cli_maintenance,
     "while on, nothing is promoted by itself"},
    {"reload", "", 0, 0, OPT_DAEMON, cli_reload, "let the daemon read its configuration again"},
    {"stop", "", 0, 0, OPT_DAEMON | OPT_YES, cli_stop, "stop the daemon and wait until it is gone"},
    {"config dump", "", 0, 0, OPT_CONFIG | OPT_SET, cli_config_dump,
     "the configuration in force, from all sources"},
    {"config sample", "", 0, 0, 0, cli_config_sample, "a commented sample file"},
    {"config man", "", 0, 0, 0, cli_config_man,
     "the settings as a part of the manual page (scdoc)"},
    {"version", "", 0, 0, 0, cli_version, "version of this program"},
    {"help", "[COMMAND]", 0, 2, 0, cli_help, "this list, or one command's options"},
};

/* ---- Help --------------------------------------------------------------------------------------------------------- */

static void print_option(const struct option *o, FILE *out)
{
    char text[64];
    snprintf(text, sizeof text, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
             o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
    fprintf(out, "  %-32s %s\n", text, o->doc);
}

static void print_command(const struct command *c, FILE *out)
{
    fprintf(out, "Usage: tanist %s%s%s%s\n\n%s.\n", c->words, c->options ? " [OPTION]..." : "",
            *c->args ? " " : "", c->args, c->doc);
    if (c->options)
        fputs("\nOptions:\n", out);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (c->options & (unsigned)options[i].id)
            print_option(&options[i], out);
}

static void print_overview(FILE *out)
{
    fputs("tanist: one port in front of a PostgreSQL primary and its replicas\n\nUsage: tanist "
          "COMMAND [OPTION]...\n\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char text[40];
        snprintf(text, sizeof text, "%s %s", commands[i].words, commands[i].args);
        /* The first sentence is enough here. */
        fprintf(out, "  %-20s %.*s\n", text, (int)strcspn(commands[i].doc, ".:"), commands[i].doc);
    }
    fputs("\nExit codes: 0 done, 1 usage or configuration, 2 no answer from the daemon, 3 daemon "
          "not running, 4 refused,\n"
          "5 timed out. `tanist help COMMAND` shows a command's options.\n",
          out);
}

static const struct command *find_command(const char *first, const char *second, int *n_words)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const char *space = strchr(commands[i].words, ' ');
        if (!space && strcmp(commands[i].words, first) == 0) {
            *n_words = 1;
            return &commands[i];
        }
        size_t n = space ? (size_t)(space - commands[i].words) : 0;
        if (space && second && strlen(first) == n && strncmp(commands[i].words, first, n) == 0 &&
            strcmp(space + 1, second) == 0) {
            *n_words = 2;
            return &commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *first)
{
    const char *best = NULL;
    unsigned best_distance = 3;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        unsigned distance = str_distance(first, commands[i].words, 2);
        if (distance < best_distance) {
            best = commands[i].words;
            best_distance = distance;
        }
    }
    if (strcmp(first, "config") == 0)
        fputs("tanist: which? `tanist config dump`, `config sample` or `config man`\n", stderr);
    else if (best)
        fprintf(stderr, "tanist: unknown command \"%s\", did you mean \"%s\"?\n", first, best);
    else
        fprintf(stderr, "tanist: unknown command \"%s\"; `tanist help` lists them\n", first);
    return CLI_USAGE;
}

static int cli_help(const struct cli *cli)
{
    if (cli->n_args == 0) {
        print_overview(stdout);
        return CLI_OK;
    }
    int n_words;
    const struct command *c =
        find_command(cli->args[0], cli->n_args > 1 ? cli->args[1] : NULL, &n_words);
    if (!c)
        return unknown_command(cli->args[0]);
    print_command(c, stdout);
    return CLI_OK;
}

static int cli_version(const struct cli *cli)
{
    (void)cli;
    puts("tanist " TANIST_VERSION);
    return CLI_OK;
}

/* ---- Parsing ------------------------------------------------------------------------------------------------------ */

static const struct option *find_option(const char *arg, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        bool by_letter = n == 2 && arg[0] == '-' && arg[1] == options[i].letter;
        bool by_name = n > 2 && arg[0] == '-' && arg[1] == '-' &&
                       strlen(options[i].name) == n - 2 &&
                       strncmp(options[i].name, arg + 2, n - 2) == 0;
        if (by_letter || by_name)
            return &options[i];
    }
    return NULL;
}

static bool set_format(struct cli *cli, const char *value)
{
    static const char *const names[] = {"table", "json", "tsv"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], value) == 0) {
            cli->format = (enum cli_format)(i + 1);
            return true;
        }
    fprintf(stderr, "tanist: --format is table, json or tsv, not \"%s\"\n", value);
    return false;
}

static bool set_timeout(struct cli *cli, const char *value)
{
    int64_t v;
    if (!str_to_i64(value, &v) || v < 1 || v > 86400) {
        fprintf(stderr, "tanist: --timeout is a number of seconds from 1 to 86400, not \"%s\"\n",
                value);
        return false;
    }
    cli->timeout_s = (int)v;
    return true;
}

static bool add_set(struct cli *cli, const char *value)
{
    /* One place is kept free for config_load. */
    if (cli->src.n_sets >= CONF_SETS_MAX - 1) {
        fprintf(stderr, "tanist: more than %d times --set\n", CONF_SETS_MAX - 1);
        return false;
    }
    cli->sets[cli->src.n_sets++] = value;
    return true;
}

static bool apply_option(struct cli *cli, enum option_id id, const char *value)
{
    switch ((unsigned)id) {
    case OPT_CONFIG:
        cli->src.file = value;
        return true;
    case OPT_SET:
        return add_set(cli, value);
    case OPT_FORMAT:
        return set_format(cli, value);
    case OPT_TO:
        cli->to = value;
        return true;
    case OPT_AT:
        cli->at = value;
        return true;
    case OPT_CLUSTER:
        cli->cluster = value;
        return true;
    case OPT_DATABASE:
        cli->database = value;
        return true;
    case OPT_USER:
        cli->user = value;
        return true;
    case OPT_TIMEOUT:
        return set_timeout(cli, value);
    case OPT_DRY_RUN:
        return cli->dry_run = true;
    case OPT_ACCEPT:
        return cli->accept_data_loss = true;
    case OPT_YES:
        return cli->yes = true;
    case OPT_LIVE:
        return cli->live = true;
    default:
        BUG("an option that nobody applies");
    }
}

/* The option at argv[*i]; moves *i over its value. */
static bool parse_option(struct cli *cli, const struct command *c, char **argv, int *i)
{
    const char *arg = argv[*i];
    const char *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    const struct option *o = find_option(arg, equals ? (size_t)(equals - arg) : strlen(arg));
    if (!o || !(c->options & (unsigned)o->id)) {
        fprintf(stderr, "tanist: %s has no option \"%s\"; `tanist help %s` lists them\n", c->words,
                arg, c->words);
        return false;
    }
    if (!o->arg && equals) {
        fprintf(stderr, "tanist: --%s takes no value\n", o->name);
        return false;
    }
    const char *value = o->arg ? equals ? equals + 1 : argv[*i + 1] : NULL;
    if (o->arg && !value) {
        fprintf(stderr, "tanist: --%s needs %s\n", o->name, o->arg);
        return false;
    }
    *i += o->arg && !equals;
    return apply_option(cli, o->id, value);
}

static bool parse_arguments(struct cli *cli, const struct command *c, char **argv)
{
    bool only_args = false;
    for (int i = 0; argv[i]; i++) {
        if (!only_args && strcmp(argv[i], "--") == 0) {
            only_args = true;
        } else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
            if (!parse_option(cli, c, argv, &i))
                return false;
        } else if (cli->n_args == c->max_args) {
            fprintf(stderr, "tanist: %s does not take \"%s\"\n", c->words, argv[i]);
            return false;
        } else {
            cli->args[cli->n_args++] = argv[i];
        }
    }
    if (cli->n_args < c->min_args) {
        fprintf(stderr, "tanist: %s needs %s\n", c->words, c->args);
        return false;
    }
    return true;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static bool asks_for_help(char **argv)
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++)
        if (is_help(*argv))
            return true;
    return false;
}

/* Where the configuration is if nobody says: not with a connection string, which is a configuration by itself. */
static void default_file(struct cli *cli, const struct command *c)
{
    static const char system_file[] = "/etc/tanist/tanist.conf";
    if (cli->src.file || !(c->options & OPT_CONFIG) || (c->run == cli_serve && cli->n_args))
        return;
    const char *env = getenv("TANIST_CONF");
    if (env && *env)
        cli->src.file = env;
    else if (access(system_file, R_OK) == 0)
        cli->src.file = system_file;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.format = CLI_TABLE, .src = {.environment = true}};
    cli.src.sets = cli.sets;
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (is_help(argv[1]))
        return cli_help(&cli);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return cli_version(&cli);
    int n_words;
    const struct command *c = find_command(argv[1], argv[2], &n_words);
    if (!c)
        return unknown_command(argv[1]);
    if (asks_for_help(argv + 1 + n_words)) {
        print_command(c, stdout);
        return CLI_OK;
    }
    if (!parse_arguments(&cli, c, argv + 1 + n_words))
        return CLI_USAGE;
    default_file(&cli, c);
    int rc = c->run(&cli);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("tanist: cannot write to standard output\n", stderr);
        return rc ? rc : CLI_USAGE;
    }
    return rc;
}
