# llmctl convert: there and back gives the same tensors; errors name them.
set -eu
. "$SRC/tests/cli/lib.bash"

# A small trained model of each family.
awk 'BEGIN { srand(1); for (i = 0; i < 3000; i++) printf "%s", (rand() < 0.2 ? "\n" : sprintf("%c", 97 + int(rand() * 8))) }' >text
"$LLMCTL" tokenize train text --type char --out tok.json -q
for family in gpt2-nano llama-nano qwen2.5-0.5b qwen3-nano pythia-14m; do
    "$LLMCTL" pretrain text --tokenizer tok.json --out run-$family --preset $family --layers 2 \
        --width 32 --heads 2 --context 16 --batch 2 --steps 2 --dtype f32 -q
    "$LLMCTL" convert run-$family hf-$family -q
    [ -f hf-$family/model.safetensors ] && [ -f hf-$family/config.json ] || fail "no files"
    "$LLMCTL" convert hf-$family back-$family.llmz -q
    "$LLMCTL" convert run-$family/model.llmz there-$family.llmz -q
    cmp hf-$family/tokenizer.json <("$LLMCTL" convert back-$family.llmz again-$family -q && cat again-$family/tokenizer.json)
    cmp hf-$family/model.safetensors again-$family/model.safetensors || fail "$family: tensors differ"
    cmp hf-$family/config.json again-$family/config.json || fail "$family: config.json differs"
    # Shards hold the same.
    "$LLMCTL" convert back-$family.llmz sharded-$family --max-shard-size 8K -q
    [ -f sharded-$family/model.safetensors.index.json ] || fail "no index"
    "$LLMCTL" convert sharded-$family sharded-$family.llmz -q
    cmp back-$family.llmz sharded-$family.llmz || fail "$family: shards differ"
    # f32 -> bf16 rounds; bf16 -> f32 -> bf16 does not.
    "$LLMCTL" convert back-$family.llmz half-$family.llmz --dtype bf16 -q
    "$LLMCTL" convert half-$family.llmz half-$family --dtype f32 -q
    "$LLMCTL" convert half-$family half2-$family --dtype bf16 -q
    "$LLMCTL" convert half-$family.llmz half3-$family -q
    cmp half2-$family/model.safetensors half3-$family/model.safetensors || fail "$family: bf16 differs"
done

# A tokenizer that tokenizer.json cannot hold is beside the model in its own file; ranks are merges there.
awk 'BEGIN { for (i = 0; i < 600; i++) printf "the fox%d and a dog%d went home\n", i % 7, i % 11 }' >words
"$LLMCTL" tokenize train words --type unigram --vocab-size 60 --out u.model -q
"$LLMCTL" tokenize convert u.model --out plain.gguf -q
LC_ALL=C sed 's/add_bos_token\x07\x00\x00\x00\x00/add_bos_token\x07\x00\x00\x00\x01/' plain.gguf >u.gguf # <s> before a text, which a .model does not say
cmp -s plain.gguf u.gguf && fail "no add_bos_token in a .gguf"
for i in $(seq 0 255); do printf "%s %d\n" "$(printf "\\$(printf %03o "$i")" | base64)" "$i"; done >b.tiktoken
for t in u.model:tokenizer.model u.gguf:tokenizer.model b.tiktoken:gpt2:tokenizer.json; do
    rm -rf run-own hf-own
    "$LLMCTL" pretrain words --tokenizer "${t%:*}" --out run-own --preset gpt2-nano --layers 1 --width 32 --heads 2 --context 16 \
        --batch 2 --steps 1 --dtype f32 -q
    "$LLMCTL" convert run-own hf-own -q
    [ -f "hf-own/${t##*:}" ] && [ "$(ls hf-own | grep -c '^tok.*\(json\|model\)$')" -eq 2 ] || fail "$(ls hf-own)"
    "$LLMCTL" convert hf-own own.llmz -q
    for m in run-own hf-own own.llmz; do "$LLMCTL" generate $m "the fox" --greedy --max-length 5 --dtype f32 -q; done >own.out
    [ "$(sort -u own.out | wc -l)" -eq 1 ] || fail "$t: $(cat own.out)"
    for m in "${t%:*}" run-own hf-own own.llmz; do echo "the fox" | "$LLMCTL" tokenize encode -t $m --ids --template -q; done >own.ids
    [ "$(sort -u own.ids | wc -l)" -eq 1 ] || fail "$t: $(cat own.ids)"
