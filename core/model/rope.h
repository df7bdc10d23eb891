/* rope.h - rotary and sinusoidal tables, in double, rounded once to f32.
 *
 * Pair i of a head turns by position * f_i, f_i = theta^(-2i/n), n the turning
 * part of head_dim (arXiv:2104.09864); the scalings change f_i:
 *   linear   f / s                                     (arXiv:2306.15595)
 *   ntk      theta *= s^(n/(n-2))
 *   dynamic  theta *= (s L/L0 - (s-1))^(n/(n-2)) for a length L above L0
 *   llama3   by wavelength: long ones / s, short ones kept, a ramp between
 *   yarn     by index: a ramp from f to f/s, and cos, sin times attn_factor
 *            (arXiv:2309.00071), by default 0.1 ln s + 1
 *   longrope f / (short or long factor of the pair), and cos, sin times
 *            attn_factor, by default sqrt(1 + ln s / ln L0) (arXiv:2402.13753) */
#ifndef CORE_MODEL_ROPE_H
#define CORE_MODEL_ROPE_H

#include "core/model/model.h"

/* Elements of a head that turn (even).  An odd share is padded as Hugging Face
 * does: n = 3 has frequencies 0 and 2/3, four elements turn. */
int rope_n_rot(const struct block_config *b);
/* f[rope_n_rot/2]; seq_len matters to dynamic and longrope scaling only; l may be NULL without the latter.  Returns the
 * factor of cos and sin. */
double rope_frequencies(const struct longrope *l, const struct block_config *b, int seq_len, double *f);
/* Tables for positions [0, n_pos).  Free with rope_free(). */
int rope_build(struct rope_table *t, const struct longrope *l, const struct block_config *b, int n_pos, struct err *e);
void rope_free(struct rope_table *t);
/* Two groups that can share a table. */
bool rope_same(const struct block_config *a, const struct block_config *b);

/* out[n_pos, d] of positions offset .. offset + n_pos. */
void sinusoidal_fill(float *out, enum sin_layout layout, int offset, int n_pos, int d);
/* ALiBi slopes of H heads, head 0 first (arXiv:2108.12409). */
void alibi_slopes(float *slope, int H);

#endif
