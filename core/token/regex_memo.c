#include "core/token/regex_memo.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { MOST = 1 << 20, SMALL = 1 << 12 };

void re_memo_clear(struct re_memo *m)
{
    m->n_way = 0;
    if (m->n == 0) return;
    if (m->cap > SMALL) {
        free(m->slot);
        m->slot = NULL;
        m->cap = 0;
    } else {
        memset(m->slot, 0, m->cap * sizeof *m->slot);
    }
    m->n = 0;
}

void re_memo_free(struct re_memo *m)
{
    free(m->slot);
    free(m->way);
    *m = (struct re_memo){0};
}

/* A place and what is known of it, never 0. */
static uint64_t key_of(int pc, size_t pos, enum re_known known)
{
    return ((uint64_t)pos << 22 | (uint64_t)(uint32_t)pc) << 2 | (uint64_t)known;
}

static size_t find(const struct re_memo *m, uint64_t key)
{
    size_t i = (size_t)((key >> 2) * 0x9E3779B97F4A7C15u >> 20) & (m->cap - 1);
    while (m->slot[i] && m->slot[i] >> 2 != key >> 2) i = (i + 1) & (m->cap - 1);
    return i;
}

enum re_known re_memo_get(const struct re_memo *m, int pc, size_t pos)
{
    if (m->n == 0) return RE_UNKNOWN;
    return (enum re_known)(m->slot[find(m, key_of(pc, pos, 0))] & 3);
}

static bool grow(struct re_memo *m)
{
    struct re_memo bigger = {.cap = m->cap ? 2 * m->cap : 256};
    bigger.slot = mem_zalloc(bigger.cap, sizeof *bigger.slot);
    if (!bigger.slot) return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slot[i]) bigger.slot[find(&bigger, m->slot[i])] = m->slot[i];
    free(m->slot);
    m->slot = bigger.slot;
    m->cap = bigger.cap;
    return true;
}

void re_memo_add(struct re_memo *m, int pc, size_t pos, enum re_known known)
{
    if (pos >> 40 || (uint32_t)pc >> 22) return;
    if (m->n >= MOST || (m->n * 2 >= m->cap && !grow(m))) return;
    uint64_t key = key_of(pc, pos, known);
    size_t i = find(m, key);
    m->n += m->slot[i] == 0;
    m->slot[i] = key;
}

void re_memo_note(struct re_memo *m, int pc, size_t pos)
{
    if (m->n_way >= MOST || !mem_room(&m->way, &m->cap_way, m->n_way + 1, sizeof *m->way)) return;
    m->way[m->n_way++] = (struct re_place){pc, pos};
}
