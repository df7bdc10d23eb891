#include "core/token/tok_plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_cut.h"

static uint32_t below_unit(const struct charsmap *m, uint32_t at) /* where its children are */
{
    uint32_t u = m->unit[at];
    return at ^ ((u >> 10) << ((u & (1u << 9)) >> 6));
}

static bool has_label(const struct charsmap *m, uint32_t at, uint32_t c)
{
    return at < m->n_units && (m->unit[at] & (0x80000000u | 0xFF)) == c;
}

bool plan_rules_keep_spaces(const struct charsmap *m)
{
    uint32_t first = below_unit(m, 0) ^ ' '; /* where a rule that begins with a space is */
    for (uint32_t i = 0; i < m->n_units; i++)
        if (i != first && has_label(m, i, ' ')) return false;
    if (has_label(m, first, ' ')) return false;
    for (uint32_t cp = 0x21; cp < TOK_ORDINARY; cp++) {
        char s[4];
        const char *to;
        int n = tok_is_ordinary(cp) ? utf8_encode(cp, s) : 0;
        if (n == 0 || !charsmap_match(m, s, (size_t)n, false, &to)) continue;
        size_t len = strlen(to);
        if (len == 0 || to[0] == ' ' || to[len - 1] == ' ') return false;
    }
    return true;
}

/* Labels are also in places that nothing leads to, so this goes from them up to
 * the root, all at once: `wanted` are the places of whose children some matter. */
bool plan_rules_in_ascii(const struct charsmap *m)
{
    enum { LEVELS = 32 };
    uint32_t root = below_unit(m, 0);
    uint8_t *wanted = mem_zalloc(m->n_units + 256, 1), *next = mem_zalloc(m->n_units + 256, 1);
    bool inside = !wanted || !next, any = !inside;
    for (uint32_t i = 1; any && i < m->n_units; i++) {
        uint32_t c = m->unit[i] & (0x80000000u | 0xFF);
        if (c > 0 && c < 0x7F && c != ' ' && i != (root ^ c)) wanted[i ^ c] = 1;
    }
    for (int level = 0; any && !inside; level++) {
        any = false;
        memset(next, 0, m->n_units + 256);
        for (uint32_t i = 1; i < m->n_units && !inside; i++) {
            uint32_t u = m->unit[i], c = u & 0xFF, to = u >> 31 ? UINT32_MAX : below_unit(m, i);
            if (to >= m->n_units || !wanted[to]) continue;
            inside = i == (root ^ c) || level == LEVELS;
            next[i ^ c] = 1;
            any = true;
        }
        uint8_t *swap = wanted;
        wanted = next;
        next = swap;
    }
    free(wanted);
    free(next);
    return inside;
}

bool plan_rules_make_space(const struct charsmap *m, char byte)
{
    const char *to;
    if (charsmap_match(m, &byte, 1, false, &to) != 1 || strcmp(to, " ") != 0) return false;
    uint32_t next = below_unit(m, below_unit(m, 0) ^ (uint8_t)byte);
    for (uint32_t i = 1; i < 256; i++) /* the beginning of a longer one */
        if (has_label(m, next ^ i, i)) return false;
    return true;
}

bool plan_rules_leave(const struct charsmap *m, uint8_t c)
{
    const char *to;
    char byte = (char)c;
    if (!m) return true;
    if (charsmap_match(m, &byte, 1, false, &to)) return false;
    uint32_t root = below_unit(m, 0), next = has_label(m, root ^ c, c) ? below_unit(m, root ^ c) : UINT32_MAX;
    for (uint32_t i = 1; i < 128 && next != UINT32_MAX; i++)
        if (has_label(m, next ^ i, i)) return false;
    return true;
}

bool plan_rules_begin_with(const struct charsmap *m, const char *s, size_t n)
{
    uint32_t at = below_unit(m, 0);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        if (!has_label(m, at ^ c, c)) return false;
        at = below_unit(m, at ^ c);
    }
    return true;
}
