#!/usr/bin/env bash
# tokenize train: whole words, and vocabularies for the steps of another tokenizer.
set -eu
. "$SRC/tests/cli/lib.bash"
train() { "$LLMCTL" tokenize train -q "$@"; }

# words by how often they come, then by their bytes, behind special tokens
printf 'b a b c, b\na d [UNK]\n' >w.txt
vocab() { "$LLMCTL" tokenize inspect "$1" --vocab | awk '{ gsub(/"/, ""); printf "%s ", $(2) }'; }
train w.txt --type word -o w.json
is "$(vocab w.json)" "[UNK] b a , UNK [ ] c d "
is "$("$LLMCTL" tokenize inspect w.json --vocab | wc -l)" 9
train w.txt --type word --split whitespace --vocab-size 5 --special '<pad>' --special '<unk>' -o w.json
is "$(printf 'b a z c,' | "$LLMCTL" tokenize encode -t w.json --ids -q)" "2 3 1 1"
train w.txt --type word --split whitespace --min-freq 2 -o w.json
is "$(printf 'b a d' | "$LLMCTL" tokenize encode -t w.json --ids -q)" "1 2 0"
is "$(printf '[UNK]' | "$LLMCTL" tokenize encode -t w.json --ids -q)" "0"
train w.txt --type word --split whitespace -o w.json
is "$(vocab w.json)" "[UNK] b a c, d "
for n in 1 3; do train "$SRC"/README.md "$SRC"/docs --type word --threads $n -o $n.json; done
cmp 1.json 3.json
fails 2 "need a special token \[UNK\] or <unk>" "$LLMCTL" tokenize train w.txt --type word --special '<s>'
fails 2 "vocab size 4 is too small" "$LLMCTL" tokenize train w.txt --type word --vocab-size 4 --special a --special b --special '<unk>' --special '[UNK]'
fails 2 "not for word" "$LLMCTL" tokenize train w.txt --type word --suffix x
[ ! -e tokenizer.json ] || fail "something was written"

# bytes: the same steps, special tokens first with what they were, ids of template and padding
cat >base.json <<'J'
{"version":"1.0","truncation":null,
"padding":{"strategy":"BatchLongest","direction":"Right","pad_to_multiple_of":null,"pad_id":5,"pad_type_id":0,"pad_token":"<pad>"},
"added_tokens":[
{"id":0,"content":"plain","single_word":false,"lstrip":false,"rstrip":false,"normalized":true,"special":false},
{"id":4,"content":"<s>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true},
{"id":5,"content":"<pad>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
"normalizer":{"type":"Lowercase"},
"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]},
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[4],"tokens":["<s>"]}}},
"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":true,"vocab":{"plain":0,"a":1,"b":2,"ab":3},"merges":[["a","b"]]}}
J
for n in 1 3; do train "$SRC"/README.md --like base.json --vocab-size 400 --special '<new>' --threads $n -o $n.json; done
cmp 1.json 3.json
steps() { "$LLMCTL" tokenize inspect "$1" | grep -E '^(normal|split|template)'; }
is "$("$LLMCTL" tokenize inspect 1.json --vocab | head -n 3 | tr '\t' ' ')" '0 "<s>" special bos
1 "<pad>" special
2 "<new>" special'
is "$("$LLMCTL" tokenize inspect 1.json --vocab | wc -l)" 400
is "$(printf '{"text":"LLMCTL 12"}\n{"text":"a"}\n' | "$LLMCTL" tokenize encode -t 1.json --pieces --template --limits --batch 2 -q)" \
    "<s> llmctl Ġ 1 2
<s> a <pad> <pad> <pad>"
grep -q '"ignore_merges":true' 1.json || fail "a setting of the model got lost"
grep -q '"lstrip":true' 1.json || fail "a special token changed"
! grep -q '"content":"plain"' 1.json || fail "a token that is not special stayed"

