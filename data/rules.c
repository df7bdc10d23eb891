#include "data/rules_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/opt.h"

/* Gopher: Rae et al., arXiv:2112.11446, table A1; C4: Raffel et al.; all with
 * the details of datatrove 0.10. */
// clang-format off
const struct rule rules_table[RULE_N] = {
    [RULE_EMPTY] = {"repetition.min_chars", "empty", METRIC_CHARS, true, 1,
        "Fewest characters"},
    [RULE_DUP_PARAS] = {"repetition.dup_paragraphs", "dup_para_frac", METRIC_DUP_PARAS, false, 0.3,
        "Largest share of paragraphs that came before"},
    [RULE_DUP_PARA_CHARS] = {"repetition.dup_paragraph_chars", "dup_para_char_frac", METRIC_DUP_PARA_CHARS, false, 0.2,
        "Largest share of text in such"},
    [RULE_DUP_LINES] = {"repetition.dup_lines", "dup_line_frac", METRIC_DUP_LINES, false, 0.3,
        "Largest share of lines that came before"},
    [RULE_DUP_LINE_CHARS] = {"repetition.dup_line_chars", "dup_line_char_frac", METRIC_DUP_LINE_CHARS, false, 0.2,
        "Largest share of text in such"},
    [RULE_TOP_2] = {"repetition.top_2_gram", "top_2_gram", METRIC_TOP_2, false, 0.2,
        "Largest share of the top 2-gram"},
    [RULE_TOP_3] = {"repetition.top_3_gram", "top_3_gram", METRIC_TOP_3, false, 0.18,
        "Largest share of the top 3-gram"},
    [RULE_TOP_4] = {"repetition.top_4_gram", "top_4_gram", METRIC_TOP_4, false, 0.16,
        "Largest share of the top 4-gram"},
    [RULE_DUP_5] = {"repetition.dup_5_grams", "duplicated_5_n_grams", METRIC_DUP_5, false, 0.15,
        "Largest share of 5-grams that came before"},
    [RULE_DUP_6] = {"repetition.dup_6_grams", "duplicated_6_n_grams", METRIC_DUP_6, false, 0.14,
        "Largest share of 6-grams that came before"},
    [RULE_DUP_7] = {"repetition.dup_7_grams", "duplicated_7_n_grams", METRIC_DUP_7, false, 0.13,
        "Largest share of 7-grams that came before"},
    [RULE_DUP_8] = {"repetition.dup_8_grams", "duplicated_8_n_grams", METRIC_DUP_8, false, 0.12,
        "Largest share of 8-grams that came before"},
    [RULE_DUP_9] = {"repetition.dup_9_grams", "duplicated_9_n_grams", METRIC_DUP_9, false, 0.11,
        "Largest share of 9-grams that came before"},
    [RULE_DUP_10] = {"repetition.dup_10_grams", "duplicated_10_n_grams", METRIC_DUP_10, false, 0.1,
        "Largest share of 10-grams that came before"},
    [RULE_MIN_WORDS] = {"gopher.min_words", "gopher_short_doc", METRIC_WORDS, true, 50,
        "Fewest words, not counting pure punctuation"},
    [RULE_MAX_WORDS] = {"gopher.max_words", "gopher_long_doc", METRIC_WORDS, false, 100000,
        "Most words, not counting pure punctuation"},
    [RULE_MIN_LENGTH] = {"gopher.min_mean_length", "gopher_below_avg_threshold", METRIC_MEAN_LENGTH, true, 3,
        "Smallest mean length of words"},
    [RULE_MAX_LENGTH] = {"gopher.max_mean_length", "gopher_above_avg_threshold", METRIC_MEAN_LENGTH, false, 10,
        "Largest mean length of words"},
    [RULE_HASHES] = {"gopher.max_hashes", "gopher_too_many_hashes", METRIC_HASHES, false, 0.1,
        "Most '#' a word"},
    [RULE_ELLIPSES] = {"gopher.max_ellipses", "gopher_too_many_ellipsis", METRIC_ELLIPSES, false, 0.1,
        "Most ellipses a word"},
    [RULE_BULLETS] = {"gopher.max_bullet_lines", "gopher_too_many_bullets", METRIC_BULLET_LINES, false, 0.9,
        "Largest share of lines that begin with a bullet"},
    [RULE_END_ELLIPSIS] = {"gopher.max_ellipsis_lines", "gopher_too_many_end_ellipsis", METRIC_ELLIPSIS_LINES, false, 0.3,
        "Largest share of lines that end in an ellipsis"},
    [RULE_ALPHA] = {"gopher.min_alpha_words", "gopher_below_alpha_threshold", METRIC_ALPHA_WORDS, true, 0.8,
        "Smallest share of words with a letter"},
    [RULE_STOP_WORDS] = {"gopher.min_stop_words", "gopher_enough_stop_words", METRIC_STOP_WORDS, true, 2,
        "How many of the be to of and that have with must occur"},
    [RULE_LINE_WORD_LENGTH] = {"c4.max_word_length", "", METRIC_LINE, false, 1000,
        "Lines with a longer word go"},
    [RULE_LINE_CITATIONS] = {"c4.citations", "", METRIC_LINE, false, 0,
        "[12], [edit] and [citation needed] are cut out"},
    [RULE_LINE_PUNCTUATION] = {"c4.end_punctuation", "", METRIC_LINE, true, 1,
        "Lines without . ? ! \" ' at their end go"},
    [RULE_LINE_WORDS] = {"c4.min_line_words", "", METRIC_LINE, true, 3,
        "Lines of fewer words go"},
    [RULE_LINE_JAVASCRIPT] = {"c4.javascript", "", METRIC_LINE, false, 0,
        "Lines that mention javascript go"},
    [RULE_LINE_POLICY] = {"c4.policy", "", METRIC_LINE, false, 0,
        "Lines about cookies, privacy and terms of use go"},
    [RULE_LOREM_IPSUM] = {"c4.lorem_ipsum", "lorem_ipsum", METRIC_LOREM_IPSUM, false, 0,
        "No lorem ipsum"},
    [RULE_CURLY_BRACKET] = {"c4.curly_bracket", "curly_bracket", METRIC_CURLY_BRACKET, false, 0,
        "No {"},
    [RULE_SENTENCES] = {"c4.min_sentences", "too_few_sentences", METRIC_SENTENCES, true, 5,
        "Fewest sentences in the lines that stay"},
    [RULE_NO_LINES] = {"fineweb.min_lines", "empty", METRIC_FULL_LINES, true, 1,
        "Fewest lines that are not blank"},
    [RULE_END_PUNCTUATION] = {"fineweb.min_end_punctuation", "line_punct_ratio", METRIC_END_PUNCTUATION, true, 0.12,
        "Smallest share of lines that end a sentence"},
    [RULE_SHORT_LINES] = {"fineweb.max_short_lines", "short_line_ratio", METRIC_SHORT_LINES, false, 0.67,
        "Largest share of lines of at most 30 characters"},
    [RULE_LINE_REPEATS] = {"fineweb.max_dup_line_chars", "char_dup_ratio", METRIC_LINE_REPEATS, false, 0.01,
        "Largest share of text in lines that came before"},
    [RULE_NEWLINES] = {"fineweb.max_newlines", "list_ratio", METRIC_NEWLINES, false, 0.3,
        "Most newlines a word"},
};
// clang-format on

