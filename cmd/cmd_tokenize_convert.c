/* llmctl tokenize convert. */
#include <limits.h>
#include <stdlib.h>

#include "cmd/cmd_tokenize.h"
#include "core/base/log.h"
#include "core/token/tok_extend.h"

struct convert_cfg {
    struct opt_common common;
    const char *out;
    struct opt_list special, special_at, add;
};

static const struct opt convert_opts[] = {
#define C struct convert_cfg
    OPT_GROUP("Output"),
    OPT_STR('o', "out", C, out, "FILE", NULL,
            "FILE.json, .model, .tiktoken, .gguf, tekken.json, vocab.txt or vocab.json with merges.txt"),
    OPT_GROUP("More tokens"),
    OPT_LIST(0, "special", C, special, "TEXT", "A special token to add; repeat for more"),
    OPT_LIST(0, "special-at", C, special_at, "ID=TEXT", "A special token with an id that is free; repeat for more"),
    OPT_LIST(0, "add", C, add, "TEXT", "A token to add that texts may hold; repeat for more"),
    OPT_COMMON(C, common),
    OPT_END()
#undef C
};

static int report(const struct convert_cfg *cfg, int tokens, struct err *e)
{
    struct buf b = {0};
    if (!cfg->common.json) return log_info("%d tokens -> %s", tokens, cfg->out), 0;
    buf_printf(&b, "{\"tokens\":%d,\"out\":", tokens);
    buf_adds_json(&b, cfg->out);
    buf_adds(&b, "}\n");
    int ret = buf_ok(&b, e) || out_write(b.data, b.len, e) ? -1 : 0;
    buf_free(&b);
    return ret;
}

static void report_new(size_t fresh, int before, int now)
{
    const char *s = fresh == 1 ? "" : "s";
    if (fresh && fresh == (size_t)(now - before))
        log_info("%zu new token%s, ids %d to %d: a model needs as many rows more", fresh, s, before, now - 1);
    else if (fresh) log_info("%zu new token%s, some at ids that were free: a model needs %d rows more", fresh, s, now - before);
}

/* "ID=TEXT" */
static int read_place(const char *s, struct tok_more *out, struct err *e)
{
    char *end;
    long id = *s >= '0' && *s <= '9' ? strtol(s, &end, 10) : -1;
    if (id < 0 || id > INT_MAX || *end != '=')
        return err_set(e, ERR_USAGE, "--special-at '%s': an id, =, and the text of the token are wanted", s);
    *out = (struct tok_more){.text = end + 1, .special = true, .id = (int)id};
    return 0;
}

static int list_more(const struct convert_cfg *cfg, struct tok_more *v, struct err *e)
{
    for (size_t i = 0; i < cfg->special_at.n; i++)
        if (read_place(cfg->special_at.v[i], v++, e)) return -1;
    for (size_t i = 0; i < cfg->special.n; i++) *v++ = (struct tok_more){.text = cfg->special.v[i], .special = true, .id = -1};
    for (size_t i = 0; i < cfg->add.n; i++) *v++ = (struct tok_more){.text = cfg->add.v[i], .id = -1};
    return 0;
}

/* --special, --special-at, --add: *t becomes another. */
static int extend(const struct convert_cfg *cfg, struct tokenizer **t, struct err *e)
{
    size_t n = cfg->special_at.n + cfg->special.n + cfg->add.n, fresh;
    struct tok_more *v = n ? mem_alloc(n, sizeof *v) : NULL;
    if (n == 0) return 0;
    if (!v) return err_oom(e, n * sizeof *v, "tokens");
    int before = tok_vocab_size(*t);
    struct tokenizer *made = list_more(cfg, v, e) ? NULL : tok_extend(*t, v, n, &fresh, e);
    free(v);
    if (!made) return -1;
    tok_free(*t);
    *t = made;
    report_new(fresh, before, tok_vocab_size(made));
    return 0;
}

