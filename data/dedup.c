#include "data/dedup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "data/dedup_internal.h"
#include "data/dedup_parts.h"
#include "data/dedup_substring.h"
#include "data/doc_spool.h"

/* With --near; when ids are asked for; with --save-index; with an HTML report.  PARTS, of
 * lines, paragraphs, n-grams, and STRINGS have none of the others but PAGE. */
enum when { ALWAYS, NEAR, NAMES, INDEX, TEXTS, PARTS, STRINGS, PAGE };

static const struct phase {
    const char *name;
    dedup_phase_fn *run;
    enum when when;
} phases[] = {
    {"sign", dedup_sign, ALWAYS},     {"exact", dedup_equal, ALWAYS},
    {"bands", dedup_bands, NEAR},     {"pairs", dedup_pairs, NEAR},
    {"sets", dedup_sets, NEAR},       {"verify", dedup_verify, NEAR},
    {"choose", dedup_choose, ALWAYS}, {"names", dedup_names, NAMES},
    {"index", dindex_collect, INDEX}, {"write", dedup_write, ALWAYS},
    {"join", dindex_join, INDEX},     {"sign", dedup_parts_sign, PARTS},
    {"choose", dedup_parts_choose, PARTS}, {"write", dedup_parts_write, PARTS},
    {"sign", dedup_strings_sign, STRINGS}, {"choose", dedup_strings_choose, STRINGS},
    {"write", dedup_strings_write, STRINGS},
    {"texts", dedup_texts, TEXTS},    {"report", dedup_report, PAGE},
};

const char *dedup_phase_unknown(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(phases); i++)
        if (strcmp(phases[i].name, name) == 0) return NULL;
    return "sign, exact, bands, pairs, sets, verify, choose, names, index, write, join, texts, report";
}

static bool takes_part(const struct dedup_cfg *cfg, const struct phase *p)
{
    if (p->when == PAGE) return cfg->html;
    enum when own = cfg->unit == DEDUP_DOCS ? ALWAYS : cfg->unit == DEDUP_SUBSTRINGS ? STRINGS : PARTS;
    if (own != ALWAYS || p->when == PARTS || p->when == STRINGS) return p->when == own;
    switch (p->when) {
    case NEAR:
        return cfg->near;
    case NAMES:
        return cfg->removed || cfg->annotate || cfg->clusters;
    case INDEX:
        return cfg->save_index;
    case TEXTS:
        return cfg->html;
    default:
        return true;
    }
}

