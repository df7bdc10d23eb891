/* The steps of an encoding in words, or as JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/token/explain_internal.h"
#include "core/token/tok_decode.h"
#include "core/token/tok_scratch.h"
#include "core/token/tok_steps.h"

void say_string(struct buf *out, const char *s, size_t n)
{
    struct buf valid = {0};
    utf8_add_lossy(&valid, s, n);
    buf_add_json(out, buf_text(&valid), valid.len);
    if (valid.oom) out->oom = true;
    buf_free(&valid);
}

static const char *spelling(const struct explain *x, int id, size_t *n)
{
    if (id >= 0 && id < x->t->vocab.n) return vocab_text(&x->t->vocab, id, n);
    *n = 3; /* a character of SentencePiece without a piece */
    return "<?>";
}

/* Bytes of s before the mark of a word's end. */
static size_t before_mark(const struct tokenizer *t, const char *s, size_t n)
{
    size_t mark = t->suffix ? strlen(t->suffix) : 0;
    return mark && mark < n && memcmp(s + n - mark, t->suffix, mark) == 0 ? n - mark : n;
}

const char *token_text(const struct tokenizer *t, int id, size_t *n)
{
    const char *s = tok_piece(t, id, n);
    if (s) *n = before_mark(t, s, *n);
    return s;
}

void say_token(struct explain *x, int id)
{
    size_t n;
    const char *s = spelling(x, id, &n);
    if (x->json) {
        say_string(x->out, s, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f) buf_printf(x->out, "<0x%02X>", c);
        else buf_addc(x->out, s[i]);
    }
}

/* " a b c", or ["a","b","c"] */
static void say_tokens(struct explain *x, const int32_t *ids, size_t n)
{
    if (x->json) buf_addc(x->out, '[');
    for (size_t i = 0; i < n; i++) {
        buf_adds(x->out, !x->json ? " " : i ? "," : "");
        say_token(x, ids[i]);
    }
    if (x->json) buf_addc(x->out, ']');
}

/* The beginning of an object of "steps". */
static void begin_step(struct explain *x, const char *name)
{
    buf_printf(x->out, "%s{\"step\":\"%s\"", x->n_steps++ ? "," : "", name);
}

static const char *method(const struct tokenizer *t)
{
    if (t->pieces) return method(t->pieces->side[SIDE_SOURCE].t);
    switch (t->model) {
    case MODEL_BPE:
        if (t->bpe.n_merges == 0) return "every symbol is a token";
        return "neighbours are merged: always the pair that was learned first (merge 0 before merge 1), the leftmost of "
               "equal ones, until no two neighbours are a known pair";
    case MODEL_WORDPIECE:
        return "the longest token that a word begins with, then the longest that goes on; a word with a part that has none "
               "is unknown";
    case MODEL_UNIGRAM: return "of all ways to cut a word, the one whose tokens have the greatest sum of scores (log probabilities)";
    default: return "a word is a token, or unknown";
    }
}

/* How tokens are spelled, where that is not as text. */
static void say_notation(struct explain *x)
{
    const struct tokenizer *t = x->t;
    if (t->byte_level || t->decoder.bytes) {
        buf_adds(x->out, "spelling: a character for each byte: \xC4\xA0 is a space, \xC4\x8A a line end; two to four of "
                         "them are a character that is not ASCII\n");
    } else if (t->model == MODEL_WORDPIECE && t->prefix && *t->prefix) {
        buf_printf(x->out, "spelling: a token with %s goes on with a word, one without begins it\n", t->prefix);
    } else if (tok_id(t, "\xE2\x96\x81") >= 0) {
        buf_adds(x->out, "spelling: \xE2\x96\x81 is a space\n");
    }
    if (t->suffix && *t->suffix) buf_printf(x->out, "spelling: a token with %s ends a word\n", t->suffix);
}

void say_head(struct explain *x, const char *text, size_t n, size_t n_chars)
{
    struct tok_summary s;
    tok_summary(x->t, &s);
    if (!x->json) {
        buf_printf(x->out, "text: %zu bytes, %zu characters\ntokenizer: %s\nnormal form: ", n, n_chars, s.type);
        tok_steps_normal(x->t, x->out);
        buf_adds(x->out, "\nsplit: ");
        tok_steps_split(x->t, x->out);
        buf_printf(x->out, "\nmethod: %s\n", method(x->t));
        say_notation(x);
        return;
    }
    buf_adds(x->out, "{\"text\":");
    say_string(x->out, text, n);
    buf_printf(x->out, ",\"bytes\":%zu,\"characters\":%zu,", n, n_chars);
    tok_summary_json(&s, x->out);
    buf_adds(x->out, ",\"steps\":[");
}

void say_normalised(struct explain *x, const char *s, size_t n)
{
    if (x->json) {
        begin_step(x, "normalise");
        buf_adds(x->out, ",\"text\":");
    } else {
        buf_adds(x->out, "  normalised ");
    }
    say_string(x->out, s, n);
    buf_adds(x->out, x->json ? "}" : "\n");
}

