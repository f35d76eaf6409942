/* The console's language: any text gives a command or an error, and what it gives is within bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/admin/console_parse.h"
#include "../../replication/base/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct console_parsed parsed;
    const struct console_command *usage = NULL;
    struct err e = {0};
    int rc = console_parse(text, &parsed, &usage, &e);
    BUG_ON(rc != 0 && rc != ERR_INVALID);
    BUG_ON(rc != 0 && e.text[0] == '\0');
    BUG_ON(parsed.id >= CONSOLE_ID_NR);
    BUG_ON(rc == 0 && parsed.id != CONSOLE_EMPTY && usage != console_command(parsed.id));
    BUG_ON(rc == 0 && parsed.id == CONSOLE_EXPLAIN_ROUTE &&
           (parsed.sql < text || parsed.sql > text + size));
    BUG_ON(memchr(parsed.node, 0, sizeof parsed.node) == NULL);
    BUG_ON(memchr(parsed.literal, 0, sizeof parsed.literal) == NULL);
    free(text);
    return 0;
}