static bool in_set(enum rules_preset p, int r)
{
    switch (p) {
    case RULES_NONE:
        return false;
    case RULES_REPETITION:
        return r <= RULE_DUP_10;
    case RULES_GOPHER:
        return r >= RULE_MIN_WORDS && r <= RULE_STOP_WORDS;
    case RULES_C4:
        return r >= RULE_LINE_WORD_LENGTH && r <= RULE_SENTENCES;
    case RULES_FINEWEB:
        return r != RULE_LINE_PUNCTUATION;
    }
    return false;
}

void rules_preset(struct rules_cfg *c, enum rules_preset p)
{
    for (int r = 0; r < RULE_N; r++) {
        c->on[r] = in_set(p, r);
        c->limit[r] = rules_table[r].limit;
    }
}

bool rules_any(const struct rules_cfg *c)
{
    for (int r = 0; r < RULE_N; r++)
        if (c->on[r]) return true;
    return false;
}

int rules_set(struct rules_cfg *c, const char *assignment, struct err *e)
{
    const char *eq = strchr(assignment, '=');
    size_t n = eq ? (size_t)(eq - assignment) : strlen(assignment);
    const char *keys[RULE_N];
    for (int r = 0; r < RULE_N; r++) {
        keys[r] = rules_table[r].key;
        if (strlen(keys[r]) != n || memcmp(keys[r], assignment, n) != 0) continue;
        if (!eq)
            return err_set(e, ERR_USAGE, "--set %s: want %s=NUMBER or %s=off", assignment, keys[r],
                           keys[r]);
        if (strcmp(eq + 1, "off") == 0) {
            c->on[r] = false;
            return 0;
        }
        char *end;
        double v = strtod(eq + 1, &end);
        if (end == eq + 1 || *end || !isfinite(v) || v < 0)
            return err_set(e, ERR_USAGE, "--set %s: '%s' is neither a number >= 0 nor 'off'",
                           keys[r], eq + 1);
        c->on[r] = true;
        c->limit[r] = v;
        return 0;
    }
    char word[64];
    if (n < sizeof word) {
        memcpy(word, assignment, n);
        word[n] = '\0';
        const char *near = opt_nearest(word, keys, RULE_N);
        if (near)
            return err_set(e, ERR_USAGE, "--set: no rule '%s'; did you mean '%s'?", word, near);
    }
    return err_set(e, ERR_USAGE, "--set: no rule '%.*s'; 'llmctl clean --rules' lists them", (int)n,
                   assignment);
}

