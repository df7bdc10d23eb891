#include "data/clean_labels.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

static void insert(struct labels *l, uint32_t i)
{
    size_t k = (size_t)l->hash[i] & (l->slots - 1);
    while (l->slot[k])
        k = (k + 1) & (l->slots - 1);
    l->slot[k] = i + 1;
}

static int grow(struct labels *l)
{
    size_t cap = l->cap ? l->cap * 2 : 16;
    char **name = mem_resize(l->name, cap, sizeof *name);
    if (name) l->name = name;
    uint64_t *hash = mem_resize(l->hash, cap, sizeof *hash);
    if (hash) l->hash = hash;
    uint32_t *slot = mem_zalloc(cap * 2, sizeof *slot);
    if (!name || !hash || !slot || cap > LABEL_NONE / 2) {
        free(slot);
        return -1;
    }
    free(l->slot);
    l->slot = slot;
    l->slots = cap * 2;
    l->cap = cap;
    for (size_t i = 0; i < l->n; i++)
        insert(l, (uint32_t)i);
    return 0;
}

uint32_t labels_id(struct labels *l, const char *s, size_t n)
{
    n = strnlen(s, n);
    uint64_t h = hash64(s, n);
    for (size_t k = (size_t)h; l->slots; k++) {
        uint32_t i = l->slot[k & (l->slots - 1)];
        if (!i) break;
        if (l->hash[i - 1] == h && strlen(l->name[i - 1]) == n &&
            memcmp(l->name[i - 1], s, n) == 0)
            return i - 1;
    }
    if (l->n == l->cap && grow(l)) return LABEL_NONE;
    char *copy = mem_strndup(s, n);
    if (!copy) return LABEL_NONE;
    l->name[l->n] = copy;
    l->hash[l->n] = h;
    insert(l, (uint32_t)l->n);
    return (uint32_t)l->n++;
}

void labels_clear(struct labels *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    l->n = 0;
    if (l->slots) memset(l->slot, 0, l->slots * sizeof *l->slot);
}

void labels_free(struct labels *l)
{
    labels_clear(l);
    free(l->name);
    free(l->hash);
    free(l->slot);
    *l = (struct labels){0};
}
