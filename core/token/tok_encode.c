/* Text to ids: added tokens, segments, spans, templates. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/char_index.h"
#include "core/token/tok_fast.h"
#include "core/token/tok_internal.h"
#include "core/token/tok_pieces.h"
#include "core/token/tok_runs.h"
#include "core/token/tok_scratch.h"
#include "core/token/unicode.h"

struct job {
    const struct tokenizer *t;
    struct tok_scratch *s;
    const char *text;
    unsigned flags;
    struct tok_ids *out;
    struct err *e;
    const struct norm_origin *origin; /* of text, NULL when it is the segment itself */
    size_t offset;                    /* of the segment in the whole text */
    const uint8_t *marks;             /* of the whole text: see tok_encode_marked(); or NULL */
};

/* Has every byte one of these marks? */
static bool all_marked(const uint8_t *marks, size_t begin, size_t end, unsigned any)
{
    while (begin < end && marks[begin] & any) begin++;
    return begin == end;
}

/* ---- words ---- */

/* In a text that was normalised, of which this part is left as it was, a byte of a character that falls
 * back to bytes comes from all of it. */
static void widen(const struct pre *p, size_t *begin, size_t *end)
{
    const uint8_t *s = (const uint8_t *)p->text;
    while (*begin > 0 && *begin < p->n && uni_cont(s[*begin])) --*begin;
    while (*end < p->n && uni_cont(s[*end])) ++*end;
}

/* The spans of one word, in the pre-tokenizer's text, become spans of what
 * that came from. */
static void word_spans(struct job *j, size_t from, const struct norm_origin *origin, size_t begin)
{
    for (size_t i = from; i < j->out->n; i++) {
        struct tok_span *p = &j->out->span[i];
        size_t first = begin + p->begin, end = begin + p->end;
        if (!origin) {
            if (j->s->widen) widen(&j->s->pre, &first, &end);
            p->begin = first + j->offset;
            p->end = end + j->offset;
            continue;
        }
        size_t last = end > first ? end - 1 : first;
        if (end == first && p->begin) { /* behind the bytes of an affix: nothing, at the end of what is before */
            p->begin = p->end = origin[first - 1].end + j->offset;
            continue;
        }
        p->begin = origin[first].begin + j->offset;
        p->end = origin[last].end + j->offset;
    }
}

/* SentencePiece: an origin is where the input stood when the byte was written,
 * and a span ends where the next one begins. */
static void spm_word_spans(struct job *j, size_t from, const struct norm_origin *origin,
                           size_t begin, size_t n)
{
    for (size_t i = from; i < j->out->n; i++) {
        struct tok_span *p = &j->out->span[i];
        size_t a = begin + p->begin, b = begin + p->end, end = j->s->norm.end;
        p->begin = (a < n ? origin[a].begin : end) + j->offset;
        p->end = (b < n ? origin[b].begin : end) + j->offset;
    }
}

/* Spaces, as they are or as the byte alphabet spells U+0020, at the ends of a token. */
static void count_spaces(const uint8_t *s, size_t n, uint32_t *lead, uint32_t *trail)
{
    const uint32_t spelled = 0x120;
    struct uni_char c;
    *lead = *trail = 0;
    for (size_t at = 0; at < n; at += c.len, ++*lead)
        if ((c = uni_next(s + at, n - at)).cp != spelled && !(c.class & UNI_SPACE)) break;
    for (size_t at = n; at > 0; at -= c.len, ++*trail)
        if ((c = uni_prev(s, at)).cp != spelled && !(c.class & UNI_SPACE)) break;
}

/* An added token is called by what it was found as: in normalized text, and with the
 * spaces that it takes. */
static void name_added(struct job *j, const char *s, size_t n)
{
    struct tok_span *p = &j->out->span[j->out->n - 1];
    uint32_t lead;
    count_spaces((const uint8_t *)s, n, &lead, &p->trail);
    p->unknown = true;
    p->lead = lead & INT32_MAX;
}

/* Unigram calls what it does not know by its own text, which normalization may have
 * changed; spans are in the word still. */
static void name_unknown(struct job *j, size_t from, const uint8_t *word)
{
    for (size_t i = from; i < j->out->n; i++) {
        struct tok_span *p = &j->out->span[i];
        uint32_t lead;
        if (j->out->id[i] != j->t->unk_id) continue;
        count_spaces(word + p->begin, p->end - p->begin, &lead, &p->trail);
        p->unknown = true;
        p->lead = lead & INT32_MAX;
    }
}

