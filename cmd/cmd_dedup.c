#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/docs_opts.h"
#include "cmd/shard_opts.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "data/dedup.h"
#include "data/minhash.h"

struct dedup_opts {
    struct opt_common common;
    struct docs_in_opts in;
    const char *out, *removed, *quarantine, *report, *html, *source, *clusters, *minhash, *keep, *against, *save_index;
    const char *workdir, *shard, *phase;
    int exact;
    const char *ngram;
    int unit_parts;
    int64_t mem, words, bands, rows, min_words, substring, bloom;
    double verify;
    bool near, no_verify, annotate, dry_run;
};

static const struct opt opts[] = {
#define C struct dedup_opts
    OPT_GROUP("Output"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Where kept documents go; .gz and .zst are packed"),
    OPT_STR(0, "removed", C, removed, "FILE", NULL,
            "Also write removed documents, each with the id of its duplicate"),
    OPT_BOOL(0, "annotate", C, annotate, NULL,
             "Remove nothing; add duplicate_of, duplicate, similarity to what would go"),
    OPT_STR(0, "clusters", C, clusters, "FILE", NULL, "Write who belongs together, a cluster a line"),
    OPT_STR(0, "quarantine", C, quarantine, "FILE", NULL, "Write records that are no documents: file, line, reason"),
    OPT_STR(0, "report", C, report, "FILE", NULL, "Write the counts as JSON"),
    OPT_STR(0, "report-html", C, html, "FILE", NULL, "Write a page with counts, similarities, clusters and examples"),
    OPT_STR(0, "source-field", C, source, "NAME", "source", "JSONL: the member to group by in --report-html"),
    OPT_BOOL('n', "dry-run", C, dry_run, NULL, "Only count; write no documents"),
    OPT_GROUP("Duplicates"),
    OPT_ENUM(0, "exact", C, exact, "auto|none|text|norm", "auto",
             "Equal texts, or equal words (norm); auto: norm with --near, else text"),
    OPT_BOOL(0, "near", C, near, NULL, "Also similar texts, by MinHash"),
    OPT_STR(0, "minhash", C, minhash, "WxBxR", "5x24x6",
            "Words a shingle, bands, rows a band; or a name of those below"),
    OPT_INT(0, "words", C, words, "N", "0", 0, 100, "Words a shingle instead of --minhash's"),
    OPT_INT(0, "bands", C, bands, "N", "0", 0, MINHASH_MAX_BANDS, "Bands instead of --minhash's"),
    OPT_INT(0, "rows", C, rows, "N", "0", 0, MINHASH_MAX, "Rows a band instead of --minhash's"),
    OPT_F64(0, "verify", C, verify, "X", "0.5", 0, 1, "Least true Jaccard similarity of a pair"),
    OPT_BOOL(0, "no-verify", C, no_verify, NULL, "Trust every candidate pair"),
    OPT_STR(0, "keep", C, keep, "WHICH", "first", "Which of a group stays: first, longest, best:FIELD, none"),
    OPT_GROUP("Parts of documents, instead of whole ones"),
    OPT_ENUM(0, "parts", C, unit_parts, "none|line|paragraph", "none", "Lines or paragraphs whose words came before go"),
    OPT_INT(0, "min-words", C, min_words, "N", "3", 1, 1000, "Shorter lines and paragraphs always stay"),
    OPT_STR(0, "ngram", C, ngram, "N:SHARE", NULL, "Lines and documents go whose n-grams came before, as 13:0.8"),
    OPT_SIZE(0, "bloom", C, bloom, "SIZE", "0", 0, 1.0e13, "Remember parts in a Bloom filter; 0: exactly"),
    OPT_SIZE(0, "substring", C, substring, "N", "0", 0, 1.0e9,
             "Cut out repeated stretches of N bytes or more, but the first"),
    OPT_GROUP("Against others"),
    OPT_STR(0, "against", C, against, "FILE", NULL, "Also remove what an index of --save-index has"),
    OPT_STR(0, "save-index", C, save_index, "FILE", NULL, "Write an index of what stays (and of --against's)"),
    OPT_GROUP("Size"),
    OPT_SIZE(0, "mem", C, mem, "SIZE", "0", 0, 1.0e15,
             "Memory for tables and sorting, the rest goes to disk; 0: half of all"),
    OPT_STR(0, "workdir", C, workdir, "DIR", NULL, "Keep what is done there; the same command goes on"),
    OPT_STR(0, "shard", C, shard, "I/N", NULL, "Do part I (from 0) of N; auto: as mpirun, srun or a Slurm array say"),
    OPT_STR(0, "phase", C, phase, "NAME", NULL, "Only this phase of the shard, without waiting for others"),
    OPT_DOCS_IN(C, in),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

/* What others use, from their code or papers; NeMo's shingles are 24 characters,
 * which is about five words. */
static const struct {
    const char *name;
    int width, bands, rows;
    double verify;
} presets[] = {
    {"datatrove", 5, 14, 8, 0.5}, {"slimpajama", 13, 9, 13, 0.8}, {"refinedweb", 5, 450, 20, 0.8},
    {"nemo", 5, 20, 13, 0.8},     {"olmo", 5, 26, 11, 0.8},
};

static int parse_minhash(const struct dedup_opts *o, bool verify_set, struct dedup_cfg *cfg, struct err *e)
{
    int n = 0;
    const char *s = o->minhash;
    bool named = false;
    for (size_t i = 0; i < COUNT_OF(presets); i++) {
        if (strcmp(s, presets[i].name) != 0) continue;
        named = true;
        cfg->width = presets[i].width;
        cfg->bands = presets[i].bands;
        cfg->rows = presets[i].rows;
        if (!verify_set) cfg->verify = presets[i].verify;
    }
    if (!named && (strspn(s, "0123456789x") != strlen(s) || strlen(s) > 15 ||
                   sscanf(s, "%dx%dx%d%n", &cfg->width, &cfg->bands, &cfg->rows, &n) != 3 || s[n]))
        return err_set(e, ERR_USAGE,
                       "--minhash '%s': want WORDSxBANDSxROWS like 5x14x8, or datatrove, slimpajama, refinedweb, "
                       "nemo, olmo",
                       s);
    if (o->words) cfg->width = (int)o->words;
    if (o->bands) cfg->bands = (int)o->bands;
    if (o->rows) cfg->rows = (int)o->rows;
    if (cfg->width < 1 || cfg->width > 100 || cfg->bands < 1 || cfg->bands > MINHASH_MAX_BANDS || cfg->rows < 1 ||
        cfg->rows > MINHASH_MAX || cfg->bands * cfg->rows > MINHASH_MAX)
        return err_set(e, ERR_USAGE, "--minhash %dx%dx%d: words up to 100, bands up to %d, bands times rows up to %d",
                       cfg->width, cfg->bands, cfg->rows, MINHASH_MAX_BANDS, MINHASH_MAX);
    if (o->no_verify) cfg->verify = 0;
    return 0;
}

static int parse_keep(const char *s, struct dedup_cfg *cfg, struct err *e)
{
    static const char *const names[] = {"first", "longest", "best:", "none"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        bool best = i == DEDUP_BEST;
        if (best ? strncmp(s, names[i], 5) != 0 || !s[5] : strcmp(s, names[i]) != 0) continue;
        cfg->keep = (enum dedup_keep)i;
        if (best) cfg->docs.extra[0] = s + 5;
        return 0;
    }
    return err_set(e, ERR_USAGE, "--keep '%s': want first, longest, best:FIELD (a number, larger is better) or none", s);
}

/* What is looked at if it is not documents. */
static int parse_unit(const struct dedup_opts *o, struct dedup_cfg *cfg, struct err *e)
{
    int n = 0, asked = (o->unit_parts > 0) + (o->ngram != NULL) + (o->substring > 0);
    if (!asked) return o->bloom ? err_set(e, ERR_USAGE, "--bloom goes with --parts or --ngram") : 0;
    if (asked > 1 || o->near || o->exact != 0)
        return err_set(e, ERR_USAGE, "--parts, --ngram, --substring and --exact or --near: one at a time; use a pipe");
    if (o->annotate || o->clusters || o->against || o->save_index || strcmp(o->keep, "first") != 0)
        return err_set(e, ERR_USAGE, "--parts, --ngram and --substring know no --annotate, --clusters, --keep, "
                                     "--against, --save-index");
    cfg->bloom = (size_t)o->bloom;
    cfg->min_words = (int)o->min_words;
    cfg->substring = (size_t)o->substring;
    cfg->unit = o->substring ? DEDUP_SUBSTRINGS : o->unit_parts == 1 ? DEDUP_LINES : DEDUP_PARAGRAPHS;
    if (o->substring && o->substring < 10)
        return err_set(e, ERR_USAGE, "--substring %lld: want 10 bytes or more", (long long)o->substring);
    if (!o->ngram) return 0;
    cfg->unit = DEDUP_NGRAMS;
    if (sscanf(o->ngram, "%d:%lf%n", &cfg->ngram, &cfg->share, &n) != 2 || o->ngram[n] || cfg->ngram < 1 ||
        cfg->ngram > 100 || !(cfg->share >= 0 && cfg->share <= 1))
        return err_set(e, ERR_USAGE, "--ngram '%s': want WORDS:SHARE like 13:0.8", o->ngram);
    return 0;
}

static int parse_shard(const struct dedup_opts *o, struct dedup_cfg *cfg, struct err *e)
{
    cfg->shards = 1;
    if (o->phase) {
        const char *known = dedup_phase_unknown(o->phase);
        if (known) return err_set(e, ERR_USAGE, "--phase '%s': there are %s", o->phase, known);
        if (!o->workdir) return err_set(e, ERR_USAGE, "--phase needs --workdir DIR");
    }
    if (!o->shard) return 0;
    if (shard_parse(o->shard, &cfg->shard, &cfg->shards, e)) return -1;
    if (!o->workdir) return err_set(e, ERR_USAGE, "--shard needs --workdir DIR, the same for all shards");
    return shard_check_out(cfg->shards, o->out, o->dry_run, e);
}

static void talk(const struct dedup_cfg *cfg, const struct dedup_stats *s, double seconds)
{
    typedef unsigned long long u;
    if (cfg->near)
        log_info("  %llu candidate pairs, %llu at least %g similar", (u)s->candidates, (u)s->confirmed, cfg->verify);
    if (cfg->against) log_info("  %llu of those removed match '%s'", (u)s->docs_old, cfg->against);
    if (cfg->clusters) log_info("  %llu clusters, the largest of %llu documents", (u)s->clusters, (u)s->largest);
    if (cfg->phase)
        log_info("phase '%s' of shard %d/%d is done", cfg->phase, cfg->shard, cfg->shards);
    else
        log_info("in %llu = out %llu + removed %llu (exact %llu, near %llu) + quarantined %llu; %.1f MB of text, "
                 "%.1f MB kept%s",
                 (u)s->docs_in, (u)s->docs_out, (u)(s->docs_exact + s->docs_near), (u)s->docs_exact, (u)s->docs_near,
                 (u)s->docs_bad, (double)s->bytes_in / 1e6, (double)s->bytes_out / 1e6,
                 log_rate(s->bytes_in, seconds).text);
    if (cfg->unit == DEDUP_SUBSTRINGS)
        log_info("  %llu repeated stretches cut out; %llu documents changed", (u)s->parts_in, (u)s->docs_changed);
    else if (cfg->unit != DEDUP_DOCS)
        log_info("  %llu lines or paragraphs, %llu stay; %llu documents changed", (u)s->parts_in, (u)s->parts_out,
                 (u)s->docs_changed);
    if (cfg->annotate && !cfg->phase)
        log_info("  --annotate: what counts as removed is written, with what it is a duplicate of");
    if (s->docs_unranked)
        log_warn("%llu documents have no number in '%s'; one that has is preferred to them", (u)s->docs_unranked,
                 cfg->docs.extra[0]);
    if (s->docs_bad)
        log_warn("%llu records are no documents, first %s%s", (u)s->docs_bad, s->first_bad,
                 cfg->quarantine ? "" : "; --quarantine FILE keeps them");
}

static struct docs_outputs outputs(const struct dedup_opts *o)
{
    return (struct docs_outputs){o->out, o->removed, o->quarantine, o->report, o->dry_run, o->common.json};
}

static int dedup(const struct dedup_opts *o, struct dedup_cfg *cfg, struct err *e)
{
    struct dedup_stats s;
    double start = time_now_s();
    cfg->pool = pool_new((int)o->common.threads, e);
    if (!cfg->pool) return -1;
    int ret = dedup_run(cfg, &s, e);
    pool_free(cfg->pool);
    if (ret) return -1;
    talk(cfg, &s, time_now_s() - start);
    struct docs_outputs to = outputs(o);
    struct buf b = {0};
    dedup_report_json(cfg, &s, &b);
    if (docs_outputs_report(&to, &b, e)) return -1;
    if (s.n_damaged)
        return err_set(e, ERR_DATA, "%s%s; what could be read was processed: %llu documents", s.damaged,
                       s.n_damaged > 1 ? " (and other files)" : "", (unsigned long long)s.docs_in);
    return 0;
}

static int configure(const struct dedup_opts *o, bool verify_set, struct dedup_cfg *cfg, struct err *e)
{
    struct docs_outputs to = outputs(o);
    if (parse_minhash(o, verify_set, cfg, e) || parse_keep(o->keep, cfg, e) || parse_shard(o, cfg, e) ||
        parse_unit(o, cfg, e) || docs_outputs_check(&to, e))
        return -1;
    const char *others[] = {o->dry_run ? NULL : o->out, o->removed, o->quarantine, o->report, o->clusters, o->save_index};
    for (size_t i = 0; i < COUNT_OF(others) && o->html; i++)
        if (others[i] && strcmp(others[i], o->html) == 0)
            return err_set(e, ERR_USAGE, "'%s' is given for two outputs", o->html);
    if (cfg->exact == DEDUP_NONE && !cfg->near)
        return err_set(e, ERR_USAGE, "--exact none without --near leaves nothing to do");
    if (o->annotate && o->removed)
        return err_set(e, ERR_USAGE, "--annotate removes nothing, so there is nothing for --removed");
    return 0;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct dedup_opts o = {0};
    struct opt_result r;
    struct doc_files files = {0};
    int ret = opt_parse(self, &o, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    enum { AUTO, NONE, TEXT, NORM };
    static const enum dedup_exact kinds[] = {[NONE] = DEDUP_NONE, [TEXT] = DEDUP_TEXT, [NORM] = DEDUP_NORM};
    struct dedup_cfg cfg = {.files = &files, .docs = docs_in_cfg(&o.in), .near = o.near, .verify = o.verify,
                            .exact = o.exact == AUTO ? (o.near ? DEDUP_NORM : DEDUP_TEXT) : kinds[o.exact],
                            .annotate = o.annotate, .out = o.dry_run ? NULL : o.out, .removed = o.removed,
                            .quarantine = o.quarantine, .clusters = o.clusters, .html = o.html, .against = o.against,
                            .save_index = o.save_index, .mem = docs_mem(o.mem),
                            .workdir = o.workdir, .phase = o.phase, .progress = true};
    if (o.html) cfg.docs.extra[1] = o.source;
    ret = configure(&o, opt_is_set(self, &r, "verify"), &cfg, e);
    if (!ret) ret = doc_files_find(&files, r.args, (size_t)r.n_args, cfg.docs.format, e);
    const char *written[] = {cfg.out, o.removed, o.quarantine, o.clusters};
    if (!ret) ret = doc_files_spare(&files, written, COUNT_OF(written), e);
    if (!ret) ret = dedup(&o, &cfg, e);
out:
    doc_files_free(&files);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_dedup = {
    .name = "dedup",
    .summary = "Remove equal and similar documents",
    .usage = "[options] [FILE|DIR...] [--out FILE]",
    .examples = "  llmctl dedup clean.jsonl --near --out unique.jsonl\n"
                "  llmctl dedup a.jsonl b.jsonl.zst --removed why.jsonl --out u.jsonl\n"
                "  llmctl clean web/ | llmctl dedup --exact norm --keep longest > u.jsonl\n"
                "  llmctl dedup web.jsonl --near --minhash datatrove --verify 0.8 --dry-run\n"
                "  llmctl dedup new.jsonl --near --against old.lidx --save-index all.lidx\n"
                "  llmctl dedup web.jsonl --parts line | llmctl dedup --substring 100 > u.jsonl\n"
                "  llmctl dedup web/ --near --workdir w --shard 3/16 --out u.jsonl\n",
    .details = "'llmctl help dedup' explains each kind of duplicate with an example.\n"
               "Input is read more than once, except for the first of equal texts, --parts and\n"
               "--ngram; stdin is then copied to $TMPDIR, or, lines that go to a file, to\n"
               "where that will be, so that what stays need not be written twice.\n",
    .lessons = dedup_lessons,
    .opts = opts,
    .run = run,
};
