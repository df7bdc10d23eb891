/* SentencePiece models as tokenizers. */
#include "core/token/spm_model.h"
#include "core/token/tok_internal.h"

struct tokenizer *tok_from_spm(const void *data, size_t n, const char *name, struct err *e)
{
    struct spm_model m;
    if (spm_model_read(&m, data, n, name, e)) return NULL;
    spm_model_free(&m);
    err_set(e, ERR_DATA, "'%s': SentencePiece models are not supported yet", name);
    return NULL;
}