/* ---- judging ---- */

static bool any_of(const struct rules_cfg *c, int first, int last)
{
    for (int r = first; r <= last; r++)
        if (c->on[r]) return true;
    return false;
}

static uint64_t apply(const struct rules_cfg *c, const double *m, int first, int last)
{
    uint64_t failed = 0;
    for (int r = first; r <= last; r++) {
        const struct rule *x = &rules_table[r];
        if (!c->on[r] || x->metric == METRIC_LINE) continue;
        if (x->below ? m[x->metric] < c->limit[r] : m[x->metric] > c->limit[r])
            failed |= (uint64_t)1 << r;
    }
    return failed;
}

int rules_judge(const struct rules_cfg *c, struct rules_work *w, const char *text, size_t n,
                const char **out, size_t *out_n, uint64_t *failed, struct err *e)
{
    bool repetition = any_of(c, RULE_EMPTY, RULE_DUP_10),
         gopher = any_of(c, RULE_MIN_WORDS, RULE_STOP_WORDS);
    bool c4 = any_of(c, RULE_LINE_WORD_LENGTH, RULE_SENTENCES),
         fineweb = any_of(c, RULE_NO_LINES, RULE_NEWLINES);
    *failed = 0;
    *out = text;
    *out_n = n;
    bool split = repetition || gopher || fineweb;
    size_t n_words = SIZE_MAX;
    if (split && words_split(&w->words, text, n, e)) return -1;
    if (repetition) {
        rules_repetition(w, text, n, &w->words, w->m);
        *failed |= apply(c, w->m, RULE_EMPTY, RULE_DUP_10);
    }
    if (gopher) {
        rules_gopher(text, n, &w->words, w->m);
        *failed |= apply(c, w->m, RULE_MIN_WORDS, RULE_STOP_WORDS);
    }
    if (c4) {
        if (rules_c4(c, w, text, n, split ? &w->words : NULL, &n_words, w->m, e)) return -1;
        *failed |= apply(c, w->m, RULE_LINE_WORD_LENGTH, RULE_SENTENCES);
        if (w->kept.len != n || (n && memcmp(w->kept.data, text, n) != 0)) {
            *out = w->kept.data ? w->kept.data : "";
            *out_n = w->kept.len;
        }
    }
    if (fineweb) {
        if (*out != text && n_words == SIZE_MAX) {
            if (words_split(&w->words, *out, *out_n, e)) return -1;
            n_words = w->words.n;
        }
        rules_fineweb(w, *out, *out_n, *out == text ? w->words.n : n_words, w->m);
        *failed |= apply(c, w->m, RULE_NO_LINES, RULE_NEWLINES);
    }
    return w->oom ? err_oom(e, w->table.slots * sizeof *w->table.v, "the tables of the rules") : 0;
}

void rules_work_free(struct rules_work *w)
{
    words_free(&w->words);
    words_free(&w->line_words);
    free(w->table.v);
    free(w->hash);
    buf_free(&w->kept);
    buf_free(&w->line);
    buf_free(&w->lower);
    *w = (struct rules_work){0};
}
