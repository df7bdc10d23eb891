#include "core/token/tok_steps.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/moses.h"
#include "core/token/regex.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_pieces.h"

static void next(struct buf *out, size_t i)
{
    if (i) buf_adds(out, ", ");
}

static void quoted(struct buf *out, const char *s, size_t n)
{
    buf_add_json(out, s ? s : "", s ? n : 0);
}

/* 'as in the file', on one line. */
static void expression(struct buf *out, const struct regex *re)
{
    buf_addc(out, '\'');
    for (const char *c = regex_pattern(re); *c; c++) {
        if (*c == '\n') buf_adds(out, "\\n");
        else if (*c == '\r') buf_adds(out, "\\r");
        else if (*c == '\t') buf_adds(out, "\\t");
        else if ((unsigned char)*c < 0x20 || *c == 0x7f) buf_printf(out, "\\x%02x", (unsigned char)*c);
        else buf_addc(out, *c);
    }
    buf_addc(out, '\'');
}

/* ---- normalizers ---- */

static void replace(const struct norm_step *s, struct buf *out)
{
    if (s->re) {
        buf_adds(out, "what matches ");
        expression(out, s->re);
    } else {
        quoted(out, s->from, s->n_from);
    }
    buf_adds(out, s->n_to ? " becomes " : " out");
    if (s->n_to) quoted(out, s->to, s->n_to);
}

/* SentencePiece's step does several things. */
static void spm(const struct norm_step *s, struct buf *out)
{
    const struct { bool is; const char *what; } parts[] = {
        {s->map != NULL, "character map"},
        {s->remove_extra, "runs of spaces joined"},
        {s->dummy_prefix, "a space in front"},
        {s->dummy_suffix, "a space behind"},
        {s->escape, "spaces become \xE2\x96\x81"},
    };
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!parts[i].is) continue;
        next(out, n++);
        buf_adds(out, parts[i].what);
    }
    if (n == 0) buf_adds(out, "none");
}

static void normal(const struct norm_step *s, struct buf *out)
{
    static const char *const names[] = {
        [NORM_NFC] = "NFC", [NORM_NFD] = "NFD", [NORM_NFKC] = "NFKC", [NORM_NFKD] = "NFKD",
        [NORM_LOWERCASE] = "lower case", [NORM_STRIP_ACCENTS] = "accents out", [NORM_PRECOMPILED] = "character map",
        [NORM_NMT] = "NMT's rules", [NORM_BYTE_LEVEL] = "bytes as characters", [NORM_BERT_CLEAN] = "control characters out",
        [NORM_BERT_CHINESE] = "spaces around Chinese characters", [NORM_BERT_MARKS] = "accents out", [NORM_PYTHON_LOWER] = "lower case",
        [NORM_PYTHON_UPPER] = "capitals",
    };
    switch (s->kind) {
    case NORM_STRIP:
        buf_printf(out, "white space at the %s out", s->left && s->right ? "ends" : s->left ? "beginning" : "end");
        break;
    case NORM_PREPEND:
        quoted(out, s->to, s->n_to);
        buf_adds(out, " in front");
        break;
    case NORM_REPLACE: replace(s, out); break;
    case NORM_SPM: spm(s, out); break;
    case NORM_MOSES: buf_printf(out, "%sMoses' words%s", s->flags & MOSES_PUNCT ? "plain punctuation, " : "", s->flags & MOSES_ESCAPE ? ", escaped" : ""); break;
    case NORM_PYTHON_BASIC:
        buf_printf(out, "control characters out%s", s->flags & 1 ? ", spaces around Chinese characters" : "");
        break;
    default: buf_adds(out, names[s->kind]);
    }
}

/* The class's own steps, then those of its model. */
static void steps_of_pieces(const struct tokenizer *t, struct buf *out)
{
    const struct tokenizer *side = t->pieces->side[SIDE_SOURCE].t;
    for (size_t i = 0; i < t->norm.n; i++) {
        next(out, i);
        normal(&t->norm.step[i], out);
    }
    if (t->pieces->before) {
        next(out, t->norm.n);
        quoted(out, t->pieces->before, strlen(t->pieces->before));
        buf_printf(out, " in front, whose %zu tokens go again", t->pieces->n_before);
    }
    if (t->norm.n && !side->norm.n) return;
    next(out, t->norm.n);
    tok_steps_normal(side, out);
}

