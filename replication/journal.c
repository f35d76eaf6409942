#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/str.h"

enum { JOURNAL_PATH_MAX = 1024, JOURNAL_FORMAT = 1 };

/* FNV-1a: enough to notice a torn or edited file, which rename makes unlikely already. */
static uint64_t checksum(const char *p, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        h ^= (uint8_t)p[i];
        h *= UINT64_C(0x100000001b3);
    }
    return h;
}

/* A line for each configuration, one for each member after it. */
static void encode_record(struct strbuf *b, const char *what, const struct quorum_record *r)
{
    if (!r->n)
        return;
    strbuf_addf(b, "%s_secret %llu\n", what, (unsigned long long)r->secret);
    for (int i = 0; i < r->n; i++) {
        strbuf_addf(b, "%s_config %d\n", what, r->c[i].k);
        for (int j = 0; j < r->c[i].n; j++)
            strbuf_addf(b, "%s_member %s\n", what, r->c[i].members[j]);
    }
}

/* Names come from the configuration and may hold spaces: a value is the rest of its line, and names have no newline
 * (repl_conf_check). */
int journal_encode(const struct journal_record *r, char *out, size_t cap, struct err *e)
{
    struct strbuf b;
    const struct decide_memory *m = &r->memory;
    strbuf_init(&b, out, cap);
    strbuf_addf(&b, "tanist-journal %d\n", JOURNAL_FORMAT);
    strbuf_addf(&b, "cluster %s\n", r->cluster);
    strbuf_addf(&b, "epoch %llu\n", (unsigned long long)m->epoch);
    strbuf_addf(&b, "version %llu\n", (unsigned long long)r->version_reserved);
    strbuf_addf(&b, "system_identifier %llu\n", (unsigned long long)m->system_identifier);
    strbuf_addf(&b, "timeline %u\n", m->timeline);
    strbuf_addf(&b, "writer_lsn %llu\n", (unsigned long long)m->writer_lsn);
    strbuf_addf(&b, "writer %s\n", m->writer);
    strbuf_addf(&b, "target %s\n", m->target);
    strbuf_addf(&b, "fenced %s\n", m->fenced);
    strbuf_addf(&b, "step %d\n", m->step);
    strbuf_addf(&b, "kind %d\n", m->kind);
    strbuf_addf(&b, "writer_start %llu\n", (unsigned long long)m->writer_start);
    encode_record(&b, "quorum", &m->quorum);
    encode_record(&b, "plan", &m->plan);
    strbuf_addf(&b, "maintenance %d\n", r->maintenance ? 1 : 0);
    for (int i = 0; i < r->n_drained; i++)
        strbuf_addf(&b, "drained %s\n", r->drained[i]);
    strbuf_addf(&b, "end %016llx\n", (unsigned long long)checksum(b.p, b.n));
    if (b.truncated)
        return err_set(e, ERR_LIMIT, "journal record of cluster %s is too long", r->cluster);
    return (int)b.n;
}

/* One line "key value"; p is moved behind it. */
static bool next_line(const char **p, const char *end, struct slice *key, char *value, size_t cap)
{
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    if (!nl)
        return false;
    const char *space = memchr(*p, ' ', (size_t)(nl - *p));
    if (!space || (size_t)(nl - space - 1) >= cap)
        return false;
    *key = (struct slice){*p, (size_t)(space - *p)};
    memcpy(value, space + 1, (size_t)(nl - space - 1));
    value[nl - space - 1] = '\0';
    *p = nl + 1;
    return true;
}

static bool set_number(struct journal_record *r, struct slice key, uint64_t n)
{
    struct decide_memory *m = &r->memory;
    if (slice_eq(key, "epoch"))
        m->epoch = n;
    else if (slice_eq(key, "version"))
        r->version_reserved = n;
    else if (slice_eq(key, "system_identifier"))
        m->system_identifier = n;
    else if (slice_eq(key, "timeline"))
        m->timeline = (uint32_t)n;
    else if (slice_eq(key, "writer_lsn"))
        m->writer_lsn = n;
    else if (slice_eq(key, "step") && n < 64)
        m->step = (int)n;
    else if (slice_eq(key, "kind") && n < 64)
        m->kind = (int)n;
    else if (slice_eq(key, "writer_start"))
        m->writer_start = (int64_t)n;
    else if (slice_eq(key, "maintenance"))
        r->maintenance = n != 0;
    else
        return false;
    return true;
}

static bool set_record(struct quorum_record *r, const char *key, const char *value)
{
    uint64_t n = 0;
    if (!strcmp(key, "member")) {
        struct quorum_config *c = r->n ? &r->c[r->n - 1] : NULL;
        return c && c->n < QUORUM_MEMBERS_MAX && str_copy(c->members[c->n++], TOPO_NAME_MAX, value);
    }
    if (!str_to_u64(value, &n))
        return false;
    if (!strcmp(key, "secret"))
        r->secret = n;
    else if (!strcmp(key, "config") && r->n < QUORUM_CONFIGS_MAX && n <= QUORUM_MEMBERS_MAX)
        r->c[r->n++].k = (int)n;
    else
        return false;
    return true;
}

