#include "core/token/tok_fast.h"

int tok_fast_init(struct tokenizer *t, struct err *e)
{
    (void)e;
    t->fast = NULL;
    return 0;
}

void tok_fast_free(struct tok_fast *f)
{
    (void)f;
}

int tok_fast_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e)
{
    return tok_segment(t, s, text, n, flags, out, e);
}
