#include "data/encode.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/tok_lines.h"
#include "data/doc_run.h"
#include "data/encode_batch.h"
#include "data/encode_print.h"
#include "data/encode_words.h"
#include "data/shard.h"

/* Of text, in and its ids out: with larger blocks what a thread reads, encodes and writes does not stay in its cache. */
enum { SHARD_BLOCK = 1 << 18, PART_KEPT = 1 << 24 }; /* PART_KEPT: what a slot's part keeps for the next block */

/* The result of one block.  It stays with its slot, so that the memory serves for
 * the next block there. */
struct result {
    struct shard_part part;
    struct encode_stats stats;
    struct buf items;       /* of a batch */
};

/* Work space of one thread: ids of a document; for what is printed with offsets, has two
 * texts or is cut. */
struct printer {
    struct tok_ids ids;
    struct tok_encoding x;
    struct char_index chars[2];
    struct buf second;
    struct encode_words words[2];
    struct tok_short cut;
};

struct encoder {
    const struct encode_opts *o;
    struct doc_cfg docs;          /* o->docs; text files in parts, where only tokens are counted */
    struct encode_stats parts;    /* of the text file at hand, then */
    struct printer *printer;      /* [threads] */
    struct tok_scratch **scratch; /* [threads] */
    struct doc_iter *iter;        /* [threads] */
    uint64_t **tally;             /* [threads][tok_vocab_size], or NULL: o->tally of each */
    int n_threads;
    struct encode_stats *stats;
    struct shard_meta meta;
    struct shard_writer *shard;
    struct file_writer *file;
    struct encode_batch *batch;   /* or NULL */
};

/* How a document is encoded: the strings of JSON were looked at where they were read. */
static unsigned flags_for(const struct encoder *x, const struct doc *d)
{
    return x->o->flags | (d->line ? TOK_UTF8 : 0u) | (x->batch ? TOK_UNPADDED : 0u);
}

static int count_doc(struct result *s, uint64_t bytes)
{
    s->stats.documents++;
    s->stats.bytes += bytes;
    return 0;
}

static int bad_document(struct result *s, const struct doc *d, const char *why, bool strict,
                        struct err *e)
{
    if (strict)
        return err_set(e, ERR_DATA, "%s:%llu: %s", d->file->name, (unsigned long long)d->line_no,
                       why);
    if (s->stats.bad++ == 0)
        err_set(&s->stats.first_bad, ERR_DATA, "%s:%llu: %s", d->file->name,
                (unsigned long long)d->line_no, why);
    return 0;
}

/* Whether a member is there and says something. */
static bool is_there(const char *v, size_t n)
{
    return v && !(n == 4 && memcmp(v, "null", 4) == 0);
}

/* The second text of a document; *b stays NULL when it has none.  Returns the
 * reason why it is bad, or NULL. */
static const char *second_text(struct printer *p, const struct doc *d, const char **b, size_t *n)
{
    const char *v = d->extra[0];
    size_t len = d->extra_len[0];
    *b = NULL;
    if (!is_there(v, len)) return NULL;
    if (len < 2 || v[0] != '"') return "the second text is not a string";
    buf_clear(&p->second);
    const char *why = doc_json_unescape(v + 1, len - 2, &p->second);
    *b = buf_text(&p->second);
    *n = p->second.len;
    return why;
}

static void print_encoding(const struct encoder *x, struct result *s, const struct printer *p, struct buf *out)
{
    const struct encode_opts *o = x->o;
    bool windows = (o->flags & TOK_WINDOWS) != 0;
    struct encode_view v = {.t = o->t, .x = &p->x, .chars = p->chars, .windows = windows};
    for (int k = 0; k < 2 && o->word_field; k++) v.words[k] = &p->words[k].view;
    if (x->batch) encode_batch_print(x->batch, &v, !windows || p->x.last, out, &s->items);
    else encode_print(o->to, &v, out);
}

/* What a document says, one or two texts: as they are or as words. */
struct texts {
    const char *a, *b;  /* with words all of them; b NULL: there is no second */
    size_t n_a, n_b;
    const struct tok_word_list *words[2];
};

