/* Which characters a step leaves alone, as a table: found out once a thread has seen enough text
 * for that to pay. */
#include <string.h>
#include <utf8proc.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/norm_ages.h"
#include "core/token/normalize.h"

enum { ENOUGH = 1 << 16 }; /* bytes of text */

static void set_bit(uint64_t *bits, uint32_t cp)
{
    bits[cp >> 6] |= (uint64_t)1 << (cp & 63);
}

/* Of a step that looks at one character at a time. */
static void by_char(struct norm_same *t, const struct norm_step *s)
{
    struct norm_step one = *s;
    const struct norm_chain c = {&one, 1};
    uint32_t out[NORM_CHAR_MOST];
    for (uint32_t cp = 0; cp < NORM_SAME; cp++) {
        int n = norm_char(&c, cp, out);
        if (n == 1 && out[0] == cp) set_bit(t->same, cp);
        if (cp < 0x80 && n == 1 && out[0] < 0x80) t->ascii[cp] = (uint8_t)out[0];
    }
}

/* Between two of them a grapheme ends. */
static bool stands_alone(uint32_t cp)
{
    int class = utf8proc_get_property((utf8proc_int32_t)norm_grapheme_as(cp))->boundclass;
    return class == UTF8PROC_BOUNDCLASS_OTHER || class == UTF8PROC_BOUNDCLASS_LF || class == UTF8PROC_BOUNDCLASS_CONTROL;
}

/* Of rules, as HF tokenizers applies them: characters that are a grapheme each if such ones are
 * around them, and those that have no rule by themselves. */
static void by_rules(struct norm_same *t, const struct charsmap *map)
{
    char s[4];
    const char *to;
    for (uint32_t cp = 0; cp < NORM_SAME; cp++) {
        int n = utf8_encode(cp, s);
        if (n <= 0 || !stands_alone(cp)) continue;
        set_bit(t->alone, cp);
        if (charsmap_match(map, s, (size_t)n, true, &to)) continue;
        set_bit(t->same, cp);
        if (cp < 0x80) t->ascii[cp] = (uint8_t)cp;
    }
}

const struct norm_same *norm_same(const struct norm_io *io)
{
    struct norm *w = io->w;
    for (size_t i = 0; i < COUNT_OF(w->same) && w->same[i]; i++)
        if (w->same[i]->step == io->step) return w->same[i];
    if (io->n < ENOUGH - w->seen) {
        w->seen += io->n;
        return NULL;
    }
    w->seen = ENOUGH;
    for (size_t i = 0; i < COUNT_OF(w->same); i++) {
        if (w->same[i]) continue;
        struct norm_same *t = mem_zalloc(1, sizeof *t);
        if (!t) return NULL; /* it goes without */
        t->step = io->step;
        memset(t->ascii, NORM_NOT_ONE, sizeof t->ascii);
        if (io->step->kind == NORM_PRECOMPILED) by_rules(t, io->step->map);
        else by_char(t, io->step);
        return w->same[i] = t;
    }
    return NULL;
}
