#include "data/clean_journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "data/clean_internal.h"

static const char magic[] = "llmctl clean journal 2\n";
enum { COST_SHARE = 20 };
static const size_t max_journal = (size_t)4 << 30;

/* ---- one description of the layout for both directions ---- */

struct codec {
    struct buf *out; /* NULL: reads */
    struct reader in;
    struct err *e;
    bool failed;
};

static void number(struct codec *c, uint64_t *v)
{
    if (c->out) buf_add(c->out, v, sizeof *v);
    else if (!c->failed && !reader_u64(&c->in, v, c->e)) c->failed = true;
}

static void real(struct codec *c, double *v)
{
    uint64_t bits = 0;
    memcpy(&bits, v, sizeof bits);
    number(c, &bits);
    memcpy(v, &bits, sizeof bits);
}

/* A count that both sides know. */
static void constant(struct codec *c, uint64_t want)
{
    uint64_t v = want;
    number(c, &v);
    if (c->failed || v == want) return;
    c->failed = true;
    err_set(c->e, ERR_DATA, "it is of another version of llmctl");
}

static void numbers(struct codec *c, uint64_t *v, size_t n)
{
    constant(c, n);
    for (size_t i = 0; i < n && !c->failed; i++)
        number(c, &v[i]);
}

static void size(struct codec *c, size_t *v)
{
    uint64_t x = *v;
    number(c, &x);
    *v = (size_t)x;
}

/* *p: of the buffer when reading. */
static void bytes(struct codec *c, const char **p, size_t *n)
{
    const uint8_t *at = NULL;
    size(c, n);
    if (c->out) buf_add(c->out, *p, *n);
    else if (!c->failed && !reader_bytes(&c->in, *n, &at, c->e)) c->failed = true;
    else *p = (const char *)at;
}

static void text(struct codec *c, char *v, size_t room)
{
    const char *p = v;
    size_t n = c->out ? strlen(v) : 0;
    bytes(c, &p, &n);
    if (c->out || c->failed) return;
    if (n >= room) n = room - 1;
    memcpy(v, p, n);
    v[n] = '\0';
}

static void groups(struct codec *c, struct clean_groups *g)
{
    size_t n = g->names.n;
    size(c, &n);
    for (size_t i = 0; i < n && !c->failed; i++) {
        const char *name = c->out ? g->names.name[i] : NULL;
        size_t len = name ? strlen(name) : 0;
        bytes(c, &name, &len);
        struct clean_group *x = c->failed ? NULL : c->out ? &g->v[i] : clean_group_of(g, name, len);
        if (!x && !c->failed) {
            c->failed = true;
            err_oom(c->e, sizeof *x, "the groups of the report");
        }
        if (!x) return;
        number(c, &x->docs_in);
        number(c, &x->docs_out);
        number(c, &x->bytes_in);
        number(c, &x->bytes_out);
    }
}

static void detail(struct codec *c, struct clean_detail *d, int n_rules)
{
    constant(c, d != NULL);
    if (!d || c->failed) return;
    for (int r = 0; r < n_rules; r++)
        numbers(c, d->curve[r], CURVE_BINS);
    size_t n = d->n;
    size(c, &n);
    for (size_t i = 0; i < n && !c->failed; i++) {
        struct clean_sample x = c->out ? d->sample[i] : (struct clean_sample){0};
        uint64_t rule = (uint64_t)x.rule;
        number(c, &rule);
        real(c, &x.value);
        text(c, x.id, sizeof x.id);
        text(c, x.text, sizeof x.text);
        if (c->out || c->failed) continue;
        x.rule = (int)rule;
        if (rule >= (uint64_t)n_rules || detail_sample(d, &x)) {
            c->failed = true;
            err_set(c->e, ERR_DATA, "an example of no rule");
        }
    }
}

static void stats(struct codec *c, const struct clean_cfg *cfg, struct clean_stats *s)
{
    uint64_t *const counts[] = {&s->docs_in, &s->docs_out, &s->docs_removed, &s->docs_bad,
                                &s->copies, &s->bytes_in, &s->bytes_out, &s->changed};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        number(c, counts[i]);
    numbers(c, s->prep_docs, PREP_N);
    numbers(c, s->prep_places, PREP_N);
    constant(c, (uint64_t)cfg->rules.n_rules);
    for (int r = 0; r < cfg->rules.n_rules && !c->failed; r++) {
        number(c, &s->rule[r].removed);
        number(c, &s->rule[r].failed);
        number(c, &s->rule[r].only);
        number(c, &s->rule[r].bytes);
    }
    for (int k = 0; k < CLEAN_LABELS; k++)
        groups(c, &s->group[k]);
    detail(c, s->detail, cfg->rules.n_rules);
    text(c, s->first_bad, sizeof s->first_bad);
    size(c, &s->n_damaged);
    text(c, s->damaged, sizeof s->damaged);
}

