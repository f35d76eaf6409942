#include "repl_conf.h"

#include <stdio.h>

#include "base/bug.h"
#include "base/str.h"
#include "pgconn.h"

/* Zero configuration: a cluster from one connection string. */

struct from_conninfo {
    char hosts[REPL_CONNINFO_MAX], addrs[REPL_CONNINFO_MAX], ports[REPL_CONNINFO_MAX];
    char rest[REPL_CONNINFO_MAX];
    struct strbuf out;
};

static int take_keyword(void *arg, const char *keyword, const char *value, struct err *e)
{
    struct from_conninfo *f = arg;
    bool fits = true;
    if (strcmp(keyword, "host") == 0)
        fits = str_copy(f->hosts, sizeof(f->hosts), value);
    else if (strcmp(keyword, "hostaddr") == 0)
        fits = str_copy(f->addrs, sizeof(f->addrs), value);
    else if (strcmp(keyword, "port") == 0)
        fits = str_copy(f->ports, sizeof(f->ports), value);
    else if (strcmp(keyword, "target_session_attrs") != 0 &&
             strcmp(keyword, "load_balance_hosts") != 0)
        strbuf_add_conninfo(&f->out, keyword,
                            value); /* those two choose among hosts, which is our work */
    if (!fits || f->out.truncated)
        return err_set(e, ERR_LIMIT, "the connection string is longer than %d bytes",
                       REPL_CONNINFO_MAX - 1);
    return 0;
}

/* The i-th element of a comma-separated list, as libpq counts them; false behind the end. */
static bool list_at(const char *list, int i, char *out, size_t cap)
{
    const char *p = list;
    for (; i > 0; i--) {
        p = strchr(p, ',');
        if (!p)
            return false;
        p++;
    }
    const size_t n = strcspn(p, ",");
    if (n >= cap)
        return false;
    memcpy(out, p, n);
    out[n] = '\0';
    return true;
}

static int list_count(const char *list)
{
    int n = *list ? 1 : 0;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

static int set_defaults(void *instance, const struct conf_section *section, struct err *e)
{
    for (int i = 0; i < section->n_settings; i++) {
        const struct conf_setting *row = &section->settings[i];
        if (row->def && conf_set_value(row, instance, row->def, e) != 0)
            return err_wrap(e, "default of %s", row->name);
    }
    return 0;
}

/* The instance of a section by its name, with its defaults; NULL with err set. */
static void *get(struct repl_conf *c, const char *kind, const char *name, struct err *e)
{
    for (int i = 0; i < repl_conf_n_sections; i++) {
        const struct conf_section *section = &repl_conf_sections[i];
        bool is_new;
        if (strcmp(section->kind, kind) != 0)
            continue;
        void *instance = section->get(c, name, &is_new, e);
        return instance && is_new && set_defaults(instance, section, e) != 0 ? NULL : instance;
    }
    BUG("no such section");
}

static bool host_repeats(const char *hosts, int n, const char *host)
{
    char other[TOPO_HOST_MAX];
    int same = 0;
    for (int i = 0; i < n; i++)
        same += list_at(hosts, i, other, sizeof(other)) && strcmp(other, host) == 0;
    return same > 1;
}

static int add_node(struct repl_conf *c, const struct from_conninfo *f, const char *list, int i,
                    struct err *e)
{
    char host[TOPO_HOST_MAX], port[16] = "", name[TOPO_NAME_MAX];
    const int n_ports = list_count(f->ports);
    uint64_t port_number = 5432;
    if (!list_at(list, i, host, sizeof(host)) || !host[0])
        return err_set(e, ERR_INVALID, "host %d of the connection string is empty or too long",
                       i + 1);
    if (n_ports > 0)
        (void)list_at(f->ports, n_ports == 1 ? 0 : i, port, sizeof(port));
    if (port[0] && (!str_to_u64(port, &port_number) || port_number < 1 || port_number > 65535))
        return err_set(e, ERR_INVALID, "\"%s\" is not a port", port);
    const char *base = host[0] == '/' ? host + 1 : host;
    int put;
    if (host_repeats(list, list_count(list), host))
        put = snprintf(name, sizeof(name), "%s:%u", base, (unsigned)port_number);
    else
        put = snprintf(name, sizeof(name), "%s", base);
    if (put < 0 || (size_t)put >= sizeof(name))
        return err_set(e, ERR_INVALID,
                       "host \"%s\" is too long for a node's name: use a configuration file", host);
    for (char *p = name; *p; p++) {
        if (*p == '/')
            *p = '-';
    }
    struct node_conf *n = get(c, "node", name, e);
    if (!n)
        return e->code;
    str_copy(n->host, sizeof(n->host), host);
    str_copy(n->cluster, sizeof(n->cluster), "main");
    n->port = (int64_t)port_number;
    return 0;
}

int repl_conf_from_conninfo(struct repl_conf *c, const char *conninfo, struct err *e)
{
    struct from_conninfo f = {0};
    strbuf_init(&f.out, f.rest, sizeof(f.rest));
    int rc = pgconn_conninfo_each(conninfo, take_keyword, &f, e);
    if (rc != 0)
        return rc;
    const char *list = f.hosts[0] ? f.hosts : f.addrs;
    const int n = list_count(list), n_ports = list_count(f.ports);
    if (n == 0)
        return err_set(e, ERR_INVALID, "the connection string names no host");
    if (n_ports > 1 && n_ports != n)
        return err_set(e, ERR_INVALID, "the connection string has %d hosts but %d ports", n,
                       n_ports);
    struct cluster_conf *cc = get(c, "cluster", "main", e);
    if (!cc)
        return e->code;
    str_copy(cc->monitor, sizeof(cc->monitor), f.rest);
    for (int i = 0; i < n && rc == 0; i++)
        rc = add_node(c, &f, list, i, e);
    return rc;
}
