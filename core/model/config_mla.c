/* config_mla.c - mixer mla: its keys, their print and their checks. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "core/base/json.h"
#include "core/model/config_names.h"

void mla_set_sizes(struct block_config *b)
{
    int K = b->mla.nope_dim + b->mla.rope_dim;
    b->kv_heads = b->heads;
    b->head_dim = K > b->mla.v_dim ? K : b->mla.v_dim;
    b->partial = (b->mla.rope_dim + 0.5) / b->head_dim; /* the rotary table is of rope_dim */
    b->pos = POS_ROPE;
}

int mla_parse(struct block_config *b, const struct cJSON *o, const char *where, struct err *e)
{
    static const char *const known[] = {"type",  "heads", "q_rank",   "kv_rank", "nope_dim", "rope_dim",
                                        "v_dim", "bias",  "norm_eps", "scale",   "pos",      NULL};
    struct mla_config *m = &b->mla;
    const struct cJSON *pos;
    int64_t heads = 0, rank = 0, nope = 0, rope = 0, v = 0;
    char sub[96];
    snprintf(sub, sizeof sub, "%s.pos", where);
    *m = (struct mla_config){.norm_eps = 1e-6};
    b->interleaved = true;
    if (json_known_keys(o, known, where, e) || json_get_i64(o, "heads", 1, 4096, &heads, where, e) ||
        json_get_i64(o, "kv_rank", 1, 1 << 16, &rank, where, e) || json_get_i64(o, "nope_dim", 1, 256, &nope, where, e) ||
        json_get_i64(o, "rope_dim", 2, 256, &rope, where, e) || json_get_i64(o, "v_dim", 1, 256, &v, where, e) ||
        opt_int(o, "q_rank", 0, 1 << 16, &m->q_rank, where, e) || json_opt_f64(o, "scale", 0, 1e3, &b->scale, where, e) ||
        json_opt_bool(o, "bias", &m->bias, where, e) || json_opt_f64(o, "norm_eps", 0, 1, &m->norm_eps, where, e) ||
        opt_object(o, "pos", &pos, where, e))
        return -1;
    if (pos && !config_absent(pos, "partial")) return err_set(e, ERR_CONFIG, "%s.partial: rope_dim says what turns", sub);
    bool pairing = pos && !config_absent(pos, "pairing");
    if (pos && config_pos(b, pos, sub, e)) return -1;
    if (pos && b->pos != POS_ROPE) return err_set(e, ERR_CONFIG, "%s.type must be rope with mixer mla", sub);
    if (!pairing) b->interleaved = true;
    b->heads = (int)heads;
    m->kv_rank = (int)rank;
    m->nope_dim = (int)nope;
    m->rope_dim = (int)rope;
    m->v_dim = (int)v;
    mla_set_sizes(b);
    return 0;
}

void mla_print(const struct block_config *b, struct buf *out)
{
    const struct mla_config *m = &b->mla;
    buf_printf(out,
               "      \"mixer\": {\"type\": \"mla\", \"heads\": %d, \"q_rank\": %d, \"kv_rank\": %d, \"nope_dim\": %d, "
               "\"rope_dim\": %d, \"v_dim\": %d,\n        \"bias\": %s, ",
               b->heads, m->q_rank, m->kv_rank, m->nope_dim, m->rope_dim, m->v_dim, m->bias ? "true" : "false");
    config_num(out, "norm_eps", m->norm_eps);
    buf_adds(out, ", ");
    config_num(out, "scale", b->scale);
    buf_adds(out, ",\n        ");
    config_print_rope(b, out);
    buf_adds(out, "},\n");
}

int mla_check(const struct block_config *b, int i, struct err *e)
{
    const struct mla_config *m = &b->mla;
    if (m->rope_dim % 2)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer.rope_dim %d is odd: rope turns pairs", i, m->rope_dim);
    if (b->head_dim > 256)
        return err_set(e, ERR_CONFIG, "blocks[%d].mixer: heads of nope_dim %d + rope_dim %d are above 256", i,
                       m->nope_dim, m->rope_dim);
    if (b->norm == NORM_RMS && b->norm_bias)
        return err_set(e, ERR_CONFIG, "blocks[%d].norm.bias: norm.type rms has no bias", i);
    return 0;
}
