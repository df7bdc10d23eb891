# llmctl inspect and verify: what they say of good files, damaged files and
# files of another kind.
set -eu
. "$SRC/tests/cli/lib.bash"
has() { grep -qF -- "$1" out || fail "'$1' not in: $(cat out)"; }

awk 'BEGIN { srand(2); for (i = 0; i < 3000; i++) printf "%s", (rand() < 0.2 ? "\n" : sprintf("%c", 97 + int(rand() * 8))) }' >text
"$LLMCTL" tokenize train text --type char --out tok.json -q
"$LLMCTL" tokenize encode text --tokenizer tok.json --out data.tok -q
"$LLMCTL" pretrain data.tok --out run --preset llama-nano --layers 3 --width 32 --heads 2 \
    --context 16 --batch 2 --steps 2 --dtype f32 -q
"$LLMCTL" convert run hf -q

# Equal layers are one line, unless all are asked for.
"$LLMCTL" inspect run >out
has "kind model"; has "model: llama, 3 layers, width 32"; has "tokenizer: characters"
has "{0..2}."; has "3 x "; has '"stage":"tokenize"'; has "step: 2"
"$LLMCTL" inspect run/ckpt/step-2/train.llmz --all >out
has "kind train"; has "adam.m/"
[ "$(grep -c 'q_proj' out)" -eq 9 ] || fail "--all does not show every tensor"
"$LLMCTL" inspect hf >out
has "Hugging Face directory"; has "model: llama"; has "tokenizer:"
"$LLMCTL" inspect hf/model.safetensors >out; has "safetensors"
"$LLMCTL" inspect data.tok >out; has "token shard"; has "documents: 1"
borders() { # OPTIONS of train: what inspect says of the borders, and all ids that the shard holds
    "$LLMCTL" tokenize train text -o marks"$1" -q "${@:2}"
    "$LLMCTL" tokenize encode <(printf 'a\n\nb') --documents paragraph --format text -t marks"$1" --out marks.tok -q
    "$LLMCTL" inspect marks.tok | grep '^borders: '
    od -An -v -td2 -j64 -N"$(("$("$LLMCTL" inspect marks.tok | sed -n 's/^tokens: \([0-9]*\),.*/\1/p')" * 2))" marks.tok | tr -s ' '
}
is "$(borders .json --vocab-size 257)" 'borders: each document begins with id 0, one more ends the last
 0 65 0 66 0'
is "$(borders .json --vocab-size 256 --no-special-tokens)" 'borders: no id marks them
 64 65'
is "$(borders .model --type unigram --norm identity --no-space-first --vocab-size 12 | head -n 1)" 'borders: each document begins with id 1 and ends with 2'
is "$(borders .model --type unigram --eos-id -1 --vocab-size 12 | head -n 1)" 'borders: each document begins with id 1'
"$LLMCTL" inspect tok.json >out; has "tokenizer: characters"

# --json says the same, and tensors have the same hashes wherever they are.
"$LLMCTL" convert hf back.llmz -q
hashes() { "$LLMCTL" inspect "$1" --json | tr '{' '\n' | sed -n 's/.*"name":"\([^"]*\)".*"xxh3_128":"\([^"]*\)".*/\1 \2/p' | sort; }
[ "$(hashes run/model.llmz | wc -l)" -eq 29 ] || fail "tensors in --json"
[ "$(hashes run/model.llmz)" = "$(hashes back.llmz)" ] || fail "hashes differ after a round trip"
for f in run hf data.tok tok.json; do "$LLMCTL" inspect $f --json >out; [ "$(wc -l <out)" -eq 1 ] || fail "--json of $f"; done

# verify
"$LLMCTL" verify run data.tok hf >out
[ "$(grep -c '^ok ' out)" -eq 4 ] || fail "verify: $(cat out)"
cp run/model.llmz bad.llmz
size=$(wc -c <bad.llmz)
flip() { # file offset
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "$(printf '\\%03o' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
flip bad.llmz 100
flip bad.llmz 3000
fails 65 "tensor 'model.embed_tokens.weight' is damaged: chunk 0, plane 0 at offset 64: hash mismatch" "$LLMCTL" verify bad.llmz
[ "$(grep -c '^BAD ' out)" -eq 2 ] || fail "not every bad chunk is listed: $(cat out)"
fails 65 "1 of 3 files are bad; the first: 'bad.llmz'" "$LLMCTL" verify data.tok bad.llmz run/model.llmz
has "ok   'data.tok'"; has "ok   'run/model.llmz'"; has "BAD  'bad.llmz'"
fails 65 "bad.llmz" "$LLMCTL" verify bad.llmz --json
has '"files":1,"bad":1'
expect_error 65 "is damaged" "$LLMCTL" convert bad.llmz out.llmz
[ ! -e out.llmz ] || fail "left out.llmz behind"
head -c $((size - 1)) run/model.llmz >cut.llmz
fails 65 "truncated" "$LLMCTL" verify cut.llmz
expect_error 65 "truncated" "$LLMCTL" inspect cut.llmz
cp run/model.llmz bad.llmz; flip bad.llmz $((size - 20))
expect_error 65 "the footer at offset $((size - 64)) is damaged" "$LLMCTL" inspect bad.llmz
cp data.tok bad.tok; flip bad.tok 200
fails 65 "bad.tok" "$LLMCTL" verify bad.tok

# What is of another kind is named.
printf 'PK\003\004 and so on and so on' >x.pt
printf '\200\002}q\000.' >x.pkl
printf 'GGUF\003\000\000\000\000\000\000\000\000\000\000\000' >x.gguf
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' >x.safetensors
: >empty
for c in inspect verify; do
    fails 65 "zip archive" "$LLMCTL" $c x.pt
    fails 65 "pickle" "$LLMCTL" $c x.pkl
    fails 65 "GGUF" "$LLMCTL" $c x.gguf
    fails 65 "git-lfs pointer" "$LLMCTL" $c x.safetensors
    fails 65 "empty" "$LLMCTL" $c empty
    fails 66 "absent" "$LLMCTL" $c absent
    expect_error 2 "want" "$LLMCTL" $c
done
expect_error 65 "zip archive" "$LLMCTL" convert x.pt out.llmz
mkdir nothing
expect_error 66 "nothing" "$LLMCTL" inspect nothing
expect_error 66 "nothing" "$LLMCTL" verify nothing

# A model that this build does not know does not hide the tensors.
sed 's/"model_type": "[a-z]*"/"model_type": "mamba"/' hf/config.json >mamba.json
mv mamba.json hf/config.json
"$LLMCTL" inspect hf >out; has "model: not read:"; has "mamba"; has "{0..2}."

# A pipe that nobody writes to is not waited for.
mkfifo nobody nobody.tok
expect_error 66 "'nobody' is not a regular file" timeout -k 1 20 "$LLMCTL" inspect nobody
expect_error 66 "'nobody.tok' is not a regular file" timeout -k 1 20 "$LLMCTL" tokenize decode nobody.tok
