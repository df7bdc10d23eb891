/* golden_clean.c - decisions and reasons of datatrove against ours.
 *
 *     golden_clean [DIR]      (default ../shared/golden)
 *
 * DIR/data/FILTER.jsonl has one line {"id","filter","kept","reason"} for each
 * of the first documents of DIR/../corpus/mixed10.jsonl, in order.  Words as
 * datatrove cuts them must give every decision and reason, words of Unicode
 * at least 99 % of them. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/doc.h"
#include "data/rules.h"

struct tally {
    struct rules_cfg rules;
    struct rules_work work;
    const char *p; /* lines of expected decisions not yet compared */
    int n, wrong;
    char first[256];
};

static void compare(struct tally *g, const struct doc *d)
{
    struct err e;
    const char *out, *want = NULL;
    size_t out_n, len = strcspn(g->p, "\n");
    struct rule_set failed;
    cJSON *j = json_parse(g->p, len, "golden", NULL, &e);
    const cJSON *reason = j ? json_member(j, "reason") : NULL;
    if (reason && reason->valuestring) want = reason->valuestring;
    bool ok = j && !rules_judge(&g->rules, &g->work, d->text, d->text_len, &out, &out_n, &failed, &e);
    const char *got = ok && rule_set_any(&failed)
                          ? rules_table[rules_reason(g->work.m, &failed)].reason
                          : NULL;
    if (!ok || !got != !want || (got && strcmp(got, want) != 0)) {
        if (g->wrong++ == 0)
            snprintf(g->first, sizeof g->first, "%.*s is %s, want %s", (int)d->id_len, d->id,
                     got ? got : "kept", want ? want : "kept");
    }
    json_free(j);
    g->p += len + (g->p[len] == '\n');
    g->n++;
}

/* 0 passed, 1 failed, 2 skipped. */
static int run_case(const char *root, const char *name, enum rules_preset preset,
                    enum words_mode words, double share)
{
    struct err e;
    struct buf golden = {0};
    struct tally g = {.n = 0};
    struct doc_files f = {0};
    char path[1024], corpus[1024];
    char *paths[] = {corpus};
    struct doc_cfg cfg = {0};
    snprintf(path, sizeof path, "%s/data/%s.jsonl", root, name);
    snprintf(corpus, sizeof corpus, "%s/../corpus/mixed10.jsonl", root);
    const char *label = words == WORDS_SPACY_EN ? "spacy-en" : "uax29";
    if (file_read_all(path, 64 << 20, &golden, &e) || doc_files_find(&f, paths, 1, DOC_AUTO, &e)) {
        printf("skip data/%s %s: %s\n", name, label, e.msg);
        buf_free(&golden);
        return 2;
    }
    g.p = golden.data;
    rules_preset(&g.rules, preset);
    g.rules.words = words;
    struct doc_reader *r = doc_reader_open(&f, &cfg, &e);
    struct doc_block b = {0};
    struct doc_iter it = {0};
    while (r && *g.p && doc_reader_next(r, &b, &e) == 1) {
        struct doc d;
        doc_iter_start(&it, &cfg, &b);
        while (*g.p && doc_iter_next(&it, &d) == DOC_GOOD)
            compare(&g, &d);
    }
    bool ok = g.n > 0 && !*g.p && (double)g.wrong <= (1 - share) * g.n;
    printf("%s data/%s %s: %d documents, %d differ%s%s\n", ok ? "ok  " : "FAIL", name, label, g.n,
           g.wrong, g.wrong ? ", first " : "", g.first);
    rules_work_free(&g.work);
    doc_iter_free(&it);
    buf_free(&b.data);
    buf_free(&golden);
    doc_reader_close(r);
    doc_files_free(&f);
    return !ok;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum rules_preset preset;
    } cases[] = {{"gopher_quality", RULES_GOPHER},
                 {"gopher_repetition", RULES_REPETITION},
                 {"c4_quality", RULES_C4}};
    const char *root = argc > 1 ? argv[1] : "../shared/golden";
    int count[3] = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        count[run_case(root, cases[i].name, cases[i].preset, WORDS_SPACY_EN, 1)]++;
        count[run_case(root, cases[i].name, cases[i].preset, WORDS_UAX29, 0.99)]++;
    }
    printf("%d passed, %d failed, %d skipped\n", count[0], count[1], count[2]);
    return count[1] ? 1 : 0;
}
