/* INI files as a stream of sections and values with exact positions. Not pure: reads files and the environment; one thread.
 *
 * inih splits the lines; this reader feeds it and adds what it lacks: columns, PostgreSQL's quotes ('it''s', backslashes),
 * '#' comments (at the start, or after white space outside quotes), ${VAR} and ${VAR:-default} ($${ is a plain ${),
 * `include = FILE` and `include_dir = DIR` (*.conf by name, relative to the including file; an included file starts outside
 * any section), and errors where inih would cut or skip silently. All problems go to on_error and reading goes on. */
#ifndef TANIST_BASE_INI_H
#define TANIST_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>

enum {
    INI_LINE_BYTES_MAX = 8190,
    INI_VALUE_BYTES_MAX = 4095, /* after ${} */
    INI_NAME_BYTES_MAX = 49,    /* inih cuts names and sections here, so longer ones are refused */
    INI_FILE_BYTES_MAX = 1024 * 1024,
    INI_DEPTH_MAX = 8,
    INI_FILES_MAX = 256
};

/* Columns count bytes from 1; line 0 means the file as a whole. `file` is lent for the call. */
struct ini_where {
    const char *file;
    int line, column;
};

/* Strings are lent for the call. A section of NULL could not be read (on_error was called): what follows belongs nowhere.
 * on_include brackets an included file; afterwards the section from before goes on. */
struct ini_sink {
    void (*on_section)(void *arg, const struct ini_where *at, const char *section);
    void (*on_value)(void *arg, const struct ini_where key_value_at[2], const char *name,
                     const char *value);
    void (*on_include)(void *arg, bool begin);
    void (*on_error)(void *arg, const struct ini_where *at, const char *text);
    void *arg;
};

void ini_read_file(const char *path, const struct ini_sink *sink);

/* Text in memory under a name for diagnostics; includes are refused. */
void ini_read_string(const char *name, const char *text, size_t n, const struct ini_sink *sink);

#endif
