/* What the fast ways of the rules need to know of a text, found once. */
#include <stdlib.h>

#include "core/base/mem.h"
#include "data/rules_internal.h"

static bool room(struct rules_work *w, size_t blocks)
{
    if (blocks <= w->masks_cap) return true;
    size_t cap = blocks + blocks / 4;
    free(w->masks);
    w->masks = mem_alloc(cap, sizeof *w->masks);
    w->masks_cap = w->masks ? cap : 0;
    return w->masks != NULL;
}

static bool nl_room(struct rules_work *w)
{
    return mem_room(&w->nl, &w->nl_cap, w->n_nl + 64, sizeof *w->nl);
}

/* U+0085, U+2028 or U+2029 in the block? */
static bool odd_line_end(const char *s, size_t n, size_t at)
{
    size_t end = at + 64 < n ? at + 64 : n;
    for (size_t i = at; i < end; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c == 0xc2 || c == 0xe2) && rules_line_end(s + i, n - i)) return true;
    }
    return false;
}

int rules_scan(struct rules_work *w, const char *s, size_t n, struct err *e)
{
    size_t blocks = (n + 63) / 64;
    uint64_t high = 0, wide = 0, before = 0;
    size_t dots_end = 0; /* of the last "..." */
    if (!room(w, blocks + 1)) return err_oom(e, blocks * sizeof *w->masks, "the masks of a text");
    text_masks(s, n, w->masks);
    w->masks[blocks] = (struct text_masks){0};
    w->n_nl = w->n_hashes = w->n_dots = 0;
    w->newlines_only = true;
    for (size_t k = 0; k < blocks; k++) {
        const struct text_masks *m = &w->masks[k];
        high |= m->second;
        wide |= m->wide;
        uint64_t dots = m->dot & (m->dot << 1 | before >> 63) & (m->dot << 2 | before >> 62);
        for (; dots; dots &= dots - 1) { /* each is the third of three */
            size_t end = k * 64 + (size_t)__builtin_ctzll(dots) + 1;
            if (end < dots_end + 3) continue;
            w->n_dots++;
            dots_end = end;
        }
        before = m->dot;
        if (m->hash) w->n_hashes += text_count_bits(m->hash);
        if (m->vertical || (m->wide && w->newlines_only && odd_line_end(s, n, k * 64)))
            w->newlines_only = false;
        if (!m->newline) continue;
        if (!nl_room(w)) return err_oom(e, w->nl_cap * 8, "the lines of a text");
        for (uint64_t x = m->newline; x; x &= x - 1)
            w->nl[w->n_nl++] = (uint32_t)(k * 64) + (uint32_t)__builtin_ctzll(x);
    }
    w->ascii = !(high | wide);
    w->wide = wide != 0;
    return 0;
}
