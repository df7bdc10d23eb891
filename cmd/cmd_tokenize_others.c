/* What spm_train, spm_encode, HF tokenizers, transformers, tiktoken and llama-tokenize call the options of
 * llmctl tokenize: an error message leads from there to ours. */
#include "cmd/cmd_tokenize.h"

#define INPUT "files stand without an option, and - is stdin"
#define STDIN "a text itself comes from stdin: echo 'Hello world' | llmctl tokenize ..."
#define TEXT_ONLY "special tokens in a text are text unless --allow-special is given"
#define OPERAND "the tokenizer stands without an option"
#define THREADS {"num-threads", "--threads"}, {"num-workers", "--threads"}, {"j", "--threads"}
#define TOKENIZER {"model", "--tokenizer"}, {"m", "--tokenizer"}, {"vocab-file", "--tokenizer"}
#define TEXTS \
    {"input", INPUT}, {"i", INPUT}, {"file", INPUT}, {"f", INPUT}, {"text", STDIN}, {"prompt", STDIN}, {"p", STDIN}, \
    {"jsonl-field", "--text-field"}, {"output", "--out"}
#define SPECIAL \
    {"add-special-tokens", "--template"}, {"add-special", "--template"}, {"allowed-special", "--allow-special"}, \
    {"parse-special", "--allow-special"}, {"no-parse-special", TEXT_ONLY}, {"disallowed-special", TEXT_ONLY}
#define END {NULL, NULL}

const struct opt_other tokenize_train_others[] = {
    {"input", INPUT}, {"i", INPUT}, {"files", INPUT}, THREADS,
    {"model-type", "--type"}, {"model", "--type"}, {"model-prefix", "--out"}, {"output", "--out"}, {"save", "--out"},
    {"pretok", "--split"}, {"pre-tokenizer", "--split"}, {"regex", "--split"}, {"pattern", "--split"}, {"pat-str", "--split"},
    {"normalizer", "--norm"}, {"normalization", "--norm"}, {"normalization-rule-name", "--norm"},
    {"normalization-rule-tsv", "it is --norm FILE.tsv here"},
    {"special-tokens", "give --special once for each token"}, {"control-symbols", "give --special once for each token"},
    {"user-defined-symbols", "give --user once for each symbol"},
    {"min-frequency", "--min-freq"}, {"limit-alphabet", "--alphabet"}, {"initial-alphabet", "--required-chars"},
    {"continuing-subword-prefix", "--prefix"}, {"end-of-word-suffix", "--suffix"},
    {"max-token-length", "it is --max-token-len here, one less"}, {"max-sentencepiece-length", "--max-token-len"},
    {"character-coverage", "--coverage"}, {"split-digits", "--digits"}, {"allow-whitespace-only-pieces", "--space-pieces"},
    {"split-by-unicode-script", "--cross-scripts turns it off"}, {"split-by-number", "--cross-numbers turns it off"},
    {"split-by-whitespace", "--cross-spaces turns it off"}, {"add-dummy-prefix", "--no-space-first turns it off"},
    {"remove-extra-whitespaces", "--keep-spaces turns it off"}, {"max-sentence-length", "--max-sentence"},
    {"seed-sentencepiece-size", "--seeds"}, {"shrinking-factor", "--shrink"}, {"num-sub-iterations", "--rounds"},
    {"hard-vocab-limit", "a text that gives fewer tokens than wanted is a warning, as with hard_vocab_limit=false"},
    {"input-sentence-size", "llmctl reads all; for a part: shuf -n 1000000 corpus.txt | llmctl tokenize train ..."},
    {"jsonl-field", "--text-field"}, END};

const struct opt_other tokenize_encode_others[] = {
    TOKENIZER, TEXTS, SPECIAL, THREADS, {"no-special", "nothing is added to a text unless --template, --bos or --eos is given"},
    {"output-format", "give --ids, --pieces, --offsets or --jsonl"}, {"return-offsets", "give --offsets or --jsonl"},
    {"return-offsets-mapping", "give --offsets or --jsonl"}, {"padding", "--pad"}, {"truncation", "--max-length"}, {"max-len", "--max-length"},
    {"truncate", "--max-length"}, {"extra-options", "give --bos, --eos"}, {"is-split-into-words", "--words"}, {"text-pair", "--pair-field"},
    {"chat", "see llmctl tokenize chat"}, {"chat-template", "see llmctl tokenize chat --template"}, {"nbest-size", "it is --nbest here, with --alpha"},
    {"per-line", "it is --documents line here"}, END};

const struct opt_other tokenize_count_others[] = {TOKENIZER, TEXTS, SPECIAL, THREADS, {"generate-vocabulary", "--by-token"}, END};

const struct opt_other tokenize_truncate_others[] = {
    TOKENIZER, TEXTS, SPECIAL, THREADS, {"max-len", "--max-length"}, {"truncation-side", "--keep"}, END};

const struct opt_other tokenize_decode_others[] = {
    TOKENIZER, THREADS, {"input", INPUT}, {"i", INPUT}, {"output", "--out"}, {"skip-special-tokens", "--skip-special"},
    {"ids", "ids themselves come from stdin: echo 39 72 | llmctl tokenize decode ..."},
    {"stream", "ids from a pipe are decoded as they come"}, {"raw-bytes", "bytes come out as they are unless --lossy is given"},
    {"errors", "--lossy is errors='replace'"}, END};

const struct opt_other tokenize_chat_others[] = {
    TOKENIZER, THREADS, {"input", INPUT}, {"i", INPUT}, {"output", "--out"}, {"chat-template", "--template"},
    {"add-generation-prompt", "--generation-prompt"}, {"continue-final-message", "--continue"}, {"tokenize", "--ids"},
    {"return-assistant-tokens-mask", "--ids has the mask"},
    {"tools", "a line may be an object with \"messages\" and \"tools\""}, END};

const struct opt_other tokenize_inspect_others[] = {
    {"tokenizer", OPERAND}, {"t", OPERAND}, {"stats", "it is --text FILE here"}, {"compare", "--diff"}, END};

const struct opt_other tokenize_convert_others[] = {
    {"tokenizer", OPERAND}, {"t", OPERAND}, {"output", "--out"}, {"add-tokens", "--add"},
    {"special-tokens", "give --special once for each token"}, END};