void say_added(struct explain *x, size_t begin, size_t end, int id, bool in_form)
{
    if (x->json) {
        begin_step(x, "added");
        buf_printf(x->out, ",\"begin\":%zu,\"end\":%zu,\"of\":\"%s\",\"id\":%d,\"token\":", begin, end, in_form ? "normalised" : "text",
                   id);
        say_token(x, id);
        buf_addc(x->out, '}');
        return;
    }
    buf_printf(x->out, "  added token [%zu, %zu)%s %d ", begin, end, in_form ? " of that" : "", id);
    say_token(x, id);
    buf_addc(x->out, '\n');
}

void say_word(struct explain *x, const uint8_t *word, size_t n)
{
    x->n_merges = 0;
    if (x->json) {
        begin_step(x, "word");
        buf_adds(x->out, ",\"text\":");
    } else {
        buf_adds(x->out, "  word ");
    }
    say_string(x->out, (const char *)word, n);
    if (!x->json) buf_addc(x->out, '\n');
}

void say_symbols(struct explain *x, const int32_t *ids, size_t n)
{
    buf_adds(x->out, x->json ? ",\"symbols\":" : "    symbols:");
    say_tokens(x, ids, n);
    buf_adds(x->out, x->json ? ",\"merges\":[]" : "\n");
}

/* The neighbourhood of a merge: all of a short word. */
static void say_around(struct explain *x, const int32_t *ids, size_t n, size_t at)
{
    enum { WHOLE = 14, BESIDE = 4 };
    size_t from = n <= WHOLE || at < BESIDE ? 0 : at - BESIDE, to = n <= WHOLE || at + BESIDE >= n ? n : at + BESIDE + 1;
    if (from) buf_adds(x->out, " ...");
    say_tokens(x, ids + from, to - from);
    if (to < n) buf_adds(x->out, " ...");
}

void say_merge(struct explain *x, uint32_t rank, const int32_t *ids, size_t n, size_t at)
{
    int made = x->t->bpe.made[rank];
    if (!x->json) {
        buf_printf(x->out, "    merge %u makes ", (unsigned)rank);
        say_token(x, made);
        buf_addc(x->out, ':');
        say_around(x, ids, n, at);
        buf_addc(x->out, '\n');
        return;
    }
    if (x->out->len && x->out->data[x->out->len - 1] == ']') x->out->len--; /* the list goes on */
    buf_printf(x->out, "%s{\"rank\":%u,\"at\":%zu,\"makes\":", x->n_merges++ ? "," : "", (unsigned)rank, at);
    say_token(x, made);
    buf_adds(x->out, "}]");
}

void say_why(struct explain *x, const char *why, size_t n)
{
    buf_adds(x->out, x->json ? ",\"why\":" : "    ");
    if (x->json) buf_add_json(x->out, why, n);
    else {
        buf_add(x->out, why, n);
        buf_addc(x->out, '\n');
    }
}

/* JSON has no numbers that are not finite. */
static void say_number(struct explain *x, const char *key, double v)
{
    if (isfinite(v)) buf_printf(x->out, ",\"%s\":%.6g", key, v);
    else buf_printf(x->out, ",\"%s\":null", key);
}

void say_next_best(struct explain *x, const struct nbest *v)
{
    const struct nbest_way *w = &v->way[1];
    buf_adds(x->out, x->json ? ",\"next_best\":{\"tokens\":" : "    next best:");
    say_tokens(x, v->ids.id + w->first, w->n);
    if (x->json) {
        say_number(x, "sum", w->sum);
        buf_addc(x->out, '}');
    } else {
        buf_printf(x->out, " (sum %.2f, worse by %.2f)\n", w->sum, v->way[0].sum - w->sum);
    }
}

static void say_ids(struct explain *x, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) buf_printf(x->out, "%s%d", i ? "," : "", (int)ids[i]);
}

void say_ways(struct explain *x, const struct nbest *v)
{
    if (x->json) buf_adds(x->out, ",\"ways\":[");
    for (size_t i = 0; i < v->n; i++) {
        const struct nbest_way *w = &v->way[i];
        const int32_t *ids = v->ids.id + w->first;
        if (x->json) {
            buf_printf(x->out, "%s{\"ids\":[", i ? "," : "");
            say_ids(x, ids, w->n);
            buf_adds(x->out, "],\"tokens\":");
        } else {
            buf_printf(x->out, "    way %zu:", i + 1);
        }
        say_tokens(x, ids, w->n);
        if (x->json) {
            say_number(x, "sum", w->sum);
            buf_addc(x->out, '}');
        } else {
            buf_printf(x->out, " (sum %.2f)\n", w->sum);
        }
    }
    if (x->json) buf_addc(x->out, ']');
    else if (v->unfinished) buf_adds(x->out, "    more were not looked for: too many are about as good\n");
}

/* An unknown token, or one of the bytes that stand for an unknown character: has no score of its
 * own, each such character costs the same. */
static bool stands_for_unknown(const struct tokenizer *t, int id)
{
    return id == t->unk_id || id >= t->vocab.n || (t->byte_fallback && tok_byte_of(t, id) >= 0);
}

