/* What is printed from the settings table: the sample file, the effective configuration, the man page; and reload's diff. */
#include "conf.h"

#include <string.h>

#include "bug.h"
#include "conf_private.h"
#include "str.h"

enum { WRAP_COLUMN = 96 };

static const char *const type_names[CONF_TYPE_NR] = {
    [CONF_BOOL] = "on or off", [CONF_INT] = "number",         [CONF_DURATION] = "duration",
    [CONF_BYTES] = "size",     [CONF_PERCENT] = "percentage", [CONF_STRING] = "text",
    [CONF_ENUM] = "choice",
};

/* Words of a text in lines of at most WRAP_COLUMN bytes, each behind a prefix. */
static void print_wrapped(FILE *out, const char *prefix, const char *text)
{
    size_t column = 0;
    while (*text) {
        const size_t space = strspn(text, " \n\t");
        const size_t word = strcspn(text + space, " \n\t");
        if (word == 0)
            break;
        if (column && column + 1 + word > WRAP_COLUMN) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column ? " " : prefix, (int)word, text + space);
        text += space + word;
    }
    if (column)
        fputc('\n', out);
}

/* "duration, 10ms .. 1h; default 500ms; change needs a restart" */
static void describe(const struct conf_setting *s, struct strbuf *b)
{
    char low[32], high[32];
    BUG_ON(s->type <= 0 || s->type >= CONF_TYPE_NR);
    if (s->type == CONF_ENUM) {
        for (int i = 0; s->values[i]; i++)
            strbuf_addf(b, "%s%s", i ? " | " : "", s->values[i]);
    } else {
        strbuf_adds(b, type_names[s->type]);
    }
    if ((s->min || s->max) && s->type != CONF_STRING) {
        conf_field_text(s, &s->min, low, sizeof(low));
        conf_field_text(s, &s->max, high, sizeof(high));
        if ((s->flags & CONF_NEVER) && s->min == 0)
            strbuf_addf(b, ", at most %s", high);
        else
            strbuf_addf(b, ", %s .. %s", low, high);
    }
    if (s->flags & CONF_AUTO)
        strbuf_adds(b, ", or auto");
    if (s->flags & CONF_NEVER)
        strbuf_adds(b, ", or off");
    if (s->flags & CONF_REPEAT)
        strbuf_adds(b, "; may be repeated");
    if (s->def && *s->def)
        strbuf_addf(b, "; default %s", s->def);
    else if (s->flags & CONF_REQUIRED)
        strbuf_adds(b, "; required");
    if (!(s->flags & CONF_RELOAD))
        strbuf_adds(b, "; change needs a restart");
}

static bool is_plain(const char *text)
{
    for (const char *p = text; *p; p++) {
        const bool alnum =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!alnum && !strchr("_./:%*-,", *p))
            return false;
    }
    return *text != '\0';
}

/* A value as the file must have it, so that reading gives the same bytes again. */
static void print_value(FILE *out, const char *text)
{
    if (is_plain(text)) { /* needs no quotes */
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            fputs("\\n", out);
        else if (*p == '\r')
            fputs("\\r", out);
        else if (*p == '\'' || *p == '\\')
            fprintf(out, "%c%c", *p, *p);
        else if (p[0] == '$' && p[1] == '{')
            fputs("$$", out);
        else
            fputc(*p, out);
    }
    fputc('\'', out);
}

static bool same_kind_as_before(const struct conf_section *sections, int i)
{
    return i > 0 && strcmp(sections[i].kind, sections[i - 1].kind) == 0;
}

/* Without a default in the table the field is zero, which has a text too. */
static void print_default(FILE *out, const struct conf_setting *s)
{
    const int64_t zero = 0;
    char text[32] = "";
    if (!s->def && s->type != CONF_STRING)
        conf_field_text(s, &zero, text, sizeof(text));
    print_value(out, s->def ? s->def : text);
}

void conf_print_sample(const struct conf_section *sections, int n_sections, FILE *out)
{
    fputs("# Sample configuration. Every line shows the default; take the '#' away to change it.\n"
          "# Durations take us, ms, s, min, h, d; sizes take B, kB, MB, GB, TB (1024). Text with "
          "blanks or '#'\n"
          "# goes into single quotes ('it''s'). ${VAR} and ${VAR:-default} come from the "
          "environment.\n"
          "# include = FILE and include_dir = DIR read further files.\n",
          out);
    for (int i = 0; i < n_sections; i++) {
        const struct conf_section *sec = &sections[i];
        if (!same_kind_as_before(sections, i)) {
            fputc('\n', out);
            if (sec->doc)
                print_wrapped(out, "# ", sec->doc);
            fprintf(out, "%s[%s%s%s]\n", sec->named ? "#" : "", sec->kind, sec->named ? " " : "",
                    sec->named ? sec->example_name : "");
        }
        for (int j = 0; j < sec->n_settings; j++) {
            const struct conf_setting *s = &sec->settings[j];
            char text[CONF_VALUE_MAX];
            struct strbuf b;
            if (s->flags & CONF_HIDDEN)
                continue;
            strbuf_init(&b, text, sizeof(text));
            if (s->doc)
                strbuf_addf(&b, "%s ", s->doc);
            strbuf_addc(&b, '(');
            describe(s, &b);
            strbuf_addc(&b, ')');
            fputc('\n', out);
            print_wrapped(out, "# ", text);
            fprintf(out, "#%s = ", s->name);
            print_default(out, s);
            fputc('\n', out);
        }
    }
}

