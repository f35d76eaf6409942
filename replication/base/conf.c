/* Loading: files, environment and --set are read in that order into the caller's structs, each overriding what came before. */
#include "conf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bug.h"
#include "conf_private.h"
#include "ini.h"
#include "str.h"

enum { SECTIONS_MAX = 64, NAME_MAX_BYTES = 128, GIVEN_MAX = 65536 };

enum level { LEVEL_DEFAULT = 0, LEVEL_FILE, LEVEL_ENVIRONMENT, LEVEL_SET };

/* A setting that was given, for required ones and for repeats. */
struct given {
    const struct conf_setting *setting;
    const void *instance;
    enum level level;
};

/* The section in which an include stands, for when the included file ends. */
struct outer {
    const char *kind;
    bool refused;
    char name[NAME_MAX_BYTES];
};

struct load {
    void *root;
    const struct conf_section *sections;
    int n_sections;
    struct conf_diags *diags;
    enum level level;
    /* The section being read. Several rows of the table may share one kind (two modules, one section), hence arrays. */
    const char *kind; /* NULL: none, or one that was refused */
    bool refused;     /* its settings are not worth further errors */
    char name[NAME_MAX_BYTES];
    void *instances[SECTIONS_MAX];
    struct outer outer[INI_DEPTH_MAX]; /* of the files that include the present one */
    int depth;
    struct given *given;
    size_t n_given, given_cap;
};

/* ---- Diagnostics ---- */

PRINTF_LIKE(4, 0)
static void vadd(struct conf_diags *diags, const struct conf_where *where, bool warning,
                 const char *fmt, va_list ap)
{
    if (!warning)
        diags->n_errors++;
    if (diags->n == CONF_DIAGS_MAX) {
        diags->more = true;
        return;
    }
    struct conf_diag *d = &diags->d[diags->n++];
    d->where = *where;
    d->warning = warning;
    vsnprintf(d->text, sizeof(d->text), fmt, ap);
}

PRINTF_LIKE(3, 4)
static void add_error(struct load *l, const struct ini_where *at, const char *fmt, ...)
{
    struct conf_where where = {.line = at->line, .column = at->column};
    (void)str_copy(where.file, sizeof(where.file), at->file);
    va_list ap;
    va_start(ap, fmt);
    vadd(l->diags, &where, false, fmt, ap);
    va_end(ap);
}

void conf_diag_add(struct conf_diags *diags, bool warning, const char *section, const char *name,
                   const char *fmt, ...)
{
    const struct conf_where nowhere = {.line = 0};
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    const int before = diags->n;
    va_start(ap, fmt);
    vadd(diags, &nowhere, warning, fmt, ap);
    va_end(ap);
    if (diags->n == before)
        return;
    struct strbuf b;
    strbuf_init(&b, diags->d[before].text, sizeof(diags->d[0].text));
    if (section)
        strbuf_addf(&b, "[%s%s%s]: ", section, name && *name ? " " : "", name ? name : "");
    strbuf_adds(&b, text);
}

void conf_diags_print(const struct conf_diags *diags, FILE *out)
{
    for (int i = 0; i < diags->n; i++) {
        const struct conf_diag *d = &diags->d[i];
        if (d->where.file[0])
            fprintf(out, "%s:", d->where.file);
        if (d->where.line)
            fprintf(out, "%d:%d:", d->where.line, d->where.column);
        fprintf(out, "%s%s: %s\n", d->where.file[0] ? " " : "", d->warning ? "warning" : "error",
                d->text);
    }
    if (diags->more)
        fprintf(out, "(more errors; only the first %d are shown)\n", CONF_DIAGS_MAX);
}

/* ---- Finding names ---- */

static const char *kind_at(const void *arg, int i)
{
    const struct load *l = arg;
    return l->sections[i].kind;
}

static const char *setting_at(const void *arg, int i)
{
    const struct conf_section *sec = arg;
    return sec->settings[i].name;
}

static const struct conf_setting *find_setting(const struct conf_section *sec, const char *name)
{
    for (int i = 0; i < sec->n_settings; i++) {
        if (slice_ieq(slice_of(name), sec->settings[i].name))
            return &sec->settings[i];
    }
    return NULL;
}