/* A word whose ids are known (s->follow), and only where their tokens are is not; false: they are not all
 * of its bytes as they are, or runs of characters in no token. */
static bool follow(struct job *j, const uint8_t *word, size_t n)
{
    const struct tokenizer *t = j->t;
    struct tok_scratch *s = j->s;
    size_t from = j->out->n, pos = 0, k = 0, prefix = t->model == MODEL_WORDPIECE && t->prefix ? strlen(t->prefix) : 0;
    for (; pos < n && k < s->n_follow; k++) {
        size_t len, skip = pos ? prefix : 0;
        int32_t id = s->follow[k];
        const char *text = vocab_text(&t->vocab, id, &len);
        if (id == t->unk_id) {
            if (!(len = unigram_unknown_run(t, word + pos, n - pos)) || tok_ids_push(j->out, id, pos, pos + len, j->e)) break;
            pos += len;
            continue;
        }
        if (!tok_in_model(t, id) || len <= skip || len - skip > n - pos) break;
        if (skip && memcmp(text, t->prefix, skip) != 0) break;
        if (memcmp(text + skip, word + pos, len - skip) != 0 || tok_ids_push(j->out, id, pos, pos + len - skip, j->e)) break;
        pos += len - skip;
    }
    if (pos < n) {
        j->out->n = from;
        return false;
    }
    s->follow += k;
    s->n_follow -= k;
    return true;
}

/* One word, from the cache when it is there. */
static int cached_word(struct job *j, const uint8_t *word, size_t n, size_t left, size_t at)
{
    struct word_cache *c = &j->s->cache;
    struct word_key key;
    size_t from = j->out->n;
    if (n > WORD_KEY_MAX) return tok_model_word(j->t, j->s, word, n, at, j->out, j->e);
    if (tok_ids_room(j->out, WORD_KEY_MAX + 1, j->e)) return -1;
    word_cache_ask(c, word, n, left, &key);
    size_t found = word_cache_get(c, &key, j->out->id + j->out->n);
    j->out->n += found;
    if (found) return 0;
    if (tok_model_word(j->t, j->s, word, n, at, j->out, j->e)) return -1;
    word_cache_add(c, &key, j->out->id + from, j->out->n - from);
    return 0;
}

/* A word, with spans if they are wanted. */
static int whole_word(struct job *j, const uint8_t *word, size_t n, size_t at)
{
    struct tok_scratch *s = j->s;
    size_t from = j->out->n;
    if (s->n_follow && follow(j, word, n)) return 0;
    if (tok_model_word(j->t, s, word, n, at, j->out, j->e)) return -1;
    size_t n_ids = j->out->n - from < s->n_follow ? j->out->n - from : s->n_follow;
    if (n_ids) s->follow += n_ids; /* there may be nothing to follow, and no place */
    s->n_follow -= n_ids;
    return 0;
}

/* Words of the pieces that the pre-tokenizer made. */
static int words(struct job *j, size_t at)
{
    const struct pre *p = &j->s->pre;
    size_t count = 0;
    bool cached = !j->out->want_spans && !j->s->chains && !j->t->fast && j->t->cache_words;
    j->s->by_chains += p->n_pieces;
    for (size_t i = 0; i < p->n_pieces; i++) {
        struct pre_piece w = p->piece[i];
        size_t from = j->out->n;
        if (tok_stopped(&count, 1, j->e)) return -1;
        if (cached) {
            if (cached_word(j, (const uint8_t *)p->text + w.begin, w.end - w.begin, p->n - w.begin, at + w.begin))
                return -1;
            continue;
        }
        if (whole_word(j, (const uint8_t *)p->text + w.begin, w.end - w.begin, at + w.begin)) return -1;
        if (!j->out->want_spans) continue;
        if (j->t->n_trims && j->t->model == MODEL_UNIGRAM) name_unknown(j, from, (const uint8_t *)p->text + w.begin);
        if (j->t->source == SOURCE_SPM) spm_word_spans(j, from, p->origin, w.begin, p->n);
        else word_spans(j, from, p->origin, w.begin);
    }
    return 0;
}

/* Where the bytes of a text come from that was split as it is, or with a space in front, which
 * comes from the first character. */
