/* attn_rel.h - relative positions inside a tile.
 *
 * A bias is a vector over distances (ALiBi's own form stays in score_of()); it
 * lies so that the queries of a group are neighbours: rel[i - j].
 *
 * Shaw's tables (arXiv:1803.02155) hold a vector for each distance j - i,
 * clipped to [-clip, clip].  No [T,T,D] tensor is ever made:
 *     q_i . (k_j + K_r)     = q.k + B[r][i],  B = EK q of the tile, one product
 *     sum_j p_ij (v_j + V_r) = P v + Pb EV,   Pb[r][i] = sum of p_ij over j in bin r
 * so what is left for a single score is to find B[r][i] or to add into Pb[r][i].
 * Far from the diagonal a whole group of queries has the same bin. */
#ifndef CORE_KERNELS_ATTN_REL_H
#define CORE_KERNELS_ATTN_REL_H

#include "core/kernels/attn_tile.h"

/* Bins of a clip, and rounded up to the step of the products. */
VEC int shaw_bins(int clip) { return clip > 0 ? 2 * clip + 1 : 0; }
VEC int shaw_rows(int clip) { return round_up(shaw_bins(clip), KSTEP); }

/* Bin of distance j - i of each lane; -1 when it is the same for all, then *bin. */
VEC bool shaw_far(int first, int j, int clip, int *bin)
{
    int d = j - first; /* of lane 0; lane l has d - l */
    if (d - (VL - 1) >= clip) *bin = 2 * clip;
    else if (d <= -clip) *bin = 0;
    else return false;
    return true;
}

/* B [rows][QT], at the group: values of the bins of key j for queries first + lane. */
VEC vf shaw_gather(const float *B, int first, int j, int clip)
{
    int bin;
    float t[VL];
    if (shaw_far(first, j, clip, &bin)) return v_load(B + (int64_t)bin * QT);
    for (int l = 0; l < VL; l++) t[l] = B[(int64_t)(clamp_int(j - first - l, -clip, clip) + clip) * QT + l];
    return v_load(t);
}

VEC void shaw_scatter(float *B, int first, int j, int clip, vf x)
{
    int bin;
    float t[VL];
    if (shaw_far(first, j, clip, &bin)) {
        float *to = B + (int64_t)bin * QT;
        v_store(to, v_add(v_load(to), x));
        return;
    }
    v_store(t, x);
    for (int l = 0; l < VL; l++) B[(int64_t)(clamp_int(j - first - l, -clip, clip) + clip) * QT + l] += t[l];
}

/* A table [2 clip + 1][D] as rows of Dp, padded with zeros. */
static void shaw_load(float *to, const float *table, int clip, int D)
{
    int64_t unused;
    if (table) (void)tile_rows(table, DT_F32, 0, D, shaw_bins(clip), shaw_rows(clip) + 1, D, to, &unused);
}

/* B[r][i] = sum_d xT[d][i] E[r][d] for all rows and queries of a tile. */
static void shaw_products(float *B, const float *xT, const float *E, int clip, int D)
{
    for (int r = 0; r < shaw_rows(clip); r += KSTEP)
        for (int g = 0; g < QG; g += SCORE_VECS)
            for (int s = 0; s < KSTEP; s += SCORE_KEYS)
                scores_block(B + (int64_t)(r + s) * QT + g * VL, xT + g * VL, E + (int64_t)(r + s) * round_up(D, VL),
                             round_up(D, VL), D, SCORE_VECS);
}

/* Bins of group g, multiplied lane by lane; most tiles leave them as they are. */
VEC void shaw_rescale(float *B, vf alpha, int clip)
{
    float t[VL];
    bool same = true;
    v_store(t, alpha);
    for (int l = 0; l < VL; l++) same &= t[l] == 1;
    for (int r = 0; !same && r < shaw_bins(clip); r++)
        v_store(B + (int64_t)r * QT, v_mul(v_load(B + (int64_t)r * QT), alpha));
}

#endif
