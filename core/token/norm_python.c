/* Steps that only classes of transformers in Python have: Moses' words, and str.lower(). */
#include <string.h>

#include "core/base/json.h"
#include "core/token/moses.h"
#include "core/token/normalize.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

int norm_moses(struct norm_io *io)
{
    struct moses m = {.language = (enum moses_language)io->step->language, .flags = io->step->flags};
    struct norm_origin origin = {0, 0};
    char bytes[4];
    int ret = moses_words(&m, io->in, io->n, io->e);
    for (size_t i = 0; ret == 0 && i < m.n; i++) {
        if (io->w->want_origin) origin = norm_origin_at(io, m.v[i].at);
        ret = norm_put_text(io, bytes, (size_t)utf8_encode(m.v[i].cp, bytes), origin);
    }
    moses_free(&m);
    return ret;
}

/* ---- str.lower() ---- */

static bool is_of(const char *name, uint32_t cp)
{
    const struct uni_set *s = uni_set_find(name, strlen(name));
    return s && uni_set_has(s, cp);
}

/* A capital sigma at the end of a word has a form of its own. */
static bool final_sigma(const struct norm_io *io)
{
    const uint8_t *s = (const uint8_t *)io->in;
    size_t at = io->pos;
    struct uni_char c = {.cp = 0};
    while (at) {
        c = uni_prev(s, at);
        at -= c.len;
        if (!is_of("Case_Ignorable", c.cp)) break;
        if (!at) return false;
    }
    if (io->pos == 0 || !is_of("Cased", c.cp)) return false;
    for (at = io->pos + 2; at < io->n; at += c.len) {
        c = uni_next(s + at, io->n - at);
        if (!is_of("Case_Ignorable", c.cp)) return !is_of("Cased", c.cp);
    }
    return true;
}

int norm_python_lower(struct norm_io *io, bool *changed)
{
    enum { SIGMA = 0x3A3, FINAL = 0x3C2 };
    while (io->pos < io->n) {
        struct uni_char c = uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos);
        uint32_t out[2] = {c.cp, 0};
        int n = c.cp == UNI_BAD ? 1 : uni_lower(c.cp, out);
        if (c.cp == SIGMA && final_sigma(io)) out[0] = FINAL;
        if (n == 1 && out[0] == c.cp) {
            if (norm_copy(io, c.len)) return -1;
            continue;
        }
        *changed = true;
        for (int i = 0; i < n; i++)
            if (norm_put(io, out[i], i > 0)) return -1;
    }
    return 0;
}