void tok_steps_normal(const struct tokenizer *t, struct buf *out)
{
    if (t->pieces) {
        steps_of_pieces(t, out);
        return;
    }
    for (size_t i = 0; i < t->norm.n; i++) {
        next(out, i);
        normal(&t->norm.step[i], out);
    }
    if (t->norm.n == 0) buf_adds(out, "none");
}

/* ---- splits ---- */

/* A mark where words are cut: what becomes of it. */
static const char *behavior(enum pre_behavior b)
{
    switch (b) {
    case PRE_REMOVED: return " (left out)";
    case PRE_MERGED_WITH_PREVIOUS: return " (with what is before)";
    case PRE_MERGED_WITH_NEXT: return " (with what follows)";
    case PRE_CONTIGUOUS: return " (runs together)";
    default: return "";
    }
}

static void set(const struct pre_step *s, struct buf *out)
{
    switch (s->set) {
    case SET_SPACE: buf_adds(out, "white space"); return; /* never stays */
    case SET_CHAR: buf_printf(out, "U+%04X", (unsigned)s->cp); return;
    case SET_PUNCT: buf_adds(out, "punctuation"); break;
    case SET_NUMERIC: buf_adds(out, s->behavior == PRE_ISOLATED ? "each digit" : "numbers"); return;
    }
    buf_adds(out, behavior(s->behavior));
}

static void metaspace(const struct pre_step *s, struct buf *out)
{
    char mark[5] = {0};
    utf8_encode(s->cp, mark);
    buf_printf(out, "spaces become %s%s", mark, s->cut ? ", which begins a word" : "");
    if (s->scheme != SCHEME_NEVER) buf_printf(out, ", one in front%s", s->scheme == SCHEME_FIRST ? " of the text" : "");
}

static void pattern(const struct pre_step *s, struct buf *out)
{
    if (s->known != SPLIT_NONE) {
        buf_adds(out, split_name(s->known));
        return;
    }
    if (s->re && s->invert) buf_adds(out, "words ");
    if (s->re) expression(out, s->re);
    else quoted(out, s->text, s->n_text);
    if (!s->invert) buf_adds(out, behavior(s->behavior));
}

static void split(const struct pre_step *s, struct buf *out)
{
    switch (s->kind) {
    case PRE_BYTE_LEVEL:
        buf_printf(out, "%s%s", s->prefix_space ? "a space in front, " : "", s->use_regex ? "gpt2" : "bytes as characters");
        break;
    case PRE_SPLIT: pattern(s, out); break;
    case PRE_SPLIT_SET: set(s, out); break;
    case PRE_WHITESPACE: buf_adds(out, "white space, punctuation (runs together)"); break;
    case PRE_METASPACE: metaspace(s, out); break;
    case PRE_SCRIPTS: buf_adds(out, "scripts"); break;
    case PRE_FIXED_LENGTH: buf_printf(out, "every %zu characters", s->length); break;
    }
}

/* A ByteLevel that cuts nothing, and whose spelling is a step of its own behind it. */
static bool only_spells(const struct pre_chain *c, size_t i)
{
    const struct pre_step *s = &c->step[i];
    return s->kind == PRE_BYTE_LEVEL && !s->use_regex && !s->prefix_space && i + 1 < c->n && s[1].spell;
}

void tok_steps_split(const struct tokenizer *t, struct buf *out)
{
    struct tok_summary s;
    if (t->pieces) t = t->pieces->side[SIDE_SOURCE].t;
    tok_summary(t, &s);
    if (strcmp(s.split, TOK_SPLIT_STEPS) != 0) {
        buf_adds(out, s.split);
        return;
    }
    for (size_t i = 0, said = 0; i < t->pre.n; i++) {
        if (only_spells(&t->pre, i)) continue;
        next(out, said++);
        split(&t->pre.step[i], out);
    }
}

/* ---- templates ---- */

void tok_steps_template(const struct tokenizer *t, bool pair, struct buf *out)
{
    const struct tok_places *p = tok_places(t, pair);
    if (t->single.n == 0 || !p) return;
    for (int i = 0; i < p->n; i++) {
        int id = p->v[i].id;
        size_t n = 1;
        const char *s = id == PLACE_FIRST ? "A" : id == PLACE_SECOND ? "B" : vocab_text(&t->vocab, id, &n);
        if (i) buf_addc(out, ' ');
        buf_add(out, s, n);
    }
}
