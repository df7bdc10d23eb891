/* Added tokens in text. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"
#include "core/token/isa.h"

/* What of a token is looked for. */
static const char *form(const struct tok_added *a, bool forms, size_t *n)
{
    *n = forms && a->form ? a->form_len : a->len;
    return forms && a->form ? a->form : a->text;
}

/* By the first byte, the longest first; of tokens with one form the first of the file comes first. */
static int by_place(const void *a, const void *b, void *forms)
{
    size_t nx, ny;
    const struct tok_added *v = *(const struct tok_added *const *)a, *w = *(const struct tok_added *const *)b;
    const char *x = form(v, *(const bool *)forms, &nx), *y = form(w, *(const bool *)forms, &ny);
    int c = (int)(uint8_t)x[0] - (int)(uint8_t)y[0];
    if (!c) c = (nx < ny) - (nx > ny);
    if (!c) c = memcmp(x, y, nx);
    return c ? c : (v > w) - (v < w);
}

/* b may begin in a, from its character `from` on. */
static bool begins_inside(const struct tok_added *a, size_t from, const struct tok_added *b)
{
    for (size_t at = from; at < a->len; at++) {
        size_t n = a->len - at < b->len ? a->len - at : b->len;
        if (memcmp(a->text + at, b->text, n) == 0) return true;
    }
    return false;
}

/* Of one kind, `late` would be found where it begins first or is longer, and not be found in a special token that is not
 * looked for, which is passed over as a whole. */
static bool cross(const struct tok_added *late, const struct tok_added *early)
{
    if (begins_inside(late, late->len <= early->len, early)) return true;
    return early->special && !late->special && begins_inside(early, 0, late);
}

bool tok_added_cross(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->n_added; i++)
        for (size_t k = 0; t->added[i].normalized && k < t->n_added; k++)
            if (!t->added[k].normalized && cross(&t->added[i], &t->added[k])) return true;
    return false;
}

bool tok_matcher_twins(const struct tok_matcher *m)
{
    for (size_t i = 1; i < m->n; i++) {
        size_t nx, ny;
        const char *x = form(m->v[i - 1], m->forms, &nx), *y = form(m->v[i], m->forms, &ny);
        if (nx == ny && memcmp(x, y, nx) == 0) return true;
    }
    return false;
}

static void note_halves(uint8_t halves[2][16], uint8_t byte, unsigned group)
{
    halves[0][byte & 15] |= (uint8_t)(1 << group);
    halves[1][byte >> 4] |= (uint8_t)(1 << group);
}

static void note_pair(struct tok_matcher *m, const uint8_t *s, size_t n, unsigned group)
{
    uint8_t *byte = m->sieve.byte;
    byte[s[0] & 127] |= s[0] < 128 ? SIEVE_FIRST : SIEVE_FIRST_HIGH;
    for (int b = 0; b < 128 && n < 2; b++) byte[b] |= SIEVE_SECOND | SIEVE_SECOND_HIGH;
    if (n > 1) byte[s[1] & 127] |= s[1] < 128 ? SIEVE_SECOND : SIEVE_SECOND_HIGH;
    note_halves(m->sieve.first, s[0], group);
    for (unsigned second = n > 1 ? s[1] : 0; second < (n > 1 ? s[1] + 1u : 256); second++) {
        m->pair[s[0] * 4 + second / 64] |= (uint64_t)1 << second % 64;
        note_halves(m->sieve.second, (uint8_t)second, group);
    }
}

static bool alike(const struct tok_matcher *m, size_t i, size_t k)
{
    size_t n, other;
    const char *x = form(m->v[i], m->forms, &n), *y = form(m->v[k], m->forms, &other);
    return x[0] == y[0] && n == other;
}

/* Those of v[0..n) that are normalized or not, and not empty. */
int tok_matcher_init(struct tok_matcher *m, const struct tok_added *v, size_t n, const bool *skip, bool normalized, struct err *e)
{
    m->v = mem_alloc(n, sizeof *m->v);
    m->stop = mem_alloc(n, sizeof *m->stop);
    if (!m->v || !m->stop) return err_oom(e, n * sizeof *m->v, "added tokens");
    size_t len;
    m->forms = normalized;
    for (size_t i = 0; i < n; i++) {
        form(&v[i], normalized, &len);
        if (v[i].normalized == normalized && len && !(skip && skip[i])) m->v[m->n++] = &v[i];
    }
    qsort_r(m->v, m->n, sizeof *m->v, by_place, &m->forms);
    m->next = token_has_vbmi() ? tok_sieve_avx512vbmi : token_has_avx2() ? tok_sieve_avx2bmi : NULL;
    m->sieve.only = m->n ? (uint8_t)form(m->v[0], normalized, &len)[0] : -1;
    unsigned n_firsts = 0;
    for (size_t i = 0; i < m->n; i++) {
        uint8_t b = (uint8_t)form(m->v[i], normalized, &len)[0];
        n_firsts += m->from[b + 1] == 0;
        m->from[b + 1] = (uint32_t)i + 1;
        if (b != m->sieve.only) m->sieve.only = -1;
        note_pair(m, (const uint8_t *)form(m->v[i], normalized, &len), len, n_firsts % 8);
    }
    for (int b = 0; b < 256; b++)
        if (m->from[b + 1] < m->from[b]) m->from[b + 1] = m->from[b];
    for (size_t i = m->n; i-- > 0;) m->stop[i] = i + 1 < m->n && alike(m, i, i + 1) ? m->stop[i + 1] : (uint32_t)i + 1;
    return 0;
}

