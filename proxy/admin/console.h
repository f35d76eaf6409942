/* The console: what database `tanist` answers. Runs on the manager's thread; owner: the proxy.
 *
 * A command is parsed (console_parse.h), its rights are checked, and it runs as a call: a heap object that lives until its
 * answer was handed over. Many calls answer at once; those that gather from workers or command the manager answer later. */
#ifndef TANIST_PROXY_ADMIN_CONSOLE_H
#define TANIST_PROXY_ADMIN_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../wire/errresp.h"
#include "answer.h"
#include "console_parse.h"

struct averages;
struct console;
struct proxy;
struct table;

/* Texts are copied by console_run. */
struct console_req {
    const char *sql;
    const char *user;
    const char *database;
    bool admin; /* may change things */
    bool stats; /* may look */
    enum answer_form form;
    void *arg;
    /* Once, on the manager's thread, perhaps before console_run returns. Takes the bytes (free). bytes is NULL without memory: then the connection must be closed. */
    void (*done)(void *arg, uint8_t *bytes, size_t n);
};

/* Lends p until console_free. NULL without memory. */
struct console *console_new(struct proxy *p) MUST_CHECK;
void console_free(struct console *c); /* no call may be under way */

void console_run(struct console *c, const struct console_req *req);

/* ---- For show.c and commands.c: a call answers exactly once and is gone then. ---- */

struct console_call {
    struct console *console;
    struct proxy *proxy;
    struct console_req req; /* texts owned by the call */
    struct console_parsed parsed;
    const struct console_command *command;
};

struct averages *console_averages(struct console *c);
void console_answer_rows(struct console_call *call, struct table *t,
                         const char *tag); /* takes t; NULL: no memory */
void console_answer_report(struct console_call *call,
                           struct table *t); /* the same, with the command's tag */
void console_answer_tag(struct console_call *call, const char *tag);
void console_answer_error(struct console_call *call, enum errresp_code code, const char *message,
                          const char *hint);
/* With all that an error can say: the severity is ERROR. */
void console_answer_errresp(struct console_call *call, struct errresp err);

#endif
