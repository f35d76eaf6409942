/* Intrusive doubly linked list with a count. Pure; the caller owns the objects and links one `struct list_node`
 * into one list at a time. A node that is in no list has next == NULL. */
#ifndef TANIST_BASE_LIST_H
#define TANIST_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "bug.h"

struct list_node {
    struct list_node *next, *prev;
};

struct list {
    struct list_node head;
    size_t count;
};

static inline void list_init(struct list *l)
{
    l->head.next = l->head.prev = &l->head;
    l->count = 0;
}

static inline void list_node_init(struct list_node *n)
{
    n->next = n->prev = NULL;
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next != NULL;
}

static inline bool list_empty(const struct list *l)
{
    return l->count == 0;
}

static inline void list_insert_between(struct list *l, struct list_node *n, struct list_node *prev)
{
    BUG_ON(list_linked(n));
    n->prev = prev;
    n->next = prev->next;
    prev->next->prev = n;
    prev->next = n;
    l->count++;
}

static inline void list_push_back(struct list *l, struct list_node *n)
{
    list_insert_between(l, n, l->head.prev);
}

static inline void list_push_front(struct list *l, struct list_node *n)
{
    list_insert_between(l, n, &l->head);
}

static inline void list_remove(struct list *l, struct list_node *n)
{
    BUG_ON(!list_linked(n));
    BUG_ON(l->count == 0);
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = NULL;
    l->count--;
}

/* First or last node, or NULL when empty. */
static inline struct list_node *list_first(const struct list *l)
{
    return l->count ? l->head.next : NULL;
}

static inline struct list_node *list_last(const struct list *l)
{
    return l->count ? l->head.prev : NULL;
}

/* The node after n, or NULL at the end. */
static inline struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    return n->next == &l->head ? NULL : n->next;
}

static inline struct list_node *list_pop_front(struct list *l)
{
    struct list_node *n = list_first(l);
    if (n)
        list_remove(l, n);
    return n;
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)

/* Safe against removal of the current node. */
#define LIST_FOR_EACH(node, list)                                               \
    for (struct list_node *node = (list)->head.next, *node##_next = node->next; \
         node != &(list)->head; node = node##_next, node##_next = node->next)

#endif
