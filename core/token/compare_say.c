/* The counts of a comparison as a table, or as JSON. */
#include <string.h>

#include "core/base/width.h"
#include "core/token/compare_internal.h"
#include "core/token/explain_internal.h"
#include "core/token/tok_steps.h"

static double share(size_t part, size_t of)
{
    return of ? 100 * (double)part / (double)of : 0;
}

static double per(size_t what, size_t each)
{
    return each ? (double)what / (double)each : 0;
}

/* ---- for people ---- */

enum { COLUMN = 26, LONGEST_SHOWN = 80 }; /* columns of a cell, of a word */

/* Cells of a row, to the right; frees them. */
static void row(struct compare *c, const char *name, struct buf cell[2])
{
    buf_printf(c->out, "%-24s", name);
    for (int k = 0; k < c->n_sides; k++) buf_add_column(c->out, buf_text(&cell[k]), COLUMN, true);
    buf_addc(c->out, '\n');
    for (int k = 0; k < 2; k++) {
        if (cell[k].oom) c->out->oom = true;
        buf_free(&cell[k]);
    }
}

static void row_text(struct compare *c, const char *name, const char *a, const char *b)
{
    struct buf cell[2] = {{0}, {0}};
    const char *s[2] = {a, b};
    for (int k = 0; k < c->n_sides; k++) {
        buf_adds(&cell[k], s[k] + text_fit_end(s[k], strlen(s[k]), COLUMN - 2)); /* the end of a name tells more */
    }
    row(c, name, cell);
}

/* Cut at its end where it is long. */
static void row_split(struct compare *c, const struct tokenizer *a, const struct tokenizer *b)
{
    struct buf cell[2] = {{0}, {0}};
    tok_steps_split(a, &cell[0]);
    tok_steps_split(b, &cell[1]);
    for (int k = 0; k < 2; k++) {
        if (text_width(cell[k].data, cell[k].len) <= COLUMN - 2) continue;
        cell[k].len = text_fit(cell[k].data, cell[k].len, COLUMN - 6);
        buf_adds(&cell[k], " ...");
    }
    row(c, "split", cell);
}

static void row_count(struct compare *c, const char *name, size_t a, size_t b)
{
    struct buf cell[2] = {{0}, {0}};
    buf_printf(&cell[0], "%zu", a);
    buf_printf(&cell[1], "%zu", b);
    row(c, name, cell);
}

static void row_share(struct compare *c, const char *name, size_t a, size_t of_a, size_t b, size_t of_b)
{
    struct buf cell[2] = {{0}, {0}};
    buf_printf(&cell[0], "%zu (%.1f %%)", a, share(a, of_a));
    buf_printf(&cell[1], "%zu (%.1f %%)", b, share(b, of_b));
    row(c, name, cell);
}

static void row_ratio(struct compare *c, const char *name, double a, double b)
{
    struct buf cell[2] = {{0}, {0}};
    buf_printf(&cell[0], "%.3f", a);
    buf_printf(&cell[1], "%.3f", b);
    row(c, name, cell);
}

static void parts(struct compare *c, const struct compare_side *s)
{
    for (size_t i = 0; i < s->ids.n; i++) {
        size_t n;
        const char *p = tok_spelling(s->t, s->ids.id[i], &n);
        buf_addc(c->out, ' ');
        buf_add(c->out, p ? p : "<?>", p ? n : 3);
    }
}

/* Words that differ, how often, and their tokens by each side, one below the other. */
static int examples(struct compare *c, struct err *e)
{
    for (size_t i = 0; i < c->examples.n; i++) {
        const struct compare_word *w = c->examples.v[i];
        buf_printf(c->out, "  %zu x ", w->count);
        say_string(c->out, w->text, text_fit(w->text, w->n, LONGEST_SHOWN));
        buf_addc(c->out, '\n');
        for (int k = 0; k < 2; k++) {
            if (compare_encode(&c->side[k], w->text, w->n, e)) return -1;
            if (c->side[k].ids.n > 40) c->side[k].ids.n = 40;
            buf_printf(c->out, "      %s:", k ? "second" : "first");
            parts(c, &c->side[k]);
            buf_addc(c->out, '\n');
        }
    }
    return 0;
}

