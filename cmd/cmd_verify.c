/* llmctl verify: every hash of every file. */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/ckpt/elem.h"
#include "core/ckpt/llmz.h"
#include "core/ckpt/safetensors.h"
#include "core/model/hf_dir.h"
#include "data/shard.h"

struct verify_cfg {
    struct opt_common common;
};

static const struct opt opts[] = {
#define C struct verify_cfg
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

struct verifier {
    const struct verify_cfg *cfg;
    struct pool *pool;
    struct buf out;
    const char *path;       /* the file at hand, and its damaged chunks so far */
    int n_chunks;
    int n_files, n_bad;
    struct err first;
};

/* One line a file, and one a bad place: text, or objects of a JSON list. */
static void say(struct verifier *v, const char *path, const char *state, const char *detail)
{
    if (v->cfg->common.json) {
        buf_adds(&v->out, v->out.len ? ",{\"path\":" : "{\"path\":");
        buf_adds_json(&v->out, path);
        buf_printf(&v->out, ",\"state\":\"%s\",\"detail\":", state);
        buf_adds_json(&v->out, detail);
        buf_addc(&v->out, '}');
    } else if (!strcmp(state, "ok")) {
        buf_printf(&v->out, "ok   '%s': %s\n", path, detail);
    } else {
        buf_printf(&v->out, "BAD  %s\n", detail); /* an error's text names the file */
    }
}

static void bad_chunk(void *arg, const struct llmz_tensor *t, const char *message)
{
    struct verifier *v = arg;
    (void)t; /* the message names it */
    v->n_chunks++;
    say(v, v->path, "BAD", message);
}

static int verify_llmz(struct verifier *v, const char *path, char *good, size_t size, struct err *e)
{
    struct llmz *z = llmz_open(path, e);
    if (!z) return -1;
    int ret = llmz_verify_all(z, v->pool, bad_chunk, v, e);
    struct buf b = {0};
    buf_printf(&b, "%d tensors, all hashes match", llmz_n_tensors(z));
    if (b.data && b.len < size) memcpy(good, b.data, b.len + 1);
    buf_free(&b);
    llmz_close(z);
    return ret;
}

static int verify_shard(const char *path, char *good, size_t size, struct err *e)
{
    struct shard *s = shard_open(path, e);
    if (!s) return -1;
    int ret = shard_check_all(s, e);
    struct buf b = {0};
    buf_printf(&b, "%llu tokens, all hashes match", (unsigned long long)shard_get_info(s)->n_tokens);
    if (b.data && b.len < size) memcpy(good, b.data, b.len + 1);
    buf_free(&b);
    shard_close(s);
    return ret;
}

/* The format has no checksums: what can be checked is its structure and that
 * numbers are finite. */
static int verify_safetensors(const char *path, char *good, size_t size, struct err *e)
{
    struct safetensors *s = st_open(path, e);
    if (!s) return -1;
    int ret = 0;
    for (int i = 0; i < st_n(s) && !ret; i++) {
        if ((ret = sig_check(e))) break;
        const struct st_tensor *t = st_tensor(s, i);
        size_t at = elem_nonfinite(t->data, t->dtype, (size_t)t->n);
        if (at < (size_t)t->n)
            ret = err_set(e, ERR_DATA, "'%s': tensor '%s': element %zu (offset %llu) is not a finite number",
                          st_file(s, t->file), t->name, at,
                          (unsigned long long)(t->offset + at * dtype_size(t->dtype)));
    }
    struct buf b = {0};
    buf_printf(&b, "%d tensors; structure is sound, numbers are finite (the format has no hashes)", st_n(s));
    if (b.data && b.len < size) memcpy(good, b.data, b.len + 1);
    buf_free(&b);
    st_close(s);
    return ret;
}

static int verify_file(struct verifier *v, const char *path, char *good, size_t size, struct err *e)
{
    if (file_is_dir(path)) return verify_safetensors(path, good, size, e);
    struct file_map m;
    char first[16] = "";
    if (file_map(&m, path, e)) return -1;
    const char *kind = file_kind(m.data, m.size), *base = path_base(path), *dot = strrchr(base, '.');
    if (m.size) memcpy(first, m.data, m.size < sizeof first ? m.size : sizeof first);
    file_unmap(&m);
    if (!memcmp(first + 8, "LLMZ", 4) || (dot && !strcmp(dot, ".llmz"))) return verify_llmz(v, path, good, size, e);
    if (!memcmp(first, "LLMCTLTK", 8) || (dot && !strcmp(dot, ".tok"))) return verify_shard(path, good, size, e);
    if ((kind && !strcmp(kind, "a safetensors file")) || (dot && !strcmp(dot, ".safetensors")))
        return verify_safetensors(path, good, size, e);
    return err_set(e, ERR_DATA, "'%s' is %s, which verify cannot check", path, kind ? kind : "of an unknown kind");
}

/* -1 on a stop signal; a bad file is counted. */
static int verify_one(struct verifier *v, const char *path, struct err *e)
{
    char good[160] = "";
    struct err bad = {0};
    v->n_files++;
    v->path = path;
    v->n_chunks = 0;
    if (!verify_file(v, path, good, sizeof good, &bad)) {
        say(v, path, "ok", good);
        return 0;
    }
    if (bad.code == ERR_STOPPED) {
        *e = bad;
        return err_wrap(e, "'%s'", path);
    }
    if (!v->n_bad++) v->first = bad;
    if (!v->n_chunks) say(v, path, "BAD", bad.msg);
    return 0;
}

/* All checkpoints and shards below a directory that is not a Hugging Face one. */
static int verify_tree(struct verifier *v, const char *dir, int depth, struct err *e)
{
    char **names;
    size_t n;
    int ret = 0;
    if (dir_list(dir, &names, &n, e)) return -1;
    for (size_t i = 0; i < n && !ret; i++) {
        char *path = path_join(dir, names[i]);
        if (!path) ret = err_oom(e, strlen(dir), "a path");
        else if (file_is_dir(path) && depth < 8) ret = verify_tree(v, path, depth + 1, e);
        else if (str_ends_with(path, ".llmz") || str_ends_with(path, ".tok")) ret = verify_one(v, path, e);
        free(path);
    }
    dir_list_free(names, n);
    return ret;
}

static int verify(struct verifier *v, const char *path, struct err *e)
{
    int before = v->n_files;
    if (!file_is_dir(path) || hf_dir_is(path)) return verify_one(v, path, e);
    if (verify_tree(v, path, 0, e)) return -1;
    if (v->n_files > before) return 0;
    return err_set(e, ERR_NOINPUT, "'%s' holds no .llmz and no .tok files", path);
}

static int finish(struct verifier *v, struct err *e)
{
    struct buf all = {0};
    if (v->cfg->common.json) buf_printf(&all, "{\"files\":%d,\"bad\":%d,\"results\":[", v->n_files, v->n_bad);
    if (v->out.data) buf_add(&all, v->out.data, v->out.len);
    if (v->cfg->common.json) buf_adds(&all, "]}\n");
    int ret = buf_ok(&v->out, e) || buf_ok(&all, e) || out_write(all.data, all.len, e) ? -1 : 0;
    buf_free(&all);
    if (ret || !v->n_bad) return ret;
    *e = v->first;
    return v->n_files > 1 ? err_wrap(e, "%d of %d files are bad; the first", v->n_bad, v->n_files) : -1;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct opt_result r;
    struct verify_cfg c = {0};
    struct verifier v = {.cfg = &c};
    int ret = opt_parse(self, &c, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    ret = -1;
    if (!r.n_args) {
        err_set(e, ERR_USAGE, "want files or directories");
        goto out;
    }
    if (!(v.pool = pool_new((int)c.common.threads, e))) goto out;
    for (int i = 0; i < r.n_args; i++)
        if (verify(&v, r.args[i], e)) goto out;
    ret = finish(&v, e);
out:
    buf_free(&v.out);
    pool_free(v.pool);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_verify = {
    .name = "verify",
    .summary = "Check every hash of checkpoints and token shards",
    .usage = "[options] FILE|DIR...",
    .examples = "  llmctl verify model.llmz\n"
                "  llmctl verify run train.tok val.tok\n",
    .details = "Reads every byte of .llmz files and token shards, in a directory all of\n"
               "them, and says which tensor, chunk and offset is damaged.\n"
               "safetensors files have no hashes: their structure is checked, and that\n"
               "numbers are finite.\n"
               "The status is 65 when anything is bad.\n",
    .opts = opts,
    .run = run,
};
