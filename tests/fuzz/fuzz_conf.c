/* Configuration: any text as a file, and any text as a value of every type. A value that is accepted must print as a text
 * that gives the same value again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/conf.h"
#include "../../replication/base/ini.h"

struct values {
    bool flag;
    int64_t number;
    int64_t percent;
    usec_t wait;
    uint64_t size;
    char text[64];
    int mode;
};

static const char *const modes[] = {"automatic", "manual", "follow", NULL};

#define AT(member) \
    .offset = offsetof(struct values, member), .size = sizeof(((struct values *)NULL)->member)

static const struct conf_setting rows[] = {
    {.name = "flag", .type = CONF_BOOL, .def = "on", AT(flag)},
    {.name = "number", .type = CONF_INT, AT(number), .flags = CONF_AUTO},
    {.name = "percent", .type = CONF_PERCENT, AT(percent)},
    {.name = "wait", .type = CONF_DURATION, .unit = "ms", AT(wait), .flags = CONF_NEVER},
    {.name = "size", .type = CONF_BYTES, AT(size)},
    {.name = "text", .type = CONF_STRING, AT(text), .flags = CONF_REPEAT},
    {.name = "mode", .type = CONF_ENUM, .def = "manual", AT(mode), .values = modes},
};

static void value_round_trip(const struct conf_setting *s, const char *text)
{
    struct values v = {0}, again = {0};
    char printed[128];
    if (conf_set_value(s, &v, text, NULL) != 0)
        return;
    conf_value_text(s, &v, printed, sizeof(printed));
    BUG_ON(conf_set_value(s, &again, printed, NULL) != 0);
    BUG_ON(memcmp((const char *)&v + s->offset, (const char *)&again + s->offset, s->size) != 0);
}

static void on_section(void *arg, const struct ini_where *at, const char *section)
{
    (void)arg;
    BUG_ON(section && (at->line < 1 || at->column < 1));
}

static void on_value(void *arg, const struct ini_where at[2], const char *name, const char *value)
{
    (void)arg;
    BUG_ON(at[1].column <= at[0].column);
    BUG_ON(strlen(value) > INI_VALUE_BYTES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(name, rows[i].name) == 0)
            value_round_trip(&rows[i], value);
    }
}

static void on_include(void *arg, bool begin)
{
    (void)arg;
    (void)begin;
    BUG("text in memory has no includes");
}

static void on_error(void *arg, const struct ini_where *at, const char *text)
{
    (void)arg;
    BUG_ON(at->line < 1);
    BUG_ON(strlen(text) >= ERR_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ini_sink sink = {on_section, on_value, on_include, on_error, NULL};
    ini_read_string("fuzz", (const char *)data, size, &sink);

    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        value_round_trip(&rows[i], text);
    free(text);
    return 0;
}
