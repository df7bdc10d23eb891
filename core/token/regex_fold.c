/* Letters under (?i) of which several are one in the text, or the other way round. */
#include <string.h>

#include "core/token/regex_parse.h"
#include "core/token/uni_props.h"

static struct re_node *folded(struct re_parse *p, uint32_t cp)
{
    struct re_node *n = re_new_node(p, N_CHAR);
    if (!n) return NULL;
    n->fold = true;
    n->cp = uni_fold(cp);
    return n;
}

static bool folds_to(const uint32_t *out, int n_out, const uint32_t *cp, size_t n)
{
    if ((size_t)n_out > n) return false;
    for (int i = 0; i < n_out; i++)
        if (uni_fold(out[i]) != uni_fold(cp[i])) return false;
    return true;
}

/* How many letters from cp on, the most, are the fold of one character; 0 = none. */
static int longest(const uint32_t *cp, size_t n)
{
    uint32_t out[3];
    int most = 0, k;
    if (n < 2 || (*cp < 0x80 && !strchr("afhijstwy", (int)*cp))) return 0; /* no such text begins with another */
    for (uint32_t one = 0; (k = uni_next_fold_to_many(&one, out)); one++)
        if (k > most && folds_to(out, k, cp, n)) most = k;
    return most;
}

/* n letters, or one of the characters that fold to them. */
static struct re_node *either(struct re_parse *p, const uint32_t *cp, int n)
{
    uint32_t out[3];
    struct re_node *text = folded(p, cp[0]);
    for (int i = 1; i < n; i++) text = re_pair(p, N_CAT, text, folded(p, cp[i]));
    for (uint32_t one = 0; text; one++) {
        int k = uni_next_fold_to_many(&one, out);
        if (!k) break;
        if (k != n || !folds_to(out, k, cp, (size_t)n)) continue;
        struct re_node *c = re_new_node(p, N_CHAR);
        if (c) c->cp = one;
        text = re_pair(p, N_ALT, c, text);
    }
    return text;
}

struct re_node *re_fold_several(struct re_parse *p, uint32_t cp)
{
    uint32_t one = cp, out[3];
    int n = uni_next_fold_to_many(&one, out);
    return either(p, out, n);
}

bool re_fold_joins(const uint32_t *cp, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (longest(cp + i, n - i)) return true;
    return false;
}

/* The engine takes the longest such texts, from the left on. */
struct re_node *re_fold_row(struct re_parse *p, const uint32_t *cp, size_t n)
{
    struct re_node *all = NULL;
    for (size_t i = 0; i < n;) {
        int k = longest(cp + i, n - i);
        struct re_node *some = k ? either(p, cp + i, k) : folded(p, cp[i]);
        all = i ? re_pair(p, N_CAT, all, some) : some;
        if (!all) return NULL;
        i += k ? (size_t)k : 1;
    }
    return all;
}
