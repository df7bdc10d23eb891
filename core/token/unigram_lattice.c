#include "core/token/unigram_lattice.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"

static int add(struct unigram_lattice *l, size_t begin, size_t end, int32_t id, double score, struct err *e)
{
    if (!mem_room(&l->fit, &l->cap, l->n + 1, sizeof *l->fit)) return err_oom(e, l->n * sizeof *l->fit, "a lattice");
    l->fit[l->n++] = (struct fit){(uint32_t)begin, (uint32_t)end, LATTICE_NONE, id, score, -HUGE_VAL};
    return 0;
}

/* What a user-defined piece of n bytes is worth here: by its characters, when encoding by its bytes. */
static double user_score(const uint8_t *piece, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) chars += (piece[i] & 0xC0) != 0x80;
    return spm_user_score(chars);
}

/* The tokens that begin at `at`, where a character of `len` bytes stands. */
static int add_at(struct unigram_lattice *l, const struct trie *trie, size_t at, size_t len, struct err *e)
{
    const struct tokenizer *t = l->t;
    bool single = false;
    uint32_t node = 0;
    for (size_t i = at; i < l->n_word && (node = trie_step(trie, node, l->word[i])) != 0; i++) {
        int32_t id = trie->unit[node].value;
        if (id < 0) continue;
        bool user = t->spm_floats && t->has_user && (t->vocab.v[id].flags & VOCAB_USER);
        if (add(l, at, i + 1, id, user ? user_score(l->word + at, i + 1 - at) : t->score[id], e)) return -1;
        single = single || i + 1 - at == len;
    }
    return single || t->unk_id < 0 ? 0 : add(l, at, at + len, t->unk_id, t->unk_score, e);
}

static int fill(struct unigram_lattice *l, const struct trie *trie, struct err *e)
{
    for (size_t at = 0, len; at < l->n_word; at += len) {
        len = uni_next(l->word + at, l->n_word - at).len;
        if (add_at(l, trie, at, len, e)) return -1;
    }
    for (size_t i = 0; i <= l->n_word; i++) l->ends[i] = LATTICE_NONE;
    for (size_t i = l->n; i-- > 0;) { /* backwards: in a list the earlier ones come first */
        l->fit[i].next = l->ends[l->fit[i].end];
        l->ends[l->fit[i].end] = (uint32_t)i;
    }
    return 0;
}

int unigram_lattice_init(struct unigram_lattice *l, const struct tokenizer *t, const uint8_t *word, size_t n, struct err *e)
{
    *l = (struct unigram_lattice){.t = t, .word = word, .n_word = n};
    if (n >= UINT32_MAX / 64) return err_set(e, ERR_DATA, "a word of more than 64 MiB");
    const struct trie *trie = unigram_trie(t, e);
    if (!trie) return -1;
    l->ends = mem_alloc(n + 1, sizeof *l->ends);
    int ret = l->ends ? fill(l, trie, e) : err_oom(e, n * sizeof *l->ends, "a lattice");
    if (ret) unigram_lattice_free(l);
    return ret;
}

void unigram_lattice_free(struct unigram_lattice *l)
{
    free(l->fit);
    free(l->ends);
    *l = (struct unigram_lattice){0};
}

int unigram_lattice_put(const struct unigram_lattice *l, const uint32_t *way, size_t n, struct tok_ids *out, struct err *e)
{
    const struct tokenizer *t = l->t;
    for (size_t i = 0; i < n; i++) {
        const struct fit *f = &l->fit[way[i]];
        uint32_t end = f->end;
        if (f->id != t->unk_id) {
            if (tok_ids_push(out, f->id, f->begin, end, e)) return -1;
            continue;
        }
        bool alone = t->byte_fallback && t->spm_floats; /* the same bytes, but spans of their own */
        while (!alone && i + 1 < n && l->fit[way[i + 1]].id == t->unk_id) end = l->fit[way[++i]].end;
        if (unigram_unknown(t, l->word, f->begin, end, out, e)) return -1;
    }
    return 0;
}