static struct norm_origin origin_of(const struct job *j, size_t begin, size_t end, bool spaced, size_t i)
{
    const uint8_t *s = (const uint8_t *)j->text;
    size_t at = begin + i, first = spaced ? uni_next(s + begin, end - begin).len : 0;
    if (spaced) at = i == 0 ? begin : i <= first ? begin + first - 1 : at - 1;
    if (j->origin) return j->origin[at];
    struct norm_io io = {.in = j->text + begin, .n = end - begin};
    struct norm_origin o = norm_origin_at(&io, at - begin);
    return (struct norm_origin){o.begin + begin, o.end + begin};
}

/* The spans of ids from `from` on, whose bytes make up the text; false: they do not. */
static bool byte_spans(struct job *j, size_t begin, size_t end, bool spaced, size_t from)
{
    enum { AHEAD = 16 };
    const struct tok_bytes *bytes = j->t->bytes;
    const int32_t *id = j->out->id;
    struct tok_span *span = j->out->span;
    size_t pos = 0, n = end - begin + spaced, offset = j->offset + begin, n_ids = j->out->n;
    bool moved = j->origin || j->t->space_first;
    for (size_t i = from; i < n_ids; i++) {
        __builtin_prefetch(&bytes[id[i + AHEAD < n_ids ? i + AHEAD : i]].covers);
        size_t next = pos + bytes[id[i]].covers;
        if (next > n || next == pos || id[i] == j->t->unk_id) return false;
        span[i] = (struct tok_span){.begin = pos + offset, .end = next + offset};
        if (moved) {
            span[i].begin = origin_of(j, begin, end, spaced, pos).begin + j->offset;
            span[i].end = origin_of(j, begin, end, spaced, next - 1).end + j->offset;
        }
        pos = next;
    }
    return pos == n;
}

/* Whether runs of spaces that are added tokens are left to the split. */
static bool by_runs(const struct job *j)
{
    return j->t->runs && !j->out->want_spans && !j->s->chains && !j->marks;
}

/* A byte-level text by its split, perhaps with a space in front; 1: that does not tell the spans. */
static int split_bytes(struct job *j, size_t begin, size_t end)
{
    const char *text = j->text + begin;
    size_t n = end - begin, from = j->out->n;
    struct buf *b = &j->s->spaced;
    bool spaced = j->t->space_first && *text != ' ';
    if (spaced) {
        buf_clear(b);
        buf_addc(b, ' ');
        buf_add(b, text, n);
        if (buf_ok(b, j->e)) return -1;
    }
    const uint8_t *bytes = (const uint8_t *)(spaced ? b->data : text);
    if (tok_bytes_fast(j->t, j->s, bytes, n + spaced, begin, j->out, j->e)) return -1;
    if (!j->out->want_spans || byte_spans(j, begin, end, spaced, from)) return 0;
    j->out->n = from;
    return 1;
}

/* text[begin..end) between added tokens, normalised. */
static int pieces(struct job *j, size_t begin, size_t end)
{
    const struct tokenizer *t = j->t;
    bool want = j->out->want_spans || t->needs_origin;
    if (begin == end) return 0;
    /* With marks such a run may be one of the model's words, which the cache must not mistake. */
    j->s->runs = by_runs(j);
    int ret = t->fast_split && !j->s->chains && !(t->runs && j->marks) ? split_bytes(j, begin, end) : 1;
    if (ret <= 0) return ret;
    const struct norm_origin *origin = j->origin ? j->origin + begin : NULL;
    struct job inner = *j;
    if (!origin) inner.offset += begin;
    bool inside = j->s->pre.inside;
    j->s->pre.inside = inside && begin == 0;
    ret = pre_run(&t->pre, &j->s->pre, j->text + begin, end - begin, origin, want, inner.offset, j->e);
    j->s->pre.inside = inside;
    if (ret) return -1;
    return words(&inner, begin);
}

/* ---- added tokens ---- */

/* Cuts text[begin..end) at the added tokens of one matcher; `inner` gets what
 * is between. */
