#include "scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const zones[] = {"UTC", "Asia/Tokyo", "Europe/Rome", "America/New_York",
                                    "Asia/Kolkata"};
static const char *const roles[] = {"app", "soak_a", "soak_b"};

static uint32_t below(struct scenario *s, uint32_t n)
{
    return prng_below(&s->rng, n);
}

__attribute__((format(printf, 3, 4))) static void set(char *to, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(to, cap, fmt, ap);
    va_end(ap);
}

#define SET(to, ...) set(to, sizeof(to), __VA_ARGS__)

static struct step *add(struct scenario *s, enum step_kind kind, const char *sql, const char *want)
{
    struct step *t = &s->step[s->n++];
    t->kind = kind;
    SET(t->sql, "%s", sql);
    SET(t->want, "%s", want);
    return t;
}

#define QUERY(s, want_, ...)                             \
    do {                                                 \
        struct step *t_ = add(s, STEP_QUERY, "", want_); \
        SET(t_->sql, __VA_ARGS__);                       \
    } while (0)

void scenario_begin_session(struct scenario *s)
{
    memset(&s->m, 0, sizeof(s->m));
    SET(s->m.application_name, "soak-%d", s->id);
    SET(s->m.search_path, "s0");
    SET(s->m.timezone, "UTC");
    SET(s->m.role, "app");
    SET(s->m.work_mem, "4MB");
    s->n = s->at = 0;
}

void scenario_init(struct scenario *s, int id, bool pinner, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    s->id = id;
    s->pinner = pinner;
    prng_init(&s->rng, seed + (uint64_t)id * 7919);
    scenario_begin_session(s);
}

/* All of the session in one value: asked on the primary, as it looks at locks. */
static void look(struct scenario *s)
{
    const struct model *m = &s->m;
    char channel[24] = "";
    if (m->listening)
        SET(channel, "c_%d", s->id);
    struct step *t = add(
        s, STEP_QUERY,
        "SELECT concat_ws('|', current_setting('application_name'), "
        "current_setting('search_path'), "
        "current_setting('timezone'), coalesce(current_setting('soak.id', true), ''), "
        "current_user, "
        "current_setting('work_mem'), to_regclass('pg_temp.tt') IS NOT NULL, (SELECT count(*) FROM "
        "pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), (SELECT "
        "coalesce(string_agg(c, ','), '') FROM pg_listening_channels() c), (SELECT count(*) FROM "
        "pg_cursors WHERE is_holdable))",
        "");
    SET(t->want, "%s|%s|%s|%s|%s|%s|%s|%d|%s|%d", m->application_name, m->search_path, m->timezone,
        m->custom, m->role, m->work_mem, m->temp ? "t" : "f", m->lock, channel, m->cursor);
}

/* Settings only, which may be asked on a replica. */
static void glance(struct scenario *s)
{
    const struct model *m = &s->m;
    struct step *t = add(
        s, STEP_QUERY,
        "SELECT concat_ws('|', current_setting('application_name'), current_setting('timezone'), "
        "coalesce(current_setting('soak.id', true), ''), current_user, "
        "current_setting('work_mem'))",
        "");
    SET(t->want, "%s|%s|%s|%s|%s", m->application_name, m->timezone, m->custom, m->role,
        m->work_mem);
}

/* One SET, RESET or set_config(), and what it makes of the session. */
static void change(struct scenario *s)
{
    struct model *m = &s->m;
    /* A temporary table belongs to the role that made it. */
    switch (below(s, m->temp ? 9 : 10)) {
    case 0:
        SET(m->application_name, "soak-%d-%u", s->id, below(s, 1000));
        QUERY(s, "SET", "SET application_name = '%s'", m->application_name);
        break;
    case 1:
        SET(m->search_path, "s%u", below(s, 7));
        QUERY(s, "SET", "SET search_path = %s", m->search_path);
        break;
    case 2:
        SET(m->timezone, "%s", zones[below(s, 5)]);
        QUERY(s, "SET", "SET TIME ZONE '%s'", m->timezone);
        break;
    case 3:
    case 4:
        SET(m->custom, "%d.%u", s->id, below(s, 100000));
        QUERY(s, m->custom, "SELECT set_config('soak.id', '%s', false)", m->custom);
        break;
    case 5:
        SET(m->application_name, "soak-%d", s->id);
        QUERY(s, "RESET", "RESET application_name");
        break;
    case 6:
        SET(m->work_mem, "%uMB", 1 + below(s, 9));
        QUERY(s, "SET", "SET work_mem = '%s'", m->work_mem);
        break;
    case 7:
        SET(m->timezone, "UTC");
        QUERY(s, "RESET", "RESET timezone");
        break;
    case 8:
        SET(m->work_mem, "4MB");
        QUERY(s, "RESET", "RESET work_mem");
        break;
    default:
        SET(m->role, "%s", roles[below(s, 3)]);
        QUERY(s, "SET", "SET ROLE %s", strcmp(m->role, "app") == 0 ? "NONE" : m->role);
        break;
    }
}

