#include "core/token/tok_sample.h"

#include <assert.h>

#include "core/token/tok_internal.h"
#include "core/token/tok_pieces.h"
#include "core/token/tok_scratch.h"

enum { FILE_SHIFT = 40 }; /* no text takes so many draws */

/* The model that cuts: of a tokenizer around others the one of texts. */
static const struct tokenizer *model_of(const struct tokenizer *t)
{
    return t->pieces ? t->pieces->side[0].t : t;
}

int tok_sample_check(const struct tokenizer *t, const struct tok_sampling *o, struct err *e)
{
    const struct tokenizer *m = model_of(t);
    bool bpe = m->model == MODEL_BPE, unigram = m->model == MODEL_UNIGRAM;
    if (!bpe && !unigram) return err_set(e, ERR_USAGE, "words are cut at random by byte pairs and unigram only, not by this kind of tokenizer");
    if (t->pieces && m->source != SOURCE_SPM)
        return err_set(e, ERR_USAGE, "random cuts are not supported with a tokenizer of this class");
    if (bpe && (o->alpha > 0 || o->nbest))
        return err_set(e, ERR_USAGE, "--alpha and --nbest are for unigram; byte pairs are cut at random by --dropout");
    if (unigram && o->dropout > 0) return err_set(e, ERR_USAGE, "--dropout is for byte pairs; unigram is cut at random by --alpha");
    return 0;
}

void tok_sample(struct tok_scratch *s, const struct tok_sampling *o)
{
    s->sampling = o;
    s->chains = true;
    for (int k = 0; k < 2; k++)
        if (s->side[k]) tok_sample(s->side[k], o);
    tok_sample_at(s, 0, 0);
}

void tok_sample_at(struct tok_scratch *s, uint32_t file, uint64_t offset)
{
    assert(offset >> 56 == 0);
    s->draws = (struct draws){rng_key(s->sampling->seed, RNG_TOKENS, (uint32_t)offset, (uint32_t)(offset >> 32)),
                              (uint64_t)file << FILE_SHIFT};
    for (int k = 0; k < 2; k++)
        if (s->side[k]) tok_sample_at(s->side[k], file, offset);
}
