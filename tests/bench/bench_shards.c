/* The first pass of the encoder over documents that are in memory already, by the
 * clock: what `tokenize encode` of the same file is compared with.
 *
 * usage: bench_shards TOKENIZER FILE.jsonl THREADS [keep]
 *
 * One pass, of a process that has done nothing else but load the tokenizer and read,
 * which do not count; work spaces do.  The ids of a document make room for those of
 * the next; with "keep" all stay in memory, where who asks for them wants them, four
 * bytes each.  Without arguments it does nothing. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/token/tokenizer.h"
#include "data/doc.h"

enum { MOST_THREADS = 64, CHUNK = 4 };

static struct err e;

static void must(int ret)
{
    if (!ret) return;
    fprintf(stderr, "bench_shards: %s\n", e.msg);
    exit(1);
}

static double clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct texts {
    struct buf all;
    struct place { size_t at, n; } *v;
    size_t n, cap;
};

static void read_texts(struct texts *x, char *path)
{
    struct doc_files files;
    struct doc_cfg cfg = {.any_bytes = true};
    struct doc_block b = {0};
    struct doc_iter it = {0};
    struct doc d;
    enum doc_next next;
    int got;
    must(doc_files_find(&files, &path, 1, DOC_AUTO, &e));
    struct doc_reader *r = doc_reader_open(&files, &cfg, &e);
    must(!r);
    while ((got = doc_reader_next(r, &b, &e)) > 0) {
        doc_iter_start(&it, &cfg, &b);
        while ((next = doc_iter_next(&it, &d)) != DOC_END) {
            if (next != DOC_GOOD) continue;
            must(mem_room(&x->v, &x->cap, x->n + 1, sizeof *x->v) ? 0 : err_oom(&e, x->n, "texts"));
            x->v[x->n++] = (struct place){x->all.len, d.text_len};
            buf_add(&x->all, d.text, d.text_len);
        }
    }
    must(got);
    must(buf_ok(&x->all, &e));
    doc_iter_free(&it);
    buf_free(&b.data);
    doc_reader_close(r);
    doc_files_free(&files);
}

struct pass {
    const struct tokenizer *t;
    const struct texts *x;
    struct tok_scratch *s[MOST_THREADS];
    struct tok_ids ids[MOST_THREADS];
    _Atomic size_t next;
    bool keep;
};

static void encode_some(void *arg, int slice, int thread)
{
    struct pass *p = arg;
    (void)thread;
    for (size_t from; (from = atomic_fetch_add(&p->next, CHUNK)) < p->x->n;)
        for (size_t i = from; i < p->x->n && i < from + CHUNK; i++) {
            if (!p->keep) p->ids[slice].n = 0;
            must(tok_encode(p->t, p->s[slice], p->x->all.data + p->x->v[i].at, p->x->v[i].n, 0, &p->ids[slice], &e));
        }
}

static double first_pass(const struct tokenizer *t, const struct texts *x, int threads, bool keep)
{
    struct pass p = {.t = t, .x = x, .keep = keep};
    struct pool *pool = pool_new(threads, &e);
    must(!pool);
    double start = clock_s();
    for (int i = 0; i < threads; i++) {
        must(!(p.s[i] = tok_scratch_new(t, &e)));
        tok_scratch_expect(p.s[i], x->all.len / (size_t)threads);
    }
    pool_run(pool, threads, encode_some, &p);
    double took = clock_s() - start;
    for (int i = 0; i < threads; i++) {
        tok_scratch_free(p.s[i]);
        tok_ids_free(&p.ids[i]);
    }
    pool_free(pool);
    return took;
}

int main(int argc, char **argv)
{
    struct texts x = {0};
    if (argc < 4) return 0;
    int threads = atoi(argv[3]);
    if (threads < 1 || threads > MOST_THREADS) return 2;
    struct tokenizer *t = tok_load(argv[1], &e);
    must(!t);
    read_texts(&x, argv[2]);
    bool keep = argc > 4 && strcmp(argv[4], "keep") == 0;
    printf("threads %d: %.4f s, %.1f MB\n", threads, first_pass(t, &x, threads, keep), (double)x.all.len / 1e6);
    free(x.v);
    buf_free(&x.all);
    tok_free(t);
    return 0;
}