static double score_of(const struct tokenizer *t, int id)
{
    const struct vocab_entry *v = &t->vocab.v[id];
    return t->spm_floats && (v->flags & VOCAB_USER) ? spm_user_score(v->len) : t->score[id];
}

static void say_scored(struct explain *x, const struct tok_ids *ids, double sum)
{
    bool unknown = false;
    for (size_t i = 0; i < ids->n; i++) {
        buf_addc(x->out, ' ');
        say_token(x, ids->id[i]);
        if (stands_for_unknown(x->t, ids->id[i])) unknown = true;
        else buf_printf(x->out, "(%.2f)", score_of(x->t, ids->id[i]));
    }
    if (isnan(sum)) return;
    buf_printf(x->out, " (sum %.2f", sum);
    if (unknown) buf_printf(x->out, ", each unknown character %.2f", x->t->unk_score);
    buf_addc(x->out, ')');
}

static void say_scores_json(struct explain *x, const struct tok_ids *ids, double sum)
{
    buf_adds(x->out, ",\"scores\":[");
    for (size_t i = 0; i < ids->n; i++) {
        if (i) buf_addc(x->out, ',');
        if (stands_for_unknown(x->t, ids->id[i])) buf_adds(x->out, "null");
        else buf_printf(x->out, "%.6g", score_of(x->t, ids->id[i]));
    }
    buf_addc(x->out, ']');
    say_number(x, "unknown_score", x->t->unk_score);
    if (!isnan(sum)) say_number(x, "sum", sum);
}

void say_word_end(struct explain *x, const struct tok_ids *ids, double sum)
{
    bool scores = x->t->model == MODEL_UNIGRAM;
    buf_adds(x->out, x->json ? ",\"tokens\":" : "    tokens:");
    if (x->json || !scores) say_tokens(x, ids->id, ids->n);
    else say_scored(x, ids, sum);
    if (!x->json) {
        buf_addc(x->out, '\n');
        return;
    }
    buf_adds(x->out, ",\"ids\":[");
    say_ids(x, ids->id, ids->n);
    buf_addc(x->out, ']');
    if (scores) say_scores_json(x, ids, sum);
    buf_addc(x->out, '}');
}

/* ---- the ids ---- */

/* What a token says where its spelling does not show it: its text, or the bytes of a part of
 * a character. */
static void say_meaning(struct explain *x, int id)
{
    size_t n, n_spelled;
    const char *s = token_text(x->t, id, &n), *spelled = spelling(x, id, &n_spelled);
    n_spelled = before_mark(x->t, spelled, n_spelled);
    if (!s || (n == n_spelled && memcmp(s, spelled, n) == 0) || tok_is_special(x->t, id)) return;
    if (utf8_valid_prefix(s, n) == n) {
        buf_adds(x->out, "  ");
        buf_add_json(x->out, s, n);
        return;
    }
    buf_adds(x->out, n == 1 ? "  byte" : "  bytes");
    for (size_t i = 0; i < n; i++) buf_printf(x->out, " %02X", (unsigned char)s[i]);
}

static void say_spans(struct explain *x, const struct tok_ids *ids, const struct char_index *chars)
{
    for (size_t i = 0; i < ids->n; i++) {
        struct tok_span s = ids->span[i];
        if (chars)
            buf_printf(x->out, "%s[%zu,%zu]", i ? "," : "", char_index_begin(chars, s.begin),
                       s.end > s.begin ? char_index_end(chars, s.end) : char_index_begin(chars, s.begin));
        else buf_printf(x->out, "%s[%zu,%zu]", i ? "," : "", s.begin, s.end);
    }
}

static void result_json(struct explain *x, const struct tok_ids *ids, const struct char_index *chars)
{
    buf_adds(x->out, "],\"ids\":[");
    say_ids(x, ids->id, ids->n);
    buf_adds(x->out, "],\"tokens\":");
    say_tokens(x, ids->id, ids->n);
    buf_adds(x->out, ",\"offsets\":[");
    say_spans(x, ids, chars);
    buf_adds(x->out, "],\"byte_offsets\":[");
    say_spans(x, ids, NULL);
    buf_adds(x->out, "]}\n");
}

void say_result(struct explain *x, const struct tok_ids *ids, const struct char_index *chars)
{
    if (x->json) {
        result_json(x, ids, chars);
        return;
    }
    buf_printf(x->out, "tokens: %zu\n  %7s  %-12s  %-12s  %s\n", ids->n, "id", "bytes", "characters", "token");
    for (size_t i = 0; i < ids->n; i++) {
        struct tok_span s = ids->span[i];
        char bytes[48], characters[48];
        size_t begin = char_index_begin(chars, s.begin), end = s.end > s.begin ? char_index_end(chars, s.end) : begin;
        snprintf(bytes, sizeof bytes, "[%zu, %zu)", s.begin, s.end);
        snprintf(characters, sizeof characters, "[%zu, %zu)", begin, end);
        buf_printf(x->out, "  %7d  %-12s  %-12s  ", (int)ids->id[i], bytes, characters);
        say_token(x, ids->id[i]);
        say_meaning(x, ids->id[i]);
        buf_addc(x->out, '\n');
    }
}