static void numbers(struct compare *c)
{
    const struct compare_side *a = &c->side[0], *b = c->n_sides > 1 ? &c->side[1] : a;
    struct tok_summary s[2];
    tok_summary(a->t, &s[0]);
    tok_summary(b->t, &s[1]);
    size_t va = (size_t)s[0].tokens, vb = (size_t)s[1].tokens;
    if (c->n_sides > 1) row_text(c, "", "first", "second");
    row_text(c, "file", a->name, b->name ? b->name : "");
    row_text(c, "kind", s[0].type, s[1].type);
    row_split(c, a->t, b->t);
    row_count(c, "vocabulary", va, vb);
    row_count(c, "tokens", a->tokens, b->tokens);
    row_ratio(c, "bytes a token", per(c->bytes, a->tokens), per(c->bytes, b->tokens));
    row_ratio(c, "characters a token", per(c->characters, a->tokens), per(c->characters, b->tokens));
    row_ratio(c, "tokens a word", per(a->tokens, c->words.all), per(b->tokens, c->words.all));
    row_share(c, "words of one token", a->single, c->words.all, b->single, c->words.all);
    row_share(c, "unknown tokens", a->unknown, a->tokens, b->unknown, b->tokens);
    row_share(c, "words not given back", a->changed, c->words.all, b->changed, c->words.all);
    row_share(c, "vocabulary used", a->used, va, b->used, vb);
    if (c->n_sides > 1) row_share(c, "tokens in both", c->common, va, c->common, vb);
}

static void longest(struct compare *c)
{
    for (int k = 0; k < c->n_sides; k++) {
        const struct compare_side *s = &c->side[k];
        if (!s->longest) continue;
        buf_printf(c->out, "most tokens of a word%s: %zu, ", c->n_sides == 1 ? "" : k ? ", second" : ", first", s->most);
        say_string(c->out, s->longest, text_fit(s->longest, s->n_longest, LONGEST_SHOWN));
        buf_addc(c->out, '\n');
    }
}

/* What the vocabularies do not know. */
static void strangest(struct compare *c)
{
    for (int k = 0; k < c->n_sides; k++) {
        const struct compare_side *s = &c->side[k];
        if (!s->unknown) continue;
        buf_printf(c->out, "unknown%s:", c->n_sides == 1 ? "" : k ? ", second" : ", first");
        for (size_t i = 0; i < s->strangest.n; i++) {
            const struct compare_word *w = s->strangest.v[i];
            buf_printf(c->out, "%s%zu x ", i ? ", " : " ", w->count);
            say_string(c->out, w->text, text_fit(w->text, w->n, LONGEST_SHOWN));
        }
        if (s->strange.n > s->strangest.n) buf_adds(c->out, " ...");
        if (s->unknown > s->strange.all)
            buf_printf(c->out, "%s%zu x white space between words", s->strangest.n ? "; " : " ", s->unknown - s->strange.all);
        buf_addc(c->out, '\n');
    }
}

int compare_text(struct compare *c, struct err *e)
{
    const struct compare_side *a = &c->side[0], *b = &c->side[1];
    buf_printf(c->out, "text: %zu bytes, %zu characters, %zu words, %zu of them distinct\n", c->bytes, c->characters, c->words.all,
               c->words.n);
    numbers(c);
    if (c->n_sides == 1) {
        longest(c);
        strangest(c);
        return 0;
    }
    row_share(c, "words with more tokens", c->more[0], c->words.all, c->more[1], c->words.all);
    longest(c);
    strangest(c);
    if (a->tokens != b->tokens && a->tokens && b->tokens) {
        size_t few = a->tokens < b->tokens ? a->tokens : b->tokens, many = a->tokens < b->tokens ? b->tokens : a->tokens;
        buf_printf(c->out, "the %s needs %.1f %% fewer tokens\n", a->tokens < b->tokens ? "first" : "second",
                   100 - share(few, many));
    }
    buf_printf(c->out, "words cut at other places: %zu of %zu (%.1f %%), %zu of %zu distinct ones (%.1f %%)\n", c->differ, c->words.all,
               share(c->differ, c->words.all), c->differ_distinct, c->words.n, share(c->differ_distinct, c->words.n));
    if (c->examples.n) buf_adds(c->out, "the most frequent of them:\n");
    return examples(c, e);
}

