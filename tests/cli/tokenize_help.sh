# tokenize: every example of its help can be typed in as it stands.
set -eu
. "$SRC/tests/cli/lib.bash"

mkdir bin bert gpt2 corpus docs MODEL_DIR
ln -s "$LLMCTL" bin/llmctl
PATH=$PWD/bin:$PATH
head -c 30000 "$SRC"/README.md >input.txt
head -n 400 input.txt | tee poem.txt log.txt long.txt README.md corpus/a.txt >docs/b.txt
sed 's/\\/\\\\/g; s/"/\\"/g; s/^/{"text":"/; s/$/"}/' input.txt | tee corpus.jsonl in.jsonl >big.jsonl
zstd -q corpus.jsonl big.jsonl
llmctl tokenize train input.txt --type wordpiece --vocab-size 600 -o bert.json -q
llmctl tokenize convert bert.json --out bert/vocab.txt -q
llmctl tokenize train input.txt --split gpt2 --vocab-size 400 -o gpt2/tokenizer.json -q
llmctl tokenize convert gpt2/tokenizer.json --out model.gguf -q
llmctl tokenize train input.txt --split gpt2 --vocab-size 400 -o tokenizer.json -q
cp tokenizer.json MODEL_DIR
printf '{{ messages[0].content }}' | tee my.jinja >MODEL_DIR/chat_template.jinja
printf '[{"role":"user","content":"Hi"}]\n' >chats.jsonl
printf '{"text":"a","b":"the"}\n' >pairs.jsonl
printf '{"tokens":["a","the"]}\n' >ner.jsonl
llmctl tokenize encode corpus.jsonl -t tokenizer.json --out train.tok -q
cp tokenizer.json kept.tokenizer.json

run=0
for sub in '' train chat encode decode count truncate inspect convert; do
    llmctl tokenize $sub --help | sed -n '/^Examples:/,/^$/p' | grep '^  ' >examples
    [ -s examples ] || fail "tokenize $sub has no examples"
    while IFS= read -r line; do
        cp kept.tokenizer.json tokenizer.json # some write one
        bash -o pipefail -c "$line" >out 2>err </dev/null || fail "'$line': $(cat err)"
        grep -q '[^[:space:]]' out err || fail "'$line' says nothing"
        run=$((run + 1))
    done <examples
done
[ $run -ge 30 ] || fail "only $run examples"

# What other programs call an option leads to the option, and all that are named there are.
for sub in train chat encode decode count truncate inspect convert; do llmctl tokenize $sub --help; done >helps
for option in $(grep -o -- '--[a-z-]*' "$SRC"/cmd/cmd_tokenize_others.c | sort -u); do
    grep -q -- " $option\( \|\$\)" helps || fail "no help has $option"
done
while read -r sub other ours; do
    expect_error 2 "unknown option $other; $ours" llmctl tokenize $sub $other
done <<'END'
train --model_type it is --type here
train --input files stand without an option
chat --chat-template it is --template here
encode --add-special-tokens it is --template here
encode -m it is --tokenizer here
decode --skip_special_tokens it is --skip-special here
count --prompt a text itself comes from stdin
truncate --truncation_side it is --keep here
inspect -t the tokenizer stands without an option
convert --output it is --out here
END
