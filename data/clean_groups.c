/* How documents spread over sources, languages and classes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "data/clean.h"

enum { GROUPS_LISTED = 1000 };

const char *const clean_label_names[CLEAN_LABELS] = {"source", "lang", "class"};

struct order {
    const struct clean_groups *g;
    size_t i;
};

static int by_size(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    uint64_t n = x->g->v[x->i].docs_in, m = y->g->v[y->i].docs_in;
    if (n != m) return n > m ? -1 : 1;
    return strcmp(x->g->names.name[x->i], y->g->names.name[y->i]);
}

struct clean_spread clean_spread(const struct clean_groups *g)
{
    struct clean_spread s = {0};
    double all = 0, entropy = 0;
    for (size_t i = 0; i < g->names.n; i++)
        all += (double)g->v[i].docs_out;
    for (size_t i = 0; i < g->names.n; i++) {
        double n = (double)g->v[i].docs_out;
        if (n <= 0) continue;
        s.groups++;
        s.named += g->names.name[i][0] != '\0';
        entropy -= n / all * log(n / all);
        if (!s.smallest || g->v[i].docs_out < s.smallest) s.smallest = g->v[i].docs_out;
        /* Of equal ones the first by name, whatever the order of the input. */
        if (g->v[i].docs_out > s.largest ||
            (s.largest_name && g->v[i].docs_out == s.largest && strcmp(g->names.name[i], s.largest_name) < 0)) {
            s.largest = g->v[i].docs_out;
            s.largest_name = g->names.name[i];
        }
    }
    s.share = all > 0 ? (double)s.largest / all : 0;
    s.evenness = s.groups > 1 ? entropy / log((double)s.groups) : 1;
    return s;
}

static void one(const struct clean_groups *g, struct order *v, struct buf *out)
{
    size_t n = g->names.n;
    struct clean_spread s = clean_spread(g);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct order){g, i};
    qsort(v, n, sizeof *v, by_size);
    buf_printf(out, "{\"groups\":%zu,\"evenness\":%.6f,\"listed\":[", s.groups, s.evenness);
    for (size_t i = 0; i < n && i < GROUPS_LISTED; i++) {
        const struct clean_group *x = &g->v[v[i].i];
        const char *name = g->names.name[v[i].i];
        buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
        buf_adds_json(out, name);
        buf_printf(out, ",\"in\":%llu,\"out\":%llu,\"text_bytes_in\":%llu,\"text_bytes_out\":%llu}",
                   (unsigned long long)x->docs_in, (unsigned long long)x->docs_out,
                   (unsigned long long)x->bytes_in, (unsigned long long)x->bytes_out);
    }
    buf_adds(out, "]}");
}

void clean_groups_json(const struct clean_stats *s, struct buf *out)
{
    bool first = true;
    buf_adds(out, "{");
    for (int k = 0; k < CLEAN_LABELS; k++) {
        const struct clean_groups *g = &s->group[k];
        if (!g->names.n || (g->names.n == 1 && !g->names.name[0][0])) continue; /* nothing is known */
        struct order *v = mem_alloc(g->names.n, sizeof *v);
        if (!v) {
            out->oom = true;
            return;
        }
        buf_printf(out, "%s\"%s\":", first ? "" : ",", clean_label_names[k]);
        one(g, v, out);
        free(v);
        first = false;
    }
    buf_adds(out, "}");
}