static int cut(struct job *j, const struct tok_matcher *m, size_t begin, size_t end,
               int (*inner)(struct job *, size_t, size_t))
{
    const char *p = j->text + begin;
    size_t n = end - begin, pos = 0, look = 0;
    struct tok_found f;
    while (tok_match(m, p, n, look, pos, (j->flags & TOK_SPECIAL) != 0, &f)) {
        size_t b = begin + f.begin, e = begin + f.stop;
        if (j->origin && j->out->want_spans && f.stop > f.begin) {
            b = j->origin[begin + f.begin].begin;
            e = j->origin[begin + f.stop - 1].end;
        }
        bool guarded = j->s->guard && j->s->guard[f.token - j->t->added];
        unsigned any = f.token->special ? TOK_MARK_CONTROL : TOK_MARK_CONTROL | TOK_MARK_MODEL;
        if (j->marks && (f.token->special || guarded) && !all_marked(j->marks, b + j->offset, e + j->offset, any)) {
            look = f.at + 1;
            continue;
        }
        if (f.begin > pos && inner(j, begin + pos, begin + f.begin)) return -1;
        if (f.stop > f.begin) {
            if (tok_ids_push(j->out, f.token->id, b + j->offset, e + j->offset, j->e)) return -1;
            if (j->out->want_spans && j->t->n_trims) name_added(j, p + f.begin, f.stop - f.begin);
        }
        pos = f.stop;
        look = f.end;
    }
    return inner(j, begin + pos, end);
}

int tok_segment(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                unsigned flags, struct tok_ids *out, struct err *e)
{
    struct job j = {t, s, text, flags, out, e, NULL, s->offset, s->marks};
    struct norm *w = &s->norm;
    if (n == 0) return 0;
    w->want_origin = out->want_spans || t->needs_origin;
    int changed = norm_run(&t->norm, w, text, n, e);
    if (changed < 0) return -1;
    if (changed) {
        j.text = w->out->text.data;
        n = w->out->text.len;
        j.origin = w->want_origin ? w->out->origin : NULL;
    }
    return cut(&j, by_runs(&j) ? &t->runs->normalized : &t->normalized, 0, n, pieces);
}

static int segment(struct job *j, size_t begin, size_t end)
{
    if (begin == end) return 0;
    j->s->offset = begin;
    j->s->sum = 0;
    if (j->t->pieces) return tok_pieces_segment(j->t, j->s, j->text + begin, end - begin, j->flags, j->out, j->e);
    if (j->t->fast && !j->out->want_spans && !j->s->chains) {
        j->s->goes_on = begin == 0 && (j->flags & TOK_GOES_ON);
        int ret = tok_fast_segment(j->t, j->s, j->text + begin, end - begin, j->flags, j->out, j->e);
        j->s->goes_on = false;
        return ret;
    }
    if (j->t->fast && j->out->want_spans && !j->s->chains && !j->marks) {
        int ret = tok_spans_segment(j->t, j->s, j->text + begin, end - begin, j->flags, j->out, j->e);
        if (ret <= 0) return ret;
    }
    return tok_segment(j->t, j->s, j->text + begin, end - begin, j->flags, j->out, j->e);
}

/* ---- broken UTF-8 ---- */

/* The text with U+FFFD for each maximal broken part, into s->text; origins of
 * its bytes into s->origin. */
static int repair(struct tok_scratch *s, const char *text, size_t n, size_t valid, bool want,
                  struct err *e)
{
    size_t room, pos = 0;
    buf_clear(&s->text);
    if (!ck_mul(n, 3, &room)) return err_oom(e, n, "a text");
    if (want && room > s->origin_cap) {
        free(s->origin);
        s->origin = mem_alloc(room, sizeof *s->origin);
        s->origin_cap = s->origin ? room : 0;
        if (!s->origin) return err_oom(e, room * sizeof *s->origin, "a text");
    }
    while (pos < n) {
        size_t good = pos + (pos ? utf8_valid_prefix(text + pos, n - pos) : valid);
        for (size_t i = pos; want && i < good; i++)
            s->origin[s->text.len + i - pos] = (struct norm_origin){i, i + 1};
        buf_add(&s->text, text + pos, good - pos);
        if (good == n) break;
        size_t bad = utf8_broken_part((const uint8_t *)text + good, n - good);
        for (size_t i = 0; want && i < 3; i++)
            s->origin[s->text.len + i] = (struct norm_origin){good, good + bad};
        buf_adds(&s->text, "\xEF\xBF\xBD");
        pos = good + bad;
    }
    return buf_ok(&s->text, e);
}

/* ---- around the text ---- */

