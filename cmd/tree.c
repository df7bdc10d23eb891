#include "cmd/tree.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

enum { MAX_DEPTH = 24, NAME_WIDTH = 46 };

/* Children keep the order of the file; only neighbours are grouped, which is
 * what files do and stays linear in their number. */
struct node {
    const char *part;           /* within a tensor's name, with its separator */
    size_t len;
    struct node *child, *last, *next;
    const struct tree_tensor *t;
    int n_tensors;
    int64_t n;
    uint64_t raw, stored;
    uint64_t kind;              /* hash of everything below, names of children included */
};

static struct node *add_child(struct arena *a, struct node *p, const char *part, size_t len)
{
    struct node *c = p->last;
    if (c && !c->t && c->len == len && !memcmp(c->part, part, len)) return c;
    c = arena_zalloc(a, 1, sizeof *c);
    if (!c) return NULL;
    c->part = part;
    c->len = len;
    if (p->last) p->last->next = c;
    else p->child = c;
    p->last = c;
    return c;
}

/* "adam.m/" of "adam.m/lm_head.weight": kinds of tensors stay together. */
static size_t prefix_len(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash ? (size_t)(slash - name) + 1 : 0;
}

static void count(struct node *p, const struct tree_tensor *t)
{
    p->n_tensors++;
    p->n += t->n;
    p->raw += t->raw;
    p->stored += t->stored;
}

static bool insert(struct arena *a, struct node *root, const struct tree_tensor *t)
{
    struct node *p = root;
    const char *s = t->name;
    count(p, t);
    for (int depth = 0;; depth++) {
        size_t len = depth ? strcspn(s, ".") : prefix_len(s) ? prefix_len(s) - 1 : strcspn(s, ".");
        bool leaf = !s[len] || !s[len + 1] || depth == MAX_DEPTH;
        if (leaf) len = strlen(s);
        else len++;
        struct node *c = add_child(a, p, s, len);
        if (!c) return false;
        count(c, t);
        if (leaf) {
            c->t = t;
            return true;
        }
        p = c;
        s += len;
    }
}

static uint64_t mix(uint64_t h, const void *p, size_t n) { return hash64_seed(p, n, h); }

static void compute_kinds(struct node *p)
{
    uint64_t h = 1;
    if (p->t) {
        h = mix(h, &p->t->dtype, sizeof p->t->dtype);
        if (p->t->ndim) h = mix(h, p->t->dim, (size_t)p->t->ndim * sizeof *p->t->dim);
    }
    for (struct node *c = p->child; c; c = c->next) {
        compute_kinds(c);
        h = mix(h, c->part, c->len);
        h = mix(h, &c->kind, sizeof c->kind);
    }
    p->kind = h;
}

/* ---- printing ---- */

/* In the unit in which it is below 1000: "1", "1.2 k". */
static void add_thousands(struct buf *out, double v, const char *const unit[7])
{
    size_t u = 0;
    for (; v >= 999.95 && u < 6; u++) v /= 1000;
    buf_printf(out, "%.*f%s", u ? 1 : 0, v, unit[u]);
}

void tree_add_bytes(struct buf *out, uint64_t bytes)
{
    add_thousands(out, (double)bytes, (const char *const[7]){" B", " kB", " MB", " GB", " TB", " PB", " EB"});
}

void tree_add_count(struct buf *out, int64_t n)
{
    add_thousands(out, (double)n, (const char *const[7]){"", " k", " M", " G", " T", " P", " E"});
}

/* Names come from files: what is not plain text is shown as '?'. */
static void add_name(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) buf_addc(out, (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i]);
}

static void pad(struct buf *out, size_t from, size_t width)
{
    do buf_addc(out, ' ');
    while (out->len - from < width);
}

static void add_sizes(struct buf *out, const struct node *p, int64_t times)
{
    uint64_t raw = p->raw * (uint64_t)times, stored = p->stored;
    size_t from = out->len;
    tree_add_bytes(out, raw);
    if (stored != raw) {
        pad(out, from, 10);
        buf_adds(out, "-> ");
        tree_add_bytes(out, stored);
        if (stored) buf_printf(out, "  %.2fx", (double)raw / (double)stored);
    }
    buf_addc(out, '\n');
}

