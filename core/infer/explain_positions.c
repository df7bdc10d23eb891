/* What each position encoding adds, and to what. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/width.h"
#include "core/infer/explain.h"
#include "core/model/rope.h"
#include "core/tensor/ops.h"

static bool visible(const struct explain_positions *p, int j)
{
    return !p->causal || j <= p->query;
}

static void key(const struct explain_positions *p, int j, struct buf *out)
{
    buf_printf(out, "  %3d  ", j);
    buf_add_column(out, p->word[j], 12, false);
}

static void hidden(struct buf *out)
{
    buf_adds(out, "  not seen: it comes later\n");
}

static int sinusoidal(const struct explain_positions *p, struct buf *out, struct err *e)
{
    int d = p->dim;
    float *t = mem_alloc((size_t)p->n * (size_t)d, sizeof *t);
    if (!t) return err_oom(e, (size_t)p->n * (size_t)d * sizeof *t, "a table");
    sinusoidal_fill(t, SIN_INTERLEAVED, 0, p->n, d);
    buf_printf(out,
               "\nSinusoidal (Vaswani et al., arXiv:1706.03762)\n"
               "  Added to the word's vector before the first layer:\n"
               "    PE(pos, 2i) = sin(pos / 10000^(2i/d)),  PE(pos, 2i+1) = cos(...)      here d = %d\n"
               "  The score (x_i + PE_i).(x_j + PE_j) then holds four products; the last, PE_i.PE_j,\n"
               "  depends on the distance alone: sum_k cos((i - j) f_k).\n\n"
               "  key  word          its vector, first four            PE_%d.PE_j / sqrt(d)\n", d, p->query);
    for (int j = 0; j < p->n; j++) {
        double dot = 0;
        for (int k = 0; k < d; k++) dot += (double)t[p->query * d + k] * (double)t[j * d + k];
        key(p, j, out);
        for (int k = 0; k < 4 && k < d; k++) buf_printf(out, " %6.3f", (double)t[j * d + k]);
        buf_printf(out, "      %8.3f%s\n", dot / sqrt(d), visible(p, j) ? "" : "   (hidden from it: later)");
    }
    free(t);
    return 0;
}

static void learned(const struct explain_positions *p, struct buf *out)
{
    buf_printf(out,
               "\nLearned absolute (BERT, GPT-2)\n"
               "  Row `pos` of a trained table is added to the word's vector before the first layer.\n"
               "  Nothing ties row 7 to row 8: the model learns each from data, and a position beyond the\n"
               "  last trained row means nothing to it. '%s' takes row %d, whatever stands around it.\n",
               p->word[p->query], p->query);
}

static int rope(const struct explain_positions *p, struct buf *out, struct err *e)
{
    struct block_config b = model_block_default();
    double f[256];
    b.head_dim = p->dim;
    b.theta = p->theta;
    b.pos = POS_ROPE;
    if (rope_n_rot(&b) / 2 > (int)(sizeof f / sizeof *f))
        return err_set(e, ERR_USAGE, "--dim %d is too large for a table", p->dim);
    rope_frequencies(NULL, &b, p->n, f);
    int pairs = rope_n_rot(&b) / 2;
    buf_printf(out,
               "\nRotary (RoPE, Su et al., arXiv:2104.09864)\n"
               "  Nothing is added. Pair k of a head's query and key turns by pos * f_k, f_k = %g^(-2k/%d):\n"
               "  here f =",
               p->theta, p->dim);
    for (int k = 0; k < pairs && k < 6; k++) buf_printf(out, " %.4g", f[k]);
    buf_adds(out, pairs > 6 ? " ...\n" : "\n");
    buf_adds(out, "  Only the difference of the angles survives in the score: q_i.k_j = sum_k |q_k||k_k| cos((i - j) "
                  "f_k + phi_k).\n"
                  "  Shown: the score of two equal vectors, 1 at distance 0.\n\n"
                  "  key  word          distance   angle of pair 0   score\n");
    for (int j = 0; j < p->n; j++) {
        double score = 0;
        for (int k = 0; k < pairs; k++) score += cos((p->query - j) * f[k]);
        key(p, j, out);
        if (!visible(p, j)) {
            hidden(out);
            continue;
        }
        buf_printf(out, "  %8d   %12.1f°     %6.3f\n", p->query - j, fmod((p->query - j) * f[0] * 180 / M_PI, 360),
                   score / pairs);
    }
    return 0;
}

static int alibi(const struct explain_positions *p, struct buf *out, struct err *e)
{
    float *m = mem_alloc((size_t)p->heads, sizeof *m);
    if (!m) return err_oom(e, (size_t)p->heads * sizeof *m, "a table");
    alibi_slopes(m, p->heads);
    buf_printf(out,
               "\nALiBi (Press et al., arXiv:2108.12409)\n"
               "  A penalty on the score, in a straight line with the distance; each head has its slope,\n"
               "  2^(-8 (h+1) / heads): some look far, some only around. Nothing is learned.\n\n"
               "  key  word          ");
    for (int h = 0; h < p->heads && h < 6; h++) buf_printf(out, " head %d  ", h);
    buf_addc(out, '\n');
    for (int j = 0; j < p->n; j++) {
        key(p, j, out);
        if (!visible(p, j)) {
            hidden(out);
            continue;
        }
        for (int h = 0; h < p->heads && h < 6; h++)
            buf_printf(out, " %8.4f", -(double)m[h] * abs(p->query - j) + 0.0);
        buf_addc(out, '\n');
    }
    free(m);
    return 0;
}

static void shaw(const struct explain_positions *p, struct buf *out)
{
    buf_printf(out,
               "\nShaw's relative positions (arXiv:1803.02155)\n"
               "  Two trained tables of 2 k + 1 vectors, k = %d: row r = clip(j - i, -k, k) + k is added to the key\n"
               "  in the score, q_i.(k_j + K_r) / sqrt(d), and to the value in the sum, p_ij (v_j + V_r).\n"
               "  Beyond k all distances are one.\n\n"
               "  key  word           j - i   row\n",
               p->clip);
    for (int j = 0; j < p->n; j++) {
        int r = j - p->query, c = r < -p->clip ? -p->clip : r > p->clip ? p->clip : r;
        key(p, j, out);
        if (visible(p, j)) buf_printf(out, "  %6d  %4d%s\n", r, c + p->clip, c != r ? "  (clipped)" : "");
        else hidden(out);
    }
}

static int t5(const struct explain_positions *p, struct buf *out, struct err *e)
{
    if (p->buckets < 2 || p->max_distance <= p->buckets / (p->causal ? 2 : 4))
        return err_set(e, ERR_USAGE, "--buckets %d up to --max-distance %d are not possible", p->buckets, p->max_distance);
    buf_printf(out,
               "\nT5's relative bias (Raffel et al., arXiv:1910.10683)\n"
               "  One trained number for each head and bucket of distances is added to the score. Near\n"
               "  distances have buckets of their own, far ones share them, on a logarithmic scale up to\n"
               "  %d; here %d buckets%s.\n\n"
               "  key  word           j - i   bucket\n",
               p->max_distance, p->buckets, p->causal ? ", all for what came before" : ", half for each side");
    for (int j = 0; j < p->n; j++) {
        key(p, j, out);
        if (visible(p, j))
            buf_printf(out, "  %6d  %5d\n", j - p->query,
                       t5_bucket(j - p->query, p->causal, p->buckets, p->max_distance));
        else hidden(out);
    }
    buf_adds(out, "\n  distances of each bucket:");
    int before = -1;
    for (int r = 0; r <= p->max_distance; r++) {
        int b = t5_bucket(-r, p->causal, p->buckets, p->max_distance);
        if (b != before) buf_printf(out, " %d:%d", b, r);
        before = b;
    }
    buf_adds(out, "...\n");
    return 0;
}

int explain_positions(const struct explain_positions *p, struct buf *out, struct err *e)
{
    enum explain_encoding w = p->encoding;
    buf_adds(out, "Attention alone does not know the order of words: without positions 'dog bites man' and\n"
                  "'man bites dog' are the same set. Six ways to tell it:\n");
    buf_printf(out, "here word %d, '%s', looks at the others.\n", p->query, p->word[p->query]);
    if ((w == EXPLAIN_ALL || w == EXPLAIN_SINUSOIDAL) && sinusoidal(p, out, e)) return -1;
    if (w == EXPLAIN_ALL || w == EXPLAIN_LEARNED) learned(p, out);
    if ((w == EXPLAIN_ALL || w == EXPLAIN_ROPE) && rope(p, out, e)) return -1;
    if ((w == EXPLAIN_ALL || w == EXPLAIN_ALIBI) && alibi(p, out, e)) return -1;
    if (w == EXPLAIN_ALL || w == EXPLAIN_SHAW) shaw(p, out);
    if ((w == EXPLAIN_ALL || w == EXPLAIN_T5) && t5(p, out, e)) return -1;
    if (w == EXPLAIN_ALL)
        buf_adds(out, "\nWho uses what today:\n"
                      "  RoPE        Llama, Qwen, Mistral, Gemma, DeepSeek, GLM, OLMo, gpt-oss, ModernBERT; stretched\n"
                      "              for long texts: Llama 3.1 (llama3), DeepSeek-V3, gpt-oss (YaRN), Phi (longrope)\n"
                      "  and none    in every fourth layer or so: Llama 4, SmolLM3, Command A, EXAONE 4\n"
                      "  learned     BERT, RoBERTa, GPT-2, OPT, BART\n"
                      "  sinusoidal  the first Transformer, Marian, NLLB, Whisper's encoder\n"
                      "  T5's bias   T5, Flan-T5, mT5, UL2, MPNet\n"
                      "  ALiBi       BLOOM, MPT, jina-embeddings-v2\n"
                      "  Shaw        few as they are; DeBERTa and Transformer-XL go on from them\n"
                      "  none        RWKV, Mamba: they read in order\n"
                      "`llmctl pretrain --set blocks.mixer.pos.type=alibi` trains any of them in any model.\n");
    return 0;
}