static int push_all(struct job *j, const struct tok_place *v, int n)
{
    for (int i = 0; i < n; i++)
        if (tok_ids_push(j->out, v[i].id, 0, 0, j->e)) return -1;
    return 0;
}

/* Where the character begins that `at` is inside of: spans fall between characters
 * where the model left some out. */
static size_t char_floor(const uint8_t *text, size_t n, size_t at)
{
    for (size_t back = 1; back < 4 && back <= at && at < n; back++)
        if (uni_next(text + at - back, n - at + back).len > back) return at - back;
    return at;
}

/* Are there n characters before text + at? */
static bool stands_behind(const uint8_t *text, size_t at, uint32_t n)
{
    for (; n && at; n--) at -= uni_prev(text, at).len;
    return n == 0;
}

/* What a ByteLevel or RoBERTa post-processor leaves out of the spans: the spaces at the
 * ends of a token.  first: the first token of all is out[from]. */
static void trim_once(const struct tokenizer *t, const uint8_t *text, size_t n_text, struct tok_ids *out, size_t from,
                      bool prefix_space, bool first)
{
    for (size_t i = from; i < out->n; i++) {
        struct tok_span *p = &out->span[i];
        uint32_t lead = p->lead, trail = p->trail;
        size_t n;
        const uint8_t *s = (const uint8_t *)vocab_text(&t->vocab, out->id[i], &n);
        if (!p->unknown) count_spaces(s, n, &lead, &trail);
        /* One added prefix space is not in the text: nothing to leave out. */
        if (lead == 1 && prefix_space && ((first && i == from) || char_floor(text, n_text, p->begin) == 0)) lead = 0;
        /* Characters of the text, whatever they are. */
        if (lead || trail) {
            size_t last = char_floor(text, n_text, p->end);
            p->begin = char_floor(text, n_text, p->begin);
            if (last < p->end) p->end = last + uni_next(text + last, n_text - last).len;
        }
        for (; lead && p->begin < p->end; lead--) p->begin += uni_next(text + p->begin, n_text - p->begin).len;
        if (p->begin > p->end) p->begin = p->end;
        /* More than the text has before the end: the engine lets it be. */
        if (!stands_behind(text, p->end, trail)) continue;
        for (; trail && p->end > p->begin; trail--) p->end -= uni_prev(text, p->end).len;
        if (p->end < p->begin) p->end = p->begin;
    }
}

void tok_trim_spans(const struct tokenizer *t, const char *whole, size_t n_text, struct tok_ids *out, size_t from,
                    unsigned flags, bool pair, bool second, bool first)
{
    for (size_t k = 0; out->want_spans && k < t->n_trims; k++)
        trim_once(t, (const uint8_t *)whole, n_text, out, from, t->trim[k].prefix_space,
                  first && t->trim[k].first[(flags & TOK_TEMPLATE) != 0][pair][second]);
}

void tok_ids_cut(struct tok_ids *out, size_t from, size_t n)
{
    memmove(out->id + from, out->id + from + n, (out->n - from - n) * sizeof *out->id);
    if (out->want_spans)
        memmove(out->span + from, out->span + from + n, (out->n - from - n) * sizeof *out->span);
    out->n -= n;
}

/* Padding at the ends of out[from..). */
static int pad(struct job *j, size_t from)
{
    const struct tok_padding *l = &j->t->limits.pad;
    size_t n = j->out->n - from, to = tok_padded(l, n);
    if (n >= to) return 0;
    if (tok_ids_room(j->out, to - n, j->e)) return -1;
    size_t more = to - n, at = l->left ? from : j->out->n;
    memmove(j->out->id + at + more, j->out->id + at, (j->out->n - at) * sizeof *j->out->id);
    if (j->out->want_spans)
        memmove(j->out->span + at + more, j->out->span + at, (j->out->n - at) * sizeof *j->out->span);
    for (size_t i = at; i < at + more; i++) {
        j->out->id[i] = l->id;
        if (j->out->want_spans) j->out->span[i] = (struct tok_span){0};
    }
    j->out->n += more;
    return 0;
}

/* Leaves room for the template. */
static int truncate(struct job *j, const struct tok_places *p, size_t from)
{
    const struct tok_limits *l = &j->t->limits;
    size_t n = j->out->n - from, keep = n, none = 0;
    size_t around = (j->flags & TOK_TEMPLATE) ? tok_limits_around(p) : 0;
    if (tok_limits_keep(l, around, false, &keep, &none, j->e)) return -1;
    if (keep < n) tok_ids_cut(j->out, l->left ? from : from + keep, n - keep);
    return 0;
}

