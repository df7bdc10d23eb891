#include "core/token/regex_cluster.h"

#include "core/token/uni_props.h"
#include "core/token/unicode.h"

/* Of Hangul: what a syllable begins with, goes on with, ends with; syllables without and with an end. */
enum hangul { NO_HANGUL, LEAD, VOWEL, TAIL, OPEN, CLOSED };

static enum hangul hangul(uint32_t cp)
{
    if (cp >= 0xAC00 && cp <= 0xD7A3) return (cp - 0xAC00) % 28 ? CLOSED : OPEN;
    if ((cp >= 0x1100 && cp <= 0x115F) || (cp >= 0xA960 && cp <= 0xA97C)) return LEAD;
    if ((cp >= 0x1160 && cp <= 0x11A7) || (cp >= 0xD7B0 && cp <= 0xD7C6)) return VOWEL;
    if ((cp >= 0x11A8 && cp <= 0x11FF) || (cp >= 0xD7CB && cp <= 0xD7FB)) return TAIL;
    return NO_HANGUL;
}

static bool same_syllable(enum hangul a, enum hangul b)
{
    switch (a) {
    case LEAD: return b == LEAD || b == VOWEL || b == OPEN || b == CLOSED;
    case VOWEL: case OPEN: return b == VOWEL || b == TAIL;
    case TAIL: case CLOSED: return b == TAIL;
    default: return false;
    }
}

static bool is_flag(uint32_t cp)
{
    return cp >= 0x1F1E6 && cp <= 0x1F1FF;
}

/* How many flag letters, or how many marks, are in front of s + at. */
static size_t before(const uint8_t *s, size_t at, bool flags, size_t *where)
{
    size_t count = 0;
    while (at > 0) {
        struct uni_char c = uni_prev(s, at);
        if (c.cp == UNI_BAD || !(flags ? is_flag(c.cp) : uni_set_has(&uni_cluster_extend, c.cp))) break;
        at -= c.len;
        count++;
    }
    *where = at;
    return count;
}

/* A picture, marks and a joiner are in front of s + at. */
static bool joined_picture(const uint8_t *s, size_t at, uint64_t *steps)
{
    size_t where;
    struct uni_char c = uni_prev(s, at);
    if (c.cp != 0x200D) return false;
    *steps += before(s, at - c.len, false, &where);
    return where > 0 && (c = uni_prev(s, where)).cp != UNI_BAD && uni_set_has(&uni_cluster_picture, c.cp);
}

/* Whether a cluster ends between the characters a and b, which meet at s + at. */
static bool ends(const uint8_t *s, size_t at, uint32_t a, uint32_t b, uint64_t *steps)
{
    size_t where, flags;
    if (a == '\r' && b == '\n') return false;
    if (a == UNI_BAD || b == UNI_BAD || uni_set_has(&uni_cluster_control, a) || uni_set_has(&uni_cluster_control, b)) return true;
    if (same_syllable(hangul(a), hangul(b))) return false;
    if (b == 0x200D || uni_set_has(&uni_cluster_extend, b) || uni_set_has(&uni_cluster_spacing, b)) return false;
    if (uni_set_has(&uni_cluster_prepend, a)) return false;
    if (uni_set_has(&uni_cluster_picture, b) && joined_picture(s, at, steps)) return false;
    if (!is_flag(a) || !is_flag(b)) return true;
    flags = before(s, at, true, &where);
    *steps += 32 * flags; /* in a text of flags each looks at all in front */
    return flags % 2 == 0;
}

size_t re_cluster_end(const uint8_t *s, size_t n, size_t pos, uint64_t *steps)
{
    struct uni_char a = uni_next(s + pos, n - pos), b;
    for (pos += a.len; pos < n; pos += b.len, a = b) {
        b = uni_next(s + pos, n - pos);
        if (ends(s, pos, a.cp, b.cp, steps)) break;
        ++*steps;
    }
    return pos;
}
