#!/usr/bin/env bash
# Encoder-decoders that translate: languages in templates, tokens that generation_config.json forces.
set -eu
. "$SRC/tests/cli/lib.bash"

awk 'BEGIN { for (i = 0; i < 600; i++) printf "the fox%d and a dog%d went home\n", i % 7, i % 11 }' >words
"$LLMCTL" tokenize train words --type unigram --vocab-size 60 --out u.model -q
u=$("$LLMCTL" tokenize inspect u.model --json -q | grep -o '"vocab_size":[0-9]*' | cut -d: -f2)
plain=$(printf 'the dog' | "$LLMCTL" tokenize encode -t u.model --ids -q)
shifted() { for i in $plain; do printf '%d ' $((i + 1)); done; }
ids() { printf '%s' "$2" | "$LLMCTL" tokenize encode -t "$1" --ids --template -q "${@:3}"; }

# Source and target of mBART: de_DE is the third of its languages, fr_XX the eighth.
mkdir tok
cp u.model tok/sentencepiece.bpe.model
echo '{"tokenizer_class":"MBartTokenizer","src_lang":"de_DE","tgt_lang":"fr_XX"}' >tok/tokenizer_config.json
is "$(ids tok 'the dog')" "$(shifted)2 $((u + 3))"
is "$(ids tok 'the dog' --target)" "$(shifted)2 $((u + 8))"
# ... and of the tokenizer.json that comes of it, alone and where another config stands beside it.
"$LLMCTL" tokenize convert tok -o tok.json -q
is "$(ids tok.json 'the dog' --target)" "$(shifted)2 $((u + 8))"
mkdir beside
sed 's/,"source_language_id":[0-9]*,"target_language_id":[0-9]*//' tok.json >beside/tokenizer.json
fails 2 "treats what is translated and translations alike" "$LLMCTL" tokenize encode -t beside/tokenizer.json --target --ids words
fails 2 "treats what is translated and translations alike" "$LLMCTL" tokenize encode -t beside --target --ids words
echo '{"tokenizer_class":"MBartTokenizerFast","src_lang":"de_DE","tgt_lang":"cs_CZ"}' >beside/tokenizer_config.json
is "$(ids beside 'the dog' --target)" "$(shifted)2 $((u + 2))"
echo '{"tokenizer_class":"MBartTokenizer","src_lang":"cs_CZ"}' >beside/tokenizer_config.json # not the template's
fails 2 "treats what is translated and translations alike" "$LLMCTL" tokenize encode -t beside --target --ids words
sed 's/"target_language_id":[0-9]*/"target_language_id":9999/' tok.json >bad.json
fails 65 "source_language_id and target_language_id must be ids" "$LLMCTL" tokenize inspect bad.json

# A model.
vocab=$((u + 27))
attn='"mixer":{"type":"attn","heads":2,"bias":"all","causal":%s},"ffn":{"type":"mlp","act":"gelu_erf","d_ff":32,"bias":true},"norm":{"type":"ln","place":"pre"}'
printf '{"family":"mbart","stack":"encdec","d_model":16,"vocab":%d,"tie_embed":true,"embed":{"pos":"learned","max_pos":32,"pos_offset":2,"ln":true},"decoder_start":2,"init":{"std":0.4},
 "encoder":{"blocks":[{"repeat":1,%s}]},"blocks":[{"repeat":1,"cross":true,%s}],"head":{"type":"lm","norm":true,"bias":true}}' \
    $vocab "$(printf "$attn" false)" "$(printf "$attn" true)" >mbart.json
