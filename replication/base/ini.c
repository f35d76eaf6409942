#include "ini.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bug.h"
#include "err.h"
#include "str.h"

enum { INI_PATH_MAX = 1024, INI_VAR_MAX = 128 };

/* One file (or text) being read. */
struct source {
    const struct ini_sink *sink;
    const char *file;
    const char *p, *end; /* what was not read yet */
    int line;
    int key_column, value_column; /* of the line that inih was given */
    int depth;
    int *files_left; /* shared by all includes; NULL: no includes */
};

static void read_file(const struct source *parent, struct ini_where at, const char *path);

PRINTF_LIKE(3, 4) static void report(const struct source *s, int column, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const struct ini_where at = {s->file, s->line, column};
    s->sink->on_error(s->sink->arg, &at, text);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* ---- Values: quotes, comments, variables ---- */

struct value {
    const struct source *src;
    const char *p; /* raw text, NUL-terminated */
    size_t i;
    struct strbuf out;
};

static int value_column(const struct value *v, size_t i)
{
    return v->src->value_column + (int)i;
}

/* At "${": appends the variable's value. False after an error. */
static bool expand(struct value *v)
{
    const size_t at = v->i;
    const char *name = v->p + at + 2;
    const char *close = strchr(name, '}');
    size_t n = 0;
    while (is_name_char(name[n], n == 0))
        n++;
    if (!close) {
        report(v->src, value_column(v, at), "\"${\" without \"}\" (write $${ for a plain \"${\")");
        return false;
    }
    const bool has_default = name[n] == ':' && name[n + 1] == '-';
    if (n == 0 || n >= INI_VAR_MAX || (name + n != close && !has_default)) {
        report(v->src, value_column(v, at),
               "bad variable \"%.*s\": expected ${NAME} or ${NAME:-default}",
               (int)(close - name + 3 < 64 ? close - name + 3 : 64), v->p + at);
        return false;
    }
    char var[INI_VAR_MAX];
    memcpy(var, name, n);
    var[n] = '\0';
    const char *text = getenv(var);
    if (text && (*text || !has_default)) {
        strbuf_adds(&v->out, text);
    } else if (has_default) {
        strbuf_add(&v->out, name + n + 2, (size_t)(close - (name + n + 2)));
    } else {
        report(v->src, value_column(v, at), "environment variable \"%s\" is not set", var);
        return false;
    }
    v->i = (size_t)(close + 1 - v->p);
    return true;
}

/* One character or variable, the same inside and outside quotes. */
static bool copy_one(struct value *v)
{
    const char *p = v->p + v->i;
    if (p[0] == '$' && p[1] == '$' && p[2] == '{') {
        strbuf_adds(&v->out, "${");
        v->i += 3;
        return true;
    }
    if (p[0] == '$' && p[1] == '{')
        return expand(v);
    strbuf_addc(&v->out, p[0]);
    v->i++;
    return true;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

static bool decode_quoted(struct value *v)
{
    v->i = 1;
    for (;;) {
        const char *p = v->p + v->i;
        if (p[0] == '\'' && p[1] != '\'')
            break;
        if (p[0] == '\0' || (p[0] == '\\' && p[1] == '\0')) {
            report(v->src, value_column(v, 0), "the quote is not closed");
            return false;
        }
        if (p[0] == '\'' || p[0] == '\\') {
            strbuf_addc(&v->out, p[0] == '\\' ? unescape(p[1]) : '\'');
            v->i += 2;
        } else if (!copy_one(v)) {
            return false;
        }
    }
    v->i++;
    const size_t after = v->i;
    while (is_blank(v->p[v->i]))
        v->i++;
    if (v->p[v->i] && (v->p[v->i] != '#' || v->i == after)) {
        report(v->src, value_column(v, v->i), "text after the closing quote");
        return false;
    }
    return true;
}

/* Length of an unquoted value without its comment. A pair of quotes inside ("user='a #b'") protects a '#'. */
static size_t plain_length(const char *p)
{
    size_t i = 0;
    while (p[i]) {
        if (p[i] == '#' && (i == 0 || is_blank(p[i - 1])))
            break;
        const char *close = p[i] == '\'' ? strchr(p + i + 1, '\'') : NULL;
        i = close ? (size_t)(close - p) + 1 : i + 1;
    }
    while (i && is_blank(p[i - 1]))
        i--;
    return i;
}

static bool decode_plain(struct value *v)
{
    const size_t n = plain_length(v->p);
    while (v->i < n) {
        if (!copy_one(v))
            return false;
    }
    return true;
}

static bool decode(const struct source *s, const char *raw, char *out, size_t cap)
{
    struct value v = {.src = s, .p = raw, .i = 0};
    strbuf_init(&v.out, out, cap);
    if (raw[0] == '"') {
        report(s, value_column(&v, 0), "values are quoted with single quotes, not \"");
        return false;
    }
    if (!(raw[0] == '\'' ? decode_quoted(&v) : decode_plain(&v)))
        return false;
    if (v.out.truncated) {
        report(s, value_column(&v, 0), "the value is longer than %d bytes", INI_VALUE_BYTES_MAX);
        return false;
    }
    return true;
}

/* ---- Includes ---- */

/* Relative paths start at the folder of the including file. */
static bool resolve(const struct source *s, const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(s->file, '/');
    struct strbuf b;
    strbuf_init(&b, out, cap);
    if (path[0] != '/' && slash)
        strbuf_add(&b, s->file, (size_t)(slash + 1 - s->file));
    strbuf_adds(&b, path);
    if (!b.truncated)
        return true;
    report(s, s->value_column, "the path is too long");
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of *.conf in an open folder, at most INI_FILES_MAX of them; -1 when there are more (or no memory). */
static int list_confs(DIR *dir, char **names)
{
    int n = 0;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        const size_t len = strlen(d->d_name);
        if (d->d_name[0] == '.' || len < 5 || strcmp(d->d_name + len - 5, ".conf") != 0)
            continue;
        if (n == INI_FILES_MAX || !(names[n] = strdup(d->d_name))) {
            while (n > 0)
                free(names[--n]);
            return -1;
        }
        n++;
    }
    qsort(names, (size_t)n, sizeof(*names), by_name);
    return n;
}

static void include_dir(struct source *s, const char *path)
{
    const struct ini_where at = {s->file, s->line, s->value_column};
    char *names[INI_FILES_MAX];
    DIR *dir = opendir(path);
    if (!dir) {
        report(s, s->value_column, "cannot open folder \"%s\": %s", path, strerror(errno));
        return;
    }
    const int n = list_confs(dir, names);
    closedir(dir);
    if (n < 0)
        report(s, s->value_column, "more than %d files in \"%s\"", INI_FILES_MAX, path);
    for (int i = 0; i < n; i++) {
        char whole[INI_PATH_MAX];
        const int len = snprintf(whole, sizeof(whole), "%s/%s", path, names[i]);
        if (len > 0 && (size_t)len < sizeof(whole))
            read_file(s, at, whole);
        else
            report(s, s->value_column, "the path of \"%s\" is too long", names[i]);
        free(names[i]);
    }
}

static void include(struct source *s, bool folder, const char *path)
{
    char whole[INI_PATH_MAX];
    const struct ini_where at = {s->file, s->line, s->value_column};
    if (!s->files_left) {
        report(s, s->key_column, "includes are not allowed here");
    } else if (!*path) {
        report(s, s->value_column, "a path is expected");
    } else if (s->depth >= INI_DEPTH_MAX) {
        report(s, s->key_column, "includes nest deeper than %d files (does a file include itself?)",
               INI_DEPTH_MAX);
    } else if (resolve(s, path, whole, sizeof(whole))) {
        if (folder)
            include_dir(s, whole);
        else
            read_file(s, at, whole);
    }
}

/* ---- Lines ---- */

/* inih's handler: it has split and trimmed the line. */
static int on_pair(void *arg, const char *section, const char *name, const char *raw)
{
    struct source *s = arg;
    char text[INI_VALUE_BYTES_MAX + 1];
    (void)section; /* was reported when its line was read */
    if (!decode(s, raw, text, sizeof(text)))
        return 1;
    if (strcmp(name, "include") == 0 || strcmp(name, "include_dir") == 0) {
        include(s, name[7] != '\0', text);
        return 1;
    }
    const struct ini_where at[2] = {
        {s->file, s->line, s->key_column},
        {s->file, s->line, s->value_column},
    };
    s->sink->on_value(s->sink->arg, at, name, text);
    return 1;
}

/* "[kind name] # comment": reports the section, or what is wrong. `line` has no leading blanks. */
static bool check_section(const struct source *s, const char *line, int column)
{
    const char *close = strchr(line, ']');
    const struct ini_where at = {s->file, s->line, column};
    if (!close) {
        report(s, column, "expected \"]\" at the end of the section");
        return false;
    }
    const char *after = close + 1;
    while (is_blank(*after))
        after++;
    if (*after && *after != '#' && *after != ';') {
        report(s, column + (int)(after - line), "text after the section");
        return false;
    }
    const struct slice inside = slice_trim((struct slice){line + 1, (size_t)(close - line - 1)});
    if (close - line - 1 > INI_NAME_BYTES_MAX || inside.n == 0) {
        report(s, column + 1,
               inside.n ? "the section is longer than %d bytes" : "the section has no name",
               INI_NAME_BYTES_MAX);
        return false;
    }
    char text[INI_NAME_BYTES_MAX + 1];
    memcpy(text, inside.p, inside.n);
    text[inside.n] = '\0';
    s->sink->on_section(s->sink->arg, &at, text);
    return true;
}

static bool check_pair(struct source *s, const char *line, int column)
{
    const size_t at = strcspn(line, "=:");
    if (line[at] != '=') {
        report(s, column, "expected \"name = value\" or \"[section]\"");
        return false;
    }
    const struct slice name = slice_trim((struct slice){line, at});
    if (name.n == 0 || name.n > INI_NAME_BYTES_MAX) {
        report(s, column,
               name.n ? "the name is longer than %d bytes" : "a name is missing before \"=\"",
               INI_NAME_BYTES_MAX);
        return false;
    }
    size_t value = at + 1;
    while (is_blank(line[value]))
        value++;
    s->key_column = column;
    s->value_column = column + (int)value;
    return true;
}

/* Copies the next physical line, NUL-terminated; false at the end. Overlong and binary lines are reported and come empty. */
static bool next_line(struct source *s, char *out)
{
    if (s->p == s->end)
        return false;
    const char *nl = memchr(s->p, '\n', (size_t)(s->end - s->p));
    const char *stop = nl ? nl : s->end;
    const char *line = s->p;
    size_t n = (size_t)(stop - line);
    s->p = nl ? nl + 1 : s->end;
    s->line++;
    if (s->line == 1 && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        n -= 3;
    }
    const char *nul = n ? memchr(line, '\0', n) : NULL;
    out[0] = '\0';
    if (n > INI_LINE_BYTES_MAX) {
        report(s, INI_LINE_BYTES_MAX + 1, "the line is longer than %d bytes", INI_LINE_BYTES_MAX);
    } else if (nul) {
        report(s, (int)(nul - line) + 1, "a zero byte is not allowed");
    } else {
        memcpy(out, line, n);
        out[n] = '\0';
    }
    return true;
}

/* inih's reader, in the place of fgets: only lines that are sections or pairs, starting at their first character. */
static char *on_line(char *str, int num, void *stream)
{
    struct source *s = stream;
    char line[INI_LINE_BYTES_MAX + 1];
    while (next_line(s, line)) {
        size_t i = 0;
        while (is_blank(line[i]))
            i++;
        if (line[i] == '\0' || line[i] == '#' || line[i] == ';')
            continue;
        const int column = (int)i + 1;
        const bool section = line[i] == '[';
        const bool good =
            section ? check_section(s, line + i, column) : check_pair(s, line + i, column);
        if (!good && section)
            s->sink->on_section(s->sink->arg, NULL, NULL);
        if (good) {
            BUG_ON(!str_copy(str, (size_t)num, line + i));
            return str;
        }
    }
    return NULL;
}

static void read_text(struct source *s)
{
    /* inih's settings are globals of its library; nobody else uses it, and they are always the same. */
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = ini_initial_alloc = INI_LINE_BYTES_MAX + 3;
    if (ini_parse_stream(on_line, s, on_pair, s) < 0)
        report(s, 1, "out of memory");
}

void ini_read_string(const char *name, const char *text, size_t n, const struct ini_sink *sink)
{
    struct source s = {.sink = sink, .file = name, .p = text, .end = text + n};
    read_text(&s);
}

/* The whole file, at most INI_FILE_BYTES_MAX; NULL with errno set (EFBIG when longer). Returns owned. */
static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    char *text = malloc(INI_FILE_BYTES_MAX + 1);
    int errnum = text ? 0 : ENOMEM;
    if (text) {
        errno = EIO; /* fread need not say more */
        *n = fread(text, 1, INI_FILE_BYTES_MAX + 1, f);
        if (ferror(f))
            errnum = errno;
        else if (*n > INI_FILE_BYTES_MAX)
            errnum = EFBIG;
    }
    fclose(f);
    if (errnum) {
        free(text);
        errno = errnum;
        return NULL;
    }
    return text;
}

/* `at` is where the path was named. */
static void read_file(const struct source *parent, struct ini_where at, const char *path)
{
    char text[ERR_TEXT_MAX];
    size_t n = 0;
    if (*parent->files_left == 0) {
        snprintf(text, sizeof(text), "more than %d files", INI_FILES_MAX);
        parent->sink->on_error(parent->sink->arg, &at, text);
        return;
    }
    --*parent->files_left;
    char *whole = slurp(path, &n);
    if (!whole) {
        snprintf(text, sizeof(text), "cannot read \"%s\": %s", path, strerror(errno));
        parent->sink->on_error(parent->sink->arg, &at, text);
        return;
    }
    struct source s = {.sink = parent->sink,
                       .file = path,
                       .p = whole,
                       .end = whole + n,
                       .depth = parent->depth + 1,
                       .files_left = parent->files_left};
    if (s.depth > 1)
        s.sink->on_include(s.sink->arg, true);
    read_text(&s);
    if (s.depth > 1)
        s.sink->on_include(s.sink->arg, false);
    free(whole);
}

void ini_read_file(const char *path, const struct ini_sink *sink)
{
    int files_left = INI_FILES_MAX;
    const struct source root = {.sink = sink, .file = path, .files_left = &files_left};
    read_file(&root, (struct ini_where){.file = path}, path);
}
