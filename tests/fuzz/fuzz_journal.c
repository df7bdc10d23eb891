/* Bytes as the journal of an interrupted cleaning: what stands behind the
 * description of the work; that and the checksum are right. */
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/clean_internal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "llmctl clean journal 2\n", print[] = "work\n";
    struct doc_file file = {.path = "a", .name = "a"};
    struct doc_files files = {.v = &file, .n = 1};
    struct clean_cfg cfg = {.files = &files};
    struct clean_stats total = {0};
    struct notes notes = {0};
    struct clean_journal j = {.path = "journal", .notes = size && data[0] & 2 ? &notes : NULL};
    struct buf b = {0};
    struct err e;
    uint64_t n = sizeof print - 1;
    rules_preset(&cfg.rules, RULES_GOPHER);
    if (size && data[0] % 2) total.detail = mem_zalloc(1, sizeof *total.detail);
    buf_add(&j.print, print, sizeof print);
    buf_adds(&b, head);
    buf_add(&b, &n, sizeof n);
    buf_adds(&b, print);
    if (size) buf_add(&b, data + 1, size - 1); /* the first says whether there are curves, and two passes */
    n = hash64(b.data, b.len);
    buf_add(&b, &n, sizeof n);
    if (!buf_ok(&b, &e) && !buf_ok(&j.print, &e)) clean_journal_parse(&j, &cfg, &total, b.data, b.len, &e);
    buf_free(&b);
    buf_free(&j.print);
    clean_stats_free(&total);
    notes_free(&notes);
    return 0;
}
