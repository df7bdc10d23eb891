/* rows_fill.h - the entries of the kernel table that are not GEMM, for the ISA
 * whose flags the including file is compiled with. */
#ifndef CORE_KERNELS_ROWS_FILL_H
#define CORE_KERNELS_ROWS_FILL_H

#include "core/kernels/attn_bwd_impl.h"
#include "core/kernels/attn_impl.h"
#include "core/kernels/elem_impl.h"
#include "core/kernels/fill.h"
#include "core/kernels/gemv_impl.h"
#include "core/kernels/norm_impl.h"
#include "core/kernels/shift_impl.h"
#include "core/kernels/wkv4_impl.h"
#include "core/kernels/wkv_impl.h"

static void fill_rows(struct kernels *k)
{
    k->bf16_from_f32 = row_bf16_from_f32;
    k->f32_from_bf16 = row_f32_from_bf16;
    k->f16_from_f32 = row_f16_from_f32;
    k->f32_from_f16 = row_f32_from_f16;
    k->add = row_add;
    k->mul = row_mul;
    k->axpy = row_axpy;
    k->scale = row_scale;
    k->exp = row_exp;
    k->tanh = row_tanh;
    k->act = row_act;
    k->act_bwd = row_act_bwd;
    k->glu = row_glu;
    k->glu_bwd = row_glu_bwd;
    k->glu_clamped = row_glu_clamped;
    k->glu_clamped_bwd = row_glu_clamped_bwd;
    k->sum = row_sum;
    k->dot = row_dot;
    k->sumsq = row_sumsq;
    k->max = row_max;
    k->layernorm = row_layernorm;
    k->layernorm_bwd = row_layernorm_bwd;
    k->rmsnorm = row_rmsnorm;
    k->rmsnorm_bwd = row_rmsnorm_bwd;
    k->rope = row_rope;
    k->ce_row = row_ce;
    k->softmax = row_softmax;
    k->dropout = row_dropout;
    k->adamw = row_adamw;
    k->attn_ws_bytes = attn_ws_bytes;
    k->attn_fwd = attn_fwd;
    k->attn_bwd = attn_bwd;
    k->shift = row_shift;
    k->shift_bwd = row_shift_bwd;
    k->wkv4_fwd = row_wkv4_fwd;
    k->wkv4_bwd = row_wkv4_bwd;
    k->wkv_fwd = head_wkv_fwd;
    k->wkv_bwd = head_wkv_bwd;
    k->gemv = row_gemv;
}

#endif
