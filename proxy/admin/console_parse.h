/* The console's language: text of a command -> which command, with what arguments. Pure, no allocation.
 *
 * Words are case-insensitive; names may be quoted with " or '. A word may hold any character that is not white space, a
 * quote or one of ( ) , = ; so node names need no quotes. Comments are skipped. One command for each query. */
#ifndef TANIST_PROXY_ADMIN_CONSOLE_PARSE_H
#define TANIST_PROXY_ADMIN_CONSOLE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/err.h"

enum console_access {
    CONSOLE_NOISE = 1, /* what drivers send by themselves: anybody */
    CONSOLE_LOOK,      /* admin_users and stats_users */
    CONSOLE_CHANGE,    /* admin_users */
};

enum console_args_kind {
    CONSOLE_ARGS_NONE = 1,
    CONSOLE_ARGS_ANY,       /* ignored */
    CONSOLE_ARGS_NODE,      /* node [CLUSTER name] */
    CONSOLE_ARGS_CLUSTER,   /* [CLUSTER name] */
    CONSOLE_ARGS_CHANGE,    /* [TO node] [CLUSTER name] [AT time] [DRY RUN] [ACCEPT DATA LOSS] */
    CONSOLE_ARGS_ON_OFF,    /* ON|OFF [CLUSTER name] */
    CONSOLE_ARGS_ROUTE,     /* [(DATABASE name [, USER name])] sql */
    CONSOLE_ARGS_LITERAL,   /* a number or string */
    CONSOLE_ARGS_DATABASES, /* [database] */
    CONSOLE_ARGS_DATABASE,  /* database */
    CONSOLE_ARGS_CLIENT,    /* the id of a client */
};