void tok_matcher_free(struct tok_matcher *m)
{
    free(m->v);
    free(m->stop);
    memset(m, 0, sizeof *m);
}

/* \w of the regex engine that single_word is defined by. */
static bool is_word(struct uni_char c)
{
    return c.cp != UNI_BAD && (uni_extra(c.cp) & UNI_WORD);
}

static bool stands_alone(const uint8_t *s, size_t n, size_t begin, size_t end)
{
    if (begin > 0 && is_word(uni_prev(s, begin))) return false;
    return end == n || !is_word(uni_next(s + end, n - end));
}

/* The first of v[i..stop), which are all `len` long, whose text is s[0..len). */
static const struct tok_added *match_alike(const struct tok_matcher *m, uint32_t i, uint32_t stop, const uint8_t *s, size_t len)
{
    size_t n;
    while (stop - i > 1) {
        uint32_t mid = i + (stop - i - 1) / 2;
        if (memcmp(form(m->v[mid], m->forms, &n), s, len) < 0) i = mid + 1;
        else stop = mid + 1;
    }
    const char *text = form(m->v[i], m->forms, &n);
    return (uint8_t)text[len - 1] == s[len - 1] && memcmp(text, s, len) == 0 ? m->v[i] : NULL;
}

/* The longest first; of models with thousands of added tokens most are as long as others. */
static const struct tok_added *match_here(const struct tok_matcher *m, const uint8_t *s, size_t n)
{
    for (uint32_t i = m->from[s[0]]; i < m->from[s[0] + 1]; i = m->stop[i]) {
        size_t len;
        form(m->v[i], m->forms, &len);
        const struct tok_added *a = len <= n ? match_alike(m, i, m->stop[i], s, len) : NULL;
        if (a) return a;
    }
    return NULL;
}

static const struct tok_added *find(const struct tok_matcher *m, const uint8_t *s, size_t n,
                                    size_t *pos)
{
    for (size_t i = *pos; i < n; i++) {
        if (m->next) {
            i = m->next(&m->sieve, s, n, i);
        } else if (m->sieve.only >= 0) {
            const uint8_t *p = memchr(s + i, m->sieve.only, n - i);
            if (!p) return NULL;
            i = (size_t)(p - s);
        }
        if (i + 1 < n && !(m->pair[s[i] * 4 + s[i + 1] / 64] >> s[i + 1] % 64 & 1)) continue;
        const struct tok_added *a = match_here(m, s + i, n - i);
        if (!a) continue;
        *pos = i;
        return a;
    }
    return NULL;
}

bool tok_match_any(const struct tok_matcher *m, const char *text, size_t n)
{
    size_t pos = 0;
    return find(m, (const uint8_t *)text, n, &pos) != NULL;
}

bool tok_match(const struct tok_matcher *m, const char *text, size_t n, size_t pos, size_t done, bool special,
               struct tok_found *f)
{
    if (m->n == 0) return false;
    const uint8_t *s = (const uint8_t *)text;
    const struct tok_added *a;
    size_t len;
    for (size_t at = pos; (a = find(m, s, n, &at)); at += len) {
        form(a, m->forms, &len);
        size_t b = at, stop = at + len;
        if (a->special && !special) continue;
        if (a->single_word && !stands_alone(s, n, b, stop)) continue;
        for (struct uni_char c; a->lstrip && b > done; b -= c.len)
            if (!((c = uni_prev(s, b)).class & UNI_SPACE)) break;
        for (struct uni_char c; a->rstrip && stop < n; stop += c.len)
            if (!((c = uni_next(s + stop, n - stop)).class & UNI_SPACE)) break;
        if (a->lstrip && b < done) b = done; /* the one before took the space */
        *f = (struct tok_found){a, at, at + len, b, stop > b ? stop : b};
        return true;
    }
    return false;
}