static const struct conf_section *find_kind(const struct load *l, struct slice kind)
{
    for (int i = 0; i < l->n_sections; i++) {
        if (slice_ieq(kind, l->sections[i].kind))
            return &l->sections[i];
    }
    return NULL;
}

/* An unknown setting: the nearest name in this section, or the section where the name does exist. */
static void unknown_setting(struct load *l, const struct ini_where *at, const char *name)
{
    const char *near = NULL;
    for (int i = 0; i < l->n_sections && !near; i++) {
        if (strcmp(l->sections[i].kind, l->kind) == 0)
            near = conf_nearest(name, setting_at, &l->sections[i], l->sections[i].n_settings);
    }
    for (int i = 0; i < l->n_sections; i++) {
        if (find_setting(&l->sections[i], name)) {
            add_error(l, at, "unknown setting \"%s\" in section [%s]: it belongs to section [%s%s]",
                      name, l->kind, l->sections[i].kind, l->sections[i].named ? " NAME" : "");
            return;
        }
    }
    if (near)
        add_error(l, at, "unknown setting \"%s\" in section [%s]: did you mean \"%s\"?", name,
                  l->kind, near);
    else
        add_error(l, at, "unknown setting \"%s\" in section [%s]", name, l->kind);
}

/* ---- Instances ---- */

/* Instances of all rows of one kind, with their defaults if they are new. False after an error. */
static bool open_instances(struct load *l, const struct ini_where *at)
{
    for (int i = 0; i < l->n_sections; i++) {
        const struct conf_section *sec = &l->sections[i];
        l->instances[i] = NULL;
        if (strcmp(sec->kind, l->kind) != 0)
            continue;
        bool is_new = false;
        struct err e = {0};
        l->instances[i] = sec->get(l->root, l->name, &is_new, &e);
        if (!l->instances[i]) {
            add_error(l, at, "section [%s%s%s]: %s", l->kind, *l->name ? " " : "", l->name, e.text);
            return false;
        }
        /* An unnamed section exists from the start (make_unnamed), whatever its getter says later. */
        if (!sec->named)
            is_new = l->level == LEVEL_DEFAULT;
        for (int j = 0; is_new && j < sec->n_settings; j++)
            conf_field_default(&sec->settings[j], conf_field(&sec->settings[j], l->instances[i]));
    }
    return true;
}

/* Makes [kind name] the present section. */
static bool enter(struct load *l, const struct ini_where *at, struct slice kind, struct slice name)
{
    char word[NAME_MAX_BYTES];
    l->kind = NULL;
    l->refused = true;
    (void)snprintf(word, sizeof(word), "%.*s", (int)(kind.n < 64 ? kind.n : 64), kind.p);
    const struct conf_section *sec = find_kind(l, kind);
    if (!sec) {
        const char *near = conf_nearest(word, kind_at, l, l->n_sections);
        if (near)
            add_error(l, at, "unknown section [%s]: did you mean [%s]?", word, near);
        else
            add_error(l, at, "unknown section [%s]", word);
        return false;
    }
    if (sec->named != (name.n > 0)) {
        if (sec->named)
            add_error(l, at, "section [%s] needs a name: [%s NAME]", sec->kind, sec->kind);
        else
            add_error(l, at, "section [%s] takes no name", sec->kind);
        return false;
    }
    if (name.n >= sizeof(l->name)) {
        add_error(l, at, "the name of section [%s] is too long", sec->kind);
        return false;
    }
    memcpy(l->name, name.p, name.n);
    l->name[name.n] = '\0';
    l->kind = sec->kind;
    if (!open_instances(l, at)) {
        l->kind = NULL;
        return false;
    }
    l->refused = false;
    return true;
}

/* ---- Assignments ---- */

static struct given *find_given(struct load *l, const struct conf_setting *s, const void *instance)
{
    for (size_t i = 0; i < l->n_given; i++) {
        if (l->given[i].setting == s && l->given[i].instance == instance)
            return &l->given[i];
    }
    return NULL;
}