/* "quorum_secret" -> "secret" of the record that it belongs to. */
static bool set_quorum(struct journal_record *r, struct slice key, const char *value, bool *good)
{
    static const char *const prefixes[] = {"quorum_", "plan_"};
    struct quorum_record *const records[] = {&r->memory.quorum, &r->memory.plan};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        char rest[16];
        const size_t n = strlen(prefixes[i]);
        if (key.n <= n || key.n - n >= sizeof(rest) || memcmp(key.p, prefixes[i], n) != 0)
            continue;
        memcpy(rest, key.p + n, key.n - n);
        rest[key.n - n] = '\0';
        *good = set_record(records[i], rest, value);
        return true;
    }
    return false;
}

/* Unknown keys are an error: a newer program wrote them, and to forget what it meant could be unsafe. */
static bool set_field(struct journal_record *r, struct slice key, const char *value)
{
    uint64_t n = 0;
    if (slice_eq(key, "cluster"))
        return str_copy(r->cluster, sizeof(r->cluster), value);
    if (slice_eq(key, "writer"))
        return str_copy(r->memory.writer, sizeof(r->memory.writer), value);
    if (slice_eq(key, "target"))
        return str_copy(r->memory.target, sizeof(r->memory.target), value);
    if (slice_eq(key, "fenced"))
        return str_copy(r->memory.fenced, sizeof(r->memory.fenced), value);
    if (slice_eq(key, "drained"))
        return r->n_drained < TOPO_NODES_MAX &&
               str_copy(r->drained[r->n_drained++], TOPO_NAME_MAX, value);
    bool good = false;
    if (set_quorum(r, key, value, &good))
        return good;
    return str_to_u64(value, &n) && set_number(r, key, n);
}

int journal_decode(const char *text, size_t n, struct journal_record *out, struct err *e)
{
    const char *p = text, *end = text + n;
    struct slice key;
    char value[TOPO_HOST_MAX], expect[32];
    *out = (struct journal_record){0};
    if (!next_line(&p, end, &key, value, sizeof(value)) || !slice_eq(key, "tanist-journal"))
        return err_set(e, ERR_PROTO, "this is not a journal");
    snprintf(expect, sizeof(expect), "%d", JOURNAL_FORMAT);
    if (strcmp(value, expect) != 0)
        return err_set(e, ERR_PROTO, "journal format %s is not known to this version", value);
    for (;;) {
        const char *at = p;
        if (!next_line(&p, end, &key, value, sizeof(value)))
            return err_set(e, ERR_PROTO, "the journal ends in the middle");
        if (slice_eq(key, "end")) {
            snprintf(expect, sizeof(expect), "%016llx",
                     (unsigned long long)checksum(text, (size_t)(at - text)));
            if (strcmp(value, expect) != 0 || p != end)
                return err_set(e, ERR_PROTO, "the journal's checksum does not match");
            return 0;
        }
        if (!set_field(out, key, value))
            return err_set(e, ERR_PROTO, "the journal has a line that is not understood: %.*s",
                           (int)key.n, key.p);
    }
}

static int path_of(const char *dir, const char *cluster, const char *suffix,
                   char out[JOURNAL_PATH_MAX], struct err *e)
{
    const int n = snprintf(out, JOURNAL_PATH_MAX, "%s/%s.journal%s", dir, cluster, suffix);
    if (n < 0 || n >= JOURNAL_PATH_MAX)
        return err_set(e, ERR_LIMIT, "state_dir is too long a path");
    return 0;
}

int journal_load(const char *dir, const char *cluster, struct journal_record *out, struct err *e)
{
    char path[JOURNAL_PATH_MAX], text[JOURNAL_TEXT_MAX];
    int rc = path_of(dir, cluster, "", path, e);
    if (rc < 0)
        return rc;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? err_set(e, ERR_NOTFOUND, "no journal yet")
                               : err_errno(e, errno, "%s", path);
    size_t n = 0;
    ssize_t got;
    while (n < sizeof(text) && (got = read(fd, text + n, sizeof(text) - n)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = err_errno(e, errno, "%s", path);
            close(fd);
            return rc;
        }
        n += (size_t)got;
    }
    close(fd);
    rc = journal_decode(text, n, out, e);
    if (rc < 0)
        return err_wrap(e, "%s", path);
    if (strcmp(out->cluster, cluster) != 0)
        return err_set(e, ERR_PROTO, "%s belongs to cluster %s", path, out->cluster);
    return 0;
}

static int write_whole(int fd, const char *p, size_t n)
{
    while (n > 0) {
        const ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        p += put;
        n -= (size_t)put;
    }
    return fsync(fd);
}

/* The rename is durable only when the directory is. */
static int sync_dir(const char *dir, struct err *e)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno, "%s", dir);
    int rc = 0;
    if (fsync(fd) != 0)
        rc = err_errno(e, errno, "%s: fsync", dir);
    close(fd);
    return rc;
}

int journal_store(const char *dir, const struct journal_record *r, struct err *e)
{
    char path[JOURNAL_PATH_MAX], temp[JOURNAL_PATH_MAX], text[JOURNAL_TEXT_MAX];
    int rc = path_of(dir, r->cluster, "", path, e);
    if (rc == 0)
        rc = path_of(dir, r->cluster, ".new", temp, e);
    const int n = rc == 0 ? journal_encode(r, text, sizeof(text), e) : rc;
    if (n < 0)
        return n;
    const int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, errno, "%s", temp);
    if (write_whole(fd, text, (size_t)n) != 0)
        rc = err_errno(e, errno, "%s: write", temp);
    close(fd);
    if (rc == 0 && rename(temp, path) != 0)
        rc = err_errno(e, errno, "%s: rename", temp);
    if (rc != 0) {
        unlink(temp);
        return rc;
    }
    return sync_dir(dir, e);
}
