/* The settings of a session that are ours and not the server's: SET, SHOW and RESET of tanist.NAME. Pure. */
#ifndef TANIST_CORE_SETTINGS_H
#define TANIST_CORE_SETTINGS_H

#include <stdbool.h>

#include "../../replication/base/clock.h"
#include "../../replication/base/str.h"

enum settings_name {
    SETTINGS_UNKNOWN = 0,
    SETTINGS_CONSISTENCY,
    SETTINGS_MAX_LAG,
    SETTINGS_ROUTE,
    SETTINGS_FLOOR,
    SETTINGS_NODE, /* SHOW only: where the last statement ran */
    SETTINGS_PIN,  /* SHOW only: why the session is bound to a server */
    SETTINGS_NR
};

enum settings_verb { SETTINGS_NONE = 0, SETTINGS_SET, SETTINGS_SHOW, SETTINGS_RESET };

enum { SETTINGS_VALUE_MAX = 64 };

struct settings_command {
    enum settings_verb verb;
    enum settings_name name;
    bool local;      /* SET LOCAL */
    bool bad;        /* it is about tanist.*, but not in a form that is understood */
    bool is_default; /* SET ... TO DEFAULT, or RESET */
    char column[32]; /* "tanist.floor" */
    char value[SETTINGS_VALUE_MAX];
};

/* Is the text one of these, and nothing else? Cheap for all other texts. */
bool settings_parse(struct slice sql, bool backslash, struct settings_command *out);

/* "2s", "500ms", "1min"; a bare number is milliseconds. */
bool settings_duration(const char *text, usec_t *out);

#endif
