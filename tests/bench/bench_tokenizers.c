/* Speed of a tokenizer on one thread, by processor time: loading, the first
 * pass over a text (empty caches), the best of later passes, both with offsets
 * too, decoding, and words of 20,000 to 1.6 million characters.
 *
 * usage: bench_tokenizers [TOKENIZER TEXT...]
 *
 * Without arguments: what 8192 byte pairs learned from this repository's own
 * sources do on them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/token/train.h"

enum { RUNS = 6, THREADS = 2, DOC = 1 << 16, LONGEST_WORD = 1600000 };

static struct err e;

static void must(int ret)
{
    if (!ret) return;
    fprintf(stderr, "bench_tokenizers: %s\n", e.msg);
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_s(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* Documents of up to 64 KiB that end with a line; every `of`-th of them.  Their
 * ids are kept, or make room for the next ones.  Returns the number of ids. */
static size_t encode_some(const struct tokenizer *t, struct tok_scratch *s, const struct buf *text,
                          struct tok_ids *ids, size_t first, size_t of, bool keep)
{
    size_t count = 0;
    ids->n = 0;
    for (size_t at = 0, doc = 0; at < text->len; doc++) {
        size_t n = text->len - at < DOC ? text->len - at : DOC;
        const char *last = at + n < text->len ? memrchr(text->data + at, '\n', n) : NULL;
        if (last) n = (size_t)(last + 1 - (text->data + at));
        size_t before = ids->n;
        if (doc % of == first) must(tok_encode(t, s, text->data + at, n, 0, ids, &e));
        count += ids->n - before;
        if (!keep) ids->n = 0;
        at += n;
    }
    return count;
}

struct together {
    const struct tokenizer *t;
    const struct buf *text;
    struct tok_scratch *s[THREADS];
    struct tok_ids ids[THREADS];
};

static void encode_slice(void *arg, int slice, int thread)
{
    struct together *g = arg;
    (void)thread;
    encode_some(g->t, g->s[slice], g->text, &g->ids[slice], (size_t)slice, THREADS, false);
}

/* The best of later passes, by the clock. */
static double seconds_together(const struct tokenizer *t, const struct buf *text)
{
    struct together g = {.t = t, .text = text};
    struct pool *pool = pool_new(THREADS, &e);
    double best = 1e9;
    must(!pool);
    for (int i = 0; i < THREADS; i++) must(!(g.s[i] = tok_scratch_new(t, &e)));
    for (int run = 0; run < RUNS; run++) {
        double start = seconds(CLOCK_MONOTONIC);
        pool_run(pool, THREADS, encode_slice, &g);
        double took = seconds(CLOCK_MONOTONIC) - start;
        if (run && took < best) best = took;
    }
    for (int i = 0; i < THREADS; i++) {
        tok_scratch_free(g.s[i]);
        tok_ids_free(&g.ids[i]);
    }
    pool_free(pool);
    return best;
}

/* Seconds of the first pass over text with empty caches, and of the best later one. */
static void time_passes(const struct tokenizer *t, const struct buf *text, bool spans, double *first, double *best)
{
    struct tok_ids ids = {.want_spans = spans};
    double start = cpu_s();
    struct tok_scratch *s = tok_scratch_new(t, &e);
    must(!s);
    *best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        encode_some(t, s, text, &ids, 0, 1, false);
        double now = cpu_s(), took = now - start;
        if (run == 0) *first = took;
        else if (took < *best) *best = took;
        start = now;
    }
    tok_scratch_free(s);
    tok_ids_free(&ids);
}

static void bench_text(const struct tokenizer *t, const char *name, const struct buf *text)
{
    struct tok_ids ids = {0};
    struct buf back = {0};
    double mb = (double)text->len / 1e6, first, best, decode = 1e9, again[2], warm[2];
    time_passes(t, text, false, &first, &best);
    struct tok_scratch *s = tok_scratch_new(t, &e);
    must(!s);
    encode_some(t, s, text, &ids, 0, 1, true);
    for (int run = 0; run < RUNS; run++) {
        buf_clear(&back);
        double start = cpu_s();
        must(tok_decode(t, ids.id, ids.n, false, &back, &e));
        double took = cpu_s() - start;
        if (took < decode) decode = took;
    }
    bool same = back.len == text->len && memcmp(back.data, text->data, text->len) == 0;
    printf("%s: %.1f MB, %zu tokens; first pass %.0f, warm %.0f, decode %.0f MB/s; %d threads, warm: %.0f MB/s%s\n",
           name, mb, ids.n, mb / first, mb / best, mb / decode, THREADS, mb / seconds_together(t, text),
           same ? "" : " (normalised)");
    for (int spans = 0; spans < 2; spans++) time_passes(t, text, spans, &again[spans], &warm[spans]);
    printf("%s, with offsets: empty caches %.0f, warm %.0f MB/s (%.2f, %.2f of the speed without, in turn)\n", name,
           mb / again[1], mb / warm[1], again[0] / again[1], warm[0] / warm[1]);
    fflush(stdout);
    tok_scratch_free(s);
    tok_ids_free(&ids);
    buf_free(&back);
}

