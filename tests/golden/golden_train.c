/* Compares what training learns with what other programs learned from the same
 * text, piece by piece.
 *
 * usage: golden_train GOLDEN_DIR
 *
 * GOLDEN_DIR/tokenizers/train/KIND_shake_N.vocab, KIND spm_unigram or spm_bpe:
 * lines "piece TAB score", learned from GOLDEN_DIR/../corpus/tinyshakespeare.txt
 * with N pieces.  Scores are compared as they are printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/token/spm_model.h"
#include "core/token/train.h"

static int learn(const char *corpus, enum tok_train_type type, int vocab_size,
                 struct spm_model *model, struct err *e)
{
    struct tok_train_opts o = {.type = type, .vocab_size = vocab_size, .norm_name = "nmt_nfkc"};
    struct buf text = {0}, file = {0};
    sp_rules_default(&o.sp);
    int ret = file_read_all(corpus, (size_t)1 << 30, &text, e);
    struct tok_trainer *tr = ret ? NULL : tok_trainer_new(&o, 1, e);
    if (!tr) ret = -1;
    else if (tok_trainer_add(tr, 0, text.data, text.len, e)) tok_trainer_free(tr), ret = -1;
    else ret = tok_trainer_learn(tr, &file, NULL, e);
    if (ret == 0) ret = spm_model_read(model, file.data, file.len, "learned", e);
    buf_free(&text);
    buf_free(&file);
    return ret;
}

/* The number of lines that differ; the first few are shown. */
static size_t compare(const struct spm_model *m, char *text, size_t *n)
{
    size_t differ = 0;
    *n = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), ++*n) {
        char mine[600] = "(none)", score[40] = "";
        if (*n < m->n) {
            const struct spm_piece *p = &m->piece[*n];
            snprintf(score, sizeof score, "%g", (double)p->score);
            snprintf(mine, sizeof mine, "%.*s\t%s", (int)p->len, m->text.data + p->off, score);
        }
        if (strcmp(mine, line) && differ++ < 5) printf("    %zu: %s, not %s\n", *n, mine, line);
    }
    return differ + (m->n > *n ? m->n - *n : 0);
}

static bool run(const char *golden, const char *file, enum tok_train_type type, int vocab_size)
{
    struct err e = {0};
    char path[4400], corpus[4400];
    struct buf want = {0};
    struct spm_model m;
    size_t n = 0, differ = 0;
    spm_model_init(&m);
    snprintf(path, sizeof path, "%s/tokenizers/train/%s", golden, file);
    snprintf(corpus, sizeof corpus, "%s/../corpus/tinyshakespeare.txt", golden);
    bool ok = file_read_all(path, (size_t)1 << 28, &want, &e) == 0 &&
              learn(corpus, type, vocab_size, &m, &e) == 0;
    if (ok) differ = compare(&m, want.data, &n);
    if (ok)
        printf("%s tokenizers/train/%s: %zu pieces, %zu differ\n", differ ? "FAIL" : "ok  ", file, n, differ);
    else
        printf("FAIL tokenizers/train/%s: %s\n", file, e.msg);
    buf_free(&want);
    spm_model_free(&m);
    return ok && n && !differ;
}

int main(int argc, char **argv)
{
    struct err e;
    char dir[4400], **names;
    size_t n, passed = 0, failed = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: golden_train GOLDEN_DIR\n");
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/tokenizers/train", argv[1]);
    if (dir_list(dir, &names, &n, &e)) {
        printf("skip tokenizers/train: %s\n0 passed, 0 failed, 1 skipped\n", e.msg);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        int size, end = 0;
        enum tok_train_type type = TOK_TRAIN_UNIGRAM;
        if (sscanf(names[i], "spm_unigram_shake_%d.vocab%n", &size, &end) != 1 || !end) {
            type = TOK_TRAIN_SP_BPE;
            if (sscanf(names[i], "spm_bpe_shake_%d.vocab%n", &size, &end) != 1 || !end) continue;
        }
        if (run(argv[1], names[i], type, size)) passed++;
        else failed++;
    }
    dir_list_free(names, n);
    printf("%zu passed, %zu failed, 0 skipped\n", passed, failed);
    return failed ? 1 : 0;
}
