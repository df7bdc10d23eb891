#include "core/token/charsmap_build.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* A node of the trie: its edges lie in edge[first..first + n), by label.  Equal
 * nodes are one, which makes the array small: in the known rules thousands of
 * sequences lead to the same few endings. */
struct node {
    uint32_t first, n, base;
    bool placed;
};

struct edge {
    uint32_t to; /* node; or the value when the label is 0 */
    uint8_t label;
};

struct builder {
    const struct charsmap_rules *r;
    const struct charsmap_rule **sorted;
    uint32_t *value;       /* [rules] offset of the replacement */
    struct node *node;
    size_t n_nodes, nodes_cap;
    struct edge *edge;
    size_t n_edges, edges_cap;
    uint32_t *slots;       /* node + 1, by hash of its edges */
    size_t n_slots;
    uint32_t *unit;
    bool *used, *used_base;
    size_t n_units, first_free;
    bool oom;
};

/* ---- the trie, equal nodes once ---- */

static bool same_edges(const struct builder *b, const struct node *x, const struct edge *v, size_t n)
{
    if (x->n != n) return false;
    for (size_t i = 0; i < n; i++)
        if (b->edge[x->first + i].to != v[i].to || b->edge[x->first + i].label != v[i].label)
            return false;
    return true;
}

static uint64_t hash_edges(const struct edge *v, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((uint64_t)v[i].to << 8 | v[i].label)) * 0x9E3779B97F4A7C15ull;
        h ^= h >> 29;
    }
    return h;
}

static bool grow_node_slots(struct builder *b)
{
    size_t n = b->n_slots ? 2 * b->n_slots : 1 << 12;
    uint32_t *slots = mem_zalloc(n, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < b->n_nodes; i++) {
        size_t k = hash_edges(b->edge + b->node[i].first, b->node[i].n) & (n - 1);
        while (slots[k]) k = (k + 1) & (n - 1);
        slots[k] = (uint32_t)i + 1;
    }
    free(b->slots);
    b->slots = slots;
    b->n_slots = n;
    return true;
}

static uint32_t node_for(struct builder *b, const struct edge *v, size_t n)
{
    if (2 * (b->n_nodes + 1) > b->n_slots && !grow_node_slots(b)) return b->oom = true, 0;
    size_t k = hash_edges(v, n) & (b->n_slots - 1);
    for (; b->slots[k]; k = (k + 1) & (b->n_slots - 1))
        if (same_edges(b, &b->node[b->slots[k] - 1], v, n)) return b->slots[k] - 1;
    if (!mem_room(&b->node, &b->nodes_cap, b->n_nodes + 1, sizeof *b->node) ||
        !mem_room(&b->edge, &b->edges_cap, b->n_edges + n, sizeof *b->edge))
        return b->oom = true, 0;
    b->node[b->n_nodes] = (struct node){.first = (uint32_t)b->n_edges, .n = (uint32_t)n};
    memcpy(b->edge + b->n_edges, v, n * sizeof *v);
    b->n_edges += n;
    b->slots[k] = (uint32_t)++b->n_nodes;
    return (uint32_t)b->n_nodes - 1;
}

static uint8_t byte_at(const struct builder *b, size_t rule, uint32_t depth)
{
    return (uint8_t)b->r->text.data[b->sorted[rule]->from + depth];
}

/* The node for sorted rules [from, to), which agree in `depth` bytes. */
static uint32_t make_node(struct builder *b, size_t from, size_t to, uint32_t depth)
{
    struct edge v[257];
    size_t n = 0;
    if (b->sorted[from]->from_len == depth)
        v[n++] = (struct edge){b->value[b->sorted[from++] - b->r->v], 0};
    while (from < to && !b->oom) {
        uint8_t c = byte_at(b, from, depth);
        size_t end = from + 1;
        while (end < to && byte_at(b, end, depth) == c) end++;
        v[n++] = (struct edge){make_node(b, from, end, depth + 1), c};
        from = end;
    }
    return b->oom ? 0 : node_for(b, v, n);
}

/* ---- the double array ---- */

static bool units_room(struct builder *b, size_t n)
{
    if (n <= b->n_units) return true;
    size_t want = (n + 255) / 256 * 256, old = b->n_units;
    if (!mem_renew(&b->unit, want, sizeof *b->unit) || !mem_renew(&b->used, want, sizeof *b->used) ||
        !mem_renew(&b->used_base, want, sizeof *b->used_base))
        return false;
    memset(b->unit + old, 0, (want - old) * sizeof *b->unit);
    memset(b->used + old, 0, want - old);
    memset(b->used_base + old, 0, want - old);
    b->n_units = want;
    return true;
}

static bool fits(struct builder *b, const struct node *x, size_t base)
{
    if (base == 0 || b->used_base[base]) return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (b->used[base ^ b->edge[x->first + i].label]) return false;
    return true;
}

/* A base whose places for all children are free; 0 when out of memory. */
static size_t find_base(struct builder *b, const struct node *x)
{
    uint8_t label = b->edge[x->first].label;
    while (b->first_free < b->n_units && b->used[b->first_free]) b->first_free++;
    size_t tries = 0, at = b->first_free;
    for (;;) {
        if (!units_room(b, at + 256)) return 0;
        const bool *gap = memchr(b->used + at, 0, b->n_units - 255 - at);
        at = gap ? (size_t)(gap - b->used) : b->n_units - 255;
        if (!gap) continue;
        if (fits(b, x, at ^ label)) return at ^ label;
        /* Crowded: leave the gaps behind. */
        if (++tries == 4096) b->first_free = at;
        at++;
    }
}

