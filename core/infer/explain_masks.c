/* Which words see which, in each architecture. */
#include "core/base/width.h"
#include "core/infer/explain.h"

typedef bool sees_fn(int i, int j, int source);

static bool everything(int i, int j, int source)
{
    (void)i, (void)j, (void)source;
    return true;
}

static bool before(int i, int j, int source)
{
    (void)source;
    return j <= i;
}

static bool prefix(int i, int j, int source)
{
    return j <= i || j < source;
}

/* The encoder's words see one another; the decoder's see those and what they wrote. */
static bool two_stacks(int i, int j, int source)
{
    return i < source ? j < source : j <= i;
}

static void picture(struct buf *out, const char *const *word, int n, int source, sees_fn *sees)
{
    for (int i = 0; i < n; i++) {
        buf_adds(out, "  ");
        buf_add_column(out, word[i], 12, false);
        buf_addc(out, ' ');
        for (int j = 0; j < n; j++) buf_adds(out, sees(i, j, source) ? "\xe2\x96\xa0 " : "\xc2\xb7 ");
        buf_addc(out, '\n');
    }
}

void explain_architectures(const char *const *word, int n, int source, struct buf *out)
{
    buf_adds(out, "Row: the word that looks. Column: the word that it may see (\xe2\x96\xa0).\n\n"
                  "Encoder-only (BERT, RoBERTa, ELECTRA, ModernBERT; bge, e5, gte and most embedding models)\n"
                  "  Every word sees all. It cannot write on; it is asked about a text: classes, hidden\n"
                  "  words, vectors for search. Trained on masked or replaced words.\n");
    picture(out, word, n, source, everything);
    buf_adds(out, "\nDecoder-only (GPT, Llama, Qwen, Mistral, Gemma, DeepSeek, gpt-oss; nearly all chat models)\n"
                  "  Every word sees itself and those before: each position is a training example of the\n"
                  "  next word, and what was computed for earlier words stays valid while it writes.\n");
    picture(out, word, n, source, before);
    buf_printf(out, "\nPrefix LM (UniLM, GLM-130B, PaliGemma; here the first %d words are given)\n"
                    "  A decoder whose given part is seen from both sides.\n", source);
    picture(out, word, n, source, prefix);
    buf_printf(out, "\nEncoder-decoder (the first Transformer, T5, BART, Marian, Whisper; here %d words of source)\n"
                    "  One stack reads the source from both sides, another writes and looks at it in every\n"
                    "  layer (cross-attention): the picture of a prefix LM, with weights of its own for each\n"
                    "  part. Good where input and output are two texts: translation, speech, summaries.\n", source);
    picture(out, word, n, source, two_stacks);
    buf_adds(out, "\nRecurrent (RWKV, Mamba)\n"
                  "  No picture: a word sees one state of fixed size into which all words before it were\n"
                  "  folded. The cost of a word does not grow with the text.\n"
                  "\nAre all models decoder-only now? Most that chat are, since one stack and one objective\n"
                  "scale simply and a cache makes writing cheap. But search and classification run on\n"
                  "encoders (BERT's heirs are among the most used models of all), speech and translation on\n"
                  "encoder-decoders (Whisper, NLLB, T5Gemma), and recurrent or mixed stacks (RWKV-7, Jamba,\n"
                  "Qwen3-Next) grow where contexts are long. Among decoders the largest are mixtures of\n"
                  "experts (DeepSeek-V3, Qwen3-235B, gpt-oss: `llmctl explain moe`). `llmctl pretrain`\n"
                  "trains all of these kinds but Mamba; docs/architectures.md has them side by side.\n");
}
