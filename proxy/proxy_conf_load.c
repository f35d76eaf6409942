#include "proxy_conf.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "../replication/base/bug.h"
#include "../replication/base/str.h"

/* Loading: tables first (conf_load), then what the tables cannot say: defaults for whole sections, and checks between
 * settings. Every complaint of one run is collected. */

enum { CONTROL_NAME_MAX = sizeof "/.s.PGSQL.65535" };

/* The first folder that this user can write; an absolute path in any case. */
static void config_default_state_dir(char *out, size_t cap)
{
    static const char system_dir[] = "/var/lib/tanist";
    if (geteuid() == 0 || access(system_dir, W_OK) == 0) {
        (void)str_copy(out, cap, system_dir);
        return;
    }
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (!home || home[0] != '/') {
        const struct passwd *pw = getpwuid(geteuid());
        home = pw ? pw->pw_dir : NULL;
    }
    int n;
    if (xdg && xdg[0] == '/')
        n = snprintf(out, cap, "%s/tanist", xdg);
    else if (home && home[0] == '/' && home[1])
        n = snprintf(out, cap, "%s/.local/state/tanist", home);
    else
        n = snprintf(out, cap, "/tmp/tanist-%u", (unsigned)geteuid());
    if (n < 0 || (size_t)n >= cap)
        (void)str_copy(out, cap, "/tmp/tanist");
}

static void config_apply_defaults(const struct conf_section *s, void *instance)
{
    for (int i = 0; i < s->n_settings; i++) {
        struct err e = {0};
        if (s->settings[i].def &&
            conf_set_value(&s->settings[i], instance, s->settings[i].def, &e) != 0)
            BUG(e.text);
    }
}

/* A named section that the file does not have at all. */
static void config_add_default(struct config *c, const char *kind, const char *name,
                               struct conf_diags *diags)
{
    int n;
    const struct conf_section *sections = config_sections(&n);
    for (int i = 0; i < n; i++) {
        if (strcmp(sections[i].kind, kind) != 0)
            continue;
        bool is_new = false;
        struct err e = {0};
        void *instance = sections[i].get(c, name, &is_new, &e);
        if (!instance)
            conf_diag_add(diags, false, kind, name, "%s", e.text);
        else if (is_new)
            config_apply_defaults(&sections[i], instance);
    }
}

static bool config_has_pool_rule(const struct config *c, const char *name)
{
    for (int i = 0; i < c->n_pools; i++)
        if (strcmp(c->pools[i].name, name) == 0)
            return true;
    return false;
}

static void config_fill_missing(struct config *c, struct conf_diags *diags)
{
    if (c->n_listens == 0)
        config_add_default(c, "listen", "main", diags);
    if (c->n_databases == 0)
        config_add_default(c, "database", "*", diags);
    if (!config_has_pool_rule(c, "*"))
        config_add_default(c, "pool", "*", diags);
    if (!*c->tanist.state_dir)
        config_default_state_dir(c->tanist.state_dir, sizeof c->tanist.state_dir);
    (void)str_copy(c->repl.state_dir, sizeof c->repl.state_dir, c->tanist.state_dir);
}

/* ---- Checks between settings -------------------------------------------------------------------------------------- */

/* "listen main", as the user wrote it. */
static const char *config_section_label(char *out, size_t cap, const char *kind, const char *name)
{
    snprintf(out, cap, "%s %s", kind, name);
    return out;
}

/* conf_diag_add puts "[section]" in front; the setting stands next. */
PRINTF_LIKE(5, 6)
static void config_complain(struct conf_diags *diags, bool warning, const char *section,
                            const char *setting, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    conf_diag_add(diags, warning, section, "", "%s%s%s", setting ? setting : "", setting ? " " : "",
                  text);
}

static void config_check_file(struct conf_diags *diags, const char *section, const char *name,
                              const char *path)
{
    if (*path && access(path, R_OK) != 0)
        config_complain(diags, false, section, name, "cannot read \"%.150s\": %s", path,
                        strerror(errno));
}