static int run_convert(const struct cmd *self, int argc, char **argv, struct err *e)
{
    struct convert_cfg cfg = {0};
    struct opt_result r;
    struct tokenizer *t = NULL;
    enum tok_format format = FORMAT_JSON;
    int ret = opt_parse(self, &cfg, argc, argv, &r, e);
    if (ret || r.exit_now) goto out;
    if (r.n_args != 1) ret = err_set(e, ERR_USAGE, "%d tokenizers given, one is wanted: a file, or a directory with one", r.n_args);
    else if (!cfg.out) ret = err_set(e, ERR_USAGE, "--out FILE is required");
    else if (!tokenizer_format(cfg.out, &format))
        ret = err_set(e, ERR_USAGE, "--out '%s': the name must end in .json, .model, .tiktoken, .gguf, tekken.json, "
                                    "vocab.txt or vocab.json", cfg.out);
    if (ret == 0 && !(t = tok_load(r.args[0], e))) ret = -1;
    if (ret == 0 && tok_note(t)) log_info("note: %s", tok_note(t));
    if (ret == 0) ret = extend(&cfg, &t, e);
    if (ret == 0) ret = tokenizer_write(t, format, cfg.out, e);
    if (ret == 0) ret = report(&cfg, tok_vocab_size(t), e);
out:
    tok_free(t);
    opt_free(&r);
    return ret;
}

const struct cmd cmd_tokenize_convert = {
    .name = "tokenize convert",
    .summary = "A tokenizer into another kind of file",
    .usage = "TOKENIZER --out FILE",
    .examples = "  llmctl tokenize convert model.gguf --out tokenizer.json\n"
                "  llmctl tokenize convert bert/vocab.txt --out tokenizer.json\n"
                "  llmctl tokenize convert tokenizer.json --out vocab.json\n"
                "  llmctl tokenize convert tokenizer.json --out vocabulary.gguf\n"
                "  llmctl tokenize convert gpt2/ --special '<|im_start|>' --out chat.json\n",
    .details = "Reads tokenizer.json, SentencePiece .model, .gguf, tekken.json, vocab.txt,\n"
               "vocab.json with merges.txt beside it, FILE.tiktoken:SPLIT, RWKV's\n"
               "rwkv_vocab_*.txt, or a directory with one of them: the content tells the kind,\n"
               "not the name. SPLIT is an expression, or a name of train --split that stands for\n"
               "one expression. An old .gguf that does not name its split is FILE.gguf:NAME,\n"
               "with the tokenizer.ggml.pre of its model.\n"
               "A directory's tokenizer.json is taken as it is, as by Hugging Face's tokenizers,\n"
               "with the tokens that only tokenizer_config.json, special_tokens_map.json or\n"
               "added_tokens.json beside it name;\n"
               "transformers 5 makes some classes (GPT2Tokenizer, T5Tokenizer ...) anew from its\n"
               "vocabulary, which gives other ids where the file has steps of its own.\n"
               "A directory without a tokenizer.json names a class of transformers 5 in its\n"
               "tokenizer_config.json or config.json. It becomes what that class makes of the\n"
               "vocabulary (added tokens, order of ids, normalizer), or is refused.\n"
               "Some classes are Python code. Those around SentencePiece (Marian, M2M100,\n"
               "Speech2Text, SpeechT5, GPT-SW3, PLBART, BARTpho, BertGeneration, SigLIP), byte\n"
               "pairs (PhoBERT, BERTweet, CTRL, Blenderbot-small; after Moses' splitting XLM,\n"
               "FlauBERT, FSMT, BioGPT), WordPiece (ProphetNet, RoCBert, BertJapanese with\n"
               "characters or without an analyser) and characters (MGP-STR, Wav2Vec2CTC, whose\n"
               "decoder joins what a speech model repeats) are read, but no other kind of file\n"
               "can hold them: give the commands the directory itself.\n"
               "Tokens are added as by Hugging Face's tokenizers: a text that is a token already\n"
               "keeps its id, others get the next ids. A .tiktoken file does not have its\n"
               "model's special tokens. They have ids of their own, which --special would count\n"
               "on from the ranks: for cl100k_base give --special-at '100257=<|endoftext|>'.\n"
               "A .gguf gets the vocabulary alone. It says by a name how text is split; a split\n"
               "without such a name is refused.\n"
               "What is written is read back and compared; what a kind of file cannot hold\n"
               "exactly is refused with the reason. Ranks (.tiktoken, tekken.json) become a\n"
               "tokenizer.json with one merge for each token.\n",
    .opts = convert_opts,
    .others = tokenize_convert_others,
    .run = run_convert,
};