for i in $(seq 60); do echo "{\"source\":\"the fox$((i % 7))\",\"target\":\"a dog$((i % 11))\"}"; done >pairs.jsonl
"$LLMCTL" pretrain pairs.jsonl -t tok --objective seq2seq --model mbart.json --source-length 16 --max-length 16 --steps 1 --lr 1e-6 --batch 4 --sample-every 0 --val-fraction 0.1 -q --out run
"$LLMCTL" convert run hf -q
first() { # the ids of a text
    "$LLMCTL" generate "$@" 'the fox1' --greedy --max-length 5 --json --logprobs 1 --dtype f32 -q >said.json
    grep -o '"id":[0-9]*,"text":"[^"]*","logprob":[-0-9.e]*,"top"' said.json | cut -d, -f1 | tr -dc '0-9\n' | tr '\n' ' '
}
end() { grep -o '"end":"[a-z]*"' said.json; }
free=$(first hf --ignore-eos)
[ "$(wc -w <<<"$free")" = 5 ] || fail "without forced tokens: $free"
config() { printf '{"eos_token_id":2,"bos_token_id":0,%s}' "$1" >hf/generation_config.json; }
config '"forced_bos_token_id":9,"decoder_start_token_id":2'
forced=$(first hf --ignore-eos)
[ "${forced%% *}" = 9 ] || fail "forced_bos_token_id: $forced"
# The first token is what the rest goes on from: a start of two tokens gives the same.
[ "$(first hf --ignore-eos --tgt-lang fr_XX)" = "$(config '"forced_bos_token_id":'$((u + 8)) && first hf --ignore-eos)" ] || fail "--tgt-lang"
[ "$(first hf --ignore-eos --tgt-lang fr_XX | cut -d' ' -f1)" = $((u + 8)) ] || fail "--tgt-lang does not come first"
[ "$(first hf --ignore-eos --tgt-lang cs_CZ)" != "$(first hf --ignore-eos --tgt-lang fr_XX)" ] || fail "--tgt-lang makes no difference"
config '"forced_eos_token_id":2'
[ "$(first hf | wc -w)" = 4 ] && [ "$(end)" = '"end":"length"' ] || fail "forced_eos_token_id: $(cat said.json)"
[ "$(first hf --ignore-eos | cut -d' ' -f5)" = 2 ] || fail "forced_eos_token_id with --ignore-eos: $(cat said.json)"
config '"decoder_start_token_id":7'
"$LLMCTL" generate hf 'the fox1' --greedy --json --logprobs 3 --dtype f32 -q >a.json
config '"decoder_start_token_id":2'
"$LLMCTL" generate hf 'the fox1' --greedy --json --logprobs 3 --dtype f32 -q >b.json
if cmp -s <(cut -d'}' -f1-3 a.json) <(cut -d'}' -f1-3 b.json); then fail "decoder_start_token_id makes no difference"; fi
# Checkpoints keep all three, and give them to directories.
config '"forced_bos_token_id":9,"forced_eos_token_id":2,"decoder_start_token_id":7'
first hf >before
"$LLMCTL" convert hf model.llmz -q
first model.llmz | cmp - before || fail "a checkpoint forgets forced tokens"
"$LLMCTL" convert model.llmz again -q
grep -q '"forced_bos_token_id": 9' again/generation_config.json && grep -q '"decoder_start_token_id": 7' again/generation_config.json || fail "$(cat again/generation_config.json)"
first again | cmp - before || fail "a directory forgets forced tokens"
# Without generation_config.json it is config.json that counts, with what the family forces by itself.
rm hf/generation_config.json
sed -i '/forced_eos_token_id/d' hf/config.json
[ "$(first hf --ignore-eos | cut -d' ' -f5)" = 2 ] || fail "the family's forced_eos_token_id: $(cat said.json)"

# The language of the prompt.
config '"forced_bos_token_id":9'
[ "$(first hf --src-lang de_DE)" = "$(first hf)" ] || fail "--src-lang of the config"
top() { "$LLMCTL" generate hf 'the fox1' --greedy --json --logprobs 2 --dtype f32 -q "$@" | grep -o '"logprob":[-0-9.e]*' | sed -n 4,9p; }
[ "$(top --src-lang it_IT)" != "$(top)" ] || fail "--src-lang makes no difference"
fails 2 "no token for a language 'fr'" "$LLMCTL" generate hf x --tgt-lang fr
"$LLMCTL" tokenize train words --vocab-size 300 --special '<|endoftext|>' --special '__fr__' -q --out bpe.json
"$LLMCTL" pretrain words -t bpe.json --preset gpt2-nano --steps 1 --batch 1 --max-length 16 --sample-every 0 -q --out plain
fails 2 "goes with encoder-decoders" "$LLMCTL" generate plain x --tgt-lang fr
fails 2 "template names no language" "$LLMCTL" generate plain x --src-lang fr