int dedup_shard_of(const struct dedup *d, uint64_t doc)
{
    int lo = 0, hi = d->cfg->shards;
    while (lo + 1 < hi) {
        int mid = (lo + hi) / 2;
        if (d->shard_lo[mid] <= doc)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

uint64_t dedup_stamp(const struct dedup_cfg *cfg)
{
    uint64_t h = 0;
    for (size_t i = 0; i < cfg->files->n; i++) {
        struct stat st = {0};
        if (cfg->files->v[i].spool) continue; /* a copy of our own */
        (void)stat(cfg->files->v[i].path, &st);
        int64_t v[3] = {(int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
        h = hash64_seed(v, sizeof v, h);
    }
    return h;
}

/* What a work directory is for: everything that the result depends on. */
static int make_print(const struct dedup_cfg *c, struct buf *b, struct err *e)
{
    buf_printf(b,
               "{\"format\":1,\"exact\":%d,\"near\":%d,\"minhash\":\"%dx%dx%d\",\"verify\":%.17g,"
               "\"keep\":%d,\"annotate\":%d,\"shards\":%d,\"names\":%d,\"clusters\":%d,\"save\":%d,"
               "\"unit\":%d,\"ngram\":\"%d:%.17g\",\"bloom\":%zu,\"min_words\":%d,\"substring\":%zu,\"html\":%d,"
               "\"text_field\":",
               (int)c->exact, c->near, c->width, c->bands, c->rows, c->verify, (int)c->keep,
               c->annotate, c->shards, c->removed != NULL, c->clusters != NULL,
               c->save_index != NULL, (int)c->unit, c->ngram, c->share, c->bloom, c->min_words,
               c->substring, c->html != NULL);
    const char *field = c->docs.text_field ? c->docs.text_field : "text";
    const char *best = c->docs.extra[0] ? c->docs.extra[0] : "";
    const char *source = c->docs.extra[DEDUP_SOURCE] ? c->docs.extra[DEDUP_SOURCE] : "";
    const char *old = c->against ? c->against : "";
    buf_adds_json(b, field);
    buf_printf(b, ",\"format_of_input\":%d,\"split\":%d,\"max_line\":%zu,\"best\":",
               (int)c->docs.format, (int)c->docs.split, c->docs.max_line);
    buf_adds_json(b, best);
    buf_adds(b, ",\"source\":");
    buf_adds_json(b, source);
    buf_adds(b, ",\"against\":");
    buf_adds_json(b, old);
    buf_adds(b, ",\"files\":[");
    for (size_t i = 0; i < c->files->n; i++) {
        const struct doc_file *f = &c->files->v[i];
        struct stat st = {0};
        (void)stat(f->path, &st);
        buf_adds(b, i ? ",[" : "[");
        buf_adds_json(b, f->name);
        buf_printf(b, ",%lld,%lld.%09ld]", (long long)f->bytes, (long long)st.st_mtim.tv_sec,
                   st.st_mtim.tv_nsec);
    }
    buf_adds(b, "]}\n");
    return buf_ok(b, e);
}

/* ---- the phases, one after another ---- */

/* 0: all shards are done with it; -1: not (with a phase of our own asked for),
 * or stopped. */
static int wait_for(struct dedup *d, const struct phase *p, struct err *e)
{
    bool told = false;
    for (int i = 0; i < d->cfg->shards;) {
        struct dedup_stats ignored;
        int got = dstore_marked(&d->store, p->name, i, &ignored, e);
        if (got < 0) return -1;
        if (got) {
            i++;
            continue;
        }
        if (d->cfg->phase) {
            err_set(e, ERR_NOINPUT, "phase '%s' of shard %d is not done", p->name, i);
            return err_hint(e, "run it first: --shard %d/%d --phase %s", i, d->cfg->shards, p->name);
        }
        if (!told) log_info("dedup: waiting for shard %d (%s)", i, p->name);
        told = true;
        if (sig_check(e)) return -1;
        usleep(100000);
    }
    return 0;
}

/* Counts of a phase are kept with its mark and added up. */
static void add_stats(struct dedup_stats *to, const struct dedup_stats *from)
{
    static const size_t sums[] = {
        offsetof(struct dedup_stats, docs_in),    offsetof(struct dedup_stats, docs_out),
        offsetof(struct dedup_stats, docs_exact), offsetof(struct dedup_stats, docs_near),
        offsetof(struct dedup_stats, docs_bad),   offsetof(struct dedup_stats, docs_old),
        offsetof(struct dedup_stats, bytes_in),   offsetof(struct dedup_stats, bytes_out),
        offsetof(struct dedup_stats, candidates), offsetof(struct dedup_stats, confirmed),
        offsetof(struct dedup_stats, clusters),   offsetof(struct dedup_stats, parts_in),
        offsetof(struct dedup_stats, parts_out),  offsetof(struct dedup_stats, docs_changed),
        offsetof(struct dedup_stats, docs_unranked)};
    for (size_t i = 0; i < COUNT_OF(sums); i++)
        *(uint64_t *)(void *)((char *)to + sums[i]) +=
            *(const uint64_t *)(const void *)((const char *)from + sums[i]);
    if (from->largest > to->largest) to->largest = from->largest;
    if (!to->first_bad[0]) memcpy(to->first_bad, from->first_bad, sizeof to->first_bad);
    if (from->n_damaged > to->n_damaged) {
        to->n_damaged = from->n_damaged;
        memcpy(to->damaged, from->damaged, sizeof to->damaged);
    }
}

int dedup_total(const struct dedup *d, struct dedup_stats *all, struct err *e)
{
    *all = *d->before;
    if (!d->store.dir) return 0;
    *all = (struct dedup_stats){0};
    for (size_t i = 0; i < COUNT_OF(phases); i++)
        for (int k = 0; k < d->cfg->shards && takes_part(d->cfg, &phases[i]); k++) {
            struct dedup_stats s;
            int got = dstore_marked(&d->store, phases[i].name, k, &s, e);
            if (got < 0) return -1;
            if (got) add_stats(all, &s);
        }
    return 0;
}

static int one_phase(struct dedup *d, const struct phase *p, struct dedup_stats *all, struct err *e)
{
    struct dedup_stats s = {0};
    int got = dstore_marked(&d->store, p->name, d->cfg->shard, &s, e);
    if (got < 0) return -1;
    if (!got) {
        d->stats = &s;
        d->before = all;
        if (p->run(d, e) || dstore_mark(&d->store, p->name, &s, e)) {
            if (e->code == ERR_STOPPED && d->store.dir)
                err_hint(e, "what is done is in '%s'; the same command goes on", d->store.dir);
            return -1;
        }
    }
    add_stats(all, &s);
    return 0;
}

static int all_phases(struct dedup *d, struct dedup_stats *s, struct err *e)
{
    const struct phase *before = NULL;
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        const struct phase *p = &phases[i];
        if (!takes_part(d->cfg, p)) continue;
        bool ours = !d->cfg->phase || strcmp(d->cfg->phase, p->name) == 0;
        if (ours) {
            if (before && d->store.dir && wait_for(d, before, e)) return -1;
            if (one_phase(d, p, s, e)) return -1;
            if (d->cfg->phase) return 0;
        }
        before = p;
    }
    return 0;
}

static int start(struct dedup *d, struct err *e)
{
    const struct dedup_cfg *cfg = d->cfg;
    bool lines = cfg->docs.split == DOC_SPLIT_LINE;
    if (cfg->files->n >> DOC_FILE_BITS)
        return err_set(e, ERR_DATA, "more than %d files in one run are not supported yet", 1 << DOC_FILE_BITS);
    d->n_workers = pool_threads(cfg->pool);
    d->stamp = dedup_stamp(cfg);
    d->workers = mem_zalloc((size_t)d->n_workers, sizeof *d->workers);
    d->shard_lo = mem_zalloc((size_t)cfg->shards + 1, sizeof *d->shard_lo);
    if (!d->workers || !d->shard_lo) return err_oom(e, sizeof *d->workers, "the workers");
    for (int i = 0; i <= cfg->shards; i++) {
        struct doc_files part;
        if (i == 0) continue; /* from 0 on: documents of an index too */
        d->shard_lo[i] = UINT64_MAX;
        if (i == cfg->shards) break;
        int ret = doc_files_part(cfg->files, i, cfg->shards, lines, &part, e);
        for (size_t k = 0; !ret && k < part.n && d->shard_lo[i] == UINT64_MAX; k++)
            if (!part.v[k].skip)
                d->shard_lo[i] = DOC_NEW | (uint64_t)k << DOC_OFFSET_BITS | part.v[k].from;
        free(part.v);
        if (ret) return -1;
    }
    for (int i = cfg->shards - 1; i > 0; i--) /* a shard without documents */
        if (d->shard_lo[i] == UINT64_MAX) d->shard_lo[i] = d->shard_lo[i + 1];
    d->lo = d->shard_lo[cfg->shard];
    d->hi = d->shard_lo[cfg->shard + 1];
    return doc_files_part(cfg->files, cfg->shard, cfg->shards, lines, &d->part, e);
}

static void finish(struct dedup *d)
{
    for (int i = 0; i < d->n_workers && d->workers; i++) {
        doc_iter_free(&d->workers[i].it);
        shingles_free(&d->workers[i].sh);
        buf_free(&d->workers[i].a);
        buf_free(&d->workers[i].b);
        dsources_free(&d->workers[i].sources);
    }
    free(d->workers);
    free(d->shard_lo);
    free(d->part.v);
    dstore_close(&d->store);
    dindex_free(d->old);
}

/* Nothing that needs more than one look at the documents. */
static bool once_is_enough(const struct dedup_cfg *c)
{
    return c->unit == DEDUP_DOCS && c->exact == DEDUP_TEXT && !c->near && c->keep == DEDUP_FIRST && !c->removed &&
           !c->annotate && !c->clusters && !c->html && !c->against && !c->save_index && !c->workdir;
}

/* Lines of stdin of which some go, and that is all: the copy of it becomes the output. */
static bool copy_may_stay(const struct dedup_cfg *c)
{
    return c->files->n == 1 && c->out && strcmp(c->out, "-") != 0 && doc_packing_of(c->out) == DOC_PLAIN &&
           !c->annotate && !c->html && !c->save_index && !c->workdir;
}

static int run_phases(const struct dedup_cfg *cfg, struct doc_spool *spool, struct dedup_stats *s, struct err *e)
{
    struct dedup d = {.cfg = cfg, .stats = s, .spool = spool};
    struct buf print = {0};
    if (cfg->near) minhash_init(&d.minhash, cfg->bands, cfg->rows, 1);
    int ret = make_print(cfg, &print, e);
    if (!ret) ret = dstore_open(&d.store, cfg, print.data, e);
    if (!ret && cfg->against && !(d.old = dindex_open(cfg, e))) ret = -1;
    if (!ret) ret = start(&d, e);
    if (!ret) ret = all_phases(&d, s, e);
    if (!ret && !cfg->phase &&
        s->docs_in != s->docs_out + s->docs_exact + s->docs_near + s->docs_bad)
        ret = err_set(e, ERR_INTERNAL, "documents do not add up");
    finish(&d);
    buf_free(&print);
    return ret;
}

int dedup_run(const struct dedup_cfg *cfg, struct dedup_stats *s, struct err *e)
{
    struct doc_spool spool = {.fd = -1};
    *s = (struct dedup_stats){0};
    if (cfg->unit != DEDUP_DOCS && !cfg->workdir) {
        int done = cfg->unit == DEDUP_SUBSTRINGS ? dedup_substrings(cfg, s, e) : dedup_parts(cfg, s, e);
        return done || !cfg->html ? done : dedup_write_page(cfg, s, NULL, e);
    }
    bool again = !cfg->out || strcmp(cfg->out, "-") != 0, full = false;
    for (size_t i = 0; i < cfg->files->n; i++) {
        if (!doc_spool_only_once(&cfg->files->v[i])) continue;
        again = false;
        if (cfg->workdir)
            return err_set(e, ERR_USAGE, "--workdir and --shard need files; %s cannot be read again", cfg->files->v[i].name);
    }
    if (once_is_enough(cfg)) {
        int once = dedup_once(cfg, s, &full, e);
        if (!full || !again) return once;
        *s = (struct dedup_stats){0}; /* the phases need no table */
    }
    if (copy_may_stay(cfg)) spool.out = cfg->out;
    int ret = doc_spool_stdin(cfg->files, &spool, e);
    if (!ret) ret = run_phases(cfg, &spool, s, e);
    doc_spool_close(&spool);
    return ret;
}

void dedup_report_json(const struct dedup_cfg *cfg, const struct dedup_stats *s, struct buf *out)
{
    static const char *const exact[] = {"none", "text", "norm"};
    static const char *const keep[] = {"first", "longest", "best", "none"};
    static const char *const unit[] = {"documents", "lines", "paragraphs", "ngrams", "substrings"};
    typedef unsigned long long u;
    buf_printf(out,
               "{\"documents\":{\"in\":%llu,\"out\":%llu,\"exact\":%llu,\"near\":%llu,"
               "\"quarantined\":%llu},"
               "\"text_bytes\":{\"in\":%llu,\"out\":%llu},\"exact\":\"%s\",\"keep\":\"%s\","
               "\"damaged_files\":%llu",
               (u)s->docs_in, (u)s->docs_out, (u)s->docs_exact, (u)s->docs_near, (u)s->docs_bad,
               (u)s->bytes_in, (u)s->bytes_out, exact[cfg->exact], keep[cfg->keep], (u)s->n_damaged);
    if (cfg->near)
        buf_printf(out,
                   ",\"near\":{\"words\":%d,\"bands\":%d,\"rows\":%d,\"verify\":%.17g,"
                   "\"candidates\":%llu,\"confirmed\":%llu}",
                   cfg->width, cfg->bands, cfg->rows, cfg->verify, (u)s->candidates,
                   (u)s->confirmed);
    if (cfg->against) buf_printf(out, ",\"against\":{\"removed\":%llu}", (u)s->docs_old);
    if (cfg->clusters)
        buf_printf(out, ",\"clusters\":{\"count\":%llu,\"largest\":%llu}", (u)s->clusters,
                   (u)s->largest);
    if (cfg->unit != DEDUP_DOCS)
        buf_printf(out, ",\"by\":\"%s\",\"parts\":{\"in\":%llu,\"out\":%llu},\"changed\":%llu",
                   unit[cfg->unit], (u)s->parts_in, (u)s->parts_out, (u)s->docs_changed);
    if (cfg->shards > 1) buf_printf(out, ",\"shard\":%d,\"shards\":%d", cfg->shard, cfg->shards);
    buf_adds(out, "}\n");
}
