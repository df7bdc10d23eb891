/* Languages of what is translated and of translations: a template has the token of one, and around
 * translations that of another one in its place. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"
#include "core/token/tok_pieces.h"

static const char source_key[] = "source_language_id", target_key[] = "target_language_id";

bool tok_has_target(const struct tokenizer *t)
{
    const struct tok_pieces *p = t->pieces;
    return t->target[0].n || (p && (p->side[SIDE_TARGET].t || p->target_post || p->no_target));
}

static bool has_id(const struct tokenizer *t, const struct cJSON *j)
{
    double id = cJSON_IsNumber(j) ? j->valuedouble : -1;
    return id >= 0 && id < t->vocab.n && (t->vocab.v[(int)id].flags & VOCAB_USED);
}

static void replace(struct tok_places *p, int old, int with)
{
    for (int i = 0; i < p->n; i++)
        if (p->v[i].id == old) p->v[i].id = with;
}

static int copy(const struct tok_places *from, struct tok_places *to, struct err *e)
{
    struct tok_place *v = mem_alloc((size_t)from->n + 1, sizeof *v);
    if (!v) return err_oom(e, (size_t)from->n * sizeof *v, "a template");
    if (from->n) memcpy(v, from->v, (size_t)from->n * sizeof *v);
    free(to->v);
    *to = *from;
    to->v = v;
    return 0;
}

int tok_read_languages(struct tokenizer *t, const struct cJSON *post, struct err *e)
{
    const struct cJSON *source = json_member(post, source_key), *target = json_member(post, target_key);
    if (!source && !target) return 0;
    if (!has_id(t, source) || !has_id(t, target))
        return err_set(e, ERR_DATA, "post_processor TemplateProcessing: %s and %s must be ids of tokens", source_key, target_key);
    for (int pair = 0; pair < 2; pair++) {
        if (copy(pair ? &t->pair : &t->single, &t->target[pair], e)) return -1;
        replace(&t->target[pair], (int)source->valuedouble, (int)target->valuedouble);
    }
    return 0;
}

/* ---- beside a tokenizer.json ---- */

/* What a class takes for the language of the source where the config names none; NULL: it is none of these classes. */
static const char *default_language(const struct cJSON *config)
{
    static const char *const classes[][2] = {{"MBartTokenizer", "en_XX"}, {"MBart50Tokenizer", "en_XX"}, {"NllbTokenizer", "eng_Latn"}};
    const char *s = json_text_or(config, "tokenizer_class", "");
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        size_t n = strlen(classes[i][0]);
        if (strncmp(s, classes[i][0], n) == 0 && (!s[n] || strcmp(s + n, "Fast") == 0)) return classes[i][1];
    }
    return NULL;
}

static int id_in(const struct tokenizer *t, const struct cJSON *config, const char *key, int otherwise)
{
    const char *code = json_text_or(config, key, NULL);
    return code ? tok_id(t, code) : otherwise;
}

static bool in_template(const struct tokenizer *t, int id)
{
    for (int i = 0; id >= 0 && i < t->single.n; i++)
        if (t->single.v[i].id == id) return true;
    return false;
}

static int set_languages(struct tokenizer *t, int source, int target, struct err *e)
{
    if (!t->part[PART_POST]) return 0;
    struct cJSON *post = cJSON_Parse(t->part[PART_POST]);
    struct buf text = {0};
    int ret = post ? 0 : err_oom(e, strlen(t->part[PART_POST]), "a template");
    if (strcmp(json_text_or(post, "type", ""), "TemplateProcessing") == 0) {
        bool well = cJSON_AddNumberToObject(post, source_key, source) && cJSON_AddNumberToObject(post, target_key, target);
        if (well) json_print(&text, post, 0);
        ret = !well ? err_oom(e, 1, "a template") : buf_ok(&text, e) || tok_read_languages(t, post, e) ? -1 : 0;
    }
    if (ret == 0 && text.len) {
        free(t->part[PART_POST]);
        t->part[PART_POST] = buf_steal(&text);
    }
    buf_free(&text);
    cJSON_Delete(post);
    return ret;
}

int tok_dir_languages(struct tokenizer *t, const char *dir, struct err *e)
{
    char *path = path_join(dir, "tokenizer_config.json");
    if (!path) return err_oom(e, strlen(dir), "a path");
    struct cJSON *config = file_exists(path) ? json_read_file(path, NULL, e) : NULL;
    bool bad = !config && file_exists(path);
    free(path);
    if (bad) return -1;
    const char *otherwise = t->source == SOURCE_JSON && !t->target[0].n ? default_language(config) : NULL;
    int source = otherwise ? id_in(t, config, "src_lang", tok_id(t, otherwise)) : -1, target = id_in(t, config, "tgt_lang", source);
    json_free(config);
    return in_template(t, source) && target >= 0 ? set_languages(t, source, target, e) : 0;
}

/* ---- by an option ---- */

int tok_language(const struct tokenizer *t, const char *code)
{
    struct buf name = {0};
    buf_printf(&name, "__%s__", code);
    int id = name.oom ? -1 : tok_id(t, name.data);
    buf_free(&name);
    if (id >= 0) return id;
    id = tok_id(t, code);
    return tok_is_special(t, id) ? id : -1;
}

int tok_set_source(struct tokenizer *t, int language, struct err *e)
{
    for (int i = 0; i < t->single.n; i++) {
        int old = t->single.v[i].id;
        if (old < 0 || old == t->bos || old == t->eos) continue;
        replace(&t->single, old, language);
        replace(&t->pair, old, language);
        return 0;
    }
    return err_set(e, ERR_DATA, "the tokenizer's template names no language");
}
