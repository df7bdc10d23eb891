/* What stands beside a tokenizer in a directory, and where a tokenizer came from. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_class.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

/* *id of the token that the file names so; false, and *id as it was: none. */
static bool named_token(const struct tokenizer *t, const struct cJSON *config, const char *key, int *id)
{
    struct class_token named;
    int found = class_token_from(json_member(config, key), &named) ? tok_id(t, named.text) : -1;
    if (found >= 0) *id = found;
    return found >= 0;
}

/* *any: it names one.  *listed: it lists all tokens, and so an older file beside it counts no more. */
static int read_names(struct tokenizer *t, const char *dir, const char *name, bool *any, bool *listed, struct err *e)
{
    int ret = 0;
    char *path = path_join(dir, name);
    if (!path) return err_oom(e, strlen(dir), "a path");
    if (file_exists(path)) {
        struct cJSON *j = json_read_file(path, NULL, e);
        ret = j ? 0 : -1;
        bool bos = named_token(t, j, "bos_token", &t->bos), eos = named_token(t, j, "eos_token", &t->eos);
        *any = bos || eos;
        *listed = *listed || json_member(j, "added_tokens_decoder");
        json_free(j);
    }
    free(path);
    return ret;
}

const char *tok_ends_from(bool config, bool map)
{
    return config && map ? "special_tokens_map.json, tokenizer_config.json" : map ? "special_tokens_map.json"
         : config ? "tokenizer_config.json" : NULL;
}

int tok_read_ends(struct tokenizer *t, const char *dir, struct err *e)
{
    bool config = false, map = false, listed = false;
    if (read_names(t, dir, "tokenizer_config.json", &config, &listed, e)) return -1;
    if (!listed && read_names(t, dir, "special_tokens_map.json", &map, &listed, e)) return -1;
    t->ends = tok_ends_from(config, map);
    return 0;
}

/* What a .model does not say, where a directory of our own has one. */
int tok_read_around(struct tokenizer *t, const char *dir, struct err *e)
{
    bool bos = false, eos = false;
    if (t->source != SOURCE_SPM) return 0;
    char *path = path_join(dir, "tokenizer_config.json");
    if (!path) return err_oom(e, strlen(dir), "a path");
    struct cJSON *j = json_read_file(path, NULL, e);
    int ret = j && json_opt_bool(j, "add_bos_token", &bos, path, e) == 0 && json_opt_bool(j, "add_eos_token", &eos, path, e) == 0 ? 0 : -1;
    if (ret == 0) ret = tok_add_ends(t, bos, eos, e);
    json_free(j);
    free(path);
    return ret;
}

int tok_set_origin(struct tokenizer *t, const char *file, const char *class, struct err *e)
{
    free(t->file);
    t->class = class;
    return (t->file = mem_strdup(file)) ? 0 : err_oom(e, strlen(file), "a path");
}

void tok_origin(const struct tokenizer *t, struct tok_origin *out)
{
    *out = (struct tok_origin){t->file, t->class, t->ends};
}