/* ---- for scripts ---- */

static void side_json(struct compare *c, const struct compare_side *s)
{
    struct tok_summary sum;
    tok_summary(s->t, &sum);
    buf_adds(c->out, "{\"file\":");
    say_string(c->out, s->name, strlen(s->name));
    buf_addc(c->out, ',');
    tok_summary_json(&sum, c->out);
    buf_printf(c->out, ",\"vocabulary\":%d,\"tokens\":%zu", sum.tokens, s->tokens);
    buf_printf(c->out, ",\"bytes_per_token\":%.6g,\"characters_per_token\":%.6g,\"tokens_per_word\":%.6g", per(c->bytes, s->tokens),
               per(c->characters, s->tokens), per(s->tokens, c->words.all));
    buf_printf(c->out, ",\"words_of_one_token\":%zu,\"unknown_tokens\":%zu,\"words_not_given_back\":%zu,\"vocabulary_used\":%zu,\"unknown\":[",
               s->single, s->unknown, s->changed, s->used);
    for (size_t i = 0; i < s->strangest.n; i++) {
        buf_adds(c->out, i ? ",{\"text\":" : "{\"text\":");
        say_string(c->out, s->strangest.v[i]->text, s->strangest.v[i]->n);
        buf_printf(c->out, ",\"count\":%zu}", s->strangest.v[i]->count);
    }
    buf_adds(c->out, "]}");
}

static int example_json(struct compare *c, const struct compare_word *w, struct err *e)
{
    buf_adds(c->out, "{\"word\":");
    say_string(c->out, w->text, w->n);
    buf_printf(c->out, ",\"count\":%zu,\"tokens\":[", w->count);
    for (int k = 0; k < 2; k++) {
        if (compare_encode(&c->side[k], w->text, w->n, e)) return -1;
        buf_adds(c->out, k ? ",[" : "[");
        for (size_t i = 0; i < c->side[k].ids.n; i++) {
            size_t n;
            const char *p = tok_spelling(c->side[k].t, c->side[k].ids.id[i], &n);
            buf_adds(c->out, i ? "," : "");
            say_string(c->out, p ? p : "<?>", p ? n : 3);
        }
        buf_addc(c->out, ']');
    }
    buf_adds(c->out, "]}");
    return 0;
}

int compare_json(struct compare *c, struct err *e)
{
    buf_printf(c->out, "{\"bytes\":%zu,\"characters\":%zu,\"words\":%zu,\"distinct_words\":%zu,\"tokenizers\":[", c->bytes, c->characters,
               c->words.all, c->words.n);
    for (int k = 0; k < c->n_sides; k++) {
        if (k) buf_addc(c->out, ',');
        side_json(c, &c->side[k]);
    }
    buf_addc(c->out, ']');
    if (c->n_sides > 1)
        buf_printf(c->out,
                   ",\"tokens_in_both\":%zu,\"words_with_more_tokens\":[%zu,%zu],\"words_cut_otherwise\":%zu,"
                   "\"distinct_words_cut_otherwise\":%zu,\"examples\":[",
                   c->common, c->more[0], c->more[1], c->differ, c->differ_distinct);
    for (size_t i = 0; i < c->examples.n; i++) {
        if (i) buf_addc(c->out, ',');
        if (example_json(c, c->examples.v[i], e)) return -1;
    }
    buf_adds(c->out, c->n_sides > 1 ? "]}\n" : "}\n");
    return 0;
}