static bool place(struct builder *b, uint32_t id)
{
    struct node *x = &b->node[id];
    if (x->placed) return true;
    size_t base = find_base(b, x);
    if (!base) return false;
    x->placed = true;
    x->base = (uint32_t)base;
    b->used_base[base] = true;
    for (uint32_t i = 0; i < x->n; i++) b->used[base ^ b->edge[x->first + i].label] = true;
    for (uint32_t i = 0; i < x->n; i++) {
        struct edge e = b->edge[x->first + i];
        if (e.label && !place(b, e.to)) return false;
    }
    return true;
}

static bool set_offset(uint32_t *unit, size_t offset)
{
    if (offset < 1u << 21) *unit |= (uint32_t)offset << 10;
    else if (offset < 1u << 29 && !(offset & 255)) *unit |= (uint32_t)offset << 2 | 1u << 9;
    else return false;
    return true;
}

static bool write_units(struct builder *b, uint32_t root)
{
    bool ok = set_offset(&b->unit[0], b->node[root].base);
    for (size_t id = 0; ok && id < b->n_nodes; id++) {
        const struct node *x = &b->node[id];
        for (uint32_t i = 0; ok && i < x->n; i++) {
            struct edge e = b->edge[x->first + i];
            uint32_t at = x->base ^ e.label;
            if (!e.label) {
                b->unit[at] = e.to | 0x80000000u;
                continue;
            }
            const struct node *child = &b->node[e.to];
            b->unit[at] = e.label | (uint32_t)(b->edge[child->first].label == 0) << 8;
            ok = set_offset(&b->unit[at], at ^ child->base);
        }
    }
    return ok;
}

/* ---- the replacements ---- */

struct order {
    const char *text;
    bool to;
};

static int compare(const void *x, const void *y, void *arg)
{
    const struct order *o = arg;
    const struct charsmap_rule *a = *(const struct charsmap_rule *const *)x;
    const struct charsmap_rule *b = *(const struct charsmap_rule *const *)y;
    uint32_t na = o->to ? a->to_len : a->from_len, nb = o->to ? b->to_len : b->from_len;
    int c = memcmp(o->text + (o->to ? a->to : a->from), o->text + (o->to ? b->to : b->from),
                   na < nb ? na : nb);
    return c ? c : na < nb ? -1 : na > nb;
}

/* Equal replacements are stored once. */
static void write_pool(struct builder *b, struct buf *pool)
{
    const struct charsmap_rules *r = b->r;
    struct order by_to = {r->text.data, true};
    qsort_r(b->sorted, r->n, sizeof *b->sorted, compare, &by_to);
    for (size_t i = 0; i < r->n; i++) {
        const struct charsmap_rule *x = b->sorted[i];
        if (i && compare(&b->sorted[i - 1], &b->sorted[i], &by_to) == 0) {
            b->value[x - r->v] = b->value[b->sorted[i - 1] - r->v];
            continue;
        }
        b->value[x - r->v] = (uint32_t)pool->len;
        buf_add(pool, r->text.data + x->to, x->to_len);
        buf_addc(pool, 0);
    }
}

static void put_u32(struct buf *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) buf_addc(out, (char)(v >> 8 * i));
}

int charsmap_compile(const struct charsmap_rules *r, struct buf *out, struct err *e)
{
    struct builder b = {.r = r};
    struct buf pool = {0};
    struct order by_from = {r->text.data, false};
    int ret = -1;
    if (r->n == 0) return err_set(e, ERR_DATA, "there are no normalization rules");
    b.sorted = mem_alloc(r->n, sizeof *b.sorted);
    b.value = mem_alloc(r->n, sizeof *b.value);
    if (!b.sorted || !b.value) goto oom;
    for (size_t i = 0; i < r->n; i++) b.sorted[i] = &r->v[i];
    write_pool(&b, &pool);
    qsort_r(b.sorted, r->n, sizeof *b.sorted, compare, &by_from);
    uint32_t root = make_node(&b, 0, r->n, 0);
    if (b.oom || pool.oom || !units_room(&b, 256)) goto oom;
    b.used[0] = true;
    if (!place(&b, root)) goto oom;
    if (!write_units(&b, root)) {
        err_set(e, ERR_DATA, "%zu normalization rules are too many", r->n);
        goto out;
    }
    put_u32(out, (uint32_t)(4 * b.n_units));
    for (size_t i = 0; i < b.n_units; i++) put_u32(out, b.unit[i]);
    buf_add(out, pool.data, pool.len);
    ret = buf_ok(out, e);
    goto out;
oom:
    err_oom(e, b.n_units * sizeof *b.unit, "normalization rules");
out:
    buf_free(&pool);
    free(b.sorted);
    free(b.value);
    free(b.node);
    free(b.edge);
    free(b.slots);
    free(b.unit);
    free(b.used);
    free(b.used_base);
    return ret;
}
