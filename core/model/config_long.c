/* config_long.c - the factors of longrope scaling: "longrope": {"short": [...],
 * "long": [...]}, one table for all layers that have it; and as config.json has
 * them. */
#include <stdio.h>

#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/model/config_names.h"
#include "core/model/hf.h"
#include "core/model/rope.h"

static int read_factors(struct longrope *l, const struct cJSON *o, const char *const keys[2], const char *where,
                        struct err *e)
{
    for (int j = 0; j < 2; j++) {
        const struct cJSON *list = json_member(o, keys[j]), *v;
        int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0, i = 0;
        if (n < 1 || n > MODEL_MAX_LONGROPE || (j && n != l->n))
            return err_set(e, ERR_CONFIG, "%s.%s must be a list of %s numbers", where, keys[j], j ? "as many" : "1 to 512");
        l->n = n;
        cJSON_ArrayForEach(v, list)
        {
            if (!cJSON_IsNumber(v) || !(v->valuedouble >= 1e-3 && v->valuedouble <= 1e9))
                return err_set(e, ERR_CONFIG, "%s.%s[%d] is no number within 0.001 and 1e9", where, keys[j], i);
            l->by[j][i++] = v->valuedouble;
        }
    }
    return 0;
}

static const struct block_config *long_block(const struct model_config *c)
{
    for (int i = 0; i < c->n_blocks; i++)
        if (c->block[i].pos == POS_ROPE && c->block[i].scaling == ROPE_LONG) return &c->block[i];
    return NULL;
}

int longrope_parse(struct model_config *c, const struct cJSON *j, struct err *e)
{
    static const char *const known[] = {"short", "long", NULL};
    const struct cJSON *o;
    if (opt_object(j, "longrope", &o, "model", e)) return -1;
    return !o ? 0 : json_known_keys(o, known, "longrope", e) ? -1 : read_factors(&c->longrope, o, known, "longrope", e);
}

static void print_list(const struct longrope *l, int j, struct buf *out)
{
    for (int i = 0; i < l->n; i++) buf_printf(out, "%s%.17g", i ? ", " : "", l->by[j][i]);
}

void longrope_print(const struct model_config *c, struct buf *out)
{
    if (!c->longrope.n) return;
    buf_adds(out, "  \"longrope\": {\"short\": [");
    print_list(&c->longrope, 0, out);
    buf_adds(out, "],\n    \"long\": [");
    print_list(&c->longrope, 1, out);
    buf_adds(out, "]},\n");
}

int longrope_check(const struct model_config *c, struct err *e)
{
    const struct longrope *l = &c->longrope;
    if (l->n && !long_block(c))
        return err_set(e, ERR_CONFIG, "longrope without a block whose mixer.pos.scaling.type is longrope");
    for (int i = 0; i < c->n_blocks; i++) {
        const struct block_config *b = &c->block[i];
        if (b->pos != POS_ROPE || b->scaling != ROPE_LONG) continue;
        if (l->n != rope_n_rot(b) / 2)
            return err_set(e, ERR_CONFIG, "longrope.short has %d factors, the heads of blocks[%d] turn %d pairs", l->n,
                           i, rope_n_rot(b) / 2);
    }
    return 0;
}

int hf_longrope_read(struct model_config *c, const struct cJSON *hf, struct err *e)
{
    static const char *const keys[2] = {"short_factor", "long_factor"};
    if (!long_block(c)) return 0;
    const struct cJSON *rp = json_member(hf, "rope_parameters");
    if (!rp || !cJSON_IsObject(rp)) rp = json_member(hf, "rope_scaling");
    return read_factors(&c->longrope, rp, keys, "rope_parameters", e);
}

void hf_longrope_write(const struct model_config *c, struct buf *out)
{
    buf_adds(out, ", \"short_factor\": [");
    print_list(&c->longrope, 0, out);
    buf_adds(out, "], \"long_factor\": [");
    print_list(&c->longrope, 1, out);
    buf_addc(out, ']');
}
