/* Steps that only classes of transformers in Python have: Moses' words, str.lower() and upper(), and BERT's as that code has them. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
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

/* The next character as these n. */
static int put_case(struct norm_io *io, struct uni_char c, const uint32_t *out, int n, bool *changed)
{
    if (n == 1 && out[0] == c.cp) return norm_copy(io, c.len);
    *changed = true;
    for (int i = 0; i < n; i++)
        if (norm_put(io, out[i], i > 0)) return -1;
    return 0;
}

int norm_python_lower(struct norm_io *io, bool *changed)
{
    enum { SIGMA = 0x3A3, FINAL = 0x3C2 };
    while (io->pos < io->n) {
        struct uni_char c = uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos);
        uint32_t out[2] = {c.cp, 0};
        int n = c.cp == UNI_BAD ? 1 : uni_lower(c.cp, out);
        if (c.cp == SIGMA && final_sigma(io)) out[0] = FINAL;
        if (put_case(io, c, out, n, changed)) return -1;
    }
    return 0;
}

int norm_python_upper(struct norm_io *io, bool *changed)
{
    while (io->pos < io->n) {
        struct uni_char c = uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos);
        uint32_t out[3] = {c.cp, 0, 0};
        int n = c.cp == UNI_BAD ? 1 : uni_upper(c.cp, false, out);
        if (put_case(io, c, out, n, changed)) return -1;
    }
    return 0;
}

/* ---- BERT's single characters ---- */

static bool is_chinese(uint32_t cp)
{
    static const struct uni_range ranges[] = {{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x2A6DF},
                                              {0x2A700, 0x2B81F}, {0x2B820, 0x2CEAF}, {0x2F800, 0x2FA1F}};
    return cp >= 0x3400 && uni_in_ranges(ranges, COUNT_OF(ranges), cp);
}

/* What becomes of a character: 0, itself, a space, or (-1) itself between two. */
static int basic(uint32_t cp, bool chinese)
{
    enum uni_category c = uni_category(cp);
    if (cp == '\t' || cp == '\n' || cp == '\r' || c == UNI_Zs) return ' ';
    if (cp == UNI_BAD || cp == 0xFFFD || c == UNI_Cc || c == UNI_Cf || c == UNI_Co || c == UNI_Cs || c == UNI_Cn) return 0;
    return chinese && is_chinese(cp) ? -1 : (int)cp;
}

int norm_python_basic(struct norm_io *io, bool *changed)
{
    while (io->pos < io->n) {
        struct uni_char c = uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos);
        int to = basic(c.cp, io->step->flags & 1);
        if (to == (int)c.cp) {
            if (norm_copy(io, c.len)) return -1;
            continue;
        }
        *changed = true;
        if (to == 0) io->pos += c.len;
        else if (norm_put(io, ' ', 0) || (to < 0 && (norm_put(io, c.cp, 1) || norm_put(io, ' ', 1)))) return -1;
    }
    return 0;
}