static void place(struct codec *c, struct doc_at *at, size_t n_files)
{
    uint64_t format = at->format;
    size(c, &at->file);
    number(c, &format);
    number(c, &at->offset);
    number(c, &at->line_no);
    number(c, &at->seq);
    number(c, &at->stored_before);
    size(c, &at->n_damaged);
    if (c->failed || (at->file <= n_files && format <= DOC_TSV)) {
        at->format = (enum doc_format)format;
        return;
    }
    c->failed = true;
    err_set(c->e, ERR_DATA, "a place in no file");
}

static void labels(struct codec *c, struct labels *l)
{
    size_t n = l->n;
    size(c, &n);
    for (size_t i = 0; i < n && !c->failed; i++) {
        const char *name = c->out ? l->name[i] : NULL;
        size_t len = name ? strlen(name) : 0;
        bytes(c, &name, &len);
        if (c->out || c->failed || labels_id(l, name, len) == i) continue;
        c->failed = true;
        err_set(c->e, ERR_DATA, "a label comes twice");
    }
}

/* Where pass one is, or that it is over. */
static void notes(struct codec *c, struct clean_journal *j)
{
    uint64_t pass = (uint64_t)j->pass;
    constant(c, j->notes != NULL);
    number(c, &pass);
    number(c, &j->notes_bytes);
    if (!c->failed && (j->notes ? pass < 1 || pass > 2 : pass != 0)) {
        c->failed = true;
        err_set(c->e, ERR_DATA, "it tells of pass %llu", (unsigned long long)pass);
    }
    if (c->failed) return;
    j->pass = (int)pass;
    for (int k = 0; k < CLEAN_LABELS && j->notes; k++)
        labels(c, &j->notes->label[k]);
}

static void body(struct codec *c, struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total)
{
    uint64_t complete = j->complete;
    number(c, &complete);
    j->complete = complete != 0;
    place(c, &j->at, cfg->files->n);
    text(c, j->damaged, sizeof j->damaged);
    numbers(c, j->written, DOC_RUN_BUFS);
    notes(c, j);
    stats(c, cfg, total);
}

/* ---- what the result depends on ---- */

static void add_input(struct buf *out, const struct doc_file *f)
{
    buf_printf(out, "input '%s'", f->name);
    file_describe(f->path, out);
    buf_addc(out, '\n');
}

/* The first line in which they differ; returns false when there is none. */
static bool first_difference(const char *a, const char *b, int len[2], const char *at[2])
{
    while (*a || *b) {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (n != m || memcmp(a, b, n) != 0) {
            at[0] = n ? a : "nothing more";
            at[1] = m ? b : "nothing more";
            len[0] = n ? (int)(n < 300 ? n : 300) : 12;
            len[1] = m ? (int)(m < 300 ? m : 300) : 12;
            return true;
        }
        a += n + (a[n] != '\0');
        b += m + (b[m] != '\0');
    }
    return false;
}

static int same_work(const struct clean_journal *j, const char *was, struct err *e)
{
    const char *at[2];
    int len[2];
    if (!first_difference(was, j->print.data, len, at)) return 0;
    err_set(e, ERR_CONFIG, "an interrupted run left '%s', made with %.*s; now it is %.*s", j->path, len[0], at[0], len[1],
            at[1]);
    return err_hint(e, "--resume never starts over");
}

int clean_journal_parse(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total,
                        const void *data, size_t n, struct err *e)
{
    const size_t head = sizeof magic - 1, tail = sizeof(uint64_t);
    uint64_t sum = 0;
    if (n < head + tail || memcmp(data, magic, head) != 0) return err_set(e, ERR_DATA, "it is no journal");
    memcpy(&sum, (const char *)data + n - tail, tail);
    if (sum != hash64(data, n - tail)) return err_set(e, ERR_DATA, "it is damaged");
    struct codec c = {.e = e};
    const char *was = NULL;
    size_t was_n = 0;
    reader_init(&c.in, (const char *)data + head, n - head - tail, "the journal");
    bytes(&c, &was, &was_n);
    char *copy = c.failed ? NULL : mem_strndup(was, was_n);
    if (!copy) return c.failed ? -1 : err_oom(e, was_n, "the journal");
    int ret = same_work(j, copy, e);
    free(copy);
    if (ret) return -1;
    body(&c, j, cfg, total);
    if (!c.failed && reader_left(&c.in)) return err_set(e, ERR_DATA, "more follows than belongs there");
    return c.failed ? -1 : 0;
}

