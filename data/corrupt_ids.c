#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/token/unicode.h"
#include "data/corrupt.h"

/* "▁", which SentencePiece writes for the blank in front of a word. */
static bool is_meta(const char *s, size_t n)
{
    return n >= 3 && memcmp(s, "\xe2\x96\x81", 3) == 0;
}

/* How a vocabulary marks words: "##ing" goes on, " word" or "▁word" begins. */
static bool marks_continuation(const struct tokenizer *t, int vocab)
{
    int marked = 0;
    for (int id = 0; id < vocab; id++) {
        size_t n;
        const char *s = tok_piece(t, id, &n);
        marked += s && n > 2 && s[0] == '#' && s[1] == '#' && s[2] != '#';
    }
    return marked > 32 || marked > vocab / 16;
}

static bool continues(const char *s, size_t n, bool marked)
{
    if (marked) return n > 2 && s[0] == '#' && s[1] == '#';
    if (!n || is_meta(s, n)) return false;
    struct uni_char c = uni_next((const uint8_t *)s, n);
    return c.cp == UNI_BAD || (c.class & (UNI_L | UNI_N | UNI_M));
}

int corrupt_ids_init(struct corrupt_ids *ids, const struct tokenizer *t, struct err *e)
{
    static const char *const masks[] = {"[MASK]", "<mask>", "<|mask|>"};
    int n = tok_vocab_size(t);
    size_t bytes = n > 0 ? (size_t)n : 0;
    bool marked = marks_continuation(t, n);
    *ids = (struct corrupt_ids){.kind = mem_zalloc(bytes, 1), .n = n, .mask = -1, .eos = tok_eos(t)};
    if (!ids->kind) return err_oom(e, bytes, "the kinds of tokens");
    for (size_t i = 0; i < COUNT_OF(masks) && ids->mask < 0; i++)
        ids->mask = tok_id(t, masks[i]);
    for (int id = 0; id < n; id++) {
        size_t len;
        const char *s = tok_piece(t, id, &len);
        if (!s || tok_is_special(t, id)) ids->kind[id] = ID_SPECIAL;
        else if (continues(s, len, marked)) ids->kind[id] = ID_CONTINUES;
    }
    if (ids->mask >= 0) ids->kind[ids->mask] = ID_SPECIAL;
    if (ids->eos >= 0) ids->kind[ids->eos] = ID_SPECIAL;
    return 0;
}

void corrupt_ids_free(struct corrupt_ids *ids)
{
    free(ids->kind);
    *ids = (struct corrupt_ids){0};
}
