#include "cmd/clean_prep.h"

#include "core/base/log.h"

int clean_prep_open(const struct clean_prep_opts *o, struct clean_cfg *cfg, struct err *e)
{
    struct prep_words *words = NULL;
    struct prep_cfg *p = &cfg->prep;
    *p = (struct prep_cfg){.form = (enum text_form)o->unicode,
                           .html = o->html,
                           .mojibake = o->mojibake,
                           .boilerplate = o->boilerplate,
                           .lower = o->lower,
                           .drop_punct = o->strip_punct,
                           .squeeze = o->squeeze,
                           .digits = (enum prep_digits)o->digits};
    if (o->pii && prep_pii_parse(o->pii, &p->pii, e)) return -1;
    if (o->stop_words) {
        if (prep_stop_open(&words, o->stop_words, e)) return -1;
        p->stop = words;
    }
    if (o->boilerplate_lines) {
        if (prep_lines_open(&words, o->boilerplate_lines, e)) return -1;
        p->lines = words;
    }
    for (int k = 0; k < PREP_N; k++) {
        if (k == PREP_FORM || !prep_wants(p, (enum prep_step)k)) continue;
        cfg->prep_metric[k] = rules_add_metric(&cfg->rules, prep_step_name[k], e);
        if (cfg->prep_metric[k] < 0) return -1;
    }
    return 0;
}

void clean_prep_close(struct clean_cfg *cfg)
{
    prep_words_close((struct prep_words *)cfg->prep.stop);
    prep_words_close((struct prep_words *)cfg->prep.lines);
    cfg->prep.stop = cfg->prep.lines = NULL;
}

void clean_prep_talk(const struct clean_cfg *cfg, const struct clean_stats *s)
{
    for (int k = 0; k < PREP_N; k++)
        if (cfg->prep_metric[k])
            log_info("  %-30s changed %8llu documents in %llu places", prep_step_name[k],
                     (unsigned long long)s->prep_docs[k], (unsigned long long)s->prep_places[k]);
}
