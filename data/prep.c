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

int prep_run(struct prep *p, const char *text, size_t n, const char **out, size_t *out_n, struct err *e)
{
    struct buf *to = &p->a, *other = &p->b;
    p->norm.form = p->cfg->form;
    *out = text;
    *out_n = n;
    for (enum prep_step k = 0; k < PREP_N; k++) {
        p->places[k] = 0;
        if (!prep_wants(p->cfg, k)) continue;
        if (k == PREP_FORM) {
            const char *was = *out;
            if (text_norm_run(&p->norm, was, *out_n, out, out_n, e)) return -1;
            p->places[k] = *out != was;
            continue;
        }
        buf_clear(to);
        uint64_t changes = step(p, k, *out, *out_n, to);
        if (buf_ok(to, e) || buf_ok(&p->word, e)) return -1;
        if (!changes) continue;
        p->places[k] = changes;
        *out = to->data ? to->data : "";
        *out_n = to->len;
        struct buf *t = to; /* the next step writes beside what it reads */
        to = other;
        other = t;
    }
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