done
cmp u.model <(rm -rf hf-own; "$LLMCTL" pretrain words --tokenizer u.model --out run-u --preset gpt2-nano --layers 1 --width 32 \
    --heads 2 --context 16 --batch 2 --steps 1 -q && "$LLMCTL" convert run-u hf-own -q && cat hf-own/tokenizer.model) || fail "its own file"

# The chat template goes along, and is read from the model.
cp -r hf-llama-nano chatty
printf '{%% for m in messages %%}<{{ m.role }}>{{ m.content }}{%% endfor %%}' >chatty/chat_template.jinja
"$LLMCTL" convert chatty chatty.llmz -q
"$LLMCTL" convert chatty.llmz chatty2.llmz -q
"$LLMCTL" convert chatty2.llmz chatty-back -q
cmp chatty/chat_template.jinja chatty-back/chat_template.jinja || fail "the chat template differs"
echo '[{"role":"user","content":"a"}]' | "$LLMCTL" tokenize chat -t chatty2.llmz >chat.out
grep -qF '{"text":"<user>a"}' chat.out || fail "chat: $(cat chat.out)"
[ "$(printf abc | "$LLMCTL" tokenize count -t chatty2.llmz)" -eq 3 ] || fail "tokenizer of a model"
"$LLMCTL" pretrain text --tokenizer chatty --out run-chatty --preset llama-nano --layers 2 --width 32 --heads 2 \
    --context 16 --batch 2 --steps 1 --dtype f32 -q
echo '[{"role":"user","content":"b"}]' | "$LLMCTL" tokenize chat -t run-chatty | shows -F '<user>b' || fail "run"
expect_error 2 "there is no chat template" "$LLMCTL" tokenize chat -t run-llama-nano

# What is there is not overwritten; what fails leaves nothing.
expect_error 73 "not empty" "$LLMCTL" convert run-gpt2-nano hf-gpt2-nano
expect_error 66 "absent" "$LLMCTL" convert absent out-dir
expect_error 2 "want the model" "$LLMCTL" convert run-gpt2-nano
expect_error 2 "alone is not a model" "$LLMCTL" convert run-gpt2-nano x.safetensors
[ ! -e out-dir ] || fail "left out-dir behind"

# A missing, a left over and a misshapen tensor are named.
cp -r sharded-llama-nano broken
index=broken/model.safetensors.index.json
sed -i '/input_layernorm/d' $index
expect_error 65 "input_layernorm" "$LLMCTL" convert broken out-dir
rm -r broken; cp -r hf-llama-nano broken
sed -i 's/"num_hidden_layers": 2/"num_hidden_layers": 3/' broken/config.json
expect_error 65 "no tensor 'model.layers.2" "$LLMCTL" convert broken out-dir
sed -i 's/"num_hidden_layers": 3/"num_hidden_layers": 1/' broken/config.json
expect_error 65 "model.layers.1" "$LLMCTL" convert broken out-dir
rm -r broken; cp -r hf-llama-nano broken
size=$(sed -n 's/.*"vocab_size": \([0-9]*\).*/\1/p' broken/config.json)
sed -i "s/\"vocab_size\": $size/\"vocab_size\": $((size + 1))/" broken/config.json
expect_error 65 "has shape [$size, 32]" "$LLMCTL" convert broken out-dir
sed -i "s/\"vocab_size\": [0-9]*/\"vocab_size\": 3/" broken/config.json
expect_error 65 "a vocabulary of 3" "$LLMCTL" convert broken out-dir
rm -r broken; cp -r hf-llama-nano broken
rm broken/model.safetensors; echo x >broken/pytorch_model.bin
expect_error 66 "pickle" "$LLMCTL" convert broken out-dir
# A NaN among the weights.
rm -r broken; cp -r hf-llama-nano broken
size=$(wc -c <broken/model.safetensors)
printf '\377\377\377\177' | dd of=broken/model.safetensors bs=1 seek=$((size - 4)) conv=notrunc 2>/dev/null
expect_error 65 "not a finite number" "$LLMCTL" convert broken out-dir
fails 65 "not a finite number" "$LLMCTL" verify broken
