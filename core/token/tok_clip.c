/* CLIP's words: what stands between white space, in lower case, is cut into letters, digits one by one and
 * runs of what is neither.  Where each character is known to stay what it is but for its case, the pieces
 * come from the cache, and only new ones are merged; all else is left to the chains. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/bytemap.h"
#include "core/token/regex_runs.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_load.h"
#include "core/token/tok_part.h"
#include "core/token/tok_scratch.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

enum { PART_MOST = 256, TABLE = 0x10000 };

#define WORDS "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"

bool tok_clip_regex(const char *regex, bool *specials)
{
    static const char *const first[] = {"<\\|startoftext\\|>|<\\|endoftext\\|>|", ""};
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        size_t n = strlen(first[i]);
        if (strncmp(regex, first[i], n) == 0 && strcmp(regex + n, WORDS) == 0) return *specials = i == 0, true;
    }
    return false;
}

static bool is_blanks(const struct norm_step *s)
{
    return s->kind == NORM_REPLACE && s->re && regex_takes_space(s->re) && s->n_to == 1 && *s->to == ' ';
}

bool tok_clip_possible(const struct tokenizer *t)
{
    const struct pre_step *p = t->pre.step;
    bool lower = false;
    if (t->model != MODEL_BPE || t->pre.n != 3) return false;
    for (size_t i = 0; i < t->norm.n; i++) {
        const struct norm_step *s = &t->norm.step[i];
        lower = lower || s->kind == NORM_LOWERCASE;
        if (s->kind != NORM_LOWERCASE && s->kind != NORM_NFC && !is_blanks(s)) return false;
    }
    return lower && p[0].kind == PRE_SPLIT && p[0].clip && p[0].behavior == PRE_REMOVED && p[0].invert &&
           p[1].kind == PRE_BYTE_LEVEL && p[1].use_regex && !p[1].prefix_space && !p[1].spell && p[2].kind == PRE_BYTE_LEVEL &&
           p[2].spell && !p[2].use_regex && !p[2].prefix_space;
}

/* A character that no step changes but for its case. */
static bool keeps(uint32_t cp, uint32_t *lower)
{
    uint32_t out[2];
    if (!norm_form_keeps(cp, false, true) || uni_lower(cp, out) != 1 || (uni_class(cp) & UNI_SPACE)) return false;
    *lower = out[0];
    return true;
}

/* What becomes of a character, whatever is around: its lower case, which stays that; or 0. */
static uint32_t lower_of(struct tok_scratch *s, uint32_t cp)
{
    uint32_t low, again;
    if (cp < 0x80) return cp - 'A' < 26 ? cp | 0x20 : cp > 0x20 && cp < 0x7F ? cp : 0;
    if (cp >= TABLE) return 0;
    uint32_t *known = &s->lower[cp];
    if (*known) return *known - 1;
    *known = (keeps(cp, &low) && keeps(low, &again) && again == low ? low : 0) + 1;
    return *known - 1;
}

/* The part in lower case into `to`, which has room for twice as many bytes; their number, or 0. */
static size_t lower_part(struct tok_scratch *s, const uint8_t *word, size_t n, char *to)
{
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next_inline(word + i, n - i);
        uint32_t cp = c.cp == UNI_BAD ? 0 : lower_of(s, c.cp);
        if (!cp) return 0;
        len += (size_t)utf8_encode(cp, to + len);
        i += c.len;
    }
    return len;
}

/* The end of the piece that begins at `at`. */
static size_t piece_end(const uint8_t *s, size_t n, size_t at)
{
    struct uni_char c = uni_next(s + at, n - at);
    unsigned kind = c.class & (UNI_L | UNI_N);
    size_t end;
    if (c.cp == '\'' && (end = split_contraction(s, n, at, false)) > at) return end;
    end = at + c.len;
    if (kind & UNI_N) return end;
    for (; end < n; end += c.len) {
        c = uni_next(s + end, n - end);
        if ((c.class & (UNI_L | UNI_N)) != kind) break;
    }
    return end;
}

/* One piece, which as a part would be that piece alone: both have the same place in the cache. */
static int piece(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *p, size_t n, size_t left, size_t at,
                 struct tok_ids *out, struct err *e)
{
    struct word_key key;
    char spelled[2 * PART_MOST + 8];
    size_t from = out->n, len = 0;
    if (tok_ids_room(out, PART_MOST, e)) return -1;
    if (n <= WORD_KEY_MAX) {
        word_cache_ask(&s->cache, p, n, left, &key);
        size_t found = word_cache_get(&s->cache, &key, out->id + out->n);
        out->n += found;
        if (found) return 0;
    } else {
        word_cache_ask_long(&s->cache, p, n, &key);
        if (tok_part_take(s, p, n, &key, out)) return 0;
    }
    for (size_t i = 0; i < n; i++) len += (size_t)utf8_encode(bytemap_char(p[i]), spelled + len);
    if (tok_model_word(t, s, (const uint8_t *)spelled, len, at, out, e)) return -1;
    word_cache_learn(&s->cache, &key, p, n, out->id + from, out->n - from);
    return 0;
}

int tok_clip_part(const struct tokenizer *t, struct tok_scratch *s, const uint8_t *word, size_t n, size_t at, struct tok_ids *out,
                  struct err *e)
{
    char lower[2 * PART_MOST + 16];
    if (n > PART_MOST || (t->pre.step->clip_specials && memmem(word, n, "<|", 2))) return 1;
    if (!s->lower && !(s->lower = mem_zalloc(TABLE, sizeof *s->lower))) return err_oom(e, TABLE * sizeof *s->lower, "encoder work space");
    size_t len = lower_part(s, word, n, lower);
    const uint8_t *p = (const uint8_t *)lower;
    if (!len || len > PART_MOST) return 1;
    memset(lower + len, 0, 16);
    for (size_t from = 0, end; from < len; from = end) {
        end = piece_end(p, len, from);
        if (piece(t, s, p + from, end - from, len + 16 - from, at, out, e)) return -1;
    }
    return 0;
}