/* ---- the file ---- */

static int load(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total, struct err *e)
{
    struct buf b = {0};
    int ret = file_read_all(j->path, max_journal, &b, e);
    if (!ret && clean_journal_parse(j, cfg, total, b.data, b.len, e)) {
        ret = -1;
        if (e->code == ERR_DATA) {
            err_wrap(e, "'%s' cannot be used", j->path);
            err_hint(e, "--resume never starts over");
        }
    }
    buf_free(&b);
    j->saved = ret == 0;
    return ret;
}

/* The output that gives the journal its name, NULL when some are not files. */
static const char *first_output(const struct clean_cfg *cfg)
{
    const char *const paths[DOC_RUN_BUFS] = {cfg->out, cfg->removed, cfg->quarantine, cfg->decisions}, *first = NULL;
    for (int i = 0; i < DOC_RUN_BUFS; i++) {
        struct stat st;
        if (!paths[i]) continue;
        if (strcmp(paths[i], "-") == 0 || (stat(paths[i], &st) == 0 && !S_ISREG(st.st_mode))) return NULL;
        if (!first) first = paths[i];
    }
    return first;
}

/* Whose temporary holds the notes of pass one: "NAME.notes". */
static char *notes_name(const char *first)
{
    struct buf b = {0};
    buf_adds(&b, first);
    buf_adds(&b, ".notes");
    return buf_steal(&b);
}

int clean_journal_open(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total, struct err *e)
{
    *j = (struct clean_journal){.every_s = cfg->save_every_s, .last_s = time_now_s(), .notes = j->notes};
    const char *first = cfg->print ? first_output(cfg) : NULL;
    for (size_t i = 0; i < cfg->files->n; i++) {
        struct stat st;
        if (stat(cfg->files->v[i].path, &st) || !S_ISREG(st.st_mode)) first = NULL;
    }
    if (!first) return 0;
    buf_adds(&j->print, cfg->print);
    for (size_t i = 0; i < cfg->files->n; i++)
        add_input(&j->print, &cfg->files->v[i]);
    buf_addc(&j->print, '\0');
    if (buf_ok(&j->print, e)) return -1;
    if (!(j->path = file_beside(first, ".journal")) || !(j->notes_path = notes_name(first)))
        return err_oom(e, strlen(first), "a file name");
    j->on = true;
    if (cfg->start_over && unlink(j->path) && errno != ENOENT) return err_errno(e, errno, "removing", j->path);
    return file_exists(j->path) ? load(j, cfg, total, e) : 0;
}

bool clean_journal_due(const struct clean_journal *j)
{
    if (j->every_s <= 0) return true;
    double wait = j->every_s > COST_SHARE * j->cost_s ? j->every_s : COST_SHARE * j->cost_s;
    return time_now_s() - j->last_s >= wait;
}

/* Its temporary has one name, so that killed runs leave no more than one. */
static int replace(const char *path, const struct buf *b, struct err *e)
{
    struct file_writer *w = file_create_part(path, 0, e);
    if (!w) return -1;
    if (!file_write(w, b->data, b->len, e)) return file_commit(w, e);
    file_abort(w);
    return -1;
}

int clean_journal_save(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total, struct err *e)
{
    struct buf b = {0};
    struct codec c = {.out = &b, .e = e};
    const char *print = j->print.data;
    size_t n = strlen(print);
    buf_adds(&b, magic);
    bytes(&c, &print, &n);
    body(&c, j, cfg, total);
    int ret = buf_ok(&b, e);
    if (!ret) {
        uint64_t sum = hash64(b.data, b.len);
        buf_add(&b, &sum, sizeof sum);
        ret = buf_ok(&b, e) || replace(j->path, &b, e) ? -1 : 0;
    }
    buf_free(&b);
    j->saved |= ret == 0;
    return ret;
}

void clean_journal_close(struct clean_journal *j)
{
    buf_free(&j->print);
    free(j->path);
    free(j->notes_path);
    *j = (struct clean_journal){0};
}

void clean_journal_end(const struct clean_cfg *cfg)
{
    const char *first = cfg->print ? first_output(cfg) : NULL;
    char *path = first ? file_beside(first, ".journal") : NULL, *part = path ? file_beside(path, ".part") : NULL;
    char *notes = first ? notes_name(first) : NULL, *notes_part = notes ? file_beside(notes, ".part") : NULL;
    if (path) unlink(path);
    if (part) unlink(part);
    if (notes_part) unlink(notes_part);
    free(path);
    free(part);
    free(notes);
    free(notes_part);
}
