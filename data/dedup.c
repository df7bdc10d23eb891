#include "data/dedup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "data/dedup_internal.h"
#include "data/doc_stream.h"

/* Copies stdin to a file without a name, which can be read again. */
static int spool(struct doc_file *f, int *fd, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    char path[4096], *chunk = mem_alloc(1 << 18, 1);
    struct doc_stream *in = NULL;
    int ret = -1;
    snprintf(path, sizeof path, "%s/llmctl-dedup-XXXXXX", dir && *dir ? dir : "/tmp");
    if (!chunk) return err_oom(e, 1 << 18, "a buffer");
    if ((*fd = mkstemp(path)) < 0) {
        err_errno(e, errno, "cannot create a temporary file for stdin", path);
        goto out;
    }
    unlink(path);
    if (!(in = doc_stream_open("-", "stdin", e))) goto out;
    ptrdiff_t n;
    while ((n = doc_stream_read(in, chunk, 1 << 18, e)) > 0)
        for (ptrdiff_t done = 0; done < n;) {
            ssize_t w = write(*fd, chunk + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR) continue;
            if (w < 0) {
                err_errno(e, errno, "writing a temporary copy of stdin to",
                          dir && *dir ? dir : "/tmp");
                goto out;
            }
            done += w;
        }
    if (n < 0) goto out;
    if (doc_stream_damage(in)) {
        err_set(e, ERR_DATA, "stdin: %s", doc_stream_damage(in));
        goto out;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
    free(f->path);
    if (!(f->path = mem_strdup(path)))
        err_oom(e, strlen(path), "a path");
    else
        ret = 0;
out:
    free(chunk);
    doc_stream_close(in);
    return ret;
}

static int spool_stdin(struct doc_files *files, int *fd, struct err *e)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->v[i].path, "-") != 0) continue;
        if (*fd >= 0) return err_set(e, ERR_USAGE, "stdin is given twice");
        if (spool(&files->v[i], fd, e)) return -1;
    }
    return 0;
}

static int alloc_decisions(struct dedup *d, struct err *e)
{
    size_t n = (size_t)d->n;
    d->match = mem_alloc(n, sizeof *d->match);
    d->sim = mem_zalloc(n, sizeof *d->sim);
    d->near = mem_zalloc(n, 1);
    if (!d->match || !d->sim || !d->near) return err_oom(e, n * 9, "decisions");
    memset(d->match, 0xff, n * sizeof *d->match);
    return 0;
}

static int decide(struct dedup *d, struct err *e)
{
    if (dedup_pass_hash(d, e) || alloc_decisions(d, e)) return -1;
    if (d->cfg->exact != DEDUP_NONE && dedup_exact(d, e)) return -1;
    if (d->cfg->near && (dedup_candidates(d, e) || dedup_pass_sets(d, e) || dedup_choose(d, e)))
        return -1;
    for (uint32_t i = 0; i < d->n; i++) {
        if (d->match[i] == UINT32_MAX) {
            d->stats->docs_out++;
            d->stats->bytes_out += dedup_recs(d)[i].len;
        } else {
            d->stats->docs_near += d->near[i];
            d->stats->docs_exact += !d->near[i];
        }
    }
    return 0;
}

static int write_out(struct dedup *d, struct err *e)
{
    const char *paths[DOC_RUN_BUFS] = {d->cfg->out, d->cfg->removed, d->cfg->quarantine};
    bool any = false;
    for (int i = 0; i < DOC_RUN_BUFS; i++) {
        if (doc_out_open(&d->out[i], paths[i], e)) return -1;
        any |= paths[i] != NULL;
    }
    if (!any) return 0;
    if (dedup_pass_write(d, e)) return -1;
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        if (doc_out_commit(&d->out[i], e)) return -1;
    return 0;
}

static void free_all(struct dedup *d)
{
    for (int i = 0; i < pool_threads(d->cfg->pool) && d->workers; i++) {
        doc_iter_free(&d->workers[i].it);
        shingles_free(&d->workers[i].sh);
    }
    for (int i = 0; i < DOC_RUN_BUFS; i++)
        doc_out_abort(&d->out[i]);
    struct buf *bufs[] = {&d->recs, &d->keys, &d->block_first, &d->sets, &d->ids};
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_free(bufs[i]);
    free(d->workers);
    free(d->match);
    free(d->sim);
    free(d->near);
    free(d->pairs);
    free(d->wanted);
    free(d->set_at);
    free(d->id_at);
    free(d->id_len);
}

int dedup_run(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e)
{
    struct dedup d = {.cfg = cfg, .stats = s};
    int fd = -1, ret = -1;
    *s = (struct dedup_stats){0};
    if (cfg->exact == DEDUP_TEXT && !cfg->near && cfg->keep == DEDUP_FIRST && !cfg->removed)
        return dedup_once(cfg, s, e);
    if (cfg->near) minhash_init(&d.minhash, cfg->bands, cfg->rows, 1);
    d.workers = mem_zalloc((size_t)pool_threads(cfg->pool), sizeof *d.workers);
    if (!d.workers) return err_oom(e, sizeof *d.workers, "the workers");
    if (spool_stdin(cfg->files, &fd, e) || decide(&d, e)) goto out;
    if (s->docs_in != s->docs_out + s->docs_exact + s->docs_near + s->docs_bad) {
        err_set(e, ERR_INTERNAL, "documents do not add up");
        goto out;
    }
    if (cfg->removed && dedup_pass_ids(&d, e)) goto out;
    ret = write_out(&d, e);
out:
    free_all(&d);
    if (fd >= 0) close(fd);
    return ret;
}

void dedup_report_json(const struct dedup_cfg *cfg, const struct dedup_stats *s, struct buf *out)
{
    static const char *const exact[] = {"none", "text", "norm"};
    buf_printf(out,
               "{\"documents\":{\"in\":%llu,\"out\":%llu,\"exact\":%llu,\"near\":%llu,"
               "\"quarantined\":%llu},"
               "\"text_bytes\":{\"in\":%llu,\"out\":%llu},\"exact\":\"%s\",\"keep\":\"%s\","
               "\"damaged_files\":%zu",
               (unsigned long long)s->docs_in, (unsigned long long)s->docs_out,
               (unsigned long long)s->docs_exact, (unsigned long long)s->docs_near,
               (unsigned long long)s->docs_bad, (unsigned long long)s->bytes_in,
               (unsigned long long)s->bytes_out, exact[cfg->exact],
               cfg->keep == DEDUP_LONGEST ? "longest" : "first", s->n_damaged);
    if (cfg->near)
        buf_printf(out,
                   ",\"near\":{\"words\":%d,\"bands\":%d,\"rows\":%d,\"verify\":%.17g,"
                   "\"candidates\":%llu,\"confirmed\":%llu}",
                   cfg->width, cfg->bands, cfg->rows, cfg->verify,
                   (unsigned long long)s->candidates, (unsigned long long)s->confirmed);
    buf_adds(out, "}\n");
}
