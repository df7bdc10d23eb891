#include "data/prep.h"

#include <string.h>

#include "core/base/mem.h"

const char *const prep_step_name[PREP_N] = {
    "prep.html",  "prep.mojibake", "prep.form",        "prep.pii",        "prep.boilerplate",
    "prep.lower", "prep.digits",   "prep.punctuation", "prep.stop_words", "prep.whitespace"};

bool prep_wants(const struct prep_cfg *c, enum prep_step s)
{
    const bool on[PREP_N] = {
        [PREP_HTML] = c->html,
        [PREP_MOJIBAKE] = c->mojibake,
        [PREP_FORM] = c->form != TEXT_AS_IS,
        [PREP_PII] = c->pii != 0,
        [PREP_BOILERPLATE] = c->boilerplate || c->lines,
        [PREP_LOWER] = c->lower,
        [PREP_DIGITS] = c->digits != DIGITS_KEEP,
        [PREP_PUNCT] = c->drop_punct,
        [PREP_STOP] = c->stop != NULL,
        [PREP_SPACE] = c->squeeze,
    };
    return on[s];
}

/* One step from s into out; the number of changes. */
static uint64_t step(struct prep *p, enum prep_step k, const char *s, size_t n, struct buf *out)
{
    const struct prep_cfg *c = p->cfg;
    switch (k) {
    case PREP_HTML: return prep_html(s, n, out);
    case PREP_MOJIBAKE: return prep_mojibake(s, n, out);
    case PREP_PII: return prep_pii(s, n, c->pii, out);
    case PREP_BOILERPLATE: return prep_boilerplate(s, n, c->lines, &p->word, out);
    case PREP_LOWER: return prep_lower(s, n, out);
    case PREP_DIGITS: return prep_digits(s, n, c->digits, out);
    case PREP_PUNCT: return prep_punct(s, n, out);
    case PREP_STOP: return prep_stop(s, n, c->stop, &p->word, out);
    case PREP_SPACE: return prep_space(s, n, out);
    case PREP_FORM:
    case PREP_N: break;
    }
    return 0;
}

/* The text at hand, and the buffer that it does not lie in. */
struct hand {
    const char *s;
    size_t n;
    struct buf *to, *other;
};

static int normalize(struct prep *p, struct hand *h, bool *changed, struct err *e)
{
    const char *was = h->s;
    if (text_norm_run(&p->norm, was, h->n, &h->s, &h->n, e)) return -1;
    *changed = h->s != was;
    p->places[PREP_FORM] += *changed;
    return 0;
}

/* Steps from `first` on; *last: the last that changed something, -1 = none. */
static int round_of(struct prep *p, enum prep_step first, struct hand *h, int *last, struct err *e)
{
    *last = -1;
    for (enum prep_step k = first; k < PREP_N; k++) {
        if (!prep_wants(p->cfg, k)) continue;
        if (k == PREP_FORM) {
            bool changed;
            if (normalize(p, h, &changed, e)) return -1;
            continue;
        }
        buf_clear(h->to);
        uint64_t changes = step(p, k, h->s, h->n, h->to);
        if (buf_ok(h->to, e) || buf_ok(&p->word, e)) return -1;
        if (!changes) continue;
        p->places[k] += changes;
        *last = (int)k;
        h->s = buf_text(h->to);
        h->n = h->to->len;
        struct buf *t = h->to; /* the next step writes beside what it reads */
        h->to = h->other;
        h->other = t;
    }
    return 0;
}

int prep_run(struct prep *p, const char *text, size_t n, const char **out, size_t *out_n, struct err *e)
{
    enum { ROUNDS = 8 };
    struct hand h = {text, n, &p->a, &p->b};
    bool finds = prep_wants(p->cfg, PREP_PII) || prep_wants(p->cfg, PREP_BOILERPLATE), again = true;
    int last;
    p->norm.form = p->cfg->form;
    memset(p->places, 0, sizeof p->places);
    if (round_of(p, 0, &h, &last, e)) return -1;
    for (int i = 0; i < ROUNDS && again; i++) {
        /* What later steps take out may leave a line or a number that earlier ones look for, */
        again = finds && last > PREP_LOWER;
        /* and a small letter may compose with the mark behind it where the capital does not. */
        if (prep_wants(p->cfg, PREP_FORM) && last >= PREP_LOWER) {
            bool changed;
            if (normalize(p, &h, &changed, e)) return -1;
            again |= changed;
        }
        if (again && round_of(p, PREP_PII, &h, &last, e)) return -1;
    }
    *out = h.s;
    *out_n = h.n;
    return 0;
}

void prep_free(struct prep *p)
{
    text_norm_free(&p->norm);
    buf_free(&p->a);
    buf_free(&p->b);
    buf_free(&p->word);
}

int prep_pii_parse(const char *list, unsigned *bits, struct err *e)
{
    static const char *const names[] = {"email", "ip", "phone", "card"};
    *bits = 0;
    for (const char *s = list; *s;) {
        size_t n = strcspn(s, ","), k = 0;
        while (k < COUNT_OF(names) && (strlen(names[k]) != n || memcmp(names[k], s, n) != 0))
            k++;
        if (k == COUNT_OF(names) && !(n == 3 && memcmp(s, "all", 3) == 0))
            return err_set(e, ERR_USAGE, "--pii '%.*s': it is one or more of email,ip,phone,card, or all", (int)n, s);
        *bits |= k == COUNT_OF(names) ? 15u : 1u << k;
        s += n + (s[n] == ',');
    }
    if (!*bits) return err_set(e, ERR_USAGE, "--pii: an empty list; it is one or more of email,ip,phone,card, or all");
    return 0;
}