static int body(struct job *j, const char *text, size_t n)
{
    const struct tokenizer *t = j->t;
    bool as_it_is = (j->flags & TOK_UTF8) || (t->any_bytes && !(j->flags & TOK_STRICT));
    size_t valid = as_it_is ? n : utf8_valid_prefix(text, n);
    size_t from = j->out->n;
    j->text = text;
    j->s->cache.text += n;
    if (valid < n && (j->flags & TOK_STRICT))
        return err_set(j->e, ERR_DATA, "invalid UTF-8 at byte offset %zu", valid);
    if (valid < n) {
        bool want = j->out->want_spans;
        if (repair(j->s, text, n, valid, want, j->e)) return -1;
        j->text = j->s->text.data;
        n = j->s->text.len;
    }
    if (n && cut(j, by_runs(j) ? &t->runs->raw : &t->raw, 0, n, segment)) return -1;
    for (size_t i = from; valid < n && j->text != text && j->out->want_spans && i < j->out->n; i++) {
        struct tok_span *p = &j->out->span[i];
        const struct norm_origin *o = j->s->origin;
        size_t last = p->end > p->begin ? p->end - 1 : p->begin;
        p->begin = o[p->begin < n ? p->begin : n - 1].begin;
        p->end = o[last < n ? last : n - 1].end;
    }
    return 0;
}

/* What stands behind the text, whose n ids are out->id[from..): perhaps the text once more. */
static int push_rest(struct job *j, const struct tok_places *p, size_t from, size_t n)
{
    for (int i = p->text + 1; i < p->n; i++) {
        bool token = p->v[i].id >= 0;
        if (token && (j->flags & TOK_TEMPLATE) && push_all(j, &p->v[i], 1)) return -1;
        if (token || j->out->count_only) continue; /* tok_count() knows how often */
        if (tok_ids_room(j->out, n, j->e)) return -1;
        if (n) memcpy(j->out->id + j->out->n, j->out->id + from, n * sizeof *j->out->id);
        if (n && j->out->want_spans) memcpy(j->out->span + j->out->n, j->out->span + from, n * sizeof *j->out->span);
        j->out->n += n;
    }
    return 0;
}

int tok_encode_alone(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                     unsigned flags, struct tok_ids *out, struct err *e)
{
    struct job j = {t, s, text, flags, out, e, NULL, 0, s->marks};
    return body(&j, text, n);
}

int tok_encode(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
               unsigned flags, struct tok_ids *out, struct err *e)
{
    struct job j = {t, s, text, flags, out, e, NULL, 0, s->marks};
    const struct tok_places *p = tok_places_of(t, false, flags, e);
    size_t begin = out->n, from;
    if (!p) return -1;
    if ((flags & TOK_TEMPLATE) && push_all(&j, p->v, p->text)) goto fail;
    from = out->n;
    if (body(&j, text, n)) goto fail;
    if ((flags & TOK_LIMITS) && truncate(&j, p, from)) goto fail;
    /* The first that is left counts as the first; who marked the text asks for all that a token is made of. */
    if (!s->marks) tok_trim_spans(t, text, n, out, from, flags, false, false, true);
    if (push_rest(&j, p, from, out->n - from)) goto fail;
    if ((flags & TOK_LIMITS) && !(flags & TOK_UNPADDED) && t->limits.pads && pad(&j, begin)) goto fail;
    return 0;
fail:
    out->n = begin;
    return -1;
}

int tok_encode_marked(const struct tokenizer *t, struct tok_scratch *s, const char *text, size_t n,
                      const uint8_t *marks, const uint8_t *guard, struct tok_ids *out, struct err *e)
{
    assert(out->want_spans);
    s->marks = marks;
    s->guard = guard;
    int ret = tok_encode(t, s, text, n, TOK_SPECIAL, out, e);
    s->marks = s->guard = NULL;
    return ret;
}

int tok_guard(const struct tokenizer *t, const char *text, size_t n, struct buf *guard, struct err *e)
{
    for (size_t i = 0; i < t->n_added; i++)
        buf_addc(guard, t->added[i].len && memmem(text, n, t->added[i].text, t->added[i].len) != NULL);
    return buf_ok(guard, e);
}
