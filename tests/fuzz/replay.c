/* Runs a fuzz target over its corpus without a fuzzer.  Linked with one
 * fuzz_NAME.c as test_fuzz_NAME; arguments name files, default is everything
 * in tests/fuzz/corpus/NAME/.  Each input is also cut at a few lengths and has
 * a few bytes changed, the same ones every time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/rng.h"
#include "tests/fuzz/fuzz.h"

enum { VARIANTS = 40 };

/* In a block of exactly its size, so that a sanitizer sees a read past the end. */
static void run_exact(const uint8_t *p, size_t n)
{
    uint8_t *block = malloc(n ? n : 1);
    if (!block) exit(71);
    if (n) memcpy(block, p, n);
    LLVMFuzzerTestOneInput(block, n);
    free(block);
}

static int replay(const char *path)
{
    struct err e = {0};
    struct buf b = {0};
    if (file_read_all(path, (size_t)64 << 20, &b, &e)) {
        fprintf(stderr, "replay: %s\n", e.msg);
        return -1;
    }
    uint8_t *p = (uint8_t *)b.data;
    run_exact(p, b.len);
    struct rng_key k = rng_key(b.len, RNG_TEST, 0, 0);
    for (uint64_t i = 0; i < VARIANTS && b.len; i++) {
        size_t at = (size_t)rng_below(&k, 2 * i, b.len);
        if (i % 2) {
            run_exact(p, at);
            continue;
        }
        uint8_t old = p[at];
        p[at] = (uint8_t)rng_u32(&k, 4 * i + 3);
        run_exact(p, b.len);
        p[at] = old;
    }
    buf_free(&b);
    return 0;
}

static int replay_corpus(const char *dir)
{
    struct err e = {0};
    char **names;
    size_t n;
    int bad = 0;
    if (dir_list(dir, &names, &n, &e)) {
        fprintf(stderr, "replay: %s\n", e.msg);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        char *path = path_join(dir, names[i]);
        if (!path || replay(path)) bad = -1;
        free(path);
    }
    printf("%zu inputs of %s\n", n, dir);
    if (n == 0) bad = -1; /* a target without seeds tests nothing */
    dir_list_free(names, n);
    return bad;
}

int main(int argc, char **argv)
{
    static const char prefix[] = "test_fuzz_";
    const char *base = path_base(argv[0]);
    int bad = 0;
    if (argc == 1) {
        if (strncmp(base, prefix, strlen(prefix))) return 2;
        char *dir = path_join("tests/fuzz/corpus", base + strlen(prefix));
        bad = dir ? replay_corpus(dir) : -1;
        free(dir);
    }
    for (int i = 1; i < argc; i++) bad |= replay(argv[i]);
    return bad ? 1 : 0;
}