static void add_leaf(struct buf *out, const struct tree_tensor *t)
{
    size_t from = out->len;
    buf_adds(out, dtype_name(t->dtype));
    buf_adds(out, " [");
    for (int d = 0; d < t->ndim; d++) buf_printf(out, "%s%lld", d ? ", " : "", (long long)t->dim[d]);
    buf_addc(out, ']');
    pad(out, from, 20);
}

static bool is_number(const struct node *p)
{
    size_t digits = 0;
    while (digits < p->len && p->part[digits] >= '0' && p->part[digits] <= '9') digits++;
    return digits && digits + 1 == p->len && !p->t;
}

static void print_children(struct buf *out, const struct node *p, int depth, bool all);

static void print_node(struct buf *out, const struct node *p, int depth, bool all)
{
    size_t from = out->len;
    buf_printf(out, "%*s", 2 * depth, "");
    add_name(out, p->part, p->len);
    while (!p->t && p->child && !p->child->next) { /* a chain of single children is one line */
        p = p->child;
        add_name(out, p->part, p->len);
    }
    pad(out, from, NAME_WIDTH);
    if (p->t) {
        add_leaf(out, p->t);
    } else {
        size_t here = out->len;
        tree_add_count(out, p->n);
        pad(out, here, 20);
    }
    add_sizes(out, p, 1);
    print_children(out, p, depth + 1, all);
}

/* `run` siblings from p on differ in number only. */
static void print_run(struct buf *out, const struct node *p, int run, int depth, bool all)
{
    struct node sum = *p;
    const struct node *last = p;
    for (int i = 1; i < run; i++) {
        last = last->next;
        sum.stored += last->stored;
    }
    size_t from = out->len;
    buf_printf(out, "%*s{", 2 * depth, "");
    add_name(out, p->part, p->len - 1);
    buf_adds(out, "..");
    add_name(out, last->part, last->len - 1);
    buf_printf(out, "}%c", p->part[p->len - 1]);
    pad(out, from, NAME_WIDTH);
    size_t here = out->len;
    buf_printf(out, "%d x ", run);
    tree_add_count(out, p->n);
    pad(out, here, 20);
    add_sizes(out, &sum, run);
    print_children(out, p, depth + 1, all);
}

static void print_children(struct buf *out, const struct node *p, int depth, bool all)
{
    for (const struct node *c = p->child; c;) {
        int run = 1;
        const struct node *end = c->next;
        while (!all && end && is_number(c) && is_number(end) && end->kind == c->kind) {
            run++;
            end = end->next;
        }
        if (run > 1) print_run(out, c, run, depth, all);
        else print_node(out, c, depth, all);
        c = end;
    }
}

/* Tensors of one prefix at a time, in the order in which prefixes appear; a
 * file with more than a few of them is shown in the order of the file. */
static bool insert_all(struct arena *a, struct node *root, const struct tree_tensor *t, int n)
{
    enum { MAX_PREFIXES = 16 };
    const char *prefix[MAX_PREFIXES];
    int n_prefixes = 0;
    for (int i = 0; i < n; i++) {
        size_t len = prefix_len(t[i].name);
        int k = 0;
        while (k < n_prefixes && (prefix_len(prefix[k]) != len || memcmp(prefix[k], t[i].name, len))) k++;
        if (k < n_prefixes) continue;
        if (n_prefixes == MAX_PREFIXES) {
            n_prefixes = 0;
            break;
        }
        prefix[n_prefixes++] = t[i].name;
    }
    for (int k = 0; k < (n_prefixes ? n_prefixes : 1); k++)
        for (int i = 0; i < n; i++) {
            size_t len = prefix_len(t[i].name);
            if (n_prefixes && (prefix_len(prefix[k]) != len || memcmp(prefix[k], t[i].name, len))) continue;
            if (!insert(a, root, &t[i])) return false;
        }
    return true;
}

int tree_print(struct buf *out, const struct tree_tensor *t, int n, bool all, struct err *e)
{
    struct arena a = {0};
    struct node root = {.part = "", .len = 0};
    int ret = 0;
    if (!insert_all(&a, &root, t, n)) ret = err_oom(e, (unsigned long long)n * sizeof root, "the tree of tensors");
    if (!ret) {
        compute_kinds(&root);
        print_children(out, &root, 0, all);
    }
    arena_free(&a);
    return ret;
}