static int read_texts(struct encoder *x, const struct doc *d, int thread, struct texts *v, struct err *e)
{
    const struct encode_opts *o = x->o;
    struct printer *p = &x->printer[thread];
    const char *why = NULL;
    *v = (struct texts){.a = d->text, .n_a = d->text_len};
    if (!o->word_field) {
        if (o->pair_field) why = second_text(p, d, &v->b, &v->n_b);
        return why ? err_set(e, ERR_DATA, "%s", why) : 0;
    }
    for (int k = 0; k < 1 + (o->pair_field && is_there(d->extra[1], d->extra_len[1])); k++) {
        why = encode_words_read(&p->words[k], d->extra[k], d->extra_len[k]);
        if (why) return err_set(e, ERR_DATA, "'%s': %s", k ? o->pair_field : o->word_field, why);
        v->words[k] = &p->words[k].view;
    }
    v->a = v->words[0]->text;
    v->n_a = p->words[0].text.len;
    if (!v->words[1]) return 0;
    v->b = v->words[1]->text;
    v->n_b = p->words[1].text.len;
    return 0;
}

static int encode_texts(struct encoder *x, const struct texts *v, unsigned flags, int thread, struct err *e)
{
    struct tok_encoding *out = &x->printer[thread].x;
    if (v->words[0]) return tok_encode_words(x->o->t, x->scratch[thread], v->words[0], v->words[1], flags, out, e);
    return tok_encode_pair(x->o->t, x->scratch[thread], v->a, v->n_a, v->b, v->n_b, flags, out, e);
}

static int next_window(struct encoder *x, const struct texts *v, unsigned flags, int thread, struct err *e)
{
    struct tok_encoding *out = &x->printer[thread].x;
    if (!(flags & TOK_WINDOWS)) return 0;
    if (v->words[0]) return tok_encode_words_window(x->o->t, v->words[0], v->words[1], flags, out, e);
    return tok_encode_window(x->o->t, v->a, v->n_a, v->b, v->n_b, flags, out, e);
}

/* A document with offsets, types, a second text, words, windows or others to be as long as. */
static int encode_fully(struct encoder *x, struct result *s, const struct doc *d, int thread, struct buf *out,
                        struct err *e)
{
    const struct encode_opts *o = x->o;
    struct printer *p = &x->printer[thread];
    struct texts v;
    unsigned flags = flags_for(x, d);
    if (read_texts(x, d, thread, &v, e) || encode_texts(x, &v, flags, thread, e)) return -1;
    count_doc(s, v.n_a + v.n_b);
    s->stats.pairs += v.b != NULL;
    if (o->to != ENCODE_TEXT && o->to != ENCODE_PIECES &&
        (char_index_build(&p->chars[0], v.a, v.n_a, e) || (v.b && char_index_build(&p->chars[1], v.b, v.n_b, e))))
        return -1;
    int more;
    do {
        print_encoding(x, s, p, out);
        if (sig_check(e)) return -1; /* it may have ended early */
        s->stats.tokens += p->x.ids.n;
        more = next_window(x, &v, flags, thread, e);
    } while (more > 0);
    return more;
}

static bool in_parts(const struct encoder *x, const struct doc_block *b)
{
    return x->docs.cut && b->format == DOC_TEXT;
}

static int count_ids(struct encoder *x, struct result *s, const struct doc *d, int thread, struct buf *out,
                     struct err *e)
{
    uint64_t n;
    bool goes_on = x->docs.cut && !d->line && x->iter[thread].block->rest;
    unsigned flags = flags_for(x, d) | (goes_on ? TOK_GOES_ON : 0u);
    (void)out;
    if (tok_count(x->o->t, x->scratch[thread], d->text, d->text_len, flags, &x->printer[thread].ids, &n, e)) {
        if (x->docs.cut && !d->line && d->offset)
            err_wrap(e, "behind the first %llu bytes", (unsigned long long)d->offset);
        return -1;
    }
    s->stats.tokens += n;
    return count_doc(s, d->text_len);
}

/* The ids of a document, each counted by itself. */
static int tally_ids(struct encoder *x, struct result *s, const struct doc *d, int thread, struct buf *out, struct err *e)
{
    struct tok_ids *ids = &x->printer[thread].ids;
    uint64_t *tally = x->tally[thread];
    (void)out;
    ids->n = 0;
    if (tok_encode(x->o->t, x->scratch[thread], d->text, d->text_len, flags_for(x, d), ids, e)) return -1;
    for (size_t i = 0; i < ids->n; i++) tally[ids->id[i]]++;
    s->stats.tokens += ids->n;
    return count_doc(s, d->text_len);
}