static void config_check_listen(const struct config *c, int at, struct conf_diags *diags)
{
    const struct listen_conf *l = &c->listens[at];
    char label[96];
    config_section_label(label, sizeof label, "listen", l->name);
    if (!*l->address)
        config_complain(diags, false, label, "address", "is empty; write an address, or * for all");
    for (int i = 0; i < at; i++)
        if (c->listens[i].port == l->port && strcmp(c->listens[i].address, l->address) == 0)
            config_complain(diags, false, label, "port",
                            "%s:%lld is also the address of [listen %s]", l->address,
                            (long long)l->port, c->listens[i].name);
    if (l->tls == TLS_OFF) {
        if (*l->tls_cert_file || *l->tls_key_file)
            config_complain(diags, true, label, "tls", "is off, so the certificate is not used");
        return;
    }
    if (!*l->tls_cert_file)
        config_complain(diags, false, label, "tls_cert_file", "is needed because tls is not off");
    if (!*l->tls_key_file)
        config_complain(diags, false, label, "tls_key_file", "is needed because tls is not off");
    if (l->tls >= TLS_VERIFY_CA && !*l->tls_ca_file)
        config_complain(diags, false, label, "tls_ca_file",
                        "is needed to verify client certificates");
    config_check_file(diags, label, "tls_cert_file", l->tls_cert_file);
    config_check_file(diags, label, "tls_key_file", l->tls_key_file);
    config_check_file(diags, label, "tls_ca_file", l->tls_ca_file);
}

static int config_cluster_index(const struct config *c, const char *name)
{
    for (int i = 0; i < c->repl.n_clusters; i++)
        if (strcmp(c->repl.clusters[i].name, name) == 0)
            return i;
    return -1;
}

static void config_check_database(struct config *c, struct database_conf *d,
                                  struct conf_diags *diags)
{
    char label[96];
    config_section_label(label, sizeof label, "database", d->name);
    if (strcmp(d->name, "tanist") == 0 || strcmp(d->name, "pgbouncer") == 0)
        config_complain(diags, false, label, NULL, "the name %s belongs to the console", d->name);
    if (!*d->cluster && c->repl.n_clusters == 1)
        (void)str_copy(d->cluster, sizeof d->cluster, c->repl.clusters[0].name);
    if (!*d->cluster && c->repl.n_clusters > 1) {
        config_complain(diags, false, label, "cluster", "is needed because there are %d clusters",
                        c->repl.n_clusters);
        return;
    }
    if (!*d->cluster || config_cluster_index(c, d->cluster) >= 0)
        return;
    const char *best = NULL;
    unsigned best_distance = 3;
    for (int i = 0; i < c->repl.n_clusters; i++) {
        unsigned distance = str_distance(d->cluster, c->repl.clusters[i].name, 2);
        if (distance < best_distance) {
            best = c->repl.clusters[i].name;
            best_distance = distance;
        }
    }
    config_complain(diags, false, label, "cluster", "there is no [cluster %s]%s%s%s", d->cluster,
                    best ? "; did you mean \"" : "", best ? best : "", best ? "\"?" : "");
}

static void config_check_pool(const struct pool_conf *p, struct conf_diags *diags)
{
    char label[160];
    config_section_label(label, sizeof label, "pool", p->name);
    if (p->min_pool_size > p->pool_size)
        config_complain(diags, true, label, "min_pool_size",
                        "is more than pool_size, which is what counts");
    if (strcmp(p->name, "*") == 0)
        return;
    const char *dot = strchr(p->name, '.');
    if (!dot || dot == p->name || !dot[1])
        config_complain(diags, false, label, NULL,
                        "the name must be *, DATABASE.USER, DATABASE.* or *.USER");
}

static void config_check_state_dir(const struct config *c, struct conf_diags *diags)
{
    const char *dir = c->tanist.state_dir;
    if (dir[0] != '/')
        config_complain(diags, false, "tanist", "state_dir", "\"%.100s\" is not an absolute path",
                        dir);
    size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path - CONTROL_NAME_MAX;
    if (strlen(dir) > room)
        config_complain(diags, false, "tanist", "state_dir",
                        "is longer than the %zu bytes that the path of a Unix socket in it allows",
                        room);
    if (strlen(c->tanist.unix_socket_dir) > room)
        config_complain(diags, false, "tanist", "unix_socket_dir",
                        "is longer than the %zu bytes that the path of a Unix socket in it allows",
                        room);
}