static void settings(struct scenario *s)
{
    s->name = "settings";
    const uint32_t n = 1 + below(s, 3);
    for (uint32_t i = 0; i < n; i++) {
        change(s);
        if (below(s, 2))
            glance(s);
    }
    look(s);
}

/* Settings within a transaction that is committed or not, with a savepoint. */
static void transaction(struct scenario *s)
{
    s->name = "transaction";
    const struct model before = s->m;
    QUERY(s, "BEGIN", "BEGIN");
    change(s);
    QUERY(s, "SAVEPOINT", "SAVEPOINT a");
    const struct model inner = s->m;
    change(s);
    if (below(s, 3) == 0) {
        QUERY(s, "!22012", "SELECT 1 / 0");
        QUERY(s, "!25P02", "SELECT 1");
        QUERY(s, "ROLLBACK", "ROLLBACK TO a");
        s->m = inner;
    } else if (below(s, 2)) {
        QUERY(s, "ROLLBACK", "ROLLBACK TO a");
        s->m = inner;
    }
    QUERY(s, "SET", "SET LOCAL soak.id = 'local'");
    QUERY(s, "local", "SELECT current_setting('soak.id')");
    if (below(s, 2)) {
        QUERY(s, "COMMIT", "COMMIT");
    } else {
        QUERY(s, "ROLLBACK", "ROLLBACK");
        s->m = before;
    }
    look(s);
}

static void prepared(struct scenario *s)
{
    s->name = "prepared";
    char sql[120], want[24];
    if (!s->m.prepared) {
        SET(sql, "SELECT %d + $1::int, $1::int * %u", s->id, below(s, 50));
        add(s, STEP_PREPARE, sql, "PREPARE");
        s->m.prepared = true;
    }
    for (int i = 0; i < 3; i++) {
        const uint32_t k = below(s, 100000);
        SET(sql, "%u", k);
        SET(want, "%u", (uint32_t)s->id + k);
        add(s, STEP_EXECUTE, sql, want);
    }
    if (below(s, 4) == 0) {
        QUERY(s, "DEALLOCATE ALL", "DEALLOCATE ALL");
        add(s, STEP_EXECUTE, "1", "!26000");
        s->m.prepared = false;
    }
}

/* It reads what it wrote, and finds tables by its own search path. */
static void write_and_read(struct scenario *s)
{
    s->name = "write and read";
    char want[24];
    for (int i = 0; i < 3; i++) {
        s->seq++;
        SET(want, "%d", s->seq);
        QUERY(s, "UPDATE 1", "UPDATE public.soak SET seq = %d WHERE id = %d", s->seq, s->id);
        QUERY(s, want, "SELECT seq FROM public.soak WHERE id = %d", s->id);
    }
    QUERY(s, s->m.search_path, "SELECT name FROM which");
    glance(s);
}

static void temporary(struct scenario *s)
{
    s->name = "temporary table";
    char want[24];
    SET(want, "%d", s->id);
    QUERY(s, "SELECT 1", "CREATE TEMP TABLE tt AS SELECT %d AS a", s->id);
    s->m.temp = true;
    QUERY(s, want, "SELECT a FROM tt");
    change(s);
    look(s);
    QUERY(s, "UPDATE 1", "UPDATE tt SET a = a + 1");
    SET(want, "%d", s->id + 1);
    QUERY(s, want, "SELECT a FROM pg_temp.tt");
    QUERY(s, "DROP TABLE", "DROP TABLE pg_temp.tt");
    s->m.temp = false;
    QUERY(s, "!42P01", "SELECT a FROM pg_temp.tt");
    look(s);
}

