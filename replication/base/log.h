/* Log lines with stable event tokens. Any thread; a line is formatted whole and written by one write(2).
 *
 * The sink (level, format, descriptor) is process-wide, set before threads start and by reload. A line is
 *   ts=2026-11-21T10:00:00.123Z level=info event=failover.promote.sent cluster=prod node=pg2 msg="..."
 * in logfmt; JSON has the same keys; text is for people. Tests wait on event tokens, never on words.
 * No SQL text and no parameters at default level. */
#ifndef TANIST_BASE_LOG_H
#define TANIST_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"

enum log_level {
    LOG_DEBUG = 1,
    LOG_INFO,
    LOG_NOTICE,
    LOG_WARNING,
    LOG_ERROR,
    LOG_FATAL,
    LOG_LEVEL_NR
};
enum log_format { LOG_LOGFMT = 1, LOG_JSON, LOG_TEXT, LOG_FORMAT_NR };

/* A key with its value, already text. Values are escaped by the sink. */
struct log_kv {
    const char *key;
    const char *value; /* NULL leaves the pair out */
};

void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
void log_set_fd(int fd); /* lends the descriptor; default 2 */
bool log_enabled(enum log_level level);

/* Events are also handed to the tap (manager's SHOW EVENTS ring). Called on the logging thread; must not log. */
typedef void (*log_tap)(enum log_level level, const char *event, const char *line, void *arg);
void log_set_tap(log_tap tap, void *arg);

/* kv may be NULL when n is 0. fmt gives msg. */
void log_event(enum log_level level, const char *event, const struct log_kv *kv, int n,
               const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Names for settings: "info" -> LOG_INFO; 0 if unknown. */
enum log_level log_level_parse(const char *name);
const char *log_level_name(enum log_level level);

#define LOG_KV(...) ((const struct log_kv[]){__VA_ARGS__})
#define LOG_AT(level, event, kvs, ...)                                                             \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_event(level, event, kvs, (int)(sizeof(kvs) / sizeof(struct log_kv)), __VA_ARGS__); \
    } while (0)

/* Without pairs. */
#define log_debug(event, ...)                                  \
    do {                                                       \
        if (log_enabled(LOG_DEBUG))                            \
            log_event(LOG_DEBUG, event, NULL, 0, __VA_ARGS__); \
    } while (0)
#define log_info(event, ...)    log_event(LOG_INFO, event, NULL, 0, __VA_ARGS__)
#define log_notice(event, ...)  log_event(LOG_NOTICE, event, NULL, 0, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_WARNING, event, NULL, 0, __VA_ARGS__)
#define log_error(event, ...)   log_event(LOG_ERROR, event, NULL, 0, __VA_ARGS__)

#endif
