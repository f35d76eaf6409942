/* Tables on stdout for people (aligned), programs (JSON) and shells (tab-separated). Not pure: writes to a FILE.
 *
 * JSON has one array of objects; numbers are numbers where the column's name says so (_ms, _bytes, total_, port, ...), booleans
 * are booleans (yes and no for people), all else is a string, and NULL is null. In TSV a tab, newline or backslash in a value is \t, \n, \\, and NULL is empty. */
#ifndef TANIST_PROXY_CLI_PRINT_H
#define TANIST_PROXY_CLI_PRINT_H

#include <stdio.h>

struct table;

enum cli_format { CLI_TABLE = 1, CLI_JSON, CLI_TSV };

/* columns: which to show and in which order, NULL-terminated (those that the table does not have are left out); NULL: all. */
void cli_print_rows(const struct table *t, const char *const *columns, enum cli_format format,
                    FILE *out);

/* Several tables as one answer: a JSON object of arrays, else one after the other, under their names with CLI_TABLE. */
struct cli_print_part {
    const char *name;
    const struct table *t;
    const char *const *columns;
};
void cli_print_parts(const struct cli_print_part *parts, int n, enum cli_format format, FILE *out);

#endif
