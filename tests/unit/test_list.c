#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../replication/base/list.h"
#include "../../replication/base/prng.h"

struct thing {
    int id;
    struct list_node node;
};

static int id_of(const struct list_node *n)
{
    return n ? LIST_ENTRY((void *)(uintptr_t)n, struct thing, node)->id : -1;
}

static void ends_and_middle(void **state)
{
    (void)state;
    struct list l;
    struct thing t[4] = {{.id = 0}, {.id = 1}, {.id = 2}, {.id = 3}};
    list_init(&l);
    assert_true(list_empty(&l));
    assert_null(list_first(&l));
    assert_null(list_last(&l));
    assert_null(list_pop_front(&l));
    list_push_back(&l, &t[1].node);
    list_push_back(&l, &t[2].node);
    list_push_front(&l, &t[0].node);
    list_push_back(&l, &t[3].node);
    assert_int_equal(l.count, 4);
    assert_int_equal(id_of(list_first(&l)), 0);
    assert_int_equal(id_of(list_last(&l)), 3);
    assert_int_equal(id_of(list_next(&l, &t[1].node)), 2);
    assert_null(list_next(&l, &t[3].node));
    assert_true(list_linked(&t[2].node));
    list_remove(&l, &t[2].node);
    assert_false(list_linked(&t[2].node));
    assert_int_equal(id_of(list_next(&l, &t[1].node)), 3);
    assert_int_equal(id_of(list_pop_front(&l)), 0);
    assert_int_equal(id_of(list_pop_front(&l)), 1);
    assert_int_equal(id_of(list_pop_front(&l)), 3);
    assert_true(list_empty(&l));
    list_push_front(&l, &t[2].node); /* a removed node may come again */
    assert_int_equal(l.count, 1);
    list_node_init(&t[2].node);
    assert_false(list_linked(&t[2].node));
}

static void removal_while_walking(void **state)
{
    (void)state;
    struct list l;
    struct thing t[10];
    list_init(&l);
    for (int i = 0; i < 10; i++) {
        t[i] = (struct thing){.id = i};
        list_push_back(&l, &t[i].node);
    }
    int seen = 0;
    LIST_FOR_EACH (n, &l) {
        assert_int_equal(id_of(n), seen++);
        if (id_of(n) % 2)
            list_remove(&l, n);
    }
    assert_int_equal(seen, 10);
    assert_int_equal(l.count, 5);
    int expected = 0;
    LIST_FOR_EACH (n, &l) {
        assert_int_equal(id_of(n), expected);
        expected += 2;
    }
    assert_int_equal(expected, 10);
}

/* Against a plain array that does the same. */
static void random_operations(void **state)
{
    (void)state;
    enum { N = 16 };
    struct list l;
    struct thing t[N];
    int model[N], n = 0;
    struct prng r;
    prng_init(&r, 1);
    list_init(&l);
    for (int i = 0; i < N; i++)
        t[i] = (struct thing){.id = i};
    for (int step = 0; step < 5000; step++) {
        const int i = (int)prng_below(&r, N);
        if (list_linked(&t[i].node)) {
            int at = 0;
            while (model[at] != i)
                at++;
            for (n--; at < n; at++)
                model[at] = model[at + 1];
            list_remove(&l, &t[i].node);
        } else if (prng_below(&r, 2)) {
            model[n++] = i;
            list_push_back(&l, &t[i].node);
        } else {
            for (int at = n++; at > 0; at--)
                model[at] = model[at - 1];
            model[0] = i;
            list_push_front(&l, &t[i].node);
        }
        assert_int_equal(l.count, n);
        int at = 0;
        LIST_FOR_EACH (node, &l)
            assert_int_equal(id_of(node), model[at++]);
        assert_int_equal(at, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_and_middle),
        cmocka_unit_test(removal_while_walking),
        cmocka_unit_test(random_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
