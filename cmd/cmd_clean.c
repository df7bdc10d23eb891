#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/clean_corpus.h"
#include "cmd/clean_decontam.h"
#include "cmd/clean_prep.h"
#include "cmd/clean_resume.h"
#include "cmd/clean_scores.h"
#include "cmd/clean_train.h"
#include "cmd/cmd.h"
#include "cmd/docs_opts.h"
#include "cmd/shard_opts.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "data/chat.h"
#include "data/clean.h"
#include "data/clean_replay.h"
#include "data/doc_out.h"
#include "data/doc_spool.h"
#include "data/url_ban.h"

struct clean_opts {
    struct opt_common common;
    struct docs_in_opts in;
    const char *out, *removed, *quarantine, *report, *html, *decisions, *replay, *shard;
    const char *field[CLEAN_LABELS], *chat;
    struct opt_list set;
    struct clean_prep_opts prep;
    struct opt_list decontaminate, url_ban;
    const char *url_field;
    struct clean_scores_opts scores;
    struct clean_train_opts train;
    struct clean_corpus_opts corpus;
    struct clean_resume_opts resume;
    int preset, words, dialect;
    bool dry_run, rules, measure_all, examples;
};

static const struct opt opts[] = {
#define C struct clean_opts
    OPT_GROUP("Output"),
    OPT_STR('o', "out", C, out, "FILE", "-", "Where kept documents go; .gz and .zst are packed"),
    OPT_STR(0, "removed", C, removed, "FILE", NULL, "Also write removed documents, each with its reason"),
    OPT_STR(0, "quarantine", C, quarantine, "FILE", NULL, "Write records that are no documents: file, line, reason"),
    OPT_STR(0, "report", C, report, "FILE", NULL, "Write the counts of every rule as JSON"),
    OPT_STR(0, "report-html", C, html, "FILE", NULL,
            "Write a page with the funnel, curves over the limits and examples"),
    OPT_BOOL(0, "examples", C, examples, NULL, "Tell what the first documents were that each rule removed"),
    OPT_STR(0, "decisions", C, decisions, "FILE", NULL, "Write what was measured and decided, for every document"),
    OPT_STR(0, "replay", C, replay, "FILE", NULL, "Decide again from such a file, with --set; --out: what changes"),
    OPT_BOOL(0, "measure-all", C, measure_all, NULL,
             "Try every rule on every document, also when no output tells of it"),
    OPT_STR(0, "shard", C, shard, "I/N", NULL,
            "Do part I (from 0) of N, see below; auto: as mpirun, srun or a Slurm array say"),
    OPT_BOOL('n', "dry-run", C, dry_run, NULL, "Only count; write no documents"),
    OPT_CLEAN_RESUME(C, resume),
    OPT_GROUP("Cleaning"),
    OPT_ENUM(0, "preset", C, preset, "none|gopher|repetition|c4|fineweb|dclm|refinedweb|sft", "none",
             "Rules that remove documents; fineweb is gopher, repetition, c4 and its own"),
    OPT_LIST(0, "set", C, set, "RULE=X", "Change a limit, or RULE=off; see --rules"),
    OPT_BOOL(0, "rules", C, rules, NULL, "List the rules with their limits and exit"),
    OPT_ENUM(0, "dialect", C, dialect, "preset|datatrove|dolma|dclm", "preset",
             "Whose way of counting where they differ; preset: dclm for dclm and refinedweb"),
    OPT_ENUM(0, "words", C, words, "uax29|uax29-plain|spacy-en", "uax29",
             "Words: of Unicode, tailored to the rules or plain; or of datatrove's tokenizer"),
    OPT_STR(0, "chat", C, chat, "FIELDS", NULL,
            "Judge chats by their turns: auto, none, messages=PATH or prompt=PATH,answer=PATH; sft: auto"),
    OPT_CLEAN_PREP(C, prep),
    OPT_CLEAN_DECONTAM(C, decontaminate),
    OPT_LIST(0, "url-ban", C, url_ban, "FILE",
             "Remove what comes from hosts, addresses and words in this list; see below"),
    OPT_STR(0, "url-field", C, url_field, "PATH", NULL,
            "Where the address of a document is (default url, then metadata.url)"),
    OPT_CLEAN_SCORES(C, scores),
    OPT_CLEAN_CORPUS(C, corpus),
    OPT_CLEAN_TRAIN(C, train),
    OPT_DOCS_IN(C, in),
    OPT_STR(0, "source-field", C, field[CLEAN_SOURCE], "NAME", "source", "JSONL: the member to group by in reports"),
    OPT_STR(0, "lang-field", C, field[CLEAN_LANG], "NAME", "lang", "JSONL: the member that holds the language"),
    OPT_STR(0, "class-field", C, field[CLEAN_CLASS], "NAME", NULL, "JSONL: the member that holds a class"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int list_rules(const struct rules_cfg *c, struct err *e)
{
    struct buf b = {0};
    for (int r = 0; r < c->n_rules; r++) {
        const struct rule *x = c->rule[r];
        bool limit = x->limit > 0; /* the others are only on or off */
        buf_printf(&b, "%-30s %s %-8.4g %s%s\n", x->key, !limit ? "  " : x->below ? ">=" : "<=", limit ? c->limit[r] : 1,
                   x->help, c->on[r] ? "" : " (off)");
    }
    int ret = buf_ok(&b, e) ? -1 : out_write(b.data, b.len, e);
    buf_free(&b);
    return ret;
}

/* One line an example: id, value, how the text begins. */
static void talk_examples(const struct clean_stats *s, int rule)
{
    enum { SHOWN = 72 };
    for (size_t i = 0; i < s->detail->n; i++) {
        const struct clean_sample *x = &s->detail->sample[i];
        char text[SHOWN + 1];
        size_t n = 0;
        if (x->rule != rule) continue;
        for (const char *p = x->text; *p && n < SHOWN; p++) {
            bool blank = (unsigned char)*p <= ' ';
            if (!blank || (n && text[n - 1] != ' ')) text[n++] = blank ? ' ' : *p;
        }
        n = utf8_valid_prefix(text, n);
        size_t quoted = x->id[0] == '"', len = strlen(x->id) - quoted;
        const char *id = x->id + quoted, *end = len > 50 ? id + len - 50 : id; /* names differ there */
        len -= (size_t)(end - id) + (quoted && len && id[len - 1] == '"');
        while (len && ((unsigned char)*end & 0xC0) == 0x80) {
            end++;
            len--;
        }
        log_info("      %s%.*s  %.3g  %.*s", end > id ? "..." : "", (int)len, end, x->value, (int)n, text);
    }
}

static void talk(const struct clean_cfg *cfg, const struct clean_stats *s, bool examples, double seconds)
{
    clean_prep_talk(cfg, s);
    for (int r = 0; r < cfg->rules.n_rules; r++) {
        const struct clean_rule_stats *x = &s->rule[r];
        const struct rule *rule = cfg->rules.rule[r];
        if (!cfg->rules.on[r] || !x->failed) continue;
        if (cfg->rules.quick && !rules_is_line(rule))
            log_info("  %-30s removed %8llu", rule->key, (unsigned long long)x->removed);
        else if (rules_is_line(rule))
            log_info("  %-30s took out %llu lines or parts", rule->key, (unsigned long long)x->failed);
        else
            log_info("  %-30s %s %-6.4g removed %8llu; %llu fail it, %llu nothing else", rule->key,
                     rule->below ? ">=" : "<=", cfg->rules.limit[r], (unsigned long long)x->removed,
                     (unsigned long long)x->failed, (unsigned long long)x->only);
        if (examples) talk_examples(s, r);
    }
    for (int k = 0; k < CLEAN_LABELS; k++) {
        struct clean_spread x = clean_spread(&s->group[k]);
        if (x.named && x.groups > 1 && 2 * x.groups <= s->docs_out) /* not where nearly each is a group of its own */
            log_info("  %s: %zu groups, the largest '%s' with %.1f %%, evenness %.2f", clean_label_names[k], x.groups,
                     x.largest_name, 100 * x.share, x.evenness);
    }
    log_info("in %llu = out %llu + removed %llu + quarantined %llu; %.1f MB of text, %.1f MB kept%s",
             (unsigned long long)s->docs_in, (unsigned long long)s->docs_out, (unsigned long long)s->docs_removed,
             (unsigned long long)s->docs_bad, (double)s->bytes_in / 1e6, (double)s->bytes_out / 1e6,
             log_rate(s->bytes_in - s->bytes_before, seconds).text);
    if (s->docs_before)
        log_info("of these, %llu documents were done by a run that was interrupted", (unsigned long long)s->docs_before);
    if (s->measured_before)
        log_info("%llu documents had been measured by a run that was interrupted", (unsigned long long)s->measured_before);
    if (s->docs_bad && !cfg->quarantine)
        log_warn("%llu records are no documents, first %s; --quarantine FILE keeps them",
                 (unsigned long long)s->docs_bad, s->first_bad);
    else if (s->docs_bad)
        log_warn("%llu records went to '%s', first %s", (unsigned long long)s->docs_bad, cfg->quarantine,
                 s->first_bad);
}

static void talk_urls(const struct url_ban *u)
{
    if (!u) return;
    struct url_ban_counts n = url_ban_counts(u);
    log_info("  addresses: %llu judged by %llu entries", (unsigned long long)n.judged, (unsigned long long)n.entries);
    if (n.without) log_warn("%llu documents have no address; --url-field says where it is", (unsigned long long)n.without);
}

static struct docs_outputs outputs(const struct clean_opts *o)
{
    return (struct docs_outputs){o->out, o->removed, o->quarantine, o->report, o->dry_run, o->common.json};
}

static int clean(const struct clean_opts *o, struct clean_cfg *cfg, struct err *e)
{
    struct clean_stats s;
    double start = time_now_s();
    cfg->pool = pool_new((int)o->common.threads, e);
    if (!cfg->pool) return -1;
    int ret = clean_run(cfg, &s, e);
    pool_free(cfg->pool);
    if (ret) goto out;
    talk(cfg, &s, o->examples, time_now_s() - start);
    struct docs_outputs to = outputs(o);
    struct buf b = {0};
    clean_report_json(cfg, &s, &b);
    ret = docs_outputs_report(&to, &b, e);
    if (!ret && o->html) {
        struct buf page = {0};
        ret = clean_report_html(cfg, &s, &page, e);
        if (!ret) ret = file_write_again(o->html, page.data, page.len, e);
        buf_free(&page);
    }
    if (!ret) clean_journal_end(cfg);
    if (!ret && s.n_damaged)
        ret = err_set(e, ERR_DATA, "%s%s; what could be read was processed: %llu documents", s.damaged,
                       s.n_damaged > 1 ? " (and other files)" : "", (unsigned long long)s.docs_in);
out:
    clean_stats_free(&s);
    return ret;
}

static void talk_replay(const struct replay_stats *s)
{
    for (int k = 0; k < s->n_rules; k++) {
        const struct replay_rule *x = &s->rule[k];
        if (x->removed_before != x->removed_after)
            log_info("  %-30s removed %8llu, would remove %8llu", x->key, (unsigned long long)x->removed_before,
                     (unsigned long long)x->removed_after);
    }
    log_info("%llu documents: %llu kept, would be %llu (%llu more, %llu fewer); %.1f MB kept, would be %.1f MB",
             (unsigned long long)s->docs, (unsigned long long)s->kept_before, (unsigned long long)s->kept_after,
             (unsigned long long)s->now_kept, (unsigned long long)s->now_removed, (double)s->bytes_before / 1e6,
             (double)s->bytes_after / 1e6);
    if (s->corpus >= 0)
        log_warn("%s was measured among the documents that stayed then; it would differ a little in a new run",
                 s->rule[s->corpus].key);
}

/* --replay: what other limits would change.  Documents are not at hand, so --out gets the changes. */
static int replay(const struct clean_opts *o, bool out_given, int n_args, struct err *e)
{
    struct replay_stats s = {0};
    if (n_args || o->decisions || o->removed || o->quarantine)
        return err_set(e, ERR_USAGE, "--replay reads only the decisions file: no inputs, no --decisions, --removed or "
                                     "--quarantine");
    struct replay_cfg cfg = {.path = o->replay, .set = o->set.v, .n_set = o->set.n,
                             .out = out_given && !o->dry_run ? o->out : NULL};
    int ret = replay_run(&cfg, &s, e);
    if (!ret) {
        struct docs_outputs to = {.report = o->report, .json = o->common.json};
        struct buf b = {0};
        talk_replay(&s);
        replay_report_json(&s, &b);
        ret = docs_outputs_report(&to, &b, e);
    }
    replay_stats_free(&s);
    return ret;
}

/* Records of chats are judged; nothing is changed in them but personal data (doc_mask.h). */
static int check_chat(const struct clean_cfg *cfg, struct err *e)
{
    const char *what = NULL;
    for (int k = 0; k < PREP_N && !what; k++)
        if (cfg->prep_metric[k] && k != PREP_PII) what = prep_step_name[k];
    for (int r = 0; r < cfg->rules.n_rules && !what; r++)
        if (cfg->rules.on[r] && rules_is_line(cfg->rules.rule[r])) what = cfg->rules.rule[r]->key;
    if (!cfg->chat || !what) return 0;
    err_set(e, ERR_USAGE, "%s changes text, and chats are written as they came", what);
    return err_hint(e, "leave it out, or say --chat none, which looks at the text field only");
}

/* What has to be the same for a run to go on with another's work. */
static int set_print(const struct cmd *self, const struct clean_opts *o, const struct opt_result *r,
                     struct clean_cfg *cfg, struct buf *print, struct err *e)
{
    const char *files[64] = {o->scores.lid, o->scores.ppl, o->prep.stop_words, o->prep.boilerplate_lines, o->corpus.to};
    size_t n = 5;
    for (size_t i = 0; i < o->scores.classifier.n && n < COUNT_OF(files); i++) files[n++] = o->scores.classifier.v[i];
    for (size_t i = 0; i < o->url_ban.n && n < COUNT_OF(files); i++) files[n++] = o->url_ban.v[i];
    for (size_t i = 0; i < o->decontaminate.n && n < COUNT_OF(files); i++) files[n++] = o->decontaminate.v[i];
    if (clean_resume_print(self, o, r, files, n, print, e)) return -1;
    cfg->print = print->data;
    cfg->save_every_s = o->resume.save_every;
    cfg->start_over = o->resume.resume == 1;
    return 0;
}

/* One of the processes that share the input. */
struct shard {
    int i, n;
    struct buf label, name[6]; /* "I/N"; of the outputs */
    struct doc_files part;
};

/* Reads --shard; the outputs are then named after it. */
static int shard_start(struct clean_opts *o, struct shard *x, struct err *e)
{
    const char **outputs[] = {&o->out, &o->removed, &o->quarantine, &o->report, &o->html, &o->decisions};
    x->n = 1;
    if (!o->shard) return 0;
    if (shard_parse(o->shard, &x->i, &x->n, e)) return -1;
    if (o->replay || o->train.train)
        return err_set(e, ERR_USAGE, "--shard parts documents to be cleaned; not with --replay or --train-classifier");
    if (shard_check_out(x->n, o->out, o->dry_run, e)) return -1;
    buf_printf(&x->label, "%d/%d", x->i, x->n);
    o->shard = x->label.data;
    for (size_t k = 0; k < COUNT_OF(outputs); k++) {
        const char **path = outputs[k];
        if (!*path || strcmp(*path, "-") == 0) continue;
        if (doc_out_shard_name(*path, x->i, x->n, &x->name[k], e)) return -1;
        *path = x->name[k].data;
    }
    return buf_ok(&x->label, e);
}

/* Makes cfg read the shard's part of the files only. */
static int shard_take(struct shard *x, struct clean_cfg *cfg, bool whole, struct err *e)
{
    if (x->n == 1) return 0;
    if (whole) {
        err_set(e, ERR_USAGE, "--shard with options that judge by the whole corpus");
        return err_hint(e, "clean the shards without them, then all outputs together with them");
    }
    for (size_t k = 0; k < cfg->files->n; k++)
        if (doc_spool_only_once(&cfg->files->v[k]))
            return err_set(e, ERR_USAGE, "--shard cannot part %s, which is no file; name files or a directory", cfg->files->v[k].name);
    if (doc_files_part(cfg->files, x->i, x->n, cfg->docs.split == DOC_SPLIT_LINE, &x->part, e)) return -1;
    cfg->files = &x->part;
    return 0;
}

static void shard_free(struct shard *x)
{
    buf_free(&x->label);
    for (size_t k = 0; k < COUNT_OF(x->name); k++)
        buf_free(&x->name[k]);
    free(x->part.v);
}

/* What one run opens. */
struct run {
    struct clean_cfg cfg;
    struct doc_files files;
    struct chat *chat;
    struct url_ban *urls;
    struct clean_decontam *decontam;
    struct clean_scores *scores;
    struct clean_corpus *corpus;
    struct buf print;
    struct spill_space space;
    struct doc_spool spool;
    struct shard shard;
};

static void configure(struct run *x, const struct clean_opts *o)
{
    struct clean_cfg *cfg = &x->cfg;
    *cfg = (struct clean_cfg){.files = &x->files,
                              .docs = docs_in_cfg(&o->in),
                              .out = o->dry_run ? NULL : o->out,
                              .removed = o->removed,
                              .quarantine = o->quarantine,
                              .decisions = o->decisions,
                              .detail = o->html || o->examples,
                              .progress = true,
                              .space = &x->space};
    x->space.limit = docs_mem(o->corpus.mem);
    memcpy(cfg->field, o->field, sizeof cfg->field);
    rules_preset(&cfg->rules, (enum rules_preset)o->preset);
    cfg->rules.words = (enum words_mode)o->words;
    cfg->settle = cfg->rules.words != WORDS_SPACY_EN && !o->dialect; /* the peers judge once */
    if (o->dialect) cfg->rules.dialect = (enum rules_dialect)(o->dialect - 1);
    cfg->rules.quick =
        !o->removed && !o->report && !o->html && !o->examples && !o->decisions && !o->common.json && !o->measure_all;
    cfg->docs.no_text = o->corpus.ambiguity != NULL; /* that looks at other members */
}

static int check_outputs(const struct clean_opts *o, struct err *e)
{
    struct docs_outputs to = outputs(o);
    const char *others[] = {o->out, o->removed, o->quarantine, o->report, o->html};
    if (docs_outputs_check(&to, e)) return -1;
    for (size_t i = 0; i < COUNT_OF(others) && o->decisions; i++)
        if (others[i] && strcmp(others[i], o->decisions) == 0)
            return err_set(e, ERR_USAGE, "'%s' is given for two outputs", o->decisions);
    return 0;
}

/* In the order in which they judge a document. */
static int open_filters(struct run *x, const struct clean_opts *o, struct err *e)
{
    struct clean_cfg *cfg = &x->cfg;
    const char *turns = o->chat ? o->chat : o->preset == RULES_SFT ? "auto" : "none";
    if (strcmp(turns, "none") != 0 && !(x->chat = chat_add(cfg, turns, e))) return -1;
    if (o->url_ban.n && !(x->urls = url_ban_add(cfg, o->url_ban.v, o->url_ban.n, o->url_field, e))) return -1;
    if (clean_prep_open(&o->prep, cfg, e) || clean_decontam_open(&x->decontam, &o->decontaminate, cfg, e) ||
        clean_scores_open(&x->scores, &o->scores, cfg, e) ||
        clean_corpus_open(&x->corpus, &o->corpus, &o->train, cfg, e))
        return -1;
    for (size_t i = 0; i < o->set.n; i++)
        if (rules_set(&cfg->rules, o->set.v[i], e)) return -1;
    return check_chat(cfg, e);
}

static int read_and_write(const struct cmd *self, struct run *x, const struct clean_opts *o, const struct opt_result *r,
                          struct err *e)
{
    struct clean_cfg *cfg = &x->cfg;
    const char *written[] = {cfg->out, o->removed, o->quarantine, o->report, o->decisions};
    if (doc_files_find(&x->files, r->args, (size_t)r->n_args, cfg->docs.format, e) ||
        doc_files_spare(&x->files, written, COUNT_OF(written), e) || set_print(self, o, r, cfg, &x->print, e) ||
        shard_take(&x->shard, cfg, x->corpus != NULL, e))
        return -1;
    int ret = x->corpus ? doc_spool_stdin(&x->files, &x->spool, e) : 0;
    if (!ret) ret = clean(o, cfg, e);
    if (ret) return ret;
    talk_urls(x->urls);
    if (x->space.files) log_info("  %zu arrays were larger than --mem and went to disk", (size_t)x->space.files);
    clean_corpus_talk(x->corpus);
    return 0;
}

static void close_run(struct run *x)
{
    shard_free(&x->shard);
    doc_spool_close(&x->spool);
    clean_corpus_close(x->corpus);
    clean_scores_close(x->scores);
    clean_decontam_close(x->decontam);
    clean_prep_close(&x->cfg);
    url_ban_free(x->urls);
    chat_free(x->chat);
    buf_free(&x->print);
    doc_files_free(&x->files);
}

static int clean_documents(const struct cmd *self, struct run *x, const struct clean_opts *o, const struct opt_result *r,
                           struct err *e)
{
    configure(x, o);
    int ret = check_outputs(o, e) || open_filters(x, o, e) ? -1 : 0;
    if (!ret) ret = o->rules ? list_rules(&x->cfg.rules, e) : read_and_write(self, x, o, r, e);
    return ret;
}

static int run(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct clean_opts o = {0};
    struct opt_result r;
    struct run x = {.spool = {.fd = -1}};
    int ret = opt_parse(self, &o, argc, argv, &r, e);
    if (!ret && !r.exit_now) ret = shard_start(&o, &x.shard, e);
    if (ret || r.exit_now) goto out;
    if (o.replay) {
        ret = replay(&o, opt_is_set(self, &r, "out"), r.n_args, e);
    } else if (o.train.train) {
        struct doc_cfg docs = docs_in_cfg(&o.in);
        ret = clean_train(&o.train, &docs, r.args, r.n_args, o.out, o.report, &o.common, e);
    } else {
        ret = clean_documents(self, &x, &o, &r, e);
    }
out:
    close_run(&x);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_clean = {
    .name = "clean",
    .summary = "Read documents, repair their text, remove poor ones",
    .usage = "[options] [FILE|DIR...] [--out FILE]",
    .examples = "  llmctl clean docs/ --out clean.jsonl\n"
                "  llmctl clean web.jsonl.zst --preset gopher --out clean.jsonl.zst\n"
                "  llmctl clean web.jsonl --preset gopher --set gopher.min_words=30 --dry-run\n"
                "  llmctl clean web.jsonl --preset gopher --dry-run --decisions d.jsonl.zst\n"
                "  srun llmctl clean web/ --preset fineweb --shard auto --out clean.jsonl.zst\n"
                "  llmctl clean --replay d.jsonl.zst --set gopher.min_words=30\n"
                "  llmctl clean --train-classifier good.jsonl bad.jsonl --out q.llmz\n"
                "  llmctl clean web.jsonl --classifier q.llmz:0.5 --lid lid.ftz --lang en:0.65\n"
                "  zcat *.gz | llmctl clean --preset gopher | llmctl dedup --near > u.jsonl\n",
    .details = "'llmctl help clean' explains each technique with an example.\n"
               "Reads JSONL, text, CSV, TSV, WARC and WET files (also .gz and .zst), or stdin,\n"
               "and writes JSONL. A line that is no document costs only itself. Status 65 when\n"
               "an input is truncated or corrupt; what could be read is written first. A run\n"
               "that was interrupted goes on when the same command is given again. --shard I/N\n"
               "reads the I-th of N parts of about the same size; the outputs get .I-of-N in\n"
               "their names and, one after another, are those of one process.\n",
    .lessons = clean_lessons,
    .opts = opts,
    .run = run,
};
