/* Special tokens that the model itself would make of plain text, by merges or as a piece of the vocabulary.  Whoever
 * writes the text must not be able to write a control token, so the model makes none unless it is asked to. */
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_pieces.h"

bool tok_in_model(const struct tokenizer *t, int id)
{
    return id >= 0 && (t->vocab.v[id].flags & VOCAB_MODEL) && (t->makes_special || !(t->vocab.v[id].flags & VOCAB_SPECIAL));
}

static bool has_special(const struct tokenizer *t)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].special && (t->vocab.v[t->added[i].id].flags & VOCAB_MODEL)) return true;
    return false;
}

/* As if there were no such merge: where it would not be done, nothing changes.  A special token
 * that is one symbol stays that, for other tokens are made of it, and text would be lost. */
void tok_leave_merges(struct tokenizer *t)
{
    if (t->makes_special || t->source != SOURCE_JSON || !t->bpe.n_merges || !has_special(t)) return;
    for (size_t i = 0; i < t->bpe.n_merges; i++) {
        const struct bpe_merge *m = &t->bpe.merge[i];
        if (t->vocab.v[m->id].flags & VOCAB_SPECIAL) bpe_leave_out(&t->bpe, m->left, m->right);
    }
}

int tok_allow_special(struct tokenizer *t, struct err *e)
{
    if (t->makes_special || (t->source != SOURCE_JSON && !t->pieces)) return 0;
    t->makes_special = true;
    if (t->pieces) return tok_pieces_find(t, e);
    return has_special(t) ? tok_finish_again(t, e) : 0;
}
