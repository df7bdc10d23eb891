/* Tokenizers in files and directories: which file it is, and the memory that it takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_class.h"
#include "core/token/tok_files.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_load.h"

/* The file of a directory's tokenizer: the best of those that may be there; NULL
 * without memory, or (*e set) where there is none. */
static char *file_inside(const char *dir, struct err *e)
{
    static const char *const names[] = {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "sentencepiece.model", "spm.model", "spm_char.model",
                                        "vocab.json",      "vocab.txt",    "tekken.json",             "tiktoken.model",      "rwkv_vocab_v20230424.txt"};
    char **all;
    size_t n;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = path_join(dir, names[i]);
        if (!path || file_exists(path)) return path;
        free(path);
    }
    if (dir_list(dir, &all, &n, e)) return NULL;
    char *path = NULL;
    for (size_t i = 0; i < n && !path; i++)
        if (str_ends_with(all[i], ".tiktoken")) path = path_join(dir, all[i]);
    dir_list_free(all, n);
    if (!path) err_set(e, ERR_NOINPUT, "'%s' holds no tokenizer: neither tokenizer.json nor the file of a vocabulary", dir);
    return path;
}

/* Written by ourselves where tokenizer.json has no place for it: see hf_dir_save(). */
static char *own_file(const char *dir)
{
    struct err ignored;
    char *path = path_join(dir, "tokenizer_config.json");
    struct cJSON *j = path && file_exists(path) ? json_read_file(path, NULL, &ignored) : NULL;
    const char *name = json_text_or(j, "tokenizer_file", "/");
    char *file = !strchr(name, '/') ? path_join(dir, name) : NULL;
    if (file && !file_exists(file)) {
        free(file);
        file = NULL;
    }
    json_free(j);
    free(path);
    return file;
}

/* A link that leads nowhere, too, or what we may not look at: opening it says so. */
static bool holds(const char *dir, const char *name)
{
    struct stat st;
    char *path = path_join(dir, name);
    bool yes = path && (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR));
    free(path);
    return yes;
}

bool tok_dir_has_any(const char *dir)
{
    struct err ignored;
    char *file = holds(dir, "tokenizer.json") ? path_join(dir, "tokenizer.json") : file_inside(dir, &ignored);
    bool yes = file != NULL;
    free(file);
    return yes;
}

/* FILE:SPLIT, where there is such a file: cuts the path and gives the split. */
static char *cut_split(char *path)
{
    if (file_exists(path)) return NULL;
    for (char *colon = strchr(path, ':'); colon; colon = strchr(colon + 1, ':')) {
        *colon = 0;
        if (file_exists(path)) return colon + 1;
        *colon = ':';
    }
    return NULL;
}

static bool is_gguf(const char *path)
{
    char magic[4] = "";
    struct stat st;
    bool regular = stat(path, &st) == 0 && S_ISREG(st.st_mode); /* what is read of a pipe is gone */
    FILE *f = regular ? fopen(path, "rb") : NULL;
    bool yes = f && fread(magic, 1, 4, f) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (f) fclose(f);
    return yes;
}

/* Memory for what will be made of the file: a .model or .tiktoken becomes 10 to 16 times as much, a tokenizer.json 2 to
 * 7 times, a vocab.json with its merges 8.  GGUF holds mostly something else: tok_gguf.c. */
static void make_room(const char *file)
{
    size_t times = !str_ends_with(file, ".json") ? 14 : strcmp(path_base(file), "vocab.json") ? 5 : 8;
    struct stat st;
    if (stat(file, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size < TOK_LARGE || (size_t)st.st_size > TOK_FILE_MOST) return;
    mem_ready((size_t)st.st_size * times + TOK_WORK);
}

static struct tokenizer *load_file(const char *file, const char *split, struct err *e)
{
    struct tokenizer *t = NULL;
    struct buf text = {0};
    struct file_map m;
    bool gguf = is_gguf(file);
    if (!gguf) make_room(file);
    if (gguf) { /* weights follow: not into memory */
        if (file_map(&m, file, e)) return NULL;
        t = tok_from_file((const char *)m.data, m.size, file, split, e);
        file_unmap(&m);
    } else if (file_read_all(file, TOK_FILE_MOST, &text, e) == 0) {
        t = tok_from_file(buf_text(&text), text.len, file, split, e);
    }
    buf_free(&text);
    return t;
}

static struct tokenizer *load_dir(const char *dir, struct err *e)
{
    struct tokenizer *t = NULL;
    char *file = holds(dir, "tokenizer.json") ? path_join(dir, "tokenizer.json") : NULL;
    bool own = !file && (file = own_file(dir));
    if (!file) {
        int ret = tok_from_class(dir, &t, e);
        if (ret <= 0) return t;
        e->code = ERR_NONE;
        if (!(file = file_inside(dir, e))) {
            if (e->code == ERR_NONE) err_oom(e, strlen(dir), "a path");
            return NULL;
        }
    }
    t = load_file(file, NULL, e);
    if (t && str_ends_with(file, "tokenizer.json") && t->source == SOURCE_JSON && tok_add_beside(&t, dir, e)) {
        free(file);
        tok_free(t);
        return NULL;
    }
    if (t && (tok_read_ends(t, dir, e) || (own && tok_read_around(t, dir, e)) || tok_dir_languages(t, dir, e) || tok_set_origin(t, file, NULL, e))) {
        tok_free(t);
        t = NULL;
    }
    free(file);
    return t;
}

struct tokenizer *tok_load(const char *path, struct err *e)
{
    if (file_is_dir(path)) return load_dir(path, e);
    char *file = mem_strdup(path);
    if (!file) {
        err_oom(e, strlen(path), "a path");
        return NULL;
    }
    struct tokenizer *t = load_file(file, cut_split(file), e);
    if (t && tok_set_origin(t, file, NULL, e)) {
        tok_free(t);
        t = NULL;
    }
    free(file);
    return t;
}