static void config_check(struct config *c, struct conf_diags *diags)
{
    config_check_state_dir(c, diags);
    for (int i = 0; i < c->n_listens; i++)
        config_check_listen(c, i, diags);
    for (int i = 0; i < c->n_databases; i++)
        config_check_database(c, &c->databases[i], diags);
    for (int i = 0; i < c->n_pools; i++)
        config_check_pool(&c->pools[i], diags);
    config_check_file(diags, "server_tls", "ca_file", c->server_tls.ca_file);
    config_check_file(diags, "server_tls", "cert_file", c->server_tls.cert_file);
    config_check_file(diags, "server_tls", "key_file", c->server_tls.key_file);
    if (*c->server_tls.key_file && !*c->server_tls.cert_file)
        config_complain(diags, false, "server_tls", "cert_file",
                        "is needed because key_file is given");
    if (c->auth.method != METHOD_TRUST && !*c->auth.auth_query)
        config_complain(diags, false, "auth", "auth_query", "is needed unless method is trust");
}

/* ---- Function lists -----------------------------------------------------------------------------------------------
 */

/* The next item of a comma-separated list, as the catalogs would store the name: without its schema, in lower case. */
static bool next_function(const char **list, char name[CONF_NAME_MAX], struct slice *item)
{
    while (**list) {
        const char *comma = strchrnul(*list, ',');
        *item = slice_trim((struct slice){*list, (size_t)(comma - *list)});
        *list = *comma ? comma + 1 : comma;
        const char *dot = item->n ? memrchr(item->p, '.', item->n) : NULL;
        size_t skip = dot ? (size_t)(dot + 1 - item->p) : 0;
        size_t n = item->n - skip;
        if (item->n == 0)
            continue;
        for (size_t i = 0; i < n && i < CONF_NAME_MAX - 1; i++) {
            char c = item->p[skip + i];
            name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
        name[n < CONF_NAME_MAX ? n : 0] = '\0';
        return true;
    }
    return false;
}

static void config_add_functions(struct config *c, const char *setting, const char *list,
                                 struct conf_diags *diags)
{
    char name[CONF_NAME_MAX];
    struct slice item;
    bool writes = strcmp(setting, "write_functions") == 0;
    while (next_function(&list, name, &item))
        if (catalog_add_function(&c->functions, slice_of(name), writes) != 0)
            config_complain(diags, false, "routing", setting, "\"%.*s\" is not a function's name",
                            (int)(item.n < 80 ? item.n : 80), item.p);
}

static void config_build_functions(struct config *c, struct conf_diags *diags)
{
    const struct routing_conf *r = &c->routing;
    if (!*r->read_functions && !*r->write_functions)
        return;
    size_t cap = catalog_size(sizeof r->read_functions + sizeof r->write_functions,
                              sizeof r->read_functions + sizeof r->write_functions);
    c->functions_mem = malloc(cap);
    if (!c->functions_mem || catalog_init_plain(&c->functions, c->functions_mem, cap) != 0) {
        config_complain(diags, false, "routing", NULL, "out of memory");
        return;
    }
    config_add_functions(c, "read_functions", r->read_functions, diags);
    config_add_functions(c, "write_functions", r->write_functions, diags);
    catalog_seal(&c->functions);
}

const struct catalog *config_functions(const struct config *c)
{
    return c->functions_mem ? &c->functions : NULL;
}

static void config_free(struct config *c)
{
    free(c->functions_mem);
    free(c);
}

/* ---- Loading ------------------------------------------------------------------------------------------------------ */

/* Without a file nobody has thought about failover, so we do not promote unless told. As the weakest of the --set
 * values it still loses against the user's own and against the environment. */
static int config_load_tables(struct config *c, const struct conf_source *src, bool manual_failover,
                              struct conf_diags *diags)
{
    const char *sets[CONF_SETS_MAX];
    struct conf_source with = *src;
    if (manual_failover && !(src->environment && getenv("TANIST_FAILOVER_MODE")) &&
        src->n_sets < CONF_SETS_MAX) {
        sets[0] = "failover.mode=manual";
        for (int i = 0; i < src->n_sets; i++)
            sets[i + 1] = src->sets[i];
        with.sets = sets;
        with.n_sets = src->n_sets + 1;
    }
    int n;
    const struct conf_section *sections = config_sections(&n);
    return conf_load(c, sections, n, &with, diags);
}

/* False if the connection string is of no use; then checks of the nodes would only repeat that. */
static bool config_take_nodes(struct config *c, const char *conninfo, struct conf_diags *diags)
{
    struct err e = {0};
    if (!conninfo)
        return true;
    if (c->repl.n_clusters || c->repl.n_nodes) {
        conf_diag_add(
            diags, false, "cluster", NULL,
            "clusters come from the configuration or from the connection string, not from both");
        return true;
    }
    if (repl_conf_from_conninfo(&c->repl, conninfo, &e) == 0)
        return true;
    conf_diag_add(diags, false, "connection string", NULL, "%s", e.text);
    return false;
}

static int config_finish(struct config *c, int rc, struct config **out,
                         const struct conf_diags *diags)
{
    if (rc != 0 || diags->n_errors > 0) {
        config_free(c);
        return ERR_INVALID;
    }
    atomic_init(&c->refs, 1);
    *out = c;
    return 0;
}

static struct config *config_new(struct conf_diags *diags)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        config_complain(diags, false, "tanist", NULL, "out of memory");
    return c;
}