/* The document with a shorter text, in the form that it came in. */
static int shorten(struct encoder *x, struct result *s, const struct doc *d, int thread, struct buf *out,
                   struct err *e)
{
    static const char *const ends[] = {[DOC_SPLIT_FILE] = "", [DOC_SPLIT_PARAGRAPH] = "\n\n", [DOC_SPLIT_LINE] = "\n"};
    struct tok_short *c = &x->printer[thread].cut;
    struct tok_shorten how = x->o->shorten;
    how.flags = flags_for(x, d);
    if (tok_shorten(x->o->t, x->scratch[thread], d->text, d->text_len, &how, c, e)) return -1;
    const char *text = !c->cut ? d->text : c->text.len ? c->text.data : "";
    size_t n = c->cut ? c->text.len : d->text_len;
    if (d->line) {
        doc_emit(d, text, n, out);
    } else {
        buf_add(out, text, n);
        buf_adds(out, ends[x->docs.split]);
    }
    s->stats.tokens += c->tokens;
    s->stats.shortened += c->cut;
    s->stats.bytes_left += n;
    return count_doc(s, d->text_len);
}

static int encode_ids(struct encoder *x, struct result *s, const struct doc *d, int thread, struct buf *out,
                      struct err *e)
{
    struct tok_ids *ids = &x->printer[thread].ids;
    ids->n = 0;
    if (tok_encode(x->o->t, x->scratch[thread], d->text, d->text_len, flags_for(x, d), ids, e)) return -1;
    s->stats.tokens += ids->n;
    if (x->o->to == ENCODE_TEXT) {
        encode_print_ids(ids->id, ids->n, out);
    } else if (x->o->to == ENCODE_PIECES) {
        encode_print_pieces(x->o->t, ids->id, ids->n, out);
    } else if (shard_part_add(&s->part, &x->meta, ids->id, ids->n, d->text_len, e)) {
        e->code = ERR_INTERNAL; /* not the document's fault */
        return -1;
    }
    return sig_check(e) ? -1 : count_doc(s, d->text_len); /* what is printed may have ended early */
}

typedef int doc_fn(struct encoder *x, struct result *s, const struct doc *d, int thread, struct buf *out, struct err *e);
static doc_fn *doc_function(const struct encode_opts *o)
{
    bool fully = o->to == ENCODE_TABLE || o->to == ENCODE_JSON || o->pair_field || o->word_field || o->batch || (o->flags & TOK_WINDOWS);
    if (o->to == ENCODE_COUNT) return o->tally ? tally_ids : count_ids;
    if (o->to == ENCODE_SHORT) return shorten;
    return fully ? encode_fully : encode_ids;
}

static int encode_doc(struct encoder *x, struct result *s, const struct doc *d, int thread,
                      struct buf *out, struct err *e)
{
    struct err inner = {0};
    if (x->o->sampling) tok_sample_at(x->scratch[thread], (uint32_t)(d->file - x->o->files->v), d->offset);
    if (doc_function(x->o)(x, s, d, thread, out, &inner) == 0) return 0;
    if (inner.code == ERR_DATA) return bad_document(s, d, inner.msg, x->o->strict, e);
    *e = inner;
    return -1;
}

/* Each thread makes its own, beside the others. */
static int make_scratch(struct encoder *x, int thread, struct err *e)
{
    struct tok_scratch *s = x->scratch[thread];
    if (s) return 0;
    if (x->tally && !(x->tally[thread] = mem_zalloc((size_t)tok_vocab_size(x->o->t), sizeof **x->tally)))
        return err_oom(e, (size_t)tok_vocab_size(x->o->t) * sizeof **x->tally, "counts");
    if (!(s = tok_scratch_new(x->o->t, e))) return -1;
    tok_scratch_expect(s, doc_files_bytes(x->o->files) / (uint64_t)x->n_threads);
    if (x->o->sampling) tok_sample(s, x->o->sampling);
    x->scratch[thread] = s;
    if (!x->o->rooms) return 0;
    tok_scratch_take(s, x->o->rooms[thread]);
    x->o->rooms[thread] = NULL;
    return 0;
}

