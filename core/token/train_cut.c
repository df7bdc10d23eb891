/* Where a text may be cut in two and still give the same words.
 *
 * Lines are sentences of SentencePiece's kinds, and white space separates
 * BERT's words.  Of the splits for byte pairs (split.h, and those that
 * opts.lines vouches for) none takes a newline together with what follows it,
 * but for the slash of [\r\n/]*: between two characters that are not white space
 * it is a piece, or the end of one.  Nor does a normal form join anything to a newline.  At the end of a text
 * a run of spaces is cut in another way; hence no white space in front. */
#include "core/token/train.h"
#include "core/token/unicode.h"

static bool is_plain(struct uni_char c)
{
    return c.cp != UNI_BAD && !(c.class & (UNI_SPACE | UNI_M));
}

bool tok_train_cuts(const struct tok_train_opts *o)
{
    if (tok_train_is_hf(o->type)) return o->lines;
    return o->type != TOK_TRAIN_BPE || (o->pre ? o->lines : o->split != SPLIT_NONE);
}

bool tok_train_may_cut(const void *opts, const char *text, size_t n, size_t at)
{
    const struct tok_train_opts *o = opts;
    const uint8_t *s = (const uint8_t *)text;
    if (o->type != TOK_TRAIN_BPE) return true;
    return at >= 2 && n - at >= 4 && s[at] != '/' && is_plain(uni_prev(s, at - 1)) &&
           is_plain(uni_next(s + at, n - at));
}
