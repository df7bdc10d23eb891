/* config_rwkv.c - mixers that are not attention: RWKV-4, -6, -7 and MLA. */
#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/config_names.h"
#include "core/model/model.h"

/* Ranks that a version has; a default of 0 = it has none. */
struct rank {
    const char *key;
    int *value;
};

static int parse_rwkv(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "width", "head_dim", "gate", "norm_eps", "mix_rank", "decay_rank", "a_rank",
                                        "v_rank", "gate_rank", NULL};
    struct rwkv_config *r = &b->rwkv;
    const struct rank ranks[] = {{"mix_rank", &r->mix_rank}, {"decay_rank", &r->decay_rank}, {"a_rank", &r->a_rank},
                                 {"v_rank", &r->v_rank},     {"gate_rank", &r->gate_rank}};
    bool four = b->mixer == MIX_RWKV4, gated = b->mixer == MIX_RWKV5 || b->mixer == MIX_RWKV6;
    int width = d_model;
    if (json_known_keys(o, known, where, e) || opt_int(o, "width", 1, 1 << 17, &width, where, e)) return -1;
    *r = (struct rwkv_config){.gate = gated, .norm_eps = four ? 0 : 64e-5};
    if (b->mixer == MIX_RWKV6) r->mix_rank = 32, r->decay_rank = 64;
    if (b->mixer == MIX_RWKV7) r->decay_rank = r->a_rank = 64, r->v_rank = 32, r->gate_rank = 128;
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        if (!*ranks[i].value && json_member(o, ranks[i].key))
            return err_set(e, ERR_CONFIG, "%s.%s does not belong to this version of rwkv", where, ranks[i].key);
    if ((four && (json_member(o, "head_dim") || json_member(o, "norm_eps"))) ||
        (b->mixer != MIX_RWKV5 && json_member(o, "gate")))
        return err_set(e, ERR_CONFIG, "%s: head_dim and norm_eps belong to rwkv5 to rwkv7, gate to rwkv5", where);
    b->heads = b->kv_heads = 1;
    b->head_dim = four ? width : 64;
    if (opt_int(o, "head_dim", 1, 256, &b->head_dim, where, e) || json_opt_bool(o, "gate", &r->gate, where, e) ||
        json_opt_f64(o, "norm_eps", 0, 1, &r->norm_eps, where, e))
        return -1;
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        if (opt_int(o, ranks[i].key, 1, 4096, ranks[i].value, where, e)) return -1;
    if (width % b->head_dim)
        return err_set(e, ERR_CONFIG, "%s.head_dim %d does not divide the width %d", where, b->head_dim, width);
    b->heads = b->kv_heads = width / b->head_dim;
    return 0;
}

int mixer_parse_other(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e)
{
    return b->mixer == MIX_MLA ? mla_parse(b, o, where, e) : parse_rwkv(b, d_model, o, where, e);
}

void mixer_print_other(const struct block_config *b, struct buf *out)
{
    const struct rwkv_config *r = &b->rwkv;
    if (b->mixer == MIX_MLA) {
        mla_print(b, out);
        return;
    }
    buf_printf(out, "      \"mixer\": {\"type\": \"%s\", \"width\": %d", choice_name(choice_mixer, (int)b->mixer),
               b->heads * b->head_dim);
    if (b->mixer != MIX_RWKV4) {
        buf_printf(out, ", \"head_dim\": %d, ", b->head_dim);
        config_num(out, "norm_eps", r->norm_eps);
    }
    if (b->mixer == MIX_RWKV5) buf_printf(out, ", \"gate\": %s", r->gate ? "true" : "false");
    if (r->mix_rank) buf_printf(out, ", \"mix_rank\": %d", r->mix_rank);
    if (r->decay_rank) buf_printf(out, ", \"decay_rank\": %d", r->decay_rank);
    if (b->mixer == MIX_RWKV7)
        buf_printf(out, ", \"a_rank\": %d, \"v_rank\": %d, \"gate_rank\": %d", r->a_rank, r->v_rank, r->gate_rank);
    buf_adds(out, "},\n");
}

int mixer_check_other(const struct block_config *b, int i, struct err *e)
{
    if (b->mixer == MIX_MLA) return mla_check(b, i, e);
    if (b->place != PLACE_PRE)
        return err_set(e, ERR_CONFIG, "blocks[%d].norm.place must be pre with an rwkv mixer", i);
    if (b->norm != NORM_LN)
        return err_set(e, ERR_CONFIG, "blocks[%d].norm.type must be ln with an rwkv mixer", i);
    return 0;
}
