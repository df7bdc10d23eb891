/* An index of dedup --save-index: any bytes, with hashes that fit, are used
 * against a few documents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "data/dedup.h"
#include "data/dedup_index.h"
#include "tests/fuzz/fuzz.h"

static char dir[64], index_path[96], docs_path[96], removed_path[96];

static void put(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f)) abort();
}

static void clean_up(void)
{
    unlink(index_path);
    unlink(docs_path);
    unlink(removed_path);
    rmdir(dir);
}

static void start(void)
{
    static const char docs[] =
        "{\"id\":1,\"text\":\"one two three four five six seven eight nine ten\"}\n"
        "{\"id\":2,\"text\":\"one two three four five six seven eight nine zehn\"}\n"
        "{\"id\":3,\"text\":\"something else\"}\n";
    snprintf(dir, sizeof dir, "/tmp/llmctl-fuzz-XXXXXX");
    if (!mkdtemp(dir)) abort();
    snprintf(index_path, sizeof index_path, "%s/x.lidx", dir);
    snprintf(docs_path, sizeof docs_path, "%s/d.jsonl", dir);
    snprintf(removed_path, sizeof removed_path, "%s/r.jsonl", dir);
    put(docs_path, docs, sizeof docs - 1);
    log_setup(true, LOG_COLOR_NEVER);
    atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dindex_foot foot;
    uint8_t *copy = malloc(size + 1);
    if (!dir[0]) start();
    if (!copy) return 0;
    memcpy(copy, data, size);
    if (size >= sizeof foot) { /* what lies behind the hashes is to be reached */
        memcpy(&foot, copy + size - sizeof foot, sizeof foot);
        foot.content = hash64(copy, size - sizeof foot);
        foot.hash = hash64(&foot, sizeof foot - 8);
        memcpy(copy + size - sizeof foot, &foot, sizeof foot);
    }
    put(index_path, copy, size);
    free(copy);
    struct doc_files files;
    struct dedup_stats s;
    struct err e;
    char *paths[] = {docs_path};
    if (doc_files_find(&files, paths, 1, DOC_AUTO, &e)) abort();
    struct dedup_cfg cfg = {.files = &files, .exact = DEDUP_NORM, .near = true, .width = 5, .bands = 8,
                            .rows = 2, .verify = 0.5, .against = index_path, .removed = removed_path,
                            .shards = 1};
    if (dedup_run(&cfg, &s, &e) && e.code == ERR_INTERNAL) abort();
    doc_files_free(&files);
    return 0;
}