static void dump_setting(const struct conf_setting *s, const void *instance, FILE *out)
{
    char text[CONF_VALUE_MAX];
    if ((s->flags & CONF_HIDDEN) && conf_value_is_default(s, instance))
        return;
    conf_value_text(s, instance, text, sizeof(text));
    if (s->type == CONF_ENUM && !*text)
        return; /* no default and never given */
    /* A masked secret must not be read back as if it were one. */
    fprintf(out, "%s%s = ", (s->flags & CONF_SECRET) && *text ? "#" : "", s->name);
    print_value(out, text);
    fputc('\n', out);
}

void conf_print_dump(const void *root, const struct conf_section *sections, int n_sections,
                     FILE *out)
{
    bool first = true;
    for (int i = 0; i < n_sections; i++) {
        const struct conf_section *sec = &sections[i];
        const char *name = "";
        const void *instance;
        for (int k = 0; (instance = sec->at(root, k, &name)) != NULL; k++) {
            if (sec->named || !same_kind_as_before(sections, i)) {
                fprintf(out, "%s[%s%s%s]\n", first ? "" : "\n", sec->kind, sec->named ? " " : "",
                        sec->named ? name : "");
            }
            first = false;
            for (int j = 0; j < sec->n_settings; j++)
                dump_setting(&sec->settings[j], instance, out);
        }
    }
}

/* scdoc takes a backslash before any character that would mean something; headings are taken as they are. */
static void print_scdoc_text(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("\\_*`#.~[]<>|", *p))
            fputc('\\', out);
        fputc(*p == '\n' ? ' ' : *p, out);
    }
}

void conf_print_scdoc(const struct conf_section *sections, int n_sections, FILE *out)
{
    for (int i = 0; i < n_sections; i++) {
        const struct conf_section *sec = &sections[i];
        if (!same_kind_as_before(sections, i)) {
            fprintf(out, "## [%s%s]\n\n", sec->kind, sec->named ? " NAME" : "");
            if (sec->doc) {
                print_scdoc_text(out, sec->doc);
                fputs("\n\n", out);
            }
        }
        for (int j = 0; j < sec->n_settings; j++) {
            const struct conf_setting *s = &sec->settings[j];
            char text[CONF_VALUE_MAX];
            struct strbuf b;
            if (s->flags & CONF_HIDDEN)
                continue;
            strbuf_init(&b, text, sizeof(text));
            describe(s, &b);
            fprintf(out, "*%s* (", s->name);
            print_scdoc_text(out, text);
            fputs(")\n\t", out);
            print_scdoc_text(out, s->doc ? s->doc : "");
            fputs("\n\n", out);
        }
    }
}

static const void *find_instance(const void *root, const struct conf_section *sec, const char *name)
{
    const char *other = "";
    const void *instance;
    for (int k = 0; (instance = sec->at(root, k, &other)) != NULL; k++) {
        if (!sec->named || strcmp(other, name) == 0)
            return instance;
    }
    return NULL;
}

void conf_diff(const void *old_root, const void *new_root, const struct conf_section *sections,
               int n_sections, conf_diff_cb cb, void *arg)
{
    for (int i = 0; i < n_sections; i++) {
        const struct conf_section *sec = &sections[i];
        const char *name = "";
        const void *was, *is;
        for (int k = 0; (was = sec->at(old_root, k, &name)) != NULL; k++) {
            is = find_instance(new_root, sec, name);
            if (!is)
                cb(sec->kind, name, NULL, arg);
            for (int j = 0; is && j < sec->n_settings; j++) {
                const struct conf_setting *s = &sec->settings[j];
                if (!conf_field_equal(s, conf_field_const(s, was), conf_field_const(s, is)))
                    cb(sec->kind, name, s, arg);
            }
        }
        for (int k = 0; (is = sec->at(new_root, k, &name)) != NULL; k++) {
            if (!find_instance(old_root, sec, name))
                cb(sec->kind, name, NULL, arg);
        }
    }
}
