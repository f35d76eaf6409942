/* Settings from one table. Not pure (reads files and the environment); used at start and on reload, one thread.
 *
 * A section kind ("routing", or "node NAME") has rows; each row says type, unit, range, default and doc, and where the
 * value goes in the caller's struct. The sample file, the man page, SHOW CONFIG and `config dump` are printed from the
 * same rows. Values follow PostgreSQL's rules: 500ms, 1min, 16MB, on/off/true/false/yes/no/1/0, quotes, '#' comments.
 * Files are lexed by inih behind ini.h: `include = FILE`, `include_dir = DIR`, ${VAR} and ${VAR:-default}.
 * Precedence: --set, environment (TANIST_<SECTION>_<NAME>, unnamed sections only), file, default.
 * All errors of a run are collected (file:line:column, "did you mean"), never only the first. */
#ifndef TANIST_BASE_CONF_H
#define TANIST_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attrs.h"
#include "clock.h"
#include "err.h"

enum conf_type {
    CONF_BOOL = 1, /* bool */
    CONF_INT,      /* int64_t */
    CONF_DURATION, /* usec_t; units us ms s min h d; a bare number takes the row's unit */
    CONF_BYTES,    /* uint64_t; units B kB MB GB TB (1024); a bare number is bytes */
    CONF_PERCENT,  /* int64_t; "70%" or "70" */
    CONF_STRING,   /* char[size], NUL-terminated */
    CONF_ENUM,     /* int: index into values + 1 */
    CONF_TYPE_NR
};

enum {
    CONF_RELOAD =
        1 << 0, /* may change by reload; otherwise a restart is needed and reload says so */
    CONF_SECRET = 1 << 1,   /* never shown */
    CONF_REQUIRED = 1 << 2, /* must be given */
    CONF_HIDDEN = 1 << 3,   /* not in the sample file */
    CONF_AUTO = 1 << 4,  /* "auto" is accepted for CONF_INT, _DURATION, _BYTES and stored as -1 */
    CONF_NEVER = 1 << 5, /* "off"/"0" accepted for CONF_DURATION and stored as 0 (no limit) */
    CONF_REPEAT =
        1 << 6, /* may be given several times; later ones are appended with a comma (CONF_STRING) */
};

struct conf_setting {
    const char *name;
    enum conf_type type;
    const char *def;  /* text, as a user would write it; NULL means empty / zero */
    const char *unit; /* for bare numbers: "ms", "s"; else NULL */
    size_t offset, size;
    int64_t min, max;          /* inclusive, in base units (us, bytes); both 0 means no range */
    const char *const *values; /* NULL-terminated, for CONF_ENUM */
    unsigned flags;
    const char *doc; /* one or more sentences; goes to sample, man page and SHOW CONFIG */
};

struct conf_section {
    const char *kind; /* "routing", "node" */
    bool named;       /* [node pg1] */
    const struct conf_setting *settings;
    int n_settings;
    const char *doc;
    const char *example_name; /* for the sample, when named */
    /* The struct for this section (name is "" if unnamed), made on first use. conf_load then applies the defaults: when
     * *is_new is set, or, if unnamed, once at its start. `root` is conf_load's. An instance does not move while the root lives.
     * Several entries may have the same kind, one after the other: their settings then make one section (each with its
     * own struct). NULL with err set: too many, or a bad name. */
    void *(*get)(void *root, const char *name, bool *is_new, struct err *e);
    /* Iterates existing instances for printing: i from 0; NULL at the end; *name gets its name. */
    const void *(*at)(const void *root, int i, const char **name);
};

/* Where a value came from: for diagnostics and SHOW CONFIG. */
struct conf_where {
    char file[256]; /* path, or "--set", "environment", "default" */
    int line, column;
};

struct conf_diag {
    struct conf_where where;
    bool warning;
    char text[ERR_TEXT_MAX];
};

enum {
    CONF_DIAGS_MAX = 100,
    CONF_SETS_MAX = 64,
    CONF_INCLUDE_DEPTH_MAX = 8,
    CONF_VALUE_MAX = 4096
};

struct conf_diags {
    struct conf_diag d[CONF_DIAGS_MAX];
    int n, n_errors;
    bool more; /* the bound was met */
};

struct conf_source {
    const char *file; /* NULL: none */
    const char *const
        *sets; /* "section.name=value" or "section NAME.name=value" or "node.NAME.name=value" */
    int n_sets;
    bool environment;
};

/* Fills root by the tables. 0, or ERR_INVALID with at least one error in diags (root then is partly filled: drop it). */
int conf_load(void *root, const struct conf_section *sections, int n_sections,
              const struct conf_source *src, struct conf_diags *diags) MUST_CHECK;

/* Adds a diagnostic from a semantic check that runs after conf_load (no position: section and name are put in front). */
void conf_diag_add(struct conf_diags *diags, bool warning, const char *section, const char *name,
                   const char *fmt, ...) PRINTF_LIKE(5, 6);

/* "file:line:column: error: text" lines. */
void conf_diags_print(const struct conf_diags *diags, FILE *out);

/* One value as text, as a user would write it ("500ms", "16MB", "on"); secrets give "********" if set. */
void conf_value_text(const struct conf_setting *s, const void *instance, char *out, size_t cap);
bool conf_value_is_default(const struct conf_setting *s, const void *instance);

/* The commented sample file; the effective configuration; the man page's settings part (scdoc). */
void conf_print_sample(const struct conf_section *sections, int n_sections, FILE *out);
void conf_print_dump(const void *root, const struct conf_section *sections, int n_sections,
                     FILE *out);
void conf_print_scdoc(const struct conf_section *sections, int n_sections, FILE *out);

/* Calls back for each setting that differs between two roots: for reload's diff. Named instances are matched by name;
 * one that exists on one side only is reported with setting NULL. */
typedef void (*conf_diff_cb)(const char *section, const char *name, const struct conf_setting *s,
                             void *arg);
void conf_diff(const void *old_root, const void *new_root, const struct conf_section *sections,
               int n_sections, conf_diff_cb cb, void *arg);

/* One setting's text into an instance; err says what is wrong and what is allowed. Used by conf_load and the fuzzer. */
int conf_set_value(const struct conf_setting *s, void *instance, const char *text, struct err *e)
    MUST_CHECK;

#endif