static int encode_block(void *arg, struct doc_slot *slot, int thread, struct err *e)
{
    struct encoder *x = arg;
    struct result *s = slot->user ? slot->user : mem_zalloc(1, sizeof *s);
    struct doc_iter *it = &x->iter[thread];
    struct doc d;
    enum doc_next next;
    if (!s) return err_oom(e, sizeof *s, "documents");
    slot->user = s;
    if (make_scratch(x, thread, e)) return -1;
    /* While other threads encode; nothing is written before this block is done. */
    if (x->shard && slot->block.seq == 0 && shard_meta_fill(&x->meta, x->o->t, e)) return -1;
    if (x->shard && shard_part_begin(&s->part, &x->meta, slot->block.data.len, e)) return -1;
    s->stats = (struct encode_stats){0};
    buf_clear(&s->items);
    doc_iter_start(it, &x->docs, &slot->block);
    while ((next = doc_iter_next(it, &d)) != DOC_END) {
        int ret = next == DOC_BAD ? bad_document(s, &d, it->reason, x->o->strict, e)
                                  : encode_doc(x, s, &d, thread, &slot->out[0], e);
        if (ret) return -1;
    }
    return buf_ok(&slot->out[0], e) || buf_ok(&s->items, e) ? -1 : 0;
}

static void drop_result(void *arg, struct doc_slot *slot)
{
    struct result *s = slot->user;
    (void)arg;
    if (!s) return;
    shard_part_free(&s->part);
    buf_free(&s->items);
    free(s);
    slot->user = NULL;
}

static void add_stats(struct encode_stats *to, const struct encode_stats *s)
{
    if (s->bad && to->bad == 0) to->first_bad = s->first_bad;
    to->bad += s->bad;
    to->documents += s->documents;
    to->bytes += s->bytes;
    to->tokens += s->tokens;
    to->pairs += s->pairs;
    to->shortened += s->shortened;
    to->bytes_left += s->bytes_left;
}

/* The parts of a text file are one document, which is bad when one of them is. */
static void whole_file(struct encoder *x)
{
    struct encode_stats *p = &x->parts;
    if (p->bad) *p = (struct encode_stats){.bad = 1, .first_bad = p->first_bad};
    else if (p->documents) {
        p->tokens -= (x->o->flags & TOK_TEMPLATE ? tok_around(x->o->t) : 0) * (p->documents - 1);
        p->documents = 1;
    }
    add_stats(x->stats, p);
    *p = (struct encode_stats){0};
}

static int block_done(void *arg, struct doc_slot *slot, int thread, struct err *e)
{
    struct encoder *x = arg;
    struct result *s = slot->user;
    int ret = 0;
    (void)thread;
    if (!slot->block.rest) whole_file(x);
    add_stats(in_parts(x, &slot->block) ? &x->parts : x->stats, &s->stats);
    if (x->batch) ret = encode_batch_add(x->batch, &slot->out[0], &s->items, x->file, e);
    else if (x->file && slot->out[0].len) ret = file_write(x->file, slot->out[0].data, slot->out[0].len, e);
    if (x->file && slot->out[0].len && ret == 0) ret = file_flush(x->file, e); /* who wrote a pipe waits for the answer */
    if (x->shard) ret = shard_add_part(x->shard, &s->part, e);
    if (s->part.tokens.cap > PART_KEPT) shard_part_free(&s->part);
    return ret;
}

static int start(struct encoder *x, struct err *e)
{
    x->n_threads = pool_threads(x->o->pool);
    x->scratch = mem_zalloc((size_t)x->n_threads, sizeof(struct tok_scratch *));
    x->iter = mem_zalloc((size_t)x->n_threads, sizeof *x->iter);
    x->printer = mem_zalloc((size_t)x->n_threads, sizeof *x->printer);
    if (x->o->tally) x->tally = mem_zalloc((size_t)x->n_threads, sizeof *x->tally);
    if (!x->scratch || !x->iter || !x->printer || (x->o->tally && !x->tally))
        return err_oom(e, (size_t)x->n_threads * sizeof *x->iter, "the encoder");
    return 0;
}