/* A word of n characters: nanoseconds for each, the best of three. */
static double long_word_ns(const struct tokenizer *t, const char *word, size_t n)
{
    double best = 1e9;
    for (int run = 0; run < 3; run++) {
        struct tok_scratch *s = tok_scratch_new(t, &e);
        struct tok_ids ids = {0};
        must(!s);
        double start = cpu_s();
        must(tok_encode(t, s, word, n, 0, &ids, &e));
        double took = cpu_s() - start;
        if (took < best) best = took;
        tok_ids_free(&ids);
        tok_scratch_free(s);
    }
    return best * 1e9 / (double)n;
}

static void bench_long_words(const struct tokenizer *t)
{
    static const char *const names[] = {"one letter", "random letters", "random digits", "one sign"};
    static const size_t sizes[] = {20000, 40000, 80000, 160000, LONGEST_WORD};
    char *word = mem_alloc(LONGEST_WORD, 1);
    must(!word);
    printf("one word, ns a character of:");
    for (size_t k = 0; k < COUNT_OF(sizes); k++) printf(" %zu", sizes[k]);
    printf("\n");
    for (size_t kind = 0; kind < COUNT_OF(names); kind++) {
        uint32_t x = 1;
        for (size_t i = 0; i < LONGEST_WORD; i++) {
            x = x * 1664525 + 1013904223;
            word[i] = kind == 0 ? 'a' : kind == 1 ? (char)('a' + (x >> 16) % 26)
                      : kind == 2 ? (char)('0' + (x >> 16) % 10) : '^';
        }
        printf("%s:", names[kind]);
        for (size_t k = 0; k < COUNT_OF(sizes); k++) printf(" %.1f", long_word_ns(t, word, sizes[k]));
        printf("\n");
    }
    free(word);
}

static struct tokenizer *learn(const struct buf *text)
{
    struct tok_train_opts o = {.vocab_size = 8192, .split = SPLIT_LLAMA3};
    double start = cpu_s();
    struct tok_trainer *tr = tok_trainer_new(&o, 1, &e);
    must(!tr);
    must(tok_trainer_add(tr, 0, text->data, text->len, &e));
    struct tokenizer *t = tok_trainer_finish(tr, NULL, &e);
    must(!t);
    printf("learned %d tokens from %.1f MB in %.2f s\n", tok_vocab_size(t), (double)text->len / 1e6,
           cpu_s() - start);
    return t;
}

static void own_sources(struct buf *text)
{
    static const char *const dirs[] = {"core/base", "core/token", "core/tensor", "core/kernels",
                                       "core/model", "core/train", "data", "cmd"};
    for (size_t d = 0; d < COUNT_OF(dirs); d++) {
        char **names;
        size_t n;
        must(dir_list(dirs[d], &names, &n, &e));
        for (size_t i = 0; i < n; i++) {
            char *path = path_join(dirs[d], names[i]);
            must(!path || file_read_all(path, (size_t)64 << 20, text, &e));
            free(path);
        }
        dir_list_free(names, n);
    }
}

int main(int argc, char **argv)
{
    struct buf text = {0};
    struct tokenizer *t;
    if (argc < 2) {
        own_sources(&text);
        t = learn(&text);
        bench_text(t, "own sources", &text);
    } else {
        double start = cpu_s();
        t = tok_load(argv[1], &e);
        must(!t);
        printf("load: %.1f ms\n", (cpu_s() - start) * 1e3);
        for (int i = 2; i < argc; i++) {
            buf_clear(&text);
            must(file_read_all(argv[i], (size_t)1 << 32, &text, &e));
            bench_text(t, path_base(argv[i]), &text);
        }
    }
    bench_long_words(t);
    tok_free(t);
    buf_free(&text);
    return 0;
}