static int config_load_all(const struct conf_source *src, const char *conninfo, bool nodes_later,
                           struct config **out, struct conf_diags *diags)
{
    *out = NULL;
    struct config *c = config_new(diags);
    if (!c)
        return ERR_INVALID;
    int rc = config_load_tables(c, src, conninfo && !src->file, diags);
    bool usable = config_take_nodes(c, conninfo, diags);
    config_fill_missing(c, diags);
    bool none = c->repl.n_clusters == 0 && c->repl.n_nodes == 0;
    if (none && nodes_later)
        conf_diag_add(
            diags, true, "cluster", NULL,
            "there is no cluster here; serve then needs a connection string with all hosts");
    /* A file that could not be read would only make noise about what is missing in it. */
    else if (usable && (rc == 0 || !none))
        repl_conf_check(&c->repl, diags);
    config_check(c, diags);
    config_build_functions(c, diags);
    return config_finish(c, rc, out, diags);
}

int config_load(const struct conf_source *src, const char *conninfo, struct config **out,
                struct conf_diags *diags)
{
    return config_load_all(src, conninfo, false, out, diags);
}

int config_load_check(const struct conf_source *src, struct config **out, struct conf_diags *diags)
{
    return config_load_all(src, NULL, true, out, diags);
}

int config_load_local(const struct conf_source *src, struct config **out, struct conf_diags *diags)
{
    *out = NULL;
    struct config *c = config_new(diags);
    if (!c)
        return ERR_NOMEM;
    int rc = config_load_tables(c, src, false, diags);
    config_fill_missing(c, diags);
    atomic_init(&c->refs, 1);
    *out = c;
    return rc;
}

void config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void config_unref(struct config *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        config_free(c);
}

/* ---- Look-ups ----------------------------------------------------------------------------------------------------- */

const struct database_conf *config_database(const struct config *c, const char *database)
{
    const struct database_conf *any = NULL;
    for (int i = 0; i < c->n_databases; i++) {
        if (strcmp(c->databases[i].name, database) == 0)
            return &c->databases[i];
        if (strcmp(c->databases[i].name, "*") == 0)
            any = &c->databases[i];
    }
    return any;
}

int config_database_cluster(const struct config *c, const struct database_conf *d)
{
    int i = config_cluster_index(c, d->cluster);
    BUG_ON(i < 0); /* config_check made sure */
    return i;
}

