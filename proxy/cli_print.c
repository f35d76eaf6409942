#include "cli_print.h"

#include <string.h>

#include "../replication/base/attrs.h"
#include "../replication/base/str.h"
#include "../replication/base/table.h"

/* Which columns of a table are shown. */
struct selection {
    int cols[TABLE_COLS_MAX];
    int n;
};

static struct selection select_columns(const struct table *t, const char *const *columns)
{
    struct selection s = {.n = 0};
    if (!columns) {
        for (int col = 0; col < table_n_cols(t); col++)
            s.cols[s.n++] = col;
        return s;
    }
    for (; *columns && s.n < TABLE_COLS_MAX; columns++)
        for (int col = 0; col < table_n_cols(t); col++)
            if (strcmp(table_column(t, col), *columns) == 0)
                s.cols[s.n++] = col;
    return s;
}

/* Columns that hold t or f. */
static bool name_is_bool(const char *name)
{
    static const char *const names[] = {
        "readable",          "eligible",   "streaming", "replay_paused",
        "failover_possible", "promotable", NULL};
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static const char *bool_text(const char *column, const char *text, const char *yes, const char *no)
{
    if (!text || !name_is_bool(column))
        return text;
    return strcmp(text, "t") == 0 ? yes : strcmp(text, "f") == 0 ? no : text;
}

/* ---- For people --------------------------------------------------------------------------------------------------- */

/* Terminal columns of UTF-8 text, near enough: characters, not bytes. */
static int width_of(const char *s)
{
    int n = 0;
    for (; s && *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void put_cell(const char *text, int width, bool right, bool last, FILE *out)
{
    int pad = width - width_of(text);
    if (right)
        fprintf(out, "%*s", pad, "");
    fputs(text ? text : "", out);
    if (!right && !last)
        fprintf(out, "%*s", pad, "");
    if (!last)
        fputs("  ", out);
}

static bool is_number(const char *s)
{
    s += *s == '-';
    size_t digits = strspn(s, "0123456789");
    if (digits == 0 || (digits > 1 && *s == '0'))
        return false;
    s += digits;
    if (*s == '.') {
        size_t fraction = strspn(s + 1, "0123456789");
        if (fraction == 0)
            return false;
        s += 1 + fraction;
    }
    return *s == '\0';
}

/* Right-aligned: columns that hold numbers only. */
static bool column_is_numeric(const struct table *t, int col)
{
    bool any = false;
    for (int row = 0; row < table_n_rows(t); row++) {
        const char *text = table_get(t, row, col);
        if (!text || !*text)
            continue;
        if (!is_number(text))
            return false;
        any = true;
    }
    return any;
}

static const char *shown(const struct table *t, int row, int col)
{
    return bool_text(table_column(t, col), table_get(t, row, col), "yes", "no");
}

static void print_table(const struct table *t, const struct selection *s, FILE *out)
{
    int width[TABLE_COLS_MAX];
    bool right[TABLE_COLS_MAX];
    for (int i = 0; i < s->n; i++) {
        width[i] = width_of(table_column(t, s->cols[i]));
        right[i] = column_is_numeric(t, s->cols[i]);
        for (int row = 0; row < table_n_rows(t); row++) {
            int w = width_of(shown(t, row, s->cols[i]));
            width[i] = w > width[i] ? w : width[i];
        }
    }
    for (int i = 0; i < s->n; i++)
        put_cell(table_column(t, s->cols[i]), width[i], right[i], i == s->n - 1, out);
    fputc('\n', out);
    for (int row = 0; row < table_n_rows(t); row++) {
        for (int i = 0; i < s->n; i++)
            put_cell(shown(t, row, s->cols[i]), width[i], right[i], i == s->n - 1, out);
        fputc('\n', out);
    }
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static bool name_is_number(const char *name)
{
    static const char *const suffixes[] = {"_ms",   "_us",       "_bytes",       "_count",
                                           "_size", "_failures", "_connections", NULL};
    static const char *const prefixes[] = {"total_", "avg_", "cl_", "sv_", NULL};
    static const char *const names[] = {
        "port",     "epoch_since", "weight", "timeline", "epoch",     "version",
        "probes",   "reads",       "writes", "servers",  "in_flight", "connects",
        "failures", "count",       "items",  "maxwait",  "nodes",     NULL};
    size_t n = strlen(name);
    for (int i = 0; suffixes[i]; i++) {
        size_t m = strlen(suffixes[i]);
        if (n > m && strcmp(name + n - m, suffixes[i]) == 0)
            return true;
    }
    for (int i = 0; prefixes[i]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void print_json_string(const char *text, FILE *out)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", out);
        else if (*p == '\t')
            fputs("\\t", out);
        else if (*p < 0x20)
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static void print_json(const struct table *t, const struct selection *s, FILE *out)
{
    fputc('[', out);
    for (int row = 0; row < table_n_rows(t); row++) {
        fputs(row ? ",\n {" : "{", out);
        for (int i = 0; i < s->n; i++) {
            const char *name = table_column(t, s->cols[i]);
            const char *text = table_get(t, row, s->cols[i]);
            if (i)
                fputs(", ", out);
            print_json_string(name, out);
            fputs(": ", out);
            if (!text)
                fputs("null", out);
            else if (name_is_number(name) && is_number(text))
                fputs(text, out);
            else if (bool_text(name, text, "", "") != text)
                fputs(bool_text(name, text, "true", "false"), out);
            else
                print_json_string(text, out);
        }
        fputc('}', out);
    }
    fputc(']', out);
}

static void print_tsv_cell(const char *text, FILE *out)
{
    for (; text && *text; text++) {
        if (*text == '\t')
            fputs("\\t", out);
        else if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '\\')
            fputs("\\\\", out);
        else
            fputc(*text, out);
    }
}

static void print_tsv(const struct table *t, const struct selection *s, FILE *out)
{
    for (int row = -1; row < table_n_rows(t); row++)
        for (int i = 0; i < s->n; i++) {
            print_tsv_cell(row < 0 ? table_column(t, s->cols[i]) : table_get(t, row, s->cols[i]),
                           out);
            fputc(i == s->n - 1 ? '\n' : '\t', out);
        }
}

/* ---- Answers ------------------------------------------------------------------------------------------------------ */

static void print_body(const struct table *t, const char *const *columns, enum cli_format format,
                       FILE *out)
{
    struct selection s = select_columns(t, columns);
    switch (format) {
    case CLI_TABLE:
        print_table(t, &s, out);
        return;
    case CLI_JSON:
        print_json(t, &s, out);
        return;
    case CLI_TSV:
        print_tsv(t, &s, out);
        return;
    }
}

void cli_print_rows(const struct table *t, const char *const *columns, enum cli_format format,
                    FILE *out)
{
    print_body(t, columns, format, out);
    if (format == CLI_JSON)
        fputc('\n', out);
}

void cli_print_parts(const struct cli_print_part *parts, int n, enum cli_format format, FILE *out)
{
    if (format == CLI_JSON)
        fputc('{', out);
    for (int i = 0; i < n; i++) {
        if (format == CLI_JSON) {
            fputs(i ? ",\n" : "", out);
            print_json_string(parts[i].name, out);
            fputs(": ", out);
        } else if (i) {
            fputc('\n', out);
        }
        print_body(parts[i].t, parts[i].columns, format, out);
    }
    if (format == CLI_JSON)
        fputs("}\n", out);
}
