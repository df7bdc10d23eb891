/* Pieces of SentencePiece's kinds: which symbols may be one, lists of them. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/train_sp.h"
#include "core/token/uni_props.h"

enum { ANY_SCRIPT = -2, NO_SCRIPT = -1 };

/* ---- what may be a piece ---- */

static bool is_digit(uint32_t cp)
{
    return (cp >= '0' && cp <= '9') || (cp >= 0xFF10 && cp <= 0xFF19);
}

static bool valid_space(const struct sp_corpus *c, const struct sp_rules *r, const uint16_t *sym,
                        size_t n, size_t at)
{
    bool all = r->space_only;
    for (size_t i = 0; all && i < n; i++) all = sym[i] == c->space;
    if (all || at == 0) return true;
    return !r->split_space && at != n - 1;
}

bool sp_valid(const struct sp_corpus *c, const struct sp_rules *r, const uint16_t *sym, size_t n)
{
    static _Thread_local int inherited = NO_SCRIPT;
    if (inherited == NO_SCRIPT) inherited = uni_script_find("Inherited", 9);
    int before = ANY_SCRIPT;
    if (n == 0 || n > (size_t)r->max_len) return false;
    for (size_t i = 0; i < n; i++) {
        if (sym[i] == 0 || sym[i] == c->unk) return false;
        if (sym[i] == c->space) {
            if (!valid_space(c, r, sym, n, i)) return false;
            continue;
        }
        uint32_t cp = c->cp[sym[i]];
        if (cp == ' ') return false;
        int script = c->script[sym[i]];
        if (script == inherited) script = before;
        if (is_digit(cp)) {
            if (!r->split_numbers) script = ANY_SCRIPT;
            if (r->split_digits && n > 1) return false;
        }
        if (r->split_scripts && script != ANY_SCRIPT && before != ANY_SCRIPT && script != before)
            return false;
        before = script;
    }
    return true;
}

/* ---- pieces ---- */

void sp_pieces_free(struct sp_pieces *p)
{
    free(p->pool);
    free(p->v);
    memset(p, 0, sizeof *p);
}

bool sp_pieces_add(struct sp_pieces *p, const uint16_t *sym, size_t n, float score)
{
    if (!mem_room(&p->v, &p->cap, p->n + 1, sizeof *p->v) || !mem_room(&p->pool, &p->pool_cap, p->n_pool + n, sizeof *p->pool))
        return false;
    memcpy(p->pool + p->n_pool, sym, n * sizeof *sym);
    p->v[p->n++] = (struct sp_piece){score, (uint32_t)n, p->n_pool};
    p->n_pool += n;
    return true;
}

void sp_piece_text(const struct sp_corpus *c, const struct sp_pieces *p, size_t i, struct buf *out)
{
    for (uint32_t k = 0; k < p->v[i].len; k++) {
        char bytes[4];
        buf_add(out, bytes, (size_t)utf8_encode(c->cp[p->pool[p->v[i].at + k]], bytes));
    }
}
