/* A file of whatever kind to a tokenizer: the kind is told by what the file
 * holds, then by its name. */
#include <string.h>

#include "core/base/file.h"
#include "core/token/spm_model.h"
#include "core/token/tok_internal.h"

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return n >= k && strcmp(path + n - k, end) == 0;
}

struct tokenizer *tok_from_file(const char *text, size_t n, const char *path, struct err *e)
{
    if (ends_with(path, ".model") || (spm_model_looks_like(text, n) && !ends_with(path, ".json")))
        return tok_from_spm(text, n, path, e);
    if (ends_with(path, ".tiktoken")) return tok_from_tiktoken(text, n, NULL, NULL, path, e);
    const char *kind = file_kind(text, n);
    if (kind && strcmp(kind, "JSON") != 0) {
        err_set(e, ERR_DATA, "'%s' is %s, not a tokenizer", path, kind);
        return NULL;
    }
    return tok_parse(text, n, path, e);
}
