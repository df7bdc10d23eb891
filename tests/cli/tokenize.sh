#!/usr/bin/env bash
# llmctl tokenize: learn, encode, decode, count, inspect, and what is refused.
set -eu
. "$SRC/tests/cli/lib.bash"

# Real text is at hand: this repository's own sources.
cat "$SRC"/core/base/*.h >text.txt
head -n 400 "$SRC"/core/base/*.c | sed 's/[^ -~]//g; s/\\/\\\\/g; s/"/\\"/g; s/^/{"text":"/; s/$/"}/' >docs.jsonl

# characters
"$LLMCTL" tokenize train text.txt --type char --out char.json -q
"$LLMCTL" tokenize encode text.txt -t char.json --ids --out char.ids -q
"$LLMCTL" tokenize decode char.ids -t char.json --out back.txt
same text.txt back.txt
[ "$("$LLMCTL" tokenize count text.txt -t char.json)" -eq "$(wc -c <text.txt)" ]
printf 'caf\xc3\xa9' >new.txt
fails 65 "U+00E9" "$LLMCTL" tokenize encode new.txt -t char.json --ids --strict -q

# byte pairs, the same whatever the threads
for n in 1 3; do
    "$LLMCTL" tokenize train docs.jsonl text.txt --vocab-size 700 --threads $n --out bpe$n.json -q
    "$LLMCTL" tokenize encode docs.jsonl text.txt -t bpe1.json --threads $n --out bpe$n.tok -q
done
same bpe1.json bpe3.json
same bpe1.tok bpe3.tok
"$LLMCTL" tokenize encode text.txt -t bpe1.json --out text.tok -q
"$LLMCTL" tokenize decode text.tok --skip-special --out back.txt
same text.txt back.txt
zstd -q text.txt -o text.txt.zst 2>/dev/null && {
    "$LLMCTL" tokenize encode text.txt.zst -t bpe1.json --out zst.tok -q
    same text.tok zst.tok
}
ids=$(printf 'the size of a buffer' | "$LLMCTL" tokenize encode -t bpe1.json --ids -q)
[ "$(echo "$ids" | "$LLMCTL" tokenize decode -t bpe1.json)" = "the size of a buffer" ]

# special tokens are text unless allowed
plain=$(printf '<|endoftext|>' | "$LLMCTL" tokenize encode -t bpe1.json --ids -q)
[ "$plain" != 0 ]
[ "$(printf '<|endoftext|>' | "$LLMCTL" tokenize encode -t bpe1.json --ids -q --allow-special)" = 0 ]
"$LLMCTL" tokenize inspect bpe1.json | shows '^eos: 0 "<|endoftext|>"'
"$LLMCTL" tokenize inspect bpe1.json --json | shows '"vocab_size":700'
# nothing but special tokens, and no id 0
echo '{"version":"1.0","added_tokens":[{"id":5,"content":"u","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
  "model":{"type":"WordLevel","vocab":{"u":5},"unk_token":"u"}}' >hole.json
"$LLMCTL" tokenize inspect hole.json | shows '^vocabulary: 1 tokens, ids 0 to 5'
"$LLMCTL" tokenize inspect bpe1.json --explain 'the size' | shows "merge [0-9]* makes "

# decoders for which the beginning of a text counts get more than one part of it
"$LLMCTL" tokenize train text.txt --type sp-bpe --norm identity --keep-spaces --byte-fallback --vocab-size 500 -o s.model -q
"$LLMCTL" tokenize encode text.txt -t s.model --out s.tok -q
"$LLMCTL" tokenize decode s.tok --out back.txt
same text.txt back.txt
"$LLMCTL" tokenize encode text.txt -t s.model --ids -q | "$LLMCTL" tokenize decode -t s.model --lossy --out back.txt
same text.txt back.txt

# more than 65536 ids: 32 bits
for n in 60000 70000; do
    awk -v n=$n 'BEGIN { printf "{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"merges\":[],\"vocab\":{\"x\":0"
        for (i = 1; i < n; i++) printf ",\"t%d\":%d", i, i
        print "}}}" }' >v$n.json
    printf 'xxxxxxxx%.0s' {1..1000} | "$LLMCTL" tokenize encode -t v$n.json --out v$n.tok -q
done
printf 'xxxxxxxx%.0s' {1..1000} >x.txt
"$LLMCTL" tokenize decode v70000.tok --out back.txt
same x.txt back.txt
[ "$(od -An -tu4 -j12 -N4 v60000.tok | tr -d ' ')" -eq 2 ]
[ "$(od -An -tu4 -j12 -N4 v70000.tok | tr -d ' ')" -eq 4 ]

# refusals
fails 2 "tokenizer is required" "$LLMCTL" tokenize encode text.txt --ids
fails 2 "out FILE" "$LLMCTL" tokenize encode text.txt -t bpe1.json
fails 2 "too small" "$LLMCTL" tokenize train text.txt --vocab-size 257 --special a --special b
fails 2 "did you mean 'train'" "$LLMCTL" tokenize trane
fails 66 "absent.json" "$LLMCTL" tokenize encode text.txt -t absent.json --ids
fails 65 "out of range" bash -c 'echo 1 2 99999 | "$LLMCTL" tokenize decode -t bpe1.json'
fails 65 "not a token id" bash -c 'echo 1 two | "$LLMCTL" tokenize decode -t bpe1.json'
head -c 1000 bpe1.json >cut.json
fails 65 "cut.json" "$LLMCTL" tokenize inspect cut.json
sed 's/"ByteLevel"/"Nope"/' bpe1.json >nope.json
fails 65 "'Nope'" "$LLMCTL" tokenize inspect nope.json
fails 65 "longer than --max-line" "$LLMCTL" tokenize count text.txt -t bpe1.json --max-line 100 -q
: >empty.jsonl
fails 65 "no documents" "$LLMCTL" tokenize encode empty.jsonl -t bpe1.json --out empty.tok
[ ! -e empty.tok ]

# other kinds of files
printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nsize\n##s\n' >vocab.txt
"$LLMCTL" tokenize convert vocab.txt --out bert.json -q
mkdir -p back
"$LLMCTL" tokenize convert bert.json --out back/vocab.txt -q
same vocab.txt back/vocab.txt
[ "$(echo 'The sizes' | "$LLMCTL" tokenize encode -t bert.json --ids -q)" = "4 5 6" ]
fails 65 'cannot hold' "$LLMCTL" tokenize convert bert.json --out b.model
fails 2 'must end in' "$LLMCTL" tokenize convert bert.json --out b.xyz
"$LLMCTL" tokenize convert bert.json --out bert.gguf -q
[ "$(echo 'The sizes' | "$LLMCTL" tokenize encode -t bert.gguf --ids -q)" = "4 5 6" ]
"$LLMCTL" tokenize convert bpe1.json --out bpe1.gguf -q
mv bpe1.gguf bpe1.model # the content tells what it is
same <("$LLMCTL" tokenize encode text.txt -t bpe1.json --ids -q) <("$LLMCTL" tokenize encode text.txt -t bpe1.model --ids -q)
fails 65 'GGUF cannot hold' "$LLMCTL" tokenize convert char.json --out c.gguf
printf 'YQ== 0\n' >x.tiktoken
cp x.tiktoken x.model
"$LLMCTL" tokenize convert x.model:gpt2 --out tekken.json -q
same <("$LLMCTL" tokenize inspect tekken.json --json | grep -o '"vocab_size":1') <(echo '"vocab_size":1')
fails 65 'does not say how text is split' "$LLMCTL" tokenize inspect x.tiktoken
# files that look like tokenizers and are none
printf '"{\\"class_name\\": \\"Tokenizer\\", \\"config\\": {}}"' >keras.json
printf '{"class_name": "Tokenizer", "config": {"num_words": 9}}' >keras2.json
printf 'minbpe v1\n\\w+\n0\n97 98\n' >minbpe.model
printf '!\t0\n"\t1\n' >list-vocab.txt
printf '{"model_type":"gpt2","vocab_size":9}' >config.json
for f in keras.json keras2.json; do fails 65 "'$f' is a tokenizer of Keras" "$LLMCTL" tokenize inspect $f; done
fails 65 "'minbpe.model' is a model of minbpe" "$LLMCTL" tokenize inspect minbpe.model
fails 65 "'list-vocab.txt':1: a token and a number, where vocab.txt has a token a line" "$LLMCTL" tokenize inspect list-vocab.txt
fails 65 "'config.json' is no tokenizer.json, it has no object 'model'; of a tokenizer of several files give the directory" "$LLMCTL" tokenize inspect config.json
printf 'a\tb\n[UNK]\n\t\n' >tab-vocab.txt
"$LLMCTL" tokenize inspect tab-vocab.txt | shows '^type: WordPiece'

# two tokenizers on one text
"$LLMCTL" tokenize inspect bpe1.json --diff bert.json --text text.txt >diff.txt
grep -q '^tokens a word' diff.txt
grep -q '^words cut at other places' diff.txt
"$LLMCTL" tokenize inspect bpe1.json --diff bpe1.json --text text.txt | shows 'other places: 0 of'
fails 2 'needs --text' "$LLMCTL" tokenize inspect bpe1.json --diff bert.json
fails 2 'exclude each other' "$LLMCTL" tokenize inspect bpe1.json --explain a --text text.txt
[ "$(sed -n '/^tokens in both/p; /^words not given back/p' diff.txt | wc -l)" -eq 2 ]
"$LLMCTL" tokenize inspect bpe1.json --diff bert.json --text - --json <text.txt >diff.json
grep -q '"tokenizers":\[{"file":"bpe1.json"' diff.json
[ "$(wc -l <diff.json)" -eq 1 ]
is "$(grep -o '"tokens":[0-9]*' diff.json | head -n 1 | cut -d: -f2)" "$("$LLMCTL" tokenize count -t bpe1.json text.txt -q)"
"$LLMCTL" tokenize inspect bpe1.json --text text.txt | shows '^words of one token'

# --text takes what count takes: each document is encoded by itself
printf '{"text":"the size\\n"}\n{"x":1}\n{"text":"of"}\n{"text":"size"}\n' >docs.jsonl
tokens_of() { grep -o '"tokens":[0-9]*' | cut -d: -f2; }
is "$("$LLMCTL" tokenize inspect bpe1.json --text docs.jsonl --json 2>err | tokens_of)" "$("$LLMCTL" tokenize count -t bpe1.json docs.jsonl -q 2>/dev/null)"
grep -q 'warning: 1 bad documents were left out; the first: docs.jsonl:2: no text' err
gzip -k docs.jsonl
is "$("$LLMCTL" tokenize inspect bpe1.json --text docs.jsonl.gz --json 2>/dev/null | grep -o '"bytes":[0-9]*,"characters":[0-9]*,"words":[0-9]*')" '"bytes":15,"characters":15,"words":4'
is "$("$LLMCTL" tokenize inspect bpe1.json --text docs.jsonl --json --format text | grep -o '"bytes":[0-9]*')" "\"bytes\":$(wc -c <docs.jsonl)"
fails 65 'docs.jsonl:2: no text' "$LLMCTL" tokenize inspect bpe1.json --text docs.jsonl --strict
fails 66 'no such file' "$LLMCTL" tokenize inspect bpe1.json --text nosuch.jsonl
# what is unknown: parts of words, and what stands between them
printf '\345\255\227 b \345\255\227 a\nd z\n' >strange.txt
"$LLMCTL" tokenize train <(printf 'a b\nb a\nd a\n') --type unigram --norm identity --vocab-size 8 -o few.model -q
"$LLMCTL" tokenize inspect few.model --text strange.txt | shows "^unknown: 2 x \"$(printf '\345\255\227')\", 1 x \"z\"; 1 x white space between words$"
"$LLMCTL" tokenize inspect few.model --text strange.txt --documents line --json | shows -F '"unknown":[{"text":"'"$(printf '\345\255\227')"'","count":2},{"text":"z","count":1}]'

# words that both cut, by numbers known beforehand: abcd is a bcd and abc ##d, Bcd is B c d and bcd, bcd is a token of both
printf 'abc\nbcd\nbcd\nabc\nbcd\nabc\nbcd\n' >words.txt
"$LLMCTL" tokenize train words.txt --vocab-size 260 -q -o abc.json
"$LLMCTL" tokenize train words.txt --type wordpiece --vocab-size 16 -q -o abcwp.json
printf 'abcd\nbcd\nBcd\n' >three.txt
"$LLMCTL" tokenize inspect abc.json --diff abcwp.json --text three.txt >diff.txt
grep -q '^words cut at other places: 2 of 3 ' diff.txt
grep -q '^words not given back  *0 (0.0 %)  *1 (33.3 %)$' diff.txt
grep -A 2 '^  1 x "abcd"$' diff.txt | tr -d '\n' | shows 'first: a bcd      second: abc ##d$'

grep -q '^words with more tokens  *1 (33.3 %)  *0 (0.0 %)$' diff.txt
grep -q '^tokens in both  *3 ' diff.txt # b c d, not " b"
"$LLMCTL" tokenize inspect bpe1.json --explain 'a'$'\303\251' >explained # a byte is a character's part: its place is the character's
grep -q '  \[1, 2)  *\[1, 2) .*byte C3$' explained
grep -q '  \[2, 3)  *\[1, 2) .*byte A9$' explained
fails 65 'token id 700 at position 1 is out of range' "$LLMCTL" tokenize decode -t bpe1.json <<<'699 700'

# all tokens: as many as there are, and each as --token shows it
"$LLMCTL" tokenize inspect bpe1.json --vocab >vocab.tsv
is "$(wc -l <vocab.tsv)" 700
grep -q "^0$(printf '\t')\"<|endoftext|>\"$(printf '\t')special eos$" vocab.tsv
"$LLMCTL" tokenize inspect bpe1.json --vocab --json >vocab.all
is "$(grep -o '"id":' vocab.all | wc -l)" 700
grep -qF "$("$LLMCTL" tokenize inspect bpe1.json --token '<|endoftext|>' --json | tr -d '[]\n' | cut -c 1-40)" vocab.all
fails 2 'exclude each other' "$LLMCTL" tokenize inspect bpe1.json --vocab --explain a
fails 2 'llmctl tokenize inspect --diff' "$LLMCTL" tokenize diff a b

# what its steps are, in words
"$LLMCTL" tokenize inspect bert.json >steps.txt
grep -q '^split: white space, punctuation$' steps.txt
grep -q '^template of two texts: \[CLS\] A \[SEP\] B \[SEP\]$' steps.txt
"$LLMCTL" tokenize inspect bert.json --json | shows '"normal_form":"control characters out, .*,"template":"\[CLS\] A \[SEP\]"'
"$LLMCTL" tokenize inspect bpe1.json --explain 'a b' | shows '^spelling: .* is a space'

# why: merges of long words, too; what unigram came near to; what WordPiece does not know
printf 'aaab aaab aab\nab ab b\n' >why.txt
"$LLMCTL" tokenize train why.txt --type sp-bpe --vocab-size 9 --coverage 1 -q -o why.model
long=$(printf 'aaab %.0s' $(seq 30))
[ "$("$LLMCTL" tokenize inspect why.model --explain "$long" | grep -c '^    merge ')" -gt 60 ]
"$LLMCTL" tokenize train why.txt --type unigram --vocab-size 9 --coverage 1 -q -o whyu.model
"$LLMCTL" tokenize inspect whyu.model --explain 'aab' | shows 'next best: .*worse by'
"$LLMCTL" tokenize inspect whyu.model --explain 'aab' --nbest 3 >ways
[ "$(grep -c '^    way [123]: ' ways)" = 3 ]
if grep -q 'next best' ways; then fail "the runner-up is among the ways"; fi
"$LLMCTL" tokenize inspect whyu.model --explain 'aab' --nbest 2 --json | shows '"ways":\[{"ids":\[.*\],"tokens":\[.*\],"sum":-.*},{"ids":'
fails 2 'is for unigram, this tokenizer is SentencePiece BPE' "$LLMCTL" tokenize inspect why.model --explain 'aab' --nbest 3
fails 2 'nbest goes with --explain' "$LLMCTL" tokenize inspect whyu.model --nbest 3
"$LLMCTL" tokenize inspect bpe1.json --explain 'the' --json >explain.json
grep -q '^{"text":"the","bytes":3,"characters":3,' explain.json
grep -q '"merges":\[{"rank":' explain.json
grep -q '"byte_offsets":\[\[0,' explain.json

# a long text of a tokenizer whose decoder looks at the beginning is decoded whole
tr "\n" " " <text.txt | tr -d "\200-\377" >one.txt
"$LLMCTL" tokenize train one.txt --type sp-bpe --vocab-size 200 --norm identity --keep-spaces --coverage 1 -q -o sp.model
"$LLMCTL" tokenize encode one.txt -t sp.model --ids --out one.ids -q
[ "$(wc -w <one.ids)" -gt 9000 ]
"$LLMCTL" tokenize decode one.ids -t sp.model --out back.txt
same one.txt back.txt
"$LLMCTL" tokenize encode one.txt -t sp.model --out one.tok -q
"$LLMCTL" tokenize decode one.tok --skip-special | cmp - one.txt
"$LLMCTL" tokenize decode one.tok --skip-special --lossy | cmp - one.txt

# what is read stays as it is
cp text.txt kept.txt
fails 2 "is an input" "$LLMCTL" tokenize encode text.txt -t char.json --ids --out text.txt
for name in ids.txt ids.bin ids; do fails 2 "a token shard's name ends in .tok" "$LLMCTL" tokenize encode text.txt -t char.json --out $name; done
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' >lfs.model
fails 65 "git-lfs pointer" "$LLMCTL" tokenize inspect lfs.model
printf '<!doctype html>\n<html>\n' >page.model
fails 65 "is an HTML page" "$LLMCTL" tokenize inspect page.model
fails 66 "nothing is downloaded" "$LLMCTL" tokenize inspect openai-community/gpt2
fails 66 "" "$LLMCTL" tokenize inspect none.json
if grep -q downloaded err; then fail "a file is no name of a model"; fi
cp text.txt text.json
fails 2 "is an input" "$LLMCTL" tokenize train ./text.json --format text --type char --out text.json
fails 2 "is the input" "$LLMCTL" tokenize decode one.ids -t sp.model --out one.ids
fails 2 "is an input" "$LLMCTL" clean text.txt --out ./text.txt
fails 2 "is an input" "$LLMCTL" clean text.txt --quarantine text.txt --out o.jsonl
fails 2 "is an input" "$LLMCTL" dedup text.txt --out "$PWD/text.txt"
same text.txt kept.txt

# Added tokens that are found after normalization are explained, too.
printf '[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\na\nb\n' >ex.txt
"$LLMCTL" tokenize convert ex.txt --out ex.json -q
sed -i 's/"added_tokens":\[/&{"id":7,"content":"ab","special":false,"single_word":false,"lstrip":false,"rstrip":false,"normalized":true},/' ex.json
"$LLMCTL" tokenize inspect ex.json --explain 'b AB' >explained
grep -q 'added token \[2, 4) of that 7 ab' explained
if grep -q 'word "ab"' explained; then fail "an added token is no word"; fi
"$LLMCTL" tokenize inspect ex.json --explain 'ac c' | shows 'unknown as a whole: no token goes on with "c" behind "a"'
"$LLMCTL" tokenize inspect ex.json --explain 'ac c' | shows 'no token begins with "c"'
"$LLMCTL" tokenize inspect ex.json --token 7 --json | shows '^\[{"id":7,"token":"ab","text":"ab","bytes":"6162","kinds":\["added"\]'

# --json: one object on stdout, from every command
printf 'a b\n' >j.txt
is "$("$LLMCTL" tokenize convert ex.txt --out j.json --json)" '{"tokens":7,"out":"j.json"}'
is "$(echo '[{"role":"user","content":"a"}]' | "$LLMCTL" tokenize chat --template chatml --out j.chat --json)" '{"chats":1,"bytes":29}'
is "$(echo 5 6 | "$LLMCTL" tokenize decode -t j.json --out j.out --json)" '{"tokens":2,"bytes":3}'
fails 2 'give --out' bash -c '"$LLMCTL" tokenize decode -t j.json --json </dev/null'
fails 2 'give --out' "$LLMCTL" tokenize chat j.txt --template chatml --json
