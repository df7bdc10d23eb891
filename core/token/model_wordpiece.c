/* WordPiece: the longest token first, from left to right; a word with a part
 * that no token covers is unknown as a whole. */
#include "core/token/tok_internal.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"
#include "core/token/wordpiece_many.h"

static size_t chars_in(const uint8_t *s, size_t n, size_t limit)
{
    size_t count = 0;
    for (size_t i = 0; i < n && count <= limit; count++) i += uni_next(s + i, n - i).len;
    return count;
}

/* The same without spans: at most n ids; how many, 0 where the word is unknown. */
static size_t ids_of(const struct tokenizer *t, const uint8_t *word, size_t n, int32_t *ids)
{
    return wordpiece_ids(&t->trie, t->no_continuing ? WORDPIECE_NEVER : t->continuing, word, n, ids);
}

int32_t wordpiece_only(const struct tokenizer *t, const uint8_t *word, size_t n)
{
    int32_t ids[WORDPIECE_ONLY_MAX];
    if (n > WORDPIECE_ONLY_MAX) return -1;
    bool unknown = n > t->max_word_chars && chars_in(word, n, t->max_word_chars) > t->max_word_chars;
    size_t n_ids = unknown ? 0 : ids_of(t, word, n, ids);
    return n_ids == 1 ? ids[0] : n_ids == 0 ? t->unk_id : -1;
}

int wordpiece_word(const struct tokenizer *t, const uint8_t *word, size_t n, struct tok_ids *out,
                   struct err *e)
{
    size_t from = out->n;
    bool unknown = n > t->max_word_chars && chars_in(word, n, t->max_word_chars) > t->max_word_chars;
    if (!unknown && !out->want_spans) {
        if (tok_ids_room(out, n, e)) return -1;
        size_t n_ids = ids_of(t, word, n, out->id + from);
        out->n += n_ids;
        if (n_ids) return 0;
        unknown = true;
    }
    const struct trie *trie = &t->trie;
    for (size_t at = 0; at < n && !unknown;) {
        uint32_t node = at ? t->continuing : 0;
        size_t end = 0;
        int id = -1;
        if (at && t->no_continuing) node = UINT32_MAX;
        for (size_t i = at; i < n && node != UINT32_MAX; i++) {
            node = trie_step(trie, node, word[i]);
            if (node == 0) break;
            if (trie->unit[node].value < 0) continue;
            id = trie->unit[node].value;
            end = i + 1;
        }
        if (id < 0) unknown = true;
        else if (tok_ids_push(out, id, at, end, e)) return -1;
        at = end;
    }
    if (!unknown) return 0;
    out->n = from;
    if (t->unk_id < 0)
        return err_set(e, ERR_DATA, "word '%.*s' has no tokens in the vocabulary, and its unk_token "
                                    "is not there",
                       n > 60 ? 60 : (int)n, (const char *)word);
    return tok_ids_push(out, t->unk_id, 0, n, e);
}