/* Rules are compared as whole names, so a dot inside a database's or user's name needs no quoting. */
static bool config_pool_matches(const char *rule, const char *database, const char *user)
{
    size_t n = strlen(database);
    return strncmp(rule, database, n) == 0 && rule[n] == '.' && strcmp(rule + n + 1, user) == 0;
}

const struct pool_conf *config_pool(const struct config *c, const char *database, const char *user)
{
    const struct pool_conf *best = NULL;
    int best_rank = 0;
    for (int i = 0; i < c->n_pools; i++) {
        const char *rule = c->pools[i].name;
        int rank = 0;
        if (config_pool_matches(rule, database, user))
            rank = 4;
        else if (config_pool_matches(rule, database, "*"))
            rank = 3;
        else if (config_pool_matches(rule, "*", user))
            rank = 2;
        else if (strcmp(rule, "*") == 0)
            rank = 1;
        if (rank > best_rank) {
            best = &c->pools[i];
            best_rank = rank;
        }
    }
    BUG_ON(!best); /* [pool *] always exists */
    return best;
}

static int config_limit(int64_t own, int64_t common)
{
    return (int)(own >= 0 ? own : common);
}

int config_max_db_connections(const struct config *c, const char *database)
{
    const struct database_conf *d = config_database(c, database);
    return config_limit(d ? d->max_db_connections : -1, c->tanist.max_db_connections);
}

int config_max_user_connections(const struct config *c, const char *user)
{
    int64_t own = -1;
    for (int i = 0; i < c->n_users; i++)
        if (strcmp(c->users[i].name, user) == 0)
            own = c->users[i].max_user_connections;
    return config_limit(own, c->tanist.max_user_connections);
}

bool config_list_has(const char *list, const char *name)
{
    while (*list) {
        const char *comma = strchrnul(list, ',');
        struct slice item = slice_trim((struct slice){list, (size_t)(comma - list)});
        if (slice_eq(item, name) || slice_eq(item, "*"))
            return true;
        list = *comma ? comma + 1 : comma;
    }
    return false;
}

void config_control_dir(const struct config *c, char *out, size_t cap)
{
    (void)str_copy(out, cap, c->tanist.state_dir);
}

static void config_read_apply(struct read_rules *r, const struct read_conf *own)
{
    if (own->consistency > 1)
        r->level = (enum consistency)(own->consistency - 1);
    if (own->transaction_reads > 1)
        r->transaction_reads = (enum transaction_reads)(own->transaction_reads - 1);
    if (own->freshness_wait >= 0)
        r->freshness_wait = own->freshness_wait;
    if (own->max_lag >= 0)
        r->max_lag = own->max_lag;
    if (own->max_lag_bytes != UINT64_MAX)
        r->max_lag_bytes = own->max_lag_bytes;
}

/* A node without a zone is in none. */
bool config_allows_zone(const struct read_rules *r, const char *zone)
{
    for (size_t i = 0; i < ARRAY_LEN(r->allow_zones); i++)
        if (r->allow_zones[i][0] && !(zone[0] && config_list_has(r->allow_zones[i], zone)))
            return false;
    return true;
}

struct read_rules config_read_rules(const struct config *c, const char *database, const char *user)
{
    const struct lag_conf *lag = &c->repl.lag;
    struct read_rules r = {.level = (enum consistency)c->routing.consistency,
                           .transaction_reads =
                               (enum transaction_reads)c->routing.transaction_reads,
                           .freshness_wait = c->routing.freshness_wait,
                           .max_lag = lag->max_lag,
                           .max_lag_bytes = lag->max_lag_bytes,
                           .lag_resume = (int)lag->lag_resume,
                           .allow_zones = {c->routing.allow_zones, "", ""}};
    const struct database_conf *d = config_database(c, database);
    if (d) {
        config_read_apply(&r, &d->read);
        r.allow_zones[1] = d->read.allow_zones;
    }
    const struct read_conf *own = &config_pool(c, database, user)->read;
    config_read_apply(&r, own);
    r.allow_zones[2] = own->allow_zones;
    r.own_lag = r.max_lag != lag->max_lag || r.max_lag_bytes != lag->max_lag_bytes;
    return r;
}
