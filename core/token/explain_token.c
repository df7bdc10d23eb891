/* One token: what it stands for, and where it comes from. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/explain_internal.h"
#include "core/token/tok_decode.h"

/* In text each behind a space, the first behind `before`. */
static void add_kinds(struct explain *x, int id, const char *before)
{
    unsigned flags = x->t->vocab.v[id].flags;
    const struct { bool is; const char *name; } kinds[] = {
        {(flags & VOCAB_SPECIAL) != 0, "special"},
        {(flags & VOCAB_ADDED) && !(flags & VOCAB_SPECIAL), "added"},
        {(flags & VOCAB_USER) != 0, "user-defined"},
        {(flags & VOCAB_UNUSED) != 0, "unused"},
        {id == x->t->unk_id, "unknown"},
        {id == x->t->bos, "bos"},
        {id == x->t->eos, "eos"},
        {!x->t->byte_level && tok_byte_of(x->t, id) >= 0, "byte"},
    };
    bool any = false;
    if (x->json) buf_adds(x->out, ",\"kinds\":[");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!kinds[i].is) continue;
        if (x->json) buf_printf(x->out, "%s\"%s\"", any ? "," : "", kinds[i].name);
        else buf_printf(x->out, "%s%s", any ? " " : before, kinds[i].name);
        any = true;
    }
    if (x->json) buf_addc(x->out, ']');
}

/* The merges that make it, in their order. */
static void add_merges(struct explain *x, int id)
{
    const struct bpe *b = &x->t->bpe;
    bool any = false;
    if (x->json) buf_adds(x->out, ",\"merges\":[");
    for (size_t i = 0; i < b->n_merges; i++) {
        const struct bpe_merge *m = &b->merge[i];
        if (m->id != id) continue;
        if (x->json) buf_printf(x->out, "%s{\"rank\":%u,\"left\":", any ? "," : "", (unsigned)m->rank);
        else buf_printf(x->out, "    merge %u: ", (unsigned)m->rank);
        say_token(x, m->left);
        buf_adds(x->out, x->json ? ",\"right\":" : " + ");
        say_token(x, m->right);
        buf_adds(x->out, x->json ? "}" : "\n");
        any = true;
    }
    if (x->json) buf_addc(x->out, ']');
}

static void add_score(struct explain *x, double score)
{
    if (!x->json) buf_printf(x->out, "    score: %.9g\n", score);
    else if (isfinite(score)) buf_printf(x->out, ",\"score\":%.9g", score);
    else buf_adds(x->out, ",\"score\":null");
}

static void describe(struct explain *x, int id, bool merges)
{
    size_t n, n_text;
    const char *s = vocab_text(&x->t->vocab, id, &n), *text = token_text(x->t, id, &n_text);
    if (x->json) {
        buf_printf(x->out, "%s{\"id\":%d,\"token\":", x->n_steps++ ? "," : "", id);
        say_token(x, id);
        buf_adds(x->out, ",\"text\":");
        if (utf8_valid_prefix(text, n_text) == n_text) buf_add_json(x->out, text, n_text);
        else buf_adds(x->out, "null");
        buf_adds(x->out, ",\"bytes\":\"");
        for (size_t i = 0; i < n_text; i++) buf_printf(x->out, "%02x", (unsigned char)text[i]);
        buf_addc(x->out, '"');
    } else {
        buf_printf(x->out, "%d ", id);
        buf_add_json(x->out, s, n);
        add_kinds(x, id, " ");
        buf_addc(x->out, '\n');
        if (n_text != n || memcmp(s, text, n)) {
            buf_adds(x->out, "    text: ");
            if (utf8_valid_prefix(text, n_text) == n_text) buf_add_json(x->out, text, n_text);
            else buf_adds(x->out, "part of a character");
            buf_addc(x->out, '\n');
        }
        buf_adds(x->out, "    bytes:");
        for (size_t i = 0; i < n_text; i++) buf_printf(x->out, " %02X", (unsigned char)text[i]);
        buf_addc(x->out, '\n');
    }
    if (x->json) add_kinds(x, id, "");
    if (x->t->score && (x->t->vocab.v[id].flags & (VOCAB_MODEL | VOCAB_LATER))) add_score(x, x->t->score[id]);
    if (merges && x->t->bpe.n_merges) add_merges(x, id);
    if (x->json) buf_addc(x->out, '}');
}

/* The id of a text with U+2581 for each space, as SentencePiece spells it; -1 = none. */
static int marked(const struct tokenizer *t, const char *word)
{
    struct buf b = {0};
    for (; *word; word++)
        if (*word == ' ') buf_adds(&b, "\xE2\x96\x81");
        else buf_addc(&b, *word);
    int id = b.oom || !b.data ? -1 : tok_id(t, b.data);
    buf_free(&b);
    return id;
}

int tok_explain_token(const struct tokenizer *t, const char *word, bool json, struct buf *out, struct err *e)
{
    struct explain x = {.t = t, .out = out, .json = json};
    size_t n = strlen(word), len;
    int spelled = tok_id(t, word), numbered = -1, spaced = strchr(word, ' ') ? marked(t, word) : -1;
    if (n && n < 9 && strspn(word, "0123456789") == n)
        for (numbered = 0, len = 0; len < n; len++) numbered = numbered * 10 + (word[len] - '0');
    if (json) buf_addc(out, '[');
    if (spelled >= 0) describe(&x, spelled, true);
    for (int id = 0; id < t->vocab.n; id++) {
        const char *text = token_text(t, id, &len);
        bool says = text && ((len == n && memcmp(text, word, n) == 0) || id == spaced);
        if (id != spelled && text && (id == numbered || says)) describe(&x, id, true);
        if (says || id == spelled || (id == numbered && text)) x.n_merges++; /* found */
    }
    if (json) buf_adds(out, "]\n");
    if (x.n_merges) return buf_ok(out, e);
    err_set(e, ERR_RESULT, "'%s' is neither a token nor an id of this tokenizer", word);
    return numbered < 0 ? err_hint(e, "--explain TEXT shows which tokens it becomes") : -1;
}

/* ---- all of them ---- */

static void list(struct explain *x, int id)
{
    size_t n;
    const char *s = vocab_text(&x->t->vocab, id, &n);
    buf_printf(x->out, "%d\t", id);
    if (x->t->score) {
        if (x->t->vocab.v[id].flags & (VOCAB_MODEL | VOCAB_LATER)) buf_printf(x->out, "%.9g", x->t->score[id]);
        buf_addc(x->out, '\t');
    }
    buf_add_json(x->out, s, n);
    add_kinds(x, id, "\t");
    buf_addc(x->out, '\n');
}

int tok_explain_vocab(const struct tokenizer *t, bool json, struct buf *out, struct err *e)
{
    struct explain x = {.t = t, .out = out, .json = json};
    if (json) buf_addc(out, '[');
    for (int id = 0; id < t->vocab.n; id++) {
        if (!(t->vocab.v[id].flags & VOCAB_USED)) continue;
        if (json) describe(&x, id, false);
        else list(&x, id);
    }
    if (json) buf_adds(out, "]\n");
    return buf_ok(out, e);
}
