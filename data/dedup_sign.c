/* The first phase: each document's identity and the keys of its bands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dedup_internal.h"

struct tally { /* of one block, kept in its scratch buffer */
    uint64_t docs, bad, bytes, unranked;
    uint64_t block[6]; /* of D_BLOCK */
    char first_bad[256];
};

/* Larger numbers get smaller ranks from RANK_NEW on (the last bit of a double is
 * lost); what is no number comes last. */
static uint64_t rank_of_number(const char *json, size_t n)
{
    char text[64];
    char *end;
    if (!json || !n || n >= sizeof text) return UINT64_MAX;
    memcpy(text, json, n);
    text[n] = '\0';
    double x = strtod(text, &end);
    if (end == text || *end || x != x) return UINT64_MAX;
    union {
        double f;
        uint64_t u;
    } v = {.f = x + 0.0}; /* -0 is 0 */
    uint64_t up = v.u >> 63 ? ~v.u : v.u | (uint64_t)1 << 63; /* grows with x */
    uint64_t rank = UINT64_MAX - (up >> 1);
    return rank < RANK_NEW + 1 ? RANK_NEW : rank - 1;
}

uint64_t dedup_rank(const struct dedup *d, const struct doc *doc)
{
    if (d->cfg->keep == DEDUP_LONGEST) return UINT64_MAX - doc->text_len;
    if (d->cfg->keep == DEDUP_BEST) return rank_of_number(doc->extra[0], doc->extra_len[0]);
    return RANK_NEW;
}

static int sign_doc(struct dedup *d, struct dedup_worker *w, const struct doc *doc,
                    struct doc_slot *s, struct err *e)
{
    const struct dedup_cfg *cfg = d->cfg;
    uint64_t number = dedup_doc_number(d, doc->file, doc->offset);
    bool words = cfg->near || cfg->exact == DEDUP_NORM;
    if (doc->offset >> DOC_OFFSET_BITS)
        return err_set(e, ERR_DATA, "'%s' is longer than 4 TB; split it", doc->file->name);
    if (words && shingles_words(&w->sh, doc->text, doc->text_len, e)) return -1;
    struct hash128 id = cfg->exact == DEDUP_NORM
                            ? shingles_identity(&w->sh, doc->text, doc->text_len)
                            : hash128(doc->text, doc->text_len);
    uint64_t rec[4] = {id.hi, id.lo, dedup_rank(d, doc), number};
    buf_add(&s->out[0], rec, sizeof rec);
    if (!cfg->near && !cfg->save_index) return 0;
    uint64_t sig[3 + MINHASH_MAX_BANDS] = {number, id.hi, id.lo};
    if (cfg->near) {
        if (shingles_make(&w->sh, cfg->width, e)) return -1;
        if (w->sh.n)
            minhash_keys(&d->minhash, w->sh.v, w->sh.n, sig + 3);
        else /* no words: takes no part */
            memset(sig + 3, 0, (size_t)cfg->bands * 8);
    }
    buf_add(&s->out[1], sig, (size_t)(3 + (cfg->near ? cfg->bands : 0)) * 8);
    return 0;
}

static int sign_work(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct dedup_worker *w = &d->workers[thread];
    struct tally t = {0};
    struct doc doc;
    enum doc_next next;
    size_t at = 0; /* behind the lines so far */
    doc_iter_start(&w->it, &d->cfg->docs, &s->block);
    while ((next = doc_iter_next(&w->it, &doc)) != DOC_END) {
        if (next == DOC_BAD) {
            if (t.bad++ == 0)
                snprintf(t.first_bad, sizeof t.first_bad, "%s:%llu: %s", doc.file->name,
                         (unsigned long long)doc.line_no, w->it.reason);
            continue;
        }
        t.docs++;
        t.bytes += doc.text_len;
        if (doc.line == s->block.data.data + at) at += doc.line_len + 1;
        t.unranked += d->cfg->keep == DEDUP_BEST && dedup_rank(d, &doc) == UINT64_MAX;
        if (sign_doc(d, w, &doc, s, e)) return -1;
    }
    bool lines = t.docs && at == s->block.data.len, plain = s->block.format == DOC_JSONL && !s->block.bad;
    uint64_t block[6] = {dedup_doc_number(d, s->block.file, s->block.offset), s->block.data.len, t.docs, t.bytes,
                         s->block.line_no, (lines ? BLOCK_LINES : 0u) | (plain ? BLOCK_PLAIN : 0u)};
    memcpy(t.block, block, sizeof block);
    buf_clear(&s->scratch);
    buf_add(&s->scratch, &t, sizeof t);
    return buf_ok(&s->out[0], e) || buf_ok(&s->out[1], e) || buf_ok(&s->scratch, e) ? -1 : 0;
}

static int sign_done(void *arg, struct doc_slot *s, int thread, struct err *e)
{
    struct dedup *d = arg;
    struct tally t;
    (void)thread;
    memcpy(&t, s->scratch.data, sizeof t);
    d->stats->docs_in += t.docs + t.bad;
    d->stats->bytes_in += t.bytes;
    d->stats->docs_unranked += t.unranked;
    if (!d->stats->docs_bad && t.bad) memcpy(d->stats->first_bad, t.first_bad, sizeof t.first_bad);
    d->stats->docs_bad += t.bad;
    if (dsort_add(&d->store.sort[D_BLOCK], t.block, 1, e)) return -1;
    struct dsort *sig = &d->store.sort[D_SIG];
    return dsort_add(&d->store.sort[D_ID], (const uint64_t *)(const void *)s->out[0].data,
                     s->out[0].len / 32, e) ||
                   (s->out[1].len &&
                    dsort_add(sig, (const uint64_t *)(const void *)s->out[1].data,
                              s->out[1].len / ((size_t)sig->words * 8), e))
               ? -1
               : 0;
}

int dedup_sign(struct dedup *d, struct err *e)
{
    dstore_new(&d->store, D_ID);
    dstore_new(&d->store, D_BLOCK);
    struct dsort *sig = dstore_new(&d->store, D_SIG);
    int words = 3 + (d->cfg->near ? d->cfg->bands : 0);
    dsort_init(sig, words, d->store.mem, d->store.dir);
    return dedup_pass(d, "hash", sign_work, NULL, NULL, sign_done, e) ||
                   dstore_put(&d->store, D_ID, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_BLOCK, d->cfg->pool, e) ||
                   dstore_put(&d->store, D_SIG, d->cfg->pool, e)
               ? -1
               : 0;
}
