/* config_rwkv.c - mixers that are not attention: RWKV-4, -6, -7 and MLA. */
#include <cjson/cJSON.h>

#include "core/base/json.h"
#include "core/model/config_names.h"
#include "core/model/model.h"

static int parse_rwkv(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type", "width", "head_dim", "mix_rank", "decay_rank", "a_rank", "v_rank",
                                        "gate_rank", NULL};
    int width = d_model, six = b->mixer == MIX_RWKV6;
    if (json_known_keys(o, known, where, e) || opt_int(o, "width", 1, 1 << 17, &width, where, e)) return -1;
    b->heads = b->kv_heads = 1;
    b->head_dim = width;
    if (b->mixer == MIX_RWKV4) {
        static const char *const of_others[] = {"head_dim", "mix_rank", "decay_rank", "a_rank", "v_rank", "gate_rank"};
        for (size_t i = 0; i < sizeof of_others / sizeof *of_others; i++)
            if (json_member(o, of_others[i]))
                return err_set(e, ERR_CONFIG, "%s.%s: rwkv4 has no heads and no low ranks", where, of_others[i]);
        return 0;
    }
    b->head_dim = 64;
    if (six) b->rwkv = (struct rwkv_config){.mix_rank = 32, .decay_rank = 64};
    else b->rwkv = (struct rwkv_config){.decay_rank = 64, .a_rank = 64, .v_rank = 32, .gate_rank = 128};
    struct rwkv_config *r = &b->rwkv;
    if (opt_int(o, "head_dim", 1, 256, &b->head_dim, where, e) || opt_int(o, "decay_rank", 1, 4096, &r->decay_rank, where, e) ||
        opt_int(o, "mix_rank", 1, 4096, &r->mix_rank, where, e) || opt_int(o, "a_rank", 1, 4096, &r->a_rank, where, e) ||
        opt_int(o, "v_rank", 1, 4096, &r->v_rank, where, e) || opt_int(o, "gate_rank", 1, 4096, &r->gate_rank, where, e))
        return -1;
    if (width % b->head_dim)
        return err_set(e, ERR_CONFIG, "%s.head_dim %d does not divide the width %d", where, b->head_dim, width);
    if (six && (r->a_rank || r->v_rank || r->gate_rank))
        return err_set(e, ERR_CONFIG, "%s: a_rank, v_rank and gate_rank belong to rwkv7", where);
    if (!six && r->mix_rank) return err_set(e, ERR_CONFIG, "%s.mix_rank belongs to rwkv6", where);
    b->heads = b->kv_heads = width / b->head_dim;
    return 0;
}

int mixer_parse_other(struct block_config *b, int d_model, const struct cJSON *o, const char *where, struct err *e)
{
    return parse_rwkv(b, d_model, o, where, e);
}

void mixer_print_other(const struct block_config *b, struct buf *out)
{
    static const char *const name[] = {"attn", "mla", "rwkv4", "rwkv6", "rwkv7"};
    const struct rwkv_config *r = &b->rwkv;
    buf_printf(out, "      \"mixer\": {\"type\": \"%s\", \"width\": %d", name[b->mixer], b->heads * b->head_dim);
    if (b->mixer != MIX_RWKV4) buf_printf(out, ", \"head_dim\": %d, \"decay_rank\": %d", b->head_dim, r->decay_rank);
    if (b->mixer == MIX_RWKV6) buf_printf(out, ", \"mix_rank\": %d", r->mix_rank);
    if (b->mixer == MIX_RWKV7)
        buf_printf(out, ", \"a_rank\": %d, \"v_rank\": %d, \"gate_rank\": %d", r->a_rank, r->v_rank, r->gate_rank);
    buf_adds(out, "},\n");
}

int mixer_check_other(const struct block_config *b, int i, struct err *e)
{
    if (b->place != PLACE_PRE)
        return err_set(e, ERR_CONFIG, "blocks[%d].norm.place must be pre with an rwkv mixer", i);
    if (b->norm != NORM_LN)
        return err_set(e, ERR_CONFIG, "blocks[%d].norm.type must be ln with an rwkv mixer", i);
    return 0;
}
