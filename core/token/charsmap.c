#include "core/token/charsmap.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

static bool values_in_range(const struct charsmap *m, struct err *e)
{
    /* A leaf has its top bit set; whatever a walk can reach is such a unit. */
    for (size_t i = 0; i < m->n_units; i++) {
        uint32_t u = m->unit[i];
        if (!(u >> 31)) continue;
        if ((u & 0x7FFFFFFF) >= m->n_pool) {
            err_set(e, ERR_DATA, "charsmap: unit %zu points at replacement %u of %zu bytes", i,
                    (unsigned)(u & 0x7FFFFFFF), m->n_pool);
            return false;
        }
    }
    return true;
}

struct charsmap *charsmap_new(const void *data, size_t n, struct err *e)
{
    const uint8_t *p = data;
    uint32_t size = 0;
    if (n >= 4) size = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    if (n < 4 || size > n - 4 || size < 4 || size % 4) {
        err_set(e, ERR_DATA, "charsmap: %zu bytes cannot hold a trie of %u bytes", n, (unsigned)size);
        return NULL;
    }
    struct charsmap *m = mem_zalloc(1, sizeof *m);
    if (m) {
        m->n_units = size / 4;
        m->n_pool = n - 4 - size;
        m->unit = mem_alloc(m->n_units, 4);
        m->pool = mem_zalloc(m->n_pool + 1, 1);
    }
    if (!m || !m->unit || !m->pool) {
        charsmap_free(m);
        err_oom(e, n, "a charsmap");
        return NULL;
    }
    for (size_t i = 0; i < m->n_units; i++) {
        const uint8_t *u = p + 4 + 4 * i;
        m->unit[i] = (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
    }
    memcpy(m->pool, p + 4 + size, m->n_pool);
    if (m->n_pool && m->pool[m->n_pool - 1]) {
        err_set(e, ERR_DATA, "charsmap: the last replacement has no end");
    } else if (values_in_range(m, e)) {
        return m;
    }
    charsmap_free(m);
    return NULL;
}

void charsmap_free(struct charsmap *m)
{
    if (!m) return;
    free(m->unit);
    free(m->pool);
    free(m);
}

size_t charsmap_match(const struct charsmap *m, const char *s, size_t n, bool shortest,
                      const char **replacement)
{
    size_t found = 0, at = offset_of(m->unit[0]);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        at ^= c;
        if (at >= m->n_units) break;
        uint32_t u = m->unit[at];
        if ((u & (0x80000000u | 0xFF)) != c) break;
        at ^= offset_of(u);
        if (at >= m->n_units) break;
        if (!(u >> 8 & 1)) continue;
        uint32_t value = m->unit[at] & 0x7FFFFFFF;
        if (value >= m->n_pool) break;
        *replacement = m->pool + value;
        found = i + 1;
        if (shortest) break;
    }
    return found;
}
