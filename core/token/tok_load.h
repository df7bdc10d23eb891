/* tok_load.h - reading a tokenizer, part by part, and what is made of it when all has been read. */
#ifndef CORE_TOKEN_TOK_LOAD_H
#define CORE_TOKEN_TOK_LOAD_H

#include "core/token/tok_internal.h"

struct cJSON;
struct spm_model;

/* ---- files ---- */

/* tok_files.c: whatever kind of file it is (tok_kind.c).  split: of a .tiktoken
 * file, which does not say it; else NULL. */
struct tokenizer *tok_from_file(const char *text, size_t n, const char *path, const char *split, struct err *e);
/* tok_tiktoken.c: lines of base64 and rank.  special: {"text": id} or NULL. */
struct tokenizer *tok_from_tiktoken(const char *text, size_t n, const char *split,
                                    const struct cJSON *special, const char *name, struct err *e);
/* tok_json.c: how many tokens the model has, whatever their ids: Hugging Face's programs number others from there on. */
int tok_model_size(const struct tokenizer *t);
/* tok_write.c: "added_tokens":[...], and a comma. */
void tok_added_tokens_json(const struct tokenizer *t, struct buf *out);

/* ---- parts of a tokenizer.json, each into *t ---- */

/* tok_parts.c */
int tok_read_normalizer(struct tokenizer *t, const struct cJSON *j, struct err *e);
/* "String" or "Regex" of a pattern; exactly one of *text and *re is set. */
int tok_read_pattern(const struct cJSON *j, const char *where, char **text, size_t *n,
                     struct regex **re, const char **source, struct err *e);
/* tok_parts_pre.c */
int tok_read_pre(struct tokenizer *t, const struct cJSON *j, struct err *e);
/* tok_clip.c: whether an expression cuts as CLIP's, perhaps with its special tokens first. */
bool tok_clip_regex(const char *regex, bool *specials);
/* tok_parts_around.c */
int tok_read_post(struct tokenizer *t, const struct cJSON *j, struct err *e);
/* tok_language.c: what a TemplateProcessing says of languages becomes t->target. */
int tok_read_languages(struct tokenizer *t, const struct cJSON *post, struct err *e);
/* tok_parts_post.c */
int tok_read_decoder(struct tokenizer *t, const struct cJSON *j, struct err *e);
int tok_read_limits(struct tokenizer *t, const struct cJSON *truncation,
                    const struct cJSON *padding, struct err *e);

/* ---- what else is around it ---- */

/* tok_origin.c: bos and eos as the files of a directory name them beside its tokenizer; what tok_origin() says. */
int tok_read_ends(struct tokenizer *t, const char *dir, struct err *e);
int tok_read_around(struct tokenizer *t, const char *dir, struct err *e);
int tok_set_origin(struct tokenizer *t, const char *file, const char *class, struct err *e);
/* What names them, by which of the two files do. */
const char *tok_ends_from(bool config, bool map);
/* tok_spm.c: of a model that was read; data: the file that stands for it. */
struct tokenizer *tok_from_spm_model(const struct spm_model *m, const void *data, size_t n, const char *name, struct err *e);
/* tok_spm.c: puts bos and eos around each text, where there are such tokens. */
int tok_add_ends(struct tokenizer *t, bool bos, bool eos, struct err *e);

/* ---- when all has been read ---- */

/* tok_finish.c: tables made of the vocabulary; of the model's tokens alone, once more. */
int tok_finish(struct tokenizer *t, struct err *e);
int tok_finish_again(struct tokenizer *t, struct err *e);
/* A trie of the model's tokens that have no flag of `without` (special tokens are found by
 * tok_match.c, or else are text). */
int tok_model_trie(const struct tokenizer *t, struct trie *trie, unsigned without, struct err *e);
/* tok_special.c: merges that make special tokens are not done, unless they are allowed. */
void tok_leave_merges(struct tokenizer *t);

#endif