/* Once; what the threads have learned takes milliseconds to give back. */
static void stop(struct encoder *x)
{
    for (int i = 0; x->scratch && i < x->n_threads; i++) tok_scratch_free(x->scratch[i]);
    for (int i = 0; x->iter && i < x->n_threads; i++) doc_iter_free(&x->iter[i]);
    for (int i = 0; x->printer && i < x->n_threads; i++) {
        tok_ids_free(&x->printer[i].ids);
        tok_encoding_free(&x->printer[i].x);
        for (int k = 0; k < 2; k++) char_index_free(&x->printer[i].chars[k]);
        buf_free(&x->printer[i].second);
        for (int k = 0; k < 2; k++) encode_words_free(&x->printer[i].words[k]);
        tok_short_free(&x->printer[i].cut);
    }
    for (int i = 0; x->tally && i < x->n_threads; i++) free(x->tally[i]);
    free(x->tally);
    free(x->printer);
    free(x->scratch);
    free(x->iter);
    x->tally = NULL;
    x->printer = NULL;
    x->scratch = NULL;
    x->iter = NULL;
}

struct ending {
    struct encoder *x;
    struct err *e;
    int ret;
};

/* The file is on its way to the disk while the threads' memory is given back. */
static void end_slice(void *arg, int slice, int thread)
{
    struct ending *n = arg;
    struct encoder *x = n->x;
    (void)thread;
    if (slice == 1) stop(x);
    else if (x->shard) n->ret = shard_commit(x->shard, n->e);
    else if (x->file) n->ret = file_commit(x->file, n->e);
}

static void add_tallies(struct encoder *x)
{
    for (int i = 0; x->tally && i < x->n_threads; i++)
        for (int id = 0; x->tally[i] && id < tok_vocab_size(x->o->t); id++) x->o->tally[id] += x->tally[i][id];
}

static int run_all(struct encoder *x, struct err *e)
{
    struct doc_run_end end;
    struct doc_stage stage = {
        .files = x->o->files,
        .cfg = &x->docs,
        .pool = x->o->pool,
        .arg = x,
        .what = x->o->to == ENCODE_COUNT ? "count" : x->o->to == ENCODE_SHORT ? "truncate" : "encode",
        .work = encode_block,
        .read_once = true,
        .done = block_done,
        .drop = drop_result,
    };
    if (doc_run(&stage, &end, e)) return -1;
    whole_file(x);
    add_tallies(x);
    if (x->batch && encode_batch_end(x->batch, x->file, e)) return -1;
    if (end.n_damaged) {
        if (x->o->strict) return err_set(e, ERR_DATA, "%s", end.damaged);
        if (x->stats->bad++ == 0) err_set(&x->stats->first_bad, ERR_DATA, "%s", end.damaged);
    }
    if (x->stats->documents) return 0;
    if (x->stats->bad) return doc_json_none_good(x->stats->first_bad.msg, e);
    return x->o->to == ENCODE_SHARD ? err_set(e, ERR_DATA, "no documents in the input") : 0;
}

int encode_run(const struct encode_opts *o, struct encode_stats *stats, struct err *e)
{
    struct encoder x = {.o = o, .docs = o->docs, .stats = stats};
    int ret = -1;
    *stats = (struct encode_stats){0};
    x.docs.live = o->to != ENCODE_SHARD && o->to != ENCODE_COUNT && strcmp(o->out, "-") == 0; /* a file is there at the end only */
    if (o->to == ENCODE_COUNT && !o->tally && o->docs.split == DOC_SPLIT_FILE && tok_counts_parts(o->t)) {
        x.docs.cut = tok_may_cut;
        x.docs.cut_arg = o->t;
    }
    if (o->to == ENCODE_SHARD) x.docs.block_bytes = SHARD_BLOCK;
    if (start(&x, e)) goto out;
    if (o->to == ENCODE_SHARD) {
        if (shard_meta_begin(&x.meta, o->t, e)) goto out;
        if (!(x.shard = shard_create(o->out, &x.meta, e))) goto out;
    } else if (o->to != ENCODE_COUNT) {
        if (o->batch && !(x.batch = encode_batch_new(o, e))) goto out;
        if (!(x.file = file_create_again(o->out, e))) goto out;
    }
    if (run_all(&x, e)) goto out;
    struct ending end = {.x = &x, .e = e};
    pool_run(o->pool, 2, end_slice, &end);
    ret = end.ret;
    x.shard = NULL;
    x.file = NULL;
out:
    shard_abort(x.shard);
    file_abort(x.file);
    shard_meta_free(&x.meta);
    encode_batch_free(x.batch);
    stop(&x);
    return ret;
}
