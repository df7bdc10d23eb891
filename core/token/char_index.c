#include "core/token/char_index.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/unicode.h"

size_t utf8_broken_part(const uint8_t *s, size_t n)
{
    uint8_t low = 0x80, high = 0xBF, b = s[0];
    size_t need = b >= 0xC2 && b <= 0xF4 ? uni_len(b) : 1, good = 1;
    if (b == 0xE0) low = 0xA0;
    if (b == 0xED) high = 0x9F;
    if (b == 0xF0) low = 0x90;
    if (b == 0xF4) high = 0x8F;
    for (; good < n && good < need && s[good] >= low && s[good] <= high; good++) {
        low = 0x80;
        high = 0xBF;
    }
    return good;
}

size_t utf8_unfinished(const uint8_t *s, size_t n)
{
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        uint8_t b = s[n - k];
        if (b >= 0x80 && b < 0xC0) continue; /* in a character */
        return b >= 0xC2 && b <= 0xF4 && k < uni_len(b) && utf8_broken_part(s + n - k, k) == k ? k : 0;
    }
    return 0;
}

void utf8_add_lossy(struct buf *out, const char *s, size_t n)
{
    while (n) {
        size_t good = utf8_valid_prefix(s, n), bad = good < n ? utf8_broken_part((const uint8_t *)s + good, n - good) : 0;
        buf_add(out, s, good);
        if (bad) buf_adds(out, "\xEF\xBF\xBD");
        s += good + bad;
        n -= good + bad;
    }
}

static int make_room(struct char_index *x, size_t n, struct err *e)
{
    size_t words = n / 64 + 1;
    if (words > x->cap) {
        char_index_free(x);
        x->bits = mem_alloc(words, sizeof *x->bits);
        x->before = mem_alloc(words, sizeof *x->before);
        if (!x->bits || !x->before) {
            char_index_free(x);
            return err_oom(e, words * 16, "character offsets");
        }
        x->cap = words;
    }
    x->n_words = words;
    x->n_bytes = n;
    memset(x->bits, 0, words * sizeof *x->bits);
    return 0;
}

static void mark(struct char_index *x, size_t at)
{
    x->bits[at / 64] |= (uint64_t)1 << (at % 64);
}

/* A bit for each of 8 bytes that begins a character. */
static uint64_t begins(const char *s)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t b;
    memcpy(&b, s, 8);
    return (((b >> 7 & ~(b >> 6) & ones) ^ ones) * 0x0102040810204080) >> 56;
}

/* text[pos..end), which is valid. */
static void mark_all(struct char_index *x, const char *text, size_t pos, size_t end)
{
    while (pos < end) {
        if (pos % 8 == 0 && end - pos >= 8) {
            x->bits[pos / 64] |= begins(text + pos) << pos % 64;
            pos += 8;
            continue;
        }
        if (((uint8_t)text[pos] & 0xC0) != 0x80) mark(x, pos);
        pos++;
    }
}

int char_index_build(struct char_index *x, const char *text, size_t n, struct err *e)
{
    if (make_room(x, n, e)) return -1;
    for (size_t pos = 0; pos < n;) {
        size_t good = pos + utf8_valid_prefix(text + pos, n - pos);
        mark_all(x, text, pos, good);
        pos = good;
        if (pos == n) break;
        mark(x, pos);
        pos += utf8_broken_part((const uint8_t *)text + pos, n - pos);
    }
    x->n_chars = 0;
    for (size_t i = 0; i < x->n_words; i++) {
        x->before[i] = x->n_chars;
        x->n_chars += (size_t)__builtin_popcountll(x->bits[i]);
    }
    return 0;
}

void char_index_free(struct char_index *x)
{
    free(x->bits);
    free(x->before);
    *x = (struct char_index){.bits = NULL};
}

/* Characters that begin before byte `at`. */
static size_t rank(const struct char_index *x, size_t at)
{
    if (at >= x->n_bytes) return x->n_chars;
    uint64_t below = x->bits[at / 64] & (((uint64_t)1 << (at % 64)) - 1);
    return x->before[at / 64] + (size_t)__builtin_popcountll(below);
}

size_t char_index_begin(const struct char_index *x, size_t at)
{
    return at >= x->n_bytes ? x->n_chars : rank(x, at + 1) - 1;
}

size_t char_index_end(const struct char_index *x, size_t at)
{
    return rank(x, at);
}
