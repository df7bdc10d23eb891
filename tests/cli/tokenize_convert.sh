# tokenize convert: tokens that are added on the way.
set -eu
. "$SRC/tests/cli/lib.bash"

convert() { "$LLMCTL" tokenize convert "$@" -q; }
encode() { "$LLMCTL" tokenize encode --ids -q "$@"; }
head -c 20000 "$SRC"/README.md >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 -o t.json -q

# new ones get the next ids; special ones are text unless allowed, others are found where they stand
convert t.json --special '<|im_start|>' --special '<|im_end|>' --add 'New York' --out more.json
is "$(grep -o '{"id":[0-9]*,"content":"[^"]*"' more.json | tr '\n' ' ')" \
    '{"id":0,"content":"<|endoftext|>" {"id":300,"content":"<|im_start|>" {"id":301,"content":"<|im_end|>" {"id":302,"content":"New York" '
is "$(grep '"<|im_end|>"' more.json)" \
    '{"id":301,"content":"<|im_end|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},'
is "$(grep '"New York"' more.json)" \
    '{"id":302,"content":"New York","single_word":false,"lstrip":false,"rstrip":false,"normalized":true,"special":false}],'
is "$(printf '<|im_end|>New York' | encode -t more.json --allow-special)" '301 302'
is "$(printf '<|im_end|>New York' | encode -t more.json | tr ' ' '\n' | grep -c -x '30[0-9]')" 1
is "$(printf '<|im_end|>' | encode -t more.json)" "$(printf '<|im_end|>' | encode -t t.json)"
same <(encode -t t.json text.txt) <(encode -t more.json text.txt)
"$LLMCTL" tokenize convert t.json --special '<|a|>' --out one.json 2>err
grep -q '1 new token, ids 300 to 300: a model needs as many rows more' err

# a text that is a token keeps its id; once more changes nothing
id=$("$LLMCTL" tokenize inspect t.json --token in --json | grep -o '"id":[0-9]*' | head -n 1 | cut -d: -f2)
convert t.json --add in --out in.json
is "$("$LLMCTL" tokenize inspect in.json --json | grep -o '"vocab_size":[0-9]*')" '"vocab_size":300'
is "$(printf in | encode -t in.json)" "$id"
convert more.json --special '<|im_end|>' --add 'New York' --out again.json
same more.json again.json
convert more.json --special 'New York' --out special.json
grep -q '"id":302,.*"normalized":false,"special":true' special.json

# into and out of other kinds
"$LLMCTL" tokenize train text.txt --split gpt2 --no-special-tokens --vocab-size 280 -o plain.json -q
sed 's/:279\([,}]*\)$/:400\1/' plain.json >holes.json
"$LLMCTL" tokenize convert holes.json --add xyzzy --out filled.json 2>err
grep -q '1 new token, some at ids that were free: a model needs 0 rows more' err || fail "$(cat err)"
convert plain.json --out plain.tiktoken
convert plain.tiktoken:gpt2 --special '<|end|>' --out ranks.json
is "$(printf '<|end|>' | encode -t ranks.json --allow-special)" 280
is "$("$LLMCTL" tokenize inspect 'plain.tiktoken:\S+|\s+' --json | grep -oF '"split":"\\S+|\\s+",')" '"split":"\\S+|\\s+",'
convert more.json --out more.gguf
same <(encode -t more.gguf text.txt) <(encode -t more.json text.txt)

echo '{"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1]]}}' >unigram.json

# tiktoken's special tokens have ids of their own: a free one among the ranks, and one behind them
sed '/ 270$/d' plain.tiktoken >hole.tiktoken
convert hole.tiktoken:gpt2 --special-at '270=<|end|>' --special-at '300=<|a=b|>' --special '<|next|>' --out placed.json
is "$(printf 'the<|end|><|a=b|><|next|>' | encode -t placed.json --allow-special)" "$(printf 'the' | encode -t hole.tiktoken:gpt2) 270 300 301"
is "$(printf 'the<|end|>' | encode -t placed.json)" "$(printf 'the<|end|>' | encode -t hole.tiktoken:gpt2)"
convert placed.json --special-at '270=<|end|>' --special-at '310=<|far|>' --out farther.json
is "$(printf '<|end|><|far|>' | encode -t farther.json --allow-special)" '270 310'
fails 65 "id 279, which Hugging Face's programs would give, is another token's: give '<|x|>' a free one" "$LLMCTL" tokenize convert hole.tiktoken:gpt2 --special '<|x|>' --out x.json
fails 65 "id 271 is another token's, '<|x|>' cannot have it" "$LLMCTL" tokenize convert hole.tiktoken:gpt2 --special-at '271=<|x|>' --out x.json
fails 2 "has id 270 already" "$LLMCTL" tokenize convert placed.json --special-at '271=<|end|>' --out x.json
for bad in x=y =y -1=y 5 5x=y 99999999999=y; do
    fails 2 "an id, =, and the text" "$LLMCTL" tokenize convert plain.json --special-at "$bad" --out x.json
done
fails 65 "numbered as they come" "$LLMCTL" tokenize convert unigram.json --special-at '99=<|x|>' --out x.json

# a special token among the others stays where it is for every program that reads the file
convert t.json --out t.gguf
convert t.gguf --out back.json
grep -q '"<|endoftext|>":0' back.json
same <(encode -t back.json text.txt) <(encode -t t.json text.txt)
same t.gguf <(convert back.json --out back.gguf && cat back.gguf)

convert plain.json --out tekken.json
sed -i 's/"default_num_special_tokens":0/"default_num_special_tokens":2/; s/"default_vocab_size":280/"default_vocab_size":282/' tekken.json
convert tekken.json --out tekken-as.json
grep -q '"<SPECIAL_0>":0\|"<unk>":0' tekken-as.json
same <(encode -t tekken-as.json text.txt) <(encode -t tekken.json text.txt)
mkdir back
convert tekken-as.json --out back/tekken.json
same <(encode -t back/tekken.json text.txt) <(encode -t tekken.json text.txt)

# refusals
"$LLMCTL" tokenize train text.txt --type sp-bpe --vocab-size 400 -o s.model -q
fails 65 'takes no tokens later on' "$LLMCTL" tokenize convert s.model --special x --out t.model
fails 65 'it holds no special tokens' "$LLMCTL" tokenize convert t.json --out x.tiktoken
fails 65 'ranks are of byte-level byte pairs' "$LLMCTL" tokenize convert s.model --out x.tiktoken
fails 65 'cannot hold this tokenizer' "$LLMCTL" tokenize convert plain.json --special x --out x.tiktoken
fails 2 "is to be added twice" "$LLMCTL" tokenize convert t.json --special x --add x --out x.json
fails 2 "it stays one" "$LLMCTL" tokenize convert t.json --add '<|endoftext|>' --out x.json
fails 2 "has no text" "$LLMCTL" tokenize convert t.json --special '' --out x.json
fails 2 "not valid UTF-8" "$LLMCTL" tokenize convert t.json --special $'\xff' --out x.json
[ ! -e x.json ]

# what a kind of file cannot hold: another split, an end of line in a token
"$LLMCTL" tokenize train text.txt --vocab-size 300 --split llama3 --no-special-tokens -q -o llama3.json
"$LLMCTL" tokenize train text.txt --vocab-size 300 --split gpt2 --no-special-tokens -q -o gpt2.json
mkdir pair words dir only a::b
fails 65 'of a GPT-2 tokenizer only' "$LLMCTL" tokenize convert llama3.json --out pair/vocab.json
[ ! -e pair/vocab.json ]
convert gpt2.json --out pair/vocab.json
same <(encode -t pair/vocab.json text.txt) <(encode -t gpt2.json text.txt)
"$LLMCTL" tokenize train text.txt --type wordpiece --vocab-size 200 -q -o words.json
for end in '\\r' '\\n' '\\na'; do
    sed "s/\"##a\":/\"##a$end\":/" words.json >broken.json
    fails 65 'a token has an end of line' "$LLMCTL" tokenize convert broken.json --out words/vocab.txt
done
[ ! -e words/vocab.txt ]
# a directory whose other files are broken, or that has nothing but ranks; colons in a path
cp gpt2.json dir/tokenizer.json
echo '{"bos_token":' >dir/tokenizer_config.json
fails 65 'dir/tokenizer_config.json:2:1: unexpected end' "$LLMCTL" tokenize inspect dir
convert gpt2.json --out only/my.tiktoken
fails 65 "'only/my.tiktoken': a .tiktoken file does not say how text is split" "$LLMCTL" tokenize inspect only
cp only/my.tiktoken a::b
same <(encode -t a::b/my.tiktoken:gpt2 text.txt) <(encode -t gpt2.json text.txt)

# what becomes of capitals, accents and Chinese characters stands beside a list of words, both ways
printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\ná\n中a\n' >words.txt
for said in '"do_lower_case":false' '"strip_accents":false' '"do_lower_case":false,"strip_accents":true' '"tokenize_chinese_chars":false'; do
    rm -rf said && mkdir said
    cp words.txt said/vocab.txt
    echo "{$said,\"tokenizer_class\":\"BertTokenizer\"}" >said/tokenizer_config.json
    "$LLMCTL" tokenize convert said/vocab.txt -o said.json -q
    echo 'A á 中a' | "$LLMCTL" tokenize encode -t said.json --pieces -q >>said.txt
    mkdir said/again
    "$LLMCTL" tokenize convert said.json -o said/again/vocab.txt -q
    "$LLMCTL" tokenize convert said/again/vocab.txt -o again.json -q
    cmp again.json said.json
done
diff said.txt - <<'END'
A á [UNK] a
a á [UNK] a
A a [UNK] a
a a 中a
END
fails 65 "end at Chinese characters" "$LLMCTL" tokenize convert said.json -o said.gguf