static bool remember(struct load *l, const struct conf_setting *s, const void *instance)
{
    if (l->n_given == l->given_cap) {
        const size_t cap = l->given_cap ? 2 * l->given_cap : 256;
        struct given *grown = cap > GIVEN_MAX ? NULL : realloc(l->given, cap * sizeof(*grown));
        if (!grown)
            return false;
        l->given = grown;
        l->given_cap = cap;
    }
    l->given[l->n_given++] = (struct given){s, instance, l->level};
    return true;
}

/* at[0] is the key's place, at[1] the value's. */
static void assign(struct load *l, const struct ini_where at[2], const struct conf_setting *s,
                   void *instance, const char *text)
{
    char joined[CONF_VALUE_MAX];
    struct err e = {0};
    struct given *g = find_given(l, s, instance);
    const char *old = conf_field(s, instance);
    if (g && g->level == l->level && (s->flags & CONF_REPEAT) && *old) {
        struct strbuf b;
        BUG_ON(s->type != CONF_STRING);
        strbuf_init(&b, joined, sizeof(joined));
        strbuf_addf(&b, "%s,%s", old, text);
        if (b.truncated) {
            add_error(l, &at[1], "%s: all values together are longer than %d bytes", s->name,
                      CONF_VALUE_MAX - 1);
            return;
        }
        text = joined;
    }
    if (conf_set_value(s, instance, text, &e) != 0)
        add_error(l, &at[1], "%s", e.text);
    if (g)
        g->level = l->level;
    else if (!remember(l, s, instance))
        add_error(l, &at[0], "too many settings");
}

static void set_by_name(struct load *l, const struct ini_where at[2], const char *name,
                        const char *text)
{
    for (int i = 0; i < l->n_sections; i++) {
        const struct conf_setting *s = l->instances[i] ? find_setting(&l->sections[i], name) : NULL;
        if (s) {
            assign(l, at, s, l->instances[i], text);
            return;
        }
    }
    unknown_setting(l, &at[0], name);
}

/* ---- Files ---- */

static void on_section(void *arg, const struct ini_where *at, const char *section)
{
    struct load *l = arg;
    const struct slice all = slice_of(section);
    size_t n = 0;
    if (!section) {
        l->kind = NULL;
        l->refused = true;
        return;
    }
    while (n < all.n && section[n] != ' ' && section[n] != '\t')
        n++;
    (void)enter(l, at, (struct slice){section, n},
                slice_trim((struct slice){section + n, all.n - n}));
}

static void on_value(void *arg, const struct ini_where at[2], const char *name, const char *value)
{
    struct load *l = arg;
    if (l->kind)
        set_by_name(l, at, name, value);
    else if (!l->refused)
        add_error(l, &at[0], "setting \"%s\" stands before the first section", name);
}

static void on_error(void *arg, const struct ini_where *at, const char *text)
{
    add_error(arg, at, "%s", text);
}

static void on_include(void *arg, bool begin)
{
    struct load *l = arg;
    const struct ini_where nowhere = {.file = ""};
    if (begin) {
        BUG_ON(l->depth == INI_DEPTH_MAX);
        struct outer *o = &l->outer[l->depth++];
        o->kind = l->kind;
        o->refused = l->refused;
        memcpy(o->name, l->name, sizeof(o->name));
        l->kind = NULL;
        l->refused = false;
        return;
    }
    BUG_ON(l->depth == 0);
    const struct outer *o = &l->outer[--l->depth];
    l->kind = o->kind;
    l->refused = o->refused;
    memcpy(l->name, o->name, sizeof(l->name));
    if (l->kind)
        BUG_ON(!open_instances(l, &nowhere)); /* they exist */
}

static void load_file(struct load *l, const char *path)
{
    const struct ini_sink sink = {on_section, on_value, on_include, on_error, l};
    l->level = LEVEL_FILE;
    l->kind = NULL;
    l->refused = false;
    ini_read_file(path, &sink);
}

/* ---- Environment and --set ---- */

