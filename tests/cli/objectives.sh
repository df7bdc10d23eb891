#!/bin/bash
# llmctl pretrain --objective: every task trains, resumes and gives the same bits however it is run.
set -eu
. "$SRC/tests/cli/lib.bash"

for i in $(seq 400); do echo "The quick brown fox number $((i * 7 % 83)) jumps over the lazy dog and $((i % 9)) cats."; done >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 --special '<|endoftext|>' --special '[MASK]' -q --out tok.json
attn='"mixer":{"type":"attn","heads":2,"causal":false%s},"ffn":{"type":"mlp","act":"relu","d_ff":32},"norm":{"type":"rms","place":"pre"}'
printf '{"family":"bert","stack":"encoder","d_model":16,"vocab":300,"embed":{"pos":"learned","max_pos":32,"ln":true,"types":2},
 "blocks":[{"repeat":1,"mixer":{"type":"attn","heads":2,"bias":"all","causal":false},"ffn":{"type":"mlp","act":"gelu_erf","d_ff":32,"bias":true},"norm":{"type":"ln","place":"post"}}],
 "head":{"type":"mlm","bias":true}}' >enc.json
printf '{"family":"t5","stack":"encdec","d_model":16,"vocab":300,"embed":{"pos":"none","max_pos":64},"decoder_start":0,
 "encoder":{"blocks":[{"repeat":1,%s}]},"blocks":[{"repeat":1,"cross":true,%s}],"head":{"type":"lm","norm":true}}' \
    "$(printf "$attn" ',"pos":{"type":"t5"}')" "$(printf "${attn/\"causal\":false/\"causal\":true}" ',"pos":{"type":"t5"}')" >t5.json
for i in $(seq 300); do echo "{\"source\":\"$i $((i * 31 % 97)) fox\",\"target\":\"fox $((i % 10))\"}"; done >pairs.jsonl

# run NAME ARGS...: straight, with other threads and accumulation, and in two parts.
common="-t tok.json --steps 6 --batch 8 --leaves 4 --eval-every 3 --save-every 2 --sample-every 0 --dtype f32 -q"
run() {
    local n=$1
    shift
    "$LLMCTL" pretrain "$@" $common --threads 1 --out $n-a
    "$LLMCTL" pretrain "$@" $common --threads 2 --accum 4 --out $n-b
    cmp $n-a/model.llmz $n-b/model.llmz || fail "$n: threads or accumulation change the model"
    rm -rf $n-b
    cp -r $n-a $n-c
    rm -rf $n-c/model.llmz $n-c/ckpt/step-6
    "$LLMCTL" pretrain "$@" $common --threads 2 --out $n-c
    cmp $n-a/model.llmz $n-c/model.llmz || fail "$n: resuming changes the model"
    grep -q "\"objective\": \"$n\"" $n-a/config.json || fail "$n: another objective"
    grep -q '"val_loss":[0-9]' $n-a/metrics.jsonl || fail "$n: no validation"
}
sed 's/"family":"bert"/"family":"electra"/; s/"types":2/"types":2,"dim":8/; s/"type":"mlm","bias":true/"type":"rtd"/' enc.json >rtd.json
run electra text.txt --model rtd.json --generator-size 0.5 --val-fraction 0.1
"$LLMCTL" inspect electra-a/model.llmz --json >tensors.json
if grep -q 'generator\.' tensors.json; then fail "the generator is in the model"; fi
run mlm text.txt --model enc.json --val-fraction 0.1
run span text.txt --model t5.json --source-length 32 --val-fraction 0.1
run ul2 text.txt --model t5.json --objective ul2 --source-length 32 --max-length 24 --val text.txt
run prefix text.txt --preset llama-nano --objective prefix --max-length 32 --val-fraction 0.1
run seq2seq pairs.jsonl --objective seq2seq --model t5.json --source-length 32 --max-length 16 --val-fraction 0.1
"$LLMCTL" pretrain text.txt --model enc.json $common --mask-unit word --mask-copies 2 --mask-rate 0.3 --out words
grep -q '"whole_word": true' words/config.json && grep -q '"copies": 2' words/config.json || fail "mask options are not on record"
# A run that was started with another task is not resumed.
expect 78 "$LLMCTL" pretrain text.txt --model enc.json $common --mask-rate 0.2 --val-fraction 0.1 --out mlm-a

expect 78 "$LLMCTL" pretrain text.txt -t tok.json --preset gpt2-nano --objective mlm --out x
grep -q 'trains an encoder, the model is a decoder' err || fail "$(cat err)"
expect 78 "$LLMCTL" pretrain text.txt -t tok.json --model enc.json --objective lm --out x
expect 2 "$LLMCTL" pretrain pairs.jsonl --objective seq2seq --model t5.json --out x
expect 65 "$LLMCTL" pretrain text.txt -t tok.json --objective seq2seq --model t5.json --out x
expect 65 "$LLMCTL" pretrain pairs.jsonl -t tok.json --objective seq2seq --source-field question --model t5.json --out x
expect 2 "$LLMCTL" pretrain text.txt -t tok.json --model t5.json --source-length 65 --out x
"$LLMCTL" tokenize train text.txt --vocab-size 290 -q --out bare.json
expect 78 "$LLMCTL" pretrain text.txt -t bare.json --model enc.json --out x
grep -q 'no mask token' err || fail "$(cat err)"
[ ! -e x ] || fail "a run that could not start left a directory"

# A plan needs neither data nor a tokenizer, whatever is learned; values are set together.
for p in bert-nano electra-nano t5-nano 't5-nano --objective ul2' 't5-nano --objective seq2seq' 'llama-nano --objective prefix'; do
    expect 0 "$LLMCTL" pretrain --plan --preset $p --batch 1 --source-length 32 --max-length 16 --json -q
    grep -q '"params":[1-9]' out || fail "plan of $p"
done
expect 0 "$LLMCTL" pretrain --plan -q --preset llama-nano -b 1 --set stack=encoder --set head=mlm --set blocks.mixer.pos.type=alibi
expect 78 "$LLMCTL" pretrain --plan -q --preset rwkv7-nano --objective prefix
grep -q 'mixer.type: rwkv' err || fail "$(cat err)"
expect 78 "$LLMCTL" pretrain --plan -q --preset mixtral-nano --set blocks.shared=true
grep -q 'blocks\[0\].shared' err || fail "$(cat err)"
expect 0 "$LLMCTL" pretrain --preset list
[ "$(wc -l <out)" -gt 90 ] && grep -q '^modernbert-base  *encoder ' out || fail "--preset list"