/* X(ID, words, usage after the words, access, arguments, doc) */
#define CONSOLE_COMMANDS(X)                                                                      \
    X(SHOW_HELP, "SHOW HELP", "", LOOK, NONE, "this list")                                       \
    X(SHOW_CLUSTERS, "SHOW CLUSTERS", "", LOOK, NONE, "writer, epoch and mode of each cluster")  \
    X(SHOW_TOPOLOGY, "SHOW TOPOLOGY", "", LOOK, NONE, "the same")                                \
    X(SHOW_NODES, "SHOW NODES", "", LOOK, NONE, "role, state and lag of each node")              \
    X(SHOW_LAG, "SHOW LAG", "", LOOK, NONE, "may each replica be read from, and why not")        \
    X(SHOW_EVENTS, "SHOW EVENTS", "", LOOK, NONE, "the latest events, newest last")              \
    X(SHOW_FAILOVER, "SHOW FAILOVER", "", LOOK, NONE, "where the failover machine stands")       \
    X(SHOW_POOLS, "SHOW POOLS", "", LOOK, NONE, "clients and servers of each database and user") \
    X(SHOW_STATS, "SHOW STATS", "", LOOK, NONE, "totals and averages of each database")          \
    X(SHOW_STATS_TOTALS, "SHOW STATS_TOTALS", "", LOOK, NONE, "the totals alone")                \
    X(SHOW_STATS_AVERAGES, "SHOW STATS_AVERAGES", "", LOOK, NONE, "the averages alone")          \
    X(SHOW_TOTALS, "SHOW TOTALS", "", LOOK, NONE, "the totals of all databases, one row each")   \
    X(SHOW_CLIENTS, "SHOW CLIENTS", "", LOOK, NONE, "client connections")                        \
    X(SHOW_PINS, "SHOW PINS", "", LOOK, NONE, "clients bound to one server, and why")            \
    X(SHOW_SERVERS, "SHOW SERVERS", "", LOOK, NONE, "server connections")                        \
    X(SHOW_ROUTES, "SHOW ROUTES", "", LOOK, NONE, "how often each reason decided a route")       \
    X(SHOW_DATABASES, "SHOW DATABASES", "", LOOK, NONE, "databases in use")                      \
    X(SHOW_LISTS, "SHOW LISTS", "", LOOK, NONE, "how many of each thing there are")              \
    X(SHOW_STATE, "SHOW STATE", "", LOOK, NONE, "is the daemon active")                          \
    X(SHOW_CONFIG, "SHOW CONFIG", "", LOOK, NONE, "every setting, its value and default")        \
    X(SHOW_VERSION, "SHOW VERSION", "", LOOK, NONE, "version of tanist")                         \
    X(EXPLAIN_ROUTE, "EXPLAIN ROUTE", "[(DATABASE name [, USER name])] sql", LOOK, ROUTE,        \
      "where a statement would go, and why")                                                     \
    X(RELOAD, "RELOAD", "", CHANGE, NONE, "read the configuration again")                        \
    X(SWITCHOVER, "SWITCHOVER", "[CLUSTER name] [TO node] [AT time] [DRY RUN]", CHANGE, CHANGE,  \
      "make another node the primary, planned")                                                  \
    X(FAILOVER, "FAILOVER", "[CLUSTER name] [TO node] [ACCEPT DATA LOSS] [DRY RUN]", CHANGE,     \
      CHANGE, "promote a replica although the primary is gone")                                  \
    X(CANCEL, "CANCEL", "[CLUSTER name]", CHANGE, CLUSTER,                                       \
      "give up a planned switchover, or one that has not promoted yet")                          \
    X(DRAIN, "DRAIN", "node [CLUSTER name]", CHANGE, NODE, "send no new work to a node")         \
    X(UNDRAIN, "UNDRAIN", "node [CLUSTER name]", CHANGE, NODE, "undo DRAIN")                     \
    X(MAINTENANCE, "MAINTENANCE", "ON|OFF [CLUSTER name]", CHANGE, ON_OFF,                       \
      "while on, nothing is promoted by itself")                                                 \
    X(PAUSE, "PAUSE", "[database]", CHANGE, DATABASES,                                           \
      "let transactions end, close all servers, let new requests wait")                          \
    X(RESUME, "RESUME", "[database]", CHANGE, DATABASES, "undo PAUSE or KILL")                   \
    X(RECONNECT, "RECONNECT", "[database]", CHANGE, DATABASES,                                   \
      "close each server once it is released")                                                   \
    X(WAIT_CLOSE, "WAIT_CLOSE", "[database]", CHANGE, DATABASES,                                 \
      "wait until no server is left that RECONNECT shall close")                                 \
    X(DISABLE, "DISABLE", "database", CHANGE, DATABASE, "refuse new clients of a database")      \
    X(ENABLE, "ENABLE", "database", CHANGE, DATABASE, "undo DISABLE")                            \
    X(KILL, "KILL", "[database]", CHANGE, DATABASES,                                             \
      "close all clients and servers at once, and PAUSE")                                        \
    X(KILL_CLIENT, "KILL_CLIENT", "id", CHANGE, CLIENT,                                          \
      "close one client (id of SHOW CLIENTS) and its server")                                    \
    X(SHUTDOWN, "SHUTDOWN", "", CHANGE, NONE, "stop the daemon")                                 \
    X(SELECT_VERSION, "SELECT VERSION", "", NOISE, ANY, NULL)                                    \
    X(SELECT_DATABASE, "SELECT CURRENT_DATABASE", "", NOISE, ANY, NULL)                          \
    X(SELECT, "SELECT", "", NOISE, LITERAL, NULL)                                                \
    X(SHOW_ISOLATION, "SHOW TRANSACTION ISOLATION LEVEL", "", NOISE, NONE, NULL)                 \
    X(SHOW_SERVER_VERSION, "SHOW SERVER_VERSION", "", NOISE, NONE, NULL)                         \
    X(SET, "SET", "", NOISE, ANY, NULL)                                                          \
    X(RESET, "RESET", "", NOISE, ANY, NULL)                                                      \
    X(DISCARD, "DISCARD", "", NOISE, ANY, NULL)                                                  \
    X(DEALLOCATE, "DEALLOCATE", "", NOISE, ANY, NULL)                                            \
    X(BEGIN, "BEGIN", "", NOISE, ANY, NULL)                                                      \
    X(START_TRANSACTION, "START TRANSACTION", "", NOISE, ANY, NULL)                              \
    X(COMMIT, "COMMIT", "", NOISE, ANY, NULL)                                                    \
    X(END, "END", "", NOISE, ANY, NULL)                                                          \
    X(ROLLBACK, "ROLLBACK", "", NOISE, ANY, NULL)

enum console_id {
    CONSOLE_EMPTY = 0, /* nothing but white space and comments */
#define X(ID, words, usage, access, args, doc) CONSOLE_##ID,
    CONSOLE_COMMANDS(X)
#undef X
        CONSOLE_ID_NR
};

enum { CONSOLE_NAME_MAX = 64, CONSOLE_LITERAL_MAX = 256 };

struct console_command {
    const char *words;
    const char *usage; /* what follows the words */
    enum console_access access;
    enum console_args_kind args;
    const char *doc; /* NULL: not in SHOW HELP */
};

/* Parsed command. `sql` borrows from the text. */
struct console_parsed {
    enum console_id id;
    char node[CONSOLE_NAME_MAX], cluster[CONSOLE_NAME_MAX];
    char database[CONSOLE_NAME_MAX], user[CONSOLE_NAME_MAX];
    char literal[CONSOLE_LITERAL_MAX]; /* of SELECT; time of AT */
    bool dry_run, accept_data_loss, on;
    uint64_t client; /* of KILL_CLIENT */
    const char *sql; /* of EXPLAIN ROUTE */
};

/* Never NULL for an id between 1 and CONSOLE_ID_NR - 1. */
const struct console_command *console_command(enum console_id id);

/* 0, or ERR_INVALID with what is wrong; then *usage is the usage of the command that was meant, or NULL if it was not
 * recognised. */
int console_parse(const char *text, struct console_parsed *out,
                  const struct console_command **usage, struct err *e) MUST_CHECK;

#endif