static void locks(struct scenario *s)
{
    s->name = "advisory lock";
    QUERY(s, "", "SELECT pg_advisory_lock(%d)", 1000000 + s->id);
    s->m.lock = true;
    look(s);
    change(s);
    look(s);
    QUERY(s, "t", "SELECT pg_advisory_unlock(%d)", 1000000 + s->id);
    s->m.lock = false;
    look(s);
}

static void listen(struct scenario *s)
{
    s->name = "listen";
    QUERY(s, "LISTEN", "LISTEN c_%d", s->id);
    s->m.listening = true;
    look(s);
    for (int i = 0; i < 2; i++) {
        char payload[32];
        SET(payload, "%d:%u", s->id, below(s, 1000000));
        struct step *t = add(s, STEP_NOTIFY, "", payload);
        SET(t->sql, "SELECT pg_notify('c_%d', '%s')", s->id, payload);
        write_and_read(s);
        s->n -= 6; /* one round of it */
        s->seq -= 2;
        s->name = "listen";
    }
    if (below(s, 2))
        QUERY(s, "UNLISTEN", "UNLISTEN *");
    else
        QUERY(s, "UNLISTEN", "UNLISTEN c_%d", s->id);
    s->m.listening = false;
    look(s);
}

static void held_cursor(struct scenario *s)
{
    s->name = "cursor";
    char want[24];
    QUERY(s, "DECLARE CURSOR",
          "DECLARE h CURSOR WITH HOLD FOR SELECT g FROM generate_series(%d, %d) g", s->id,
          s->id + 5);
    s->m.cursor = true;
    for (int i = 0; i < 2; i++) {
        SET(want, "%d", s->id + i);
        QUERY(s, want, "FETCH 1 FROM h");
        glance(s);
    }
    look(s);
    QUERY(s, "CLOSE CURSOR", "CLOSE h");
    s->m.cursor = false;
    look(s);
}

/* Many things at once, and DISCARD ALL. */
static void discard(struct scenario *s)
{
    s->name = "discard";
    if (s->pinner) {
        QUERY(s, "SELECT 1", "CREATE TEMP TABLE tt AS SELECT %d AS a", s->id);
        QUERY(s, "", "SELECT pg_advisory_lock(%d)", 1000000 + s->id);
        QUERY(s, "LISTEN", "LISTEN c_%d", s->id);
        s->m.temp = s->m.lock = s->m.listening = true;
    }
    change(s);
    look(s);
    QUERY(s, "DISCARD ALL", "DISCARD ALL");
    const int n = s->n;
    scenario_begin_session(s);
    s->n = n;
    look(s);
    add(s, STEP_EXECUTE, "1", "!26000");
}

/* It goes away with all that it has, maybe within a transaction. */
static void leave(struct scenario *s)
{
    s->name = "leave";
    if (s->pinner) {
        QUERY(s, "SELECT 1", "CREATE TEMP TABLE tt AS SELECT %d AS a", s->id);
        QUERY(s, "", "SELECT pg_advisory_lock(%d)", 1000000 + s->id);
    }
    change(s);
    if (below(s, 2)) {
        QUERY(s, "BEGIN", "BEGIN");
        QUERY(s, "UPDATE 1", "UPDATE public.soak SET seq = -1 WHERE id = %d", s->id);
    }
    add(s, STEP_RECONNECT, "", "");
    const int n = s->n;
    scenario_begin_session(s);
    s->n = n;
    look(s);
    char want[24];
    SET(want, "%d", s->seq);
    QUERY(s, want, "SELECT seq FROM public.soak WHERE id = %d FOR UPDATE", s->id);
}

void scenario_next(struct scenario *s)
{
    s->n = s->at = 0;
    const uint32_t k = below(s, 100);
    if (s->pinner && k < 50) {
        static void (*const pins[])(struct scenario *) = {temporary, locks, listen, held_cursor};
        pins[below(s, 4)](s);
    } else if (k < 70) {
        static void (*const free_ones[])(struct scenario *) = {settings, transaction, prepared,
                                                               write_and_read, write_and_read};
        free_ones[below(s, 5)](s);
    } else if (k < 97) {
        s->name = "glance";
        glance(s);
    } else if (k < 99) {
        discard(s);
    } else {
        leave(s);
    }
}