sed 's/"post_processor":.*/"post_processor":{"type":"RobertaProcessing","sep":["<pad>",5],"cls":["<s>",4],"trim_offsets":true,"add_prefix_space":false},/; /^"padding"/d' base.json >pair.json
train "$SRC"/README.md --like pair.json --vocab-size 400 --special '<new>' --special '<more>' -o 1.json
is "$(printf 'a' | "$LLMCTL" tokenize encode -t 1.json --ids --template -q | cut -d ' ' -f 1,3)" "0 1"
is "$("$LLMCTL" tokenize inspect 1.json --vocab | sed -n 3,4p | cut -f 2)" '"<new>"
"<more>"'

# WordPiece, words; of a directory, too
mkdir bert
train "$SRC"/README.md --type wordpiece --vocab-size 500 -o bert/tokenizer.json
train "$SRC"/README.md --type wordpiece --vocab-size 300 -o want.json
train "$SRC"/README.md --like bert --vocab-size 300 -o got.json
same want.json got.json
train "$SRC"/README.md --type word --vocab-size 300 -o w.json
train w.txt --type word -o want.json
train w.txt --like w.json -o got.json
same want.json got.json
# a token with a NUL
printf 'a\0b a\0b' >nul.txt
train nul.txt --type word --split whitespace -o w.json
train nul.txt --like w.json -o got.json
same w.json got.json

# SentencePiece's say how they were trained
for o in '' '--byte-fallback --digits' '--cross-spaces --max-token-len 9 --coverage 0.98' '--keep-spaces --no-space-first --space-pieces --cross-numbers' \
    '--cross-scripts --required-chars Q --max-sentence 70 --special <c> --user ing' '--bos-id 3 --unk-id 1 --pad-id 0 --eos-id -1 --bos-piece [CLS]' '--unk-piece [UNK]'; do
    for type in unigram sp-bpe; do
        more=
        [ $type = sp-bpe ] || more='--shrink 0.6 --seeds 3000 --rounds 1 --lanes 2'
        # shellcheck disable=SC2086
        train "$SRC"/README.md --type $type --vocab-size 900 $o $more -o base.model 2>/dev/null
        # shellcheck disable=SC2086
        train "$SRC"/ARCHITECTURE.md --type $type --vocab-size 600 $o $more -o want.model 2>/dev/null
        train "$SRC"/ARCHITECTURE.md --like base.model --vocab-size 600 -o got.model 2>/dev/null
        same want.model got.model
    done
done
train "$SRC"/README.md --like base.model --vocab-size 600 --special '<more>'
"$LLMCTL" tokenize inspect tokenizer.model --vocab | shows -P '^5?[0-9]\t\t"<more>"\tspecial$'
fails 2 "exclude each other" "$LLMCTL" tokenize train w.txt --like base.model --digits

fails 2 "exclude each other" "$LLMCTL" tokenize train w.txt --like bert --type bpe
fails 2 "would be replaced" "$LLMCTL" tokenize train w.txt --like bert -o bert/tokenizer.json
fails 2 "writes a tokenizer.json" "$LLMCTL" tokenize train w.txt --like bert -o x/vocab.txt
"$LLMCTL" tokenize train "$SRC"/README.md --split gpt2 --vocab-size 300 -o r.tiktoken -q
fails 66 "absent" "$LLMCTL" tokenize train w.txt --like absent
fails 2 "is given twice" "$LLMCTL" tokenize train w.txt --like bert --special '[CLS]' -o x.json
fails 2 "it is neither a tokenizer.json" "$LLMCTL" tokenize train w.txt --like r.tiktoken:gpt2
sed 's/"byte_fallback":false/"byte_fallback":true/' base.json >fall.json
fails 2 "fall back to bytes" "$LLMCTL" tokenize train w.txt --like fall.json
sed 's/"special":true}\],/"special":false}],/; s/"tokens":\["<s>"\]/"tokens":["<pad>"]/; s/"ids":\[4\]/"ids":[5]/; /^"padding"/d' base.json >lost.json
fails 65 "the template has the token '<pad>'" "$LLMCTL" tokenize train w.txt --like lost.json -o x.json
