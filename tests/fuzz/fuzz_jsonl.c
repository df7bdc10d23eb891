/* Bytes as a file of documents: read, repair, cut into words, judge, write
 * back.  The first byte chooses how the file is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/json.h"
#include "data/doc.h"
#include "data/doc_json.h"
#include "data/doc_mask.h"
#include "data/doc_path.h"
#include "data/features.h"
#include "data/outliers.h"
#include "data/prompt_norm.h"
#include "data/rules.h"
#include "data/shingle.h"
#include "data/text_norm.h"
#include "data/turns.h"
#include "data/url_ban.h"
#include "tests/fuzz/fuzz.h"

static struct text_norm norm = {.form = TEXT_NFC};
static struct rules_work rules;
static struct rules_cfg limits;
static struct shingles shingles;
static struct features features;
static struct turns turns;
static struct buf line, back;

/* What is written must be read as the same text. */
static void round_trip(const struct doc *d, const char *text, size_t n)
{
    struct doc_fields f;
    buf_clear(&line);
    buf_clear(&back);
    doc_emit(d, text, n, &line);
    if (line.oom) return;
    if (doc_json_find(line.data, line.len - 1, "text", &f)) abort();
    if (doc_json_unescape(line.data + f.text_begin, f.text_end - f.text_begin, &back)) abort();
    if (back.len != n || (n && memcmp(back.data, text, n) != 0)) abort();
}

/* What is masked is still a record, in which nothing is left to mask. */
static void mask(const struct doc *d)
{
    static struct doc_mask first, second;
    struct doc_fields f;
    const char *why;
    if (!d->line || !doc_mask(&first, d->line, d->line_len, 15, &why) || first.line.oom) return;
    why = doc_json_find(first.line.data, first.line.len, "text", &f);
    if (why && !(d->no_text && why == doc_json_no_text)) abort();
    if (doc_mask(&second, first.line.data, first.line.len, 15, &why)) abort();
}

/* What filters look at: members by path, n-grams, shape, normal forms. */
static void look(const struct doc *d, const char *text, size_t n)
{
    mask(d);
    static const char *const paths[] = {"text", "id", "a.b", "a[0]", "a[-1].text", "messages[1].content"};
    static const struct features_cfg cfg = {12, 2, 1, 4};
    struct err e;
    double shape[SHAPE_N];
    uint64_t digits;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct doc_value v = doc_path_find(d->line, d->line_len, paths[i]);
        if (v.type && (v.s < d->line || v.s + v.n > d->line + d->line_len)) abort();
        if (i == 0 && d->line && (v.type != DOC_V_STRING) != d->no_text) abort();
        buf_clear(&line);
        if (v.type) doc_value_text(&v, &line);
    }
    if (url_split(text, n, &line, &back) && !line.oom && !back.oom && (line.data[line.len] || back.data[back.len])) abort();
    const char *why;
    const struct turns_spec usual = {.automatic = true};
    if (turns_read(&usual, d->line, d->line_len, &turns, &why) > 0)
        for (size_t i = 0; i < turns.n; i++)
            if (turns.v[i].at + turns.v[i].n > turns.text.len) abort();
    if (features_make(&cfg, &features, text, n, &e) || features.n > 4096) abort();
    shape_measure(text, n, shape);
    for (int k = 0; k < SHAPE_N; k++)
        if (!(shape[k] >= 0)) abort();
    buf_clear(&line);
    buf_clear(&back);
    prompt_norm(text, n, &line);
    prompt_pairs(buf_text(&line), line.len, &back, &digits);
    if (!line.oom && utf8_valid_prefix(buf_text(&line), line.len) != line.len) abort();
}

static void one_doc(const struct doc *d)
{
    struct err e;
    const char *text, *again;
    size_t n, m;
    struct rule_set failed;
    if (utf8_valid_prefix(d->text, d->text_len) != d->text_len) abort();
    round_trip(d, d->text, d->text_len);
    if (text_norm_run(&norm, d->text, d->text_len, &text, &n, &e)) abort();
    round_trip(d, text, n);
    struct text_norm twice = {.form = TEXT_NFC};
    if (text_norm_run(&twice, text, n, &again, &m, &e) || m != n ||
        (n && memcmp(text, again, n) != 0))
        abort();
    text_norm_free(&twice);
    if (words_split(&rules.words, text, n, &e)) abort();
    for (size_t i = 0, at = 0; i < rules.words.n; i++) {
        const struct word *w = &rules.words.v[i];
        if (w->begin < at || w->len == 0 || w->begin + w->len > n) abort();
        at = w->begin + w->len;
    }
    rules_preset(&limits, n % 2 ? RULES_FINEWEB : (enum rules_preset)(n / 2 % 8));
    limits.all = n % 3 == 0;
    limits.on[RULE_LINE_PUNCTUATION] = n & 1;
    if (rules_settle(&limits, &rules, text, n, &again, &m, &failed, &e)) abort();
    if (!rule_set_any(&failed)) round_trip(d, again, m);
    look(d, text, n);
    if (shingles_words(&shingles, text, n, &e) || shingles_make(&shingles, 5, &e)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    char path[64];
    if (size < 1 || size > 1 << 20) return 0;
    struct doc_cfg cfg = {.format = (enum doc_format)(data[0] % 3),
                          .split = (enum doc_split)(data[0] / 3 % 3),
                          .no_text = data[0] & 64,
                          .max_line = data[0] & 128 ? 64 : 0};
    int fd = memfd_create("fuzz", 0);
    if (fd < 0) return 0;
    if (write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) goto out;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct doc_file file = {.path = path, .name = "fuzz", .format = cfg.format, .bytes = -1};
    struct doc_files files = {&file, 1, 1};
    struct doc_reader *r = doc_reader_open(&files, &cfg, &e);
    struct doc_block b = {0};
    struct doc_iter it = {0};
    struct doc d;
    uint64_t total = 0;
    /* A small archive may unpack to gigabytes: enough is enough. */
    while (r && total < 1 << 24 && doc_reader_next(r, &b, &e) == 1) {
        enum doc_next next;
        total += b.data.len;
        doc_iter_start(&it, &cfg, &b);
        while ((next = doc_iter_next(&it, &d)) != DOC_END) {
            if (next == DOC_GOOD && d.no_text)
                look(&d, d.text, d.text_len);
            else if (next == DOC_GOOD)
                one_doc(&d);
            else {
                buf_clear(&line);
                doc_emit_bad(&d, it.reason, it.bad_bytes, &line);
                if (!line.oom && utf8_valid_prefix(line.data, line.len) != line.len) abort();
            }
        }
    }
    doc_iter_free(&it);
    buf_free(&b.data);
    doc_reader_close(r);
out:
    close(fd);
    return 0;
}
