/* The journal: what is written is read back; anything else than a whole, unchanged record is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../replication/base/str.h"
#include "../../replication/journal.h"

static struct journal_record sample(void)
{
    struct journal_record r = {
        .memory = {.epoch = 42,
                   .system_identifier = UINT64_C(7710427563487147860),
                   .timeline = 3,
                   .writer_lsn = UINT64_C(0x16B374D848),
                   .step = 6,
                   .kind = 1},
        .version_reserved = UINT64_C(12000000),
        .maintenance = true,
        .n_drained = 2,
    };
    str_copy(r.cluster, sizeof(r.cluster), "prod");
    r.memory.writer_start = 1763690000123456;
    r.memory.quorum = (struct quorum_record){.secret = 0xabcdef012345, .n = 2};
    r.memory.quorum.c[0] = (struct quorum_config){.k = 0};
    r.memory.quorum.c[1] = (struct quorum_config){.k = 1, .n = 2, .members = {"pg2", "pg3"}};
    r.memory.plan = (struct quorum_record){.secret = 7, .n = 1};
    r.memory.plan.c[0] = (struct quorum_config){.k = 1, .n = 1, .members = {"pg3"}};
    str_copy(r.memory.writer, sizeof(r.memory.writer), "pg1");
    str_copy(r.memory.target, sizeof(r.memory.target), "pg2:5433");
    str_copy(r.memory.fenced, sizeof(r.memory.fenced), "pg 9");
    str_copy(r.drained[0], TOPO_NAME_MAX, "pg3");
    str_copy(r.drained[1], TOPO_NAME_MAX, "pg4");
    return r;
}

static void assert_same(const struct journal_record *a, const struct journal_record *b)
{
    assert_string_equal(a->cluster, b->cluster);
    assert_int_equal(a->memory.epoch, b->memory.epoch);
    assert_int_equal(a->memory.system_identifier, b->memory.system_identifier);
    assert_int_equal(a->memory.timeline, b->memory.timeline);
    assert_int_equal(a->memory.writer_lsn, b->memory.writer_lsn);
    assert_string_equal(a->memory.writer, b->memory.writer);
    assert_string_equal(a->memory.target, b->memory.target);
    assert_string_equal(a->memory.fenced, b->memory.fenced);
    assert_int_equal(a->memory.step, b->memory.step);
    assert_int_equal(a->memory.kind, b->memory.kind);
    assert_int_equal(a->memory.writer_start, b->memory.writer_start);
    assert_memory_equal(&a->memory.quorum, &b->memory.quorum, sizeof(a->memory.quorum));
    assert_memory_equal(&a->memory.plan, &b->memory.plan, sizeof(a->memory.plan));
    assert_int_equal(a->version_reserved, b->version_reserved);
    assert_int_equal(a->maintenance, b->maintenance);
    assert_int_equal(a->n_drained, b->n_drained);
    for (int i = 0; i < a->n_drained; i++)
        assert_string_equal(a->drained[i], b->drained[i]);
}

static void round_trip(void **state)
{
    (void)state;
    char text[JOURNAL_TEXT_MAX];
    struct err e = {0};
    struct journal_record in = sample(), out;
    const int n = journal_encode(&in, text, sizeof(text), &e);
    assert_true(n > 0);
    assert_int_equal(journal_decode(text, (size_t)n, &out, &e), 0);
    assert_same(&in, &out);
    /* A first start: everything empty. */
    struct journal_record none = {.cluster = "c"};
    const int m = journal_encode(&none, text, sizeof(text), &e);
    assert_true(m > 0);
    assert_int_equal(journal_decode(text, (size_t)m, &out, &e), 0);
    assert_same(&none, &out);
}

static void full_record_fits(void **state)
{
    (void)state;
    char text[JOURNAL_TEXT_MAX];
    struct err e = {0};
    struct journal_record in = sample(), out;
    in.n_drained = TOPO_NODES_MAX;
    for (int i = 0; i < TOPO_NODES_MAX; i++) {
        memset(in.drained[i], 'a' + i % 26, TOPO_NAME_MAX - 1);
        in.drained[i][TOPO_NAME_MAX - 1] = '\0';
    }
    const int n = journal_encode(&in, text, sizeof(text), &e);
    assert_true(n > 0);
    assert_int_equal(journal_decode(text, (size_t)n, &out, &e), 0);
    assert_same(&in, &out);
    char small[64];
    assert_int_equal(journal_encode(&in, small, sizeof(small), &e), ERR_LIMIT);
}

/* Every shorter prefix, and every single changed byte, is refused. */
static void damage_is_seen(void **state)
{
    (void)state;
    char text[JOURNAL_TEXT_MAX];
    struct err e = {0};
    struct journal_record in = sample(), out;
    const int n = journal_encode(&in, text, sizeof(text), &e);
    for (int i = 0; i < n; i++)
        assert_int_equal(journal_decode(text, (size_t)i, &out, &e), ERR_PROTO);
    for (int i = 0; i < n; i++) {
        text[i] ^= 1;
        assert_int_equal(journal_decode(text, (size_t)n, &out, &e), ERR_PROTO);
        text[i] ^= 1;
    }
    text[n] = 'x';
    assert_int_equal(journal_decode(text, (size_t)n + 1, &out, &e), ERR_PROTO);
}

static void another_format_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct journal_record out;
    static const char newer[] = "tanist-journal 2\nend 0000000000000000\n";
    assert_int_equal(journal_decode(newer, sizeof(newer) - 1, &out, &e), ERR_PROTO);
    assert_non_null(strstr(e.text, "format 2"));
    assert_int_equal(journal_decode("", 0, &out, &e), ERR_PROTO);
    assert_int_equal(journal_decode("hello\n", 6, &out, &e), ERR_PROTO);
}

static void on_disk(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_journal_XXXXXX", path[128];
    struct err e = {0};
    struct journal_record in = sample(), out;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(journal_load(dir, "prod", &out, &e), ERR_NOTFOUND);
    assert_int_equal(journal_store(dir, &in, &e), 0);
    assert_int_equal(journal_load(dir, "prod", &out, &e), 0);
    assert_same(&in, &out);
    in.memory.epoch = 43;
    assert_int_equal(journal_store(dir, &in, &e), 0);
    assert_int_equal(journal_load(dir, "prod", &out, &e), 0);
    assert_int_equal(out.memory.epoch, 43);
    /* Nobody else may read it, and no temporary file stays. */
    snprintf(path, sizeof(path), "%s/prod.journal", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* Another cluster's file under our name is not ours. */
    char other[128];
    snprintf(other, sizeof(other), "%s/other.journal", dir);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(journal_load(dir, "other", &out, &e), ERR_PROTO);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(journal_store(dir, &in, &e), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),     cmocka_unit_test(full_record_fits),
        cmocka_unit_test(damage_is_seen), cmocka_unit_test(another_format_is_refused),
        cmocka_unit_test(on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
