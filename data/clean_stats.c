#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/clean_internal.h"

struct clean_group *clean_group_of(struct clean_groups *g, const char *name, size_t n)
{
    uint32_t i = labels_id(&g->names, name, n);
    if (i == LABEL_NONE) return NULL;
    if (i >= g->cap) {
        size_t old = g->cap;
        if (!mem_grow(&g->v, &g->cap, (size_t)i + 1, sizeof *g->v)) return NULL;
        memset(g->v + old, 0, (g->cap - old) * sizeof *g->v);
    }
    return &g->v[i];
}

void clean_stats_clear(struct clean_stats *s)
{
    struct clean_groups keep[CLEAN_LABELS];
    struct clean_detail *detail = s->detail;
    memcpy(keep, s->group, sizeof keep);
    memset(s, 0, sizeof *s);
    s->detail = detail;
    if (detail) detail_clear(detail);
    for (int k = 0; k < CLEAN_LABELS; k++) {
        labels_clear(&keep[k].names);
        if (keep[k].v) memset(keep[k].v, 0, keep[k].cap * sizeof *keep[k].v);
    }
    memcpy(s->group, keep, sizeof keep);
}

void clean_stats_free(struct clean_stats *s)
{
    for (int k = 0; k < CLEAN_LABELS; k++) {
        labels_free(&s->group[k].names);
        free(s->group[k].v);
    }
    detail_free(s->detail);
    memset(s, 0, sizeof *s);
}

int clean_stats_add(struct clean_stats *to, const struct clean_stats *from, struct err *e)
{
    to->docs_in += from->docs_in;
    to->docs_out += from->docs_out;
    to->docs_removed += from->docs_removed;
    to->docs_bad += from->docs_bad;
    to->copies += from->copies;
    to->bytes_in += from->bytes_in;
    to->bytes_out += from->bytes_out;
    to->changed += from->changed;
    for (int k = 0; k < PREP_N; k++) {
        to->prep_docs[k] += from->prep_docs[k];
        to->prep_places[k] += from->prep_places[k];
    }
    for (int r = 0; r < RULES_MAX; r++) {
        to->rule[r].removed += from->rule[r].removed;
        to->rule[r].failed += from->rule[r].failed;
        to->rule[r].only += from->rule[r].only;
        to->rule[r].bytes += from->rule[r].bytes;
    }
    if (to->detail && from->detail && detail_add(to->detail, from->detail))
        return err_oom(e, sizeof *from->detail, "the examples of the report");
    if (!to->first_bad[0]) memcpy(to->first_bad, from->first_bad, sizeof to->first_bad);
    for (int k = 0; k < CLEAN_LABELS; k++)
        for (size_t i = 0; i < from->group[k].names.n; i++) {
            const char *name = from->group[k].names.name[i];
            const struct clean_group *a = &from->group[k].v[i];
            struct clean_group *b = clean_group_of(&to->group[k], name, strlen(name));
            if (!b) return err_oom(e, sizeof *b, "the groups of the report");
            b->docs_in += a->docs_in;
            b->docs_out += a->docs_out;
            b->bytes_in += a->bytes_in;
            b->bytes_out += a->bytes_out;
        }
    return 0;
}
