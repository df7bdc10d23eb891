/* JSON strings unescaped 64 bytes at a time, as in doc_unescape_avx512vbmi.c.  Of a block with backslashes, what
 * they escape is looked up for all bytes at once and what is kept is squeezed together eight bytes at a time; \u
 * is read one by one. */
#include "data/doc_scan.h"

#if defined(__x86_64__)
#include "core/token/halves.h"
#include "data/doc_scan_runs.h"

/* Digits of hexadecimal numbers, DIGIT added. */
enum { DIGIT = 16 };
#define D(c, v) [c] = DIGIT + (v)
static const uint8_t digit[256] = {D('0', 0),  D('1', 1),  D('2', 2),  D('3', 3),  D('4', 4),  D('5', 5),  D('6', 6),  D('7', 7),
                                   D('8', 8),  D('9', 9),  D('a', 10), D('b', 11), D('c', 12), D('d', 13), D('e', 14), D('f', 15),
                                   D('A', 10), D('B', 11), D('C', 12), D('D', 13), D('E', 14), D('F', 15)};
#undef D

/* The number behind the \u at s; false: there is none. */
static inline bool read_code(const char *s, uint32_t *code)
{
    unsigned a = digit[(uint8_t)s[2]], b = digit[(uint8_t)s[3]], c = digit[(uint8_t)s[4]], d = digit[(uint8_t)s[5]];
    *code = (a & 15) << 12 | (b & 15) << 8 | (c & 15) << 4 | (d & 15);
    return s[0] == '\\' && s[1] == 'u' && (a & b & c & d & DIGIT);
}

static inline char *put_char(uint32_t cp, char *o)
{
    if (cp < 0x80) {
        *o++ = (char)cp;
        return o;
    }
    if (cp < 0x800) {
        *o++ = (char)(0xC0 | cp >> 6);
    } else {
        if (cp < 0x10000) {
            *o++ = (char)(0xE0 | cp >> 12);
        } else {
            *o++ = (char)(0xF0 | cp >> 18);
            *o++ = (char)(0x80 | (cp >> 12 & 63));
        }
        *o++ = (char)(0x80 | (cp >> 6 & 63));
    }
    *o++ = (char)(0x80 | (cp & 63));
    return o;
}

static inline bool is_plain(char c)
{
    return (uint8_t)c >= ' ' && c != '"' && c != '\\';
}

/* The \u from *at on, with single characters between them; false: what is there is to be looked at more closely. */
static bool take_codes(const char *s, size_t *at, size_t n, char **out)
{
    enum { PAIR = 12 };
    size_t i = *at, first = i;
    char *o = *out;
    uint32_t code, low;
    while (n - i >= PAIR + 1) {
        if (!read_code(s + i, &code)) {
            if (i == first || !is_plain(s[i]) || s[i + 1] != '\\' || s[i + 2] != 'u') break;
            *o++ = s[i++];
            continue;
        }
        size_t step = 6;
        if (code - 0xD800 < 0x800) {
            if (code >= 0xDC00 || !read_code(s + i + 6, &low) || low - 0xDC00 >= 0x400) break;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            step = PAIR;
        }
        o = put_char(code, o);
        i += step;
    }
    *at = i;
    *out = o;
    return i > first;
}

/* What all blocks need, in registers or on the stack: without the barrier gcc makes most of it anew for each. */
struct constants {
    __m256i slash, quote, control, low4, letter, means, lows, highs, each, byte;
};

static inline __m256i kept(__m256i x)
{
    __asm__("" : "+x"(x));
    return x;
}

static inline __m256i twice(__m128i x)
{
    return kept(_mm256_broadcastsi128_si256(x));
}

/* lows, highs: of bytes that may follow a backslash, but for u.  Upper and lower half of a byte each name a set of
 * groups; both must name one. */
HALVES_INLINE struct constants constants(void)
{
    return (struct constants){
        .slash = kept(_mm256_set1_epi8('\\')),
        .quote = kept(_mm256_set1_epi8('"')),
        .control = kept(_mm256_set1_epi8(0x1f)),
        .low4 = kept(_mm256_set1_epi8(15)),
        .letter = kept(_mm256_set1_epi8(0x60)),
        .means = twice(_mm_setr_epi8('\f', 0, 0, '\t', '\b', '\r', 0, 0, '\n', 0, 0, 0, 0, 0, 0, 0)),
        .lows = twice(_mm_setr_epi8(0, 0, 7, 0, 4, 0, 2, 0, 0, 0, 0, 0, 8, 0, 2, 1)),
        .highs = twice(_mm_setr_epi8(0, 0, 1, 0, 0, 8, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0)),
        .each = kept(_mm256_set1_epi64x((int64_t)0x8040201008040201)),
        .byte = kept(_mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303)),
    };
}

