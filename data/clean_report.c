#include "data/clean.h"

void clean_report_json(const struct clean_cfg *cfg, const struct clean_stats *s, struct buf *out)
{
    static const char *const forms[] = {"none", "nfc", "nfkc"};
    buf_printf(out,
               "{\"documents\":{\"in\":%llu,\"out\":%llu,\"removed\":%llu,\"quarantined\":%llu,"
               "\"changed\":%llu,\"copies\":%llu},"
               "\"text_bytes\":{\"in\":%llu,\"out\":%llu},\"unicode\":\"%s\",\"damaged_files\":%zu,"
               "\"preprocessing\":{",
               (unsigned long long)s->docs_in, (unsigned long long)s->docs_out,
               (unsigned long long)s->docs_removed, (unsigned long long)s->docs_bad,
               (unsigned long long)s->changed, (unsigned long long)s->copies,
               (unsigned long long)s->bytes_in, (unsigned long long)s->bytes_out, forms[cfg->prep.form],
               s->n_damaged);
    bool first = true;
    for (int k = 0; k < PREP_N; k++) {
        if (!cfg->prep_metric[k]) continue;
        buf_printf(out, "%s\"%s\":{\"documents\":%llu,\"places\":%llu}", first ? "" : ",",
                   prep_step_name[k] + 5, /* without "prep." */
                   (unsigned long long)s->prep_docs[k], (unsigned long long)s->prep_places[k]);
        first = false;
    }
    buf_adds(out, "},\"rules\":[");
    first = true;
    for (int r = 0; r < cfg->rules.n_rules; r++) {
        if (!cfg->rules.on[r]) continue;
        const struct clean_rule_stats *x = &s->rule[r];
        buf_printf(
            out,
            "%s{\"rule\":\"%s\",\"reason\":\"%s\",\"limit\":%.17g,\"removed\":%llu,\"failed\":%llu,"
            "\"only\":%llu,\"text_bytes\":%llu}",
            first ? "" : ",", cfg->rules.rule[r]->key, cfg->rules.rule[r]->reason,
            cfg->rules.limit[r], (unsigned long long)x->removed, (unsigned long long)x->failed,
            (unsigned long long)x->only, (unsigned long long)x->bytes);
        first = false;
    }
    buf_adds(out, "],\"groups\":");
    clean_groups_json(s, out);
    buf_adds(out, "}\n");
}