static void load_environment(struct load *l)
{
    l->level = LEVEL_ENVIRONMENT;
    for (int i = 0; i < l->n_sections; i++) {
        const struct conf_section *sec = &l->sections[i];
        for (int j = 0; !sec->named && j < sec->n_settings; j++) {
            char var[NAME_MAX_BYTES];
            (void)snprintf(var, sizeof(var), "TANIST_%s_%s", sec->kind, sec->settings[j].name);
            for (char *c = var; *c; c++) {
                if (*c >= 'a' && *c <= 'z')
                    *c = (char)(*c - 'a' + 'A');
            }
            const char *text = getenv(var);
            char place[sizeof(var) + 16];
            (void)snprintf(place, sizeof(place), "environment: %s", var);
            const struct ini_where at[2] = {{.file = place}, {.file = place}};
            if (text && enter(l, &at[0], slice_of(sec->kind), slice_of("")))
                assign(l, at, &sec->settings[j], l->instances[i], text);
        }
    }
}

/* "section.name=value", "section NAME.name=value" or "section.NAME.name=value"; NAME may have dots itself. */
static void load_set(struct load *l, int number, const char *set)
{
    const char *equals = strchr(set, '=');
    struct ini_where at[2] = {{.file = "--set", .line = number, .column = 1},
                              {.file = "--set", .line = number}};
    const char *dot = equals ? equals : set;
    while (dot > set && *dot != '.')
        dot--;
    if (!equals || dot == set) {
        add_error(l, &at[0], "\"%.64s\": expected section.name=value", set);
        return;
    }
    char name[NAME_MAX_BYTES];
    const struct slice key = slice_trim((struct slice){dot + 1, (size_t)(equals - dot - 1)});
    const struct slice section = slice_trim((struct slice){set, (size_t)(dot - set)});
    (void)snprintf(name, sizeof(name), "%.*s",
                   (int)(key.n < sizeof(name) ? key.n : sizeof(name) - 1), key.p);

    size_t n = 0;
    while (n < section.n && section.p[n] != ' ' && section.p[n] != '.')
        n++;
    const size_t after = n < section.n ? n + 1 : n;
    if (!enter(l, &at[0], (struct slice){section.p, n},
               slice_trim((struct slice){section.p + after, section.n - after})))
        return;
    at[0].column = (int)(key.p - set) + 1;
    at[1].column = (int)(equals + 1 - set) + 1;
    set_by_name(l, at, name, equals + 1);
}

/* ---- All together ---- */

static void make_unnamed(struct load *l)
{
    const struct ini_where at = {.file = "default"};
    for (int i = 0; i < l->n_sections; i++) {
        if (!l->sections[i].named)
            (void)enter(l, &at, slice_of(l->sections[i].kind), slice_of(""));
    }
}

static void check_required(struct load *l)
{
    for (int i = 0; i < l->n_sections; i++) {
        const struct conf_section *sec = &l->sections[i];
        const char *name = "";
        const void *instance;
        for (int k = 0; (instance = sec->at(l->root, k, &name)) != NULL; k++) {
            for (int j = 0; j < sec->n_settings; j++) {
                const struct conf_setting *s = &sec->settings[j];
                if ((s->flags & CONF_REQUIRED) && !(s->def && *s->def) &&
                    !find_given(l, s, instance))
                    conf_diag_add(l->diags, false, sec->kind, name, "\"%s\" must be set", s->name);
            }
        }
    }
}

int conf_load(void *root, const struct conf_section *sections, int n_sections,
              const struct conf_source *src, struct conf_diags *diags)
{
    BUG_ON(n_sections > SECTIONS_MAX);
    struct load l = {.root = root, .sections = sections, .n_sections = n_sections, .diags = diags};
    diags->n = diags->n_errors = 0;
    diags->more = false;

    make_unnamed(&l);
    if (src->file)
        load_file(&l, src->file);
    if (src->environment)
        load_environment(&l);
    l.level = LEVEL_SET;
    for (int i = 0; i < src->n_sets; i++)
        load_set(&l, i + 1, src->sets[i]);
    check_required(&l);
    free(l.given);
    return diags->n_errors ? ERR_INVALID : 0;
}
