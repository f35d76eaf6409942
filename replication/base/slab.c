#include "slab.h"

#include <stdlib.h>
#include <string.h>

#include "bug.h"

/* Poisoning costs a write of every freed object, so only debug and sanitizer builds pay it. */
#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif

#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)0)
#endif

#if defined(TANIST_DEBUG) || defined(SLAB_ASAN)
enum { SLAB_POISON = 1 };
#else
enum { SLAB_POISON = 0 };
#endif

enum { SLAB_ALIGN = 16, SLAB_PAGE_BYTES = 64 * 1024, SLAB_PATTERN = 0xdb };

struct slab_page {
    struct slab_page *next;
    size_t n;
    _Alignas(SLAB_ALIGN) unsigned char data[];
};

/* What a free object holds in its first bytes. */
struct free_obj {
    struct free_obj *next;
};

void slab_init(struct slab *s, const char *name, size_t size, size_t max)
{
    BUG_ON(size == 0);
    BUG_ON(size > SIZE_MAX / 2);
    BUG_ON(max == 0);
    *s = (struct slab){.name = name, .max = max};
    s->size = (size + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN;
}

void slab_fini(struct slab *s)
{
    BUG_ON(s->used != 0);
    struct slab_page *page = s->pages;
    while (page) {
        struct slab_page *next = page->next;
        ASAN_UNPOISON_MEMORY_REGION(page->data, page->n * s->size);
        free(page);
        page = next;
    }
    s->pages = NULL;
    s->free = NULL;
    s->allocated = 0;
}

static void push_free(struct slab *s, void *obj)
{
    struct free_obj *f = obj;
    f->next = s->free;
    s->free = f;
    if (SLAB_POISON) {
        memset((unsigned char *)obj + sizeof(*f), SLAB_PATTERN, s->size - sizeof(*f));
        ASAN_POISON_MEMORY_REGION(obj, s->size);
    }
}

static bool grow(struct slab *s)
{
    size_t n = SLAB_PAGE_BYTES / s->size;
    if (n < 1)
        n = 1;
    if (n > s->max - s->allocated)
        n = s->max - s->allocated;
    if (n == 0 || n > (SIZE_MAX - sizeof(struct slab_page)) / s->size)
        return false;
    struct slab_page *page = malloc(sizeof(*page) + n * s->size);
    if (!page)
        return false;
    page->n = n;
    page->next = s->pages;
    s->pages = page;
    s->allocated += n;
    /* Backwards, so that objects are handed out in address order. */
    for (size_t i = n; i-- > 0;)
        push_free(s, page->data + i * s->size);
    return true;
}

void *slab_get(struct slab *s)
{
    BUG_ON(s->size == 0);
    const bool fail = s->fail_countdown && --s->fail_countdown == 0;
    if (fail || (!s->free && !grow(s))) {
        s->refused++;
        return NULL;
    }
    struct free_obj *obj = s->free;
    ASAN_UNPOISON_MEMORY_REGION(obj, s->size);
    s->free = obj->next;
    s->used++;
    if (s->used > s->peak)
        s->peak = s->used;
    memset(obj, 0, s->size);
    return obj;
}

void slab_put(struct slab *s, void *obj)
{
    BUG_ON(obj == NULL);
    BUG_ON(s->used == 0);
    s->used--;
    push_free(s, obj);
}