/* In all bits of a byte. */
HALVES_INLINE __m256i bits_to_bytes(const struct constants *c, uint32_t bits)
{
    __m256i x = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), c->byte);
    return _mm256_cmpeq_epi8(_mm256_and_si256(x, c->each), c->each);
}

/* What the bytes that are escaped stand for, others as they are; *wrong: none of those that may follow a backslash. */
HALVES_INLINE __m256i replace(const struct constants *c, __m256i x, uint32_t escaped, uint32_t *wrong)
{
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), c->low4);
    __m256i group = _mm256_and_si256(_mm256_shuffle_epi8(c->lows, x), _mm256_shuffle_epi8(c->highs, high));
    __m256i letter = _mm256_and_si256(_mm256_cmpgt_epi8(x, c->letter), bits_to_bytes(c, escaped));
    __m256i at = _mm256_and_si256(_mm256_xor_si256(x, high), c->low4);
    *wrong = escaped & (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(group, _mm256_setzero_si256()));
    return _mm256_blendv_epi8(x, _mm256_shuffle_epi8(c->means, at), letter);
}

/* A block with backslashes, or the first of which is escaped. */
struct escapes {
    struct halves y;
    uint64_t escaped, wrong; /* wrong: nothing is known for these here */
};

HALVES_INLINE struct escapes look_up(const struct constants *c, struct halves x, uint64_t slashes, uint64_t *carry)
{
    struct escapes f;
    uint32_t low, high;
    f.escaped = escaped_by(slashes, carry);
    f.y.low = replace(c, x.low, (uint32_t)f.escaped, &low);
    f.y.high = replace(c, x.high, (uint32_t)(f.escaped >> 32), &high);
    f.wrong = low | (uint64_t)high << 32;
    return f;
}

HALVES_INLINE uint64_t is(struct halves x, __m256i byte)
{
    return halves_mask((struct halves){_mm256_cmpeq_epi8(x.low, byte), _mm256_cmpeq_epi8(x.high, byte)});
}

HALVES_INLINE uint64_t at_most(struct halves x, __m256i most)
{
    return halves_mask((struct halves){_mm256_cmpeq_epi8(_mm256_min_epu8(x.low, most), x.low), _mm256_cmpeq_epi8(_mm256_min_epu8(x.high, most), x.high)});
}

/* The bytes of y that have a bit, side by side; how many.  No store waits for the one before. */
static inline size_t squeeze(char *o, struct halves y, uint64_t keep)
{
    uint64_t bytes[8];
    size_t n = 0;
    halves_store(bytes, y);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        uint64_t x = _pext_u64(bytes[i], _pdep_u64(keep >> 8 * i, 0x0101010101010101) * 255);
        memcpy(o + n, &x, sizeof x);
        n = (size_t)_mm_popcnt_u64(keep << (56 - 8 * i));
    }
    return n;
}

/* ends: a quote is the end, and what may not be in a string is looked for. */
HALVES_INLINE size_t unescape(const char *s, size_t i, size_t n, char **out, bool ends, bool *found)
{
    const struct constants c = constants();
    uint64_t carry = 0;
    char *o = *out;
    while (n - i >= 64) {
        struct halves x = halves_load(s + i);
        uint64_t slashes = is(x, c.slash), quotes = ends ? is(x, c.quote) : 0, bad = ends ? at_most(x, c.control) : 0;
        if (!(slashes | quotes | bad | carry)) {
            halves_store(o, x);
            o += 64;
            i += 64;
            continue;
        }
        size_t came = carry;
        struct escapes f = look_up(&c, x, slashes, &carry);
        uint64_t end = quotes & ~f.escaped, inside = ~end & (end - 1), keep = inside & ~(slashes & ~f.escaped);
        uint64_t wrong = f.wrong & inside;
        if (bad & inside) {
            *out = o;
            return i - came;
        }
        if (wrong) {
            size_t at = (size_t)_tzcnt_u64(wrong); /* its backslash is one before, which may be in the block before */
            if (at) o += squeeze(o, f.y, keep & halves_below(at - 1));
            i += at;
            i--;
            carry = 0;
            if (take_codes(s, &i, n, &o)) continue;
            *out = o;
            return i;
        }
        o += squeeze(o, f.y, keep);
        if (end) {
            *found = true;
            *out = o;
            return i + (size_t)_tzcnt_u64(end);
        }
        i += 64;
    }
    *out = o;
    return i - carry;
}

size_t unescape_avx2bmi(const char *s, size_t n, char *out, size_t *made)
{
    char *o = out;
    size_t i = unescape(s, 0, n, &o, false, NULL);
    *made = (size_t)(o - out);
    return i;
}

size_t take_string_avx2bmi(const char *s, size_t i, size_t n, char *out, size_t *made, bool *found)
{
    char *o = out;
    i = unescape(s, i, n, &o, true, found);
    *made = (size_t)(o - out);
    return i;
}
#endif
