#!/usr/bin/env bash
# Directories in Hugging Face's layout without a tokenizer.json: what the class that they name makes of
# the files.  The ids are those of transformers 5.24.
set -eu
. "$SRC/tests/cli/lib.bash"

ids() { printf '%s' "$2" | "$LLMCTL" tokenize encode -t "$1" --ids --template --allow-special -q; }
dir() { # NAME CONFIG: a directory with that tokenizer_config.json
    mkdir -p "$1"
    printf '%s' "$2" >"$1/tokenizer_config.json"
}

# vocab.txt
vocab() { printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' the cat sat '##s' É é a; }
dir bert '{"tokenizer_class":"BertTokenizerFast","do_lower_case":false,"strip_accents":false}'
vocab >bert/vocab.txt
is "$(ids bert 'the cats [MASK] É')" "2 5 6 8 4 9 3"
dir lower '{"tokenizer_class":"BertTokenizer","strip_accents":false}'
vocab >lower/vocab.txt
is "$(ids lower 'THE cats É')" "2 5 6 8 10 3"
dir added '{"tokenizer_class":"BertTokenizer"}'
vocab >added/vocab.txt
echo '{"sats":12,"[NEW]":13}' >added/added_tokens.json
echo '{"additional_special_tokens":["[NEW]"],"cls_token":{"content":"[CLS]","lstrip":true}}' >added/special_tokens_map.json
is "$(ids added 'sats [NEW]the')" "2 12 13 5 3"
mkdir plain
vocab >plain/vocab.txt
echo '{"model_type":"bert"}' >plain/config.json
is "$(ids plain 'The cat')" "2 5 6 3"
"$LLMCTL" tokenize convert added -o added.json -q
is "$(ids added.json 'sats [NEW]the')" "2 12 13 5 3"

# vocab.json and merges.txt
merges() {
    echo '{"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"<mask>":4,"a":5,"b":6,"\u0120":7,"ab":8,"\u0120ab":9}' >"$1/vocab.json"
    printf '#version: 0.2\na b\n\304\240 ab\n' >"$1/merges.txt"
}
dir roberta '{"tokenizer_class":"RobertaTokenizer","add_prefix_space":true,"mask_token":{"__type":"AddedToken","content":"<mask>","lstrip":true,"normalized":true}}'
merges roberta
is "$(ids roberta 'ab ab  <mask>')" "0 9 9 4 2"
dir gpt '{"tokenizer_class":"GPT2Tokenizer","bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>","add_bos_token":true}'
merges gpt
is "$(ids gpt 'ab ab')" "0 8 9"
dir qwen '{"tokenizer_class":"Qwen2Tokenizer","added_tokens_decoder":{"10":{"content":"<|endoftext|>","special":true}}}'
merges qwen
is "$(ids qwen 'abab<|endoftext|>')" "8 8 10"

dir whisper '{"tokenizer_class":"WhisperTokenizer","language":"Castilian","task":"transcribe","added_tokens_decoder":{"10":{"content":"<|endoftext|>","special":true},"11":{"content":"<|startoftranscript|>","special":true},"12":{"content":"<|en|>","special":true},"13":{"content":"<|zh|>","special":true},"14":{"content":"<|de|>","special":true},"15":{"content":"<|es|>","special":true},"16":{"content":"<|transcribe|>","special":true},"17":{"content":"<|notimestamps|>","special":true}}}'
merges whisper
is "$(ids whisper 'ab ab')" "11 15 16 17 8 9 10"
dir layoutlmv3 '{"tokenizer_class":"LayoutLMv3Tokenizer"}'
merges layoutlmv3
is "$(ids layoutlmv3 'ab ab')" "0 9 9 2"
dir luke '{"tokenizer_class":"LukeTokenizer"}'
merges luke
is "$(ids luke 'ab<ent2>[MASK]')" "0 8 11 14 2"
dir splinter '{"tokenizer_class":"SplinterTokenizer"}'
(vocab; echo .) >splinter/vocab.txt
is "$(ids splinter 'the [QUESTION].')" "2 5 13 12 3"
echo '{"text":"the","b":"cat"}' >pair.jsonl
is "$("$LLMCTL" tokenize encode pair.jsonl -t splinter --pair-field b --ids --template -q)" "2 5 13 12 3 6 3"

dir esm '{"tokenizer_class":"EsmTokenizer"}'
printf '%s\n' '<cls>' '<pad>' '<eos>' '<unk>' L A G '<mask>' >esm/vocab.txt
is "$(ids esm $'LAJJG <mask>\034 A')" "0 4 5 3 6 7 5 2"
is "$("$LLMCTL" tokenize decode -t esm -q <<<'0 4 5 3 7 2')" "<cls> L A <unk> <mask> <eos>"

# SentencePiece: the same pieces for several classes
awk 'BEGIN { for (i = 0; i < 600; i++) printf "the fox%d and a dog%d went home\n", i % 7, i % 11 }' >words
"$LLMCTL" tokenize train words --type unigram --vocab-size 60 --out u.model -q
"$LLMCTL" tokenize train words --type sp-bpe --vocab-size 320 --norm identity --keep-spaces --out b.model -q
pieces() { "$LLMCTL" tokenize inspect "$1" --json -q | grep -o '"vocab_size":[0-9]*' | cut -d: -f2; }
u=$(pieces u.model) b=$(pieces b.model)
model() { # NAME CONFIG MODEL FILE
    dir "$1" "$2"
    cp "$3" "$1/$4"
}
plain=$(printf 'the dog' | "$LLMCTL" tokenize encode -t u.model --ids -q)
shifted() { for i in $plain; do printf '%d ' $((i + $1)); done; }
model xlmr '{"tokenizer_class":"XLMRobertaTokenizer"}' u.model sentencepiece.bpe.model
is "$(ids xlmr 'the dog')" "0 $(shifted 1)2"
is "$(ids xlmr 'the dog<mask>')" "0 $(shifted 1)$((u + 1)) 2"
model camembert '{"tokenizer_class":"CamembertTokenizer"}' u.model sentencepiece.bpe.model
is "$(ids camembert 'the dog <mask>')" "5 $(shifted 4)$((u + 4)) 6"
model mbart '{"tokenizer_class":"MBartTokenizer","src_lang":"de_DE"}' u.model sentencepiece.bpe.model
is "$(ids mbart 'the dog')" "$(shifted 1)2 $((u + 3))"
model t5 '{"tokenizer_class":"T5Tokenizer"}' u.model spiece.model
is "$(ids t5 'the dog<extra_id_0>')" "$(shifted 0)$((u + 99)) 2"
model xlnet '{"tokenizer_class":"XLNetTokenizer","bos_token":null}' u.model spiece.model
is "$(ids xlnet 'the dog')" "$(shifted 0)$u $((u + 2))"
plain=$(printf 'the dog' | "$LLMCTL" tokenize encode -t b.model --ids -q)
model seamless '{"tokenizer_class":"SeamlessM4TTokenizer","extra_special_tokens":["__eng__"]}' b.model sentencepiece.bpe.model
is "$(ids seamless 'the dog')" "$((b + 1)) $(shifted 1)3" # <pad> before all, the language in front
is "$(ids seamless $' the  dog\n')" "$((b + 1)) $(shifted 1)3"
"$LLMCTL" tokenize inspect seamless -q | shows "^note: translations have another template there" || fail "the note about translations"
sed -i 's/"__eng__"/"__fra__"/; s/{/{"src_lang":"fra",/' seamless/tokenizer_config.json
is "$(ids seamless 'the dog')" "$((b + 1)) $(shifted 1)3"
"$LLMCTL" tokenize train words --type sp-bpe --vocab-size 320 --unk-id 1 --bos-id 0 --out seamless/sentencepiece.bpe.model -q
fails 65 "piece 0 is not '<unk>', as SeamlessM4TTokenizer takes it to be" "$LLMCTL" tokenize inspect seamless
model llama '{"tokenizer_class":"LlamaTokenizer","add_bos_token":true,"pad_token":"<pad>"}' b.model tokenizer.model
is "$(ids llama 'the dog<pad>')" "1 $(shifted 0)$b"
model code '{"tokenizer_class":"CodeLlamaTokenizer","eot_token":"<EOT>"}' b.model tokenizer.model
is "$(ids code 'the dog<EOT>')" "1 $(shifted 0)$((b + 3))"
model legacy '{"tokenizer_class":"LlamaTokenizer","legacy":true,"add_bos_token":true}' b.model tokenizer.model
is "$(ids legacy 'the dog</s>the dog')" "1 $(shifted 0)2 $(shifted 0 | sed 's/ $//')"
model codes '{"tokenizer_class":"CodeLlamaTokenizer","legacy":true}' b.model tokenizer.model
is "$(ids codes 'the dog</s>the dog')" "$(ids code 'the dog</s>the dog')"
[ "$(ids llama '</s>the dog')" != "$(ids legacy '</s>the dog')" ] || fail "legacy makes no difference"

# Metaspace puts its mark before a text, not before a newline in it: with spans nothing is cut into parts.
is "$(ids legacy $'the dog\nthe\n\tdog')" \
    "$(printf 'the dog\nthe\n\tdog' | "$LLMCTL" tokenize encode -t legacy --offsets --template -q | cut -f1 | tr '\n' ' ' | sed 's/ *$//')"

# User-defined pieces cut a text, the longest first.
"$LLMCTL" tokenize train words --type sp-bpe --vocab-size 320 --user qx --user 'qx|z' --user qxy --out users.model -q
model users '{"tokenizer_class":"PreTrainedTokenizerFast"}' users.model tokenizer.model
is "$(printf 'qxyqxqx|zqx' | "$LLMCTL" tokenize encode -t users --pieces -q | sed 's/^[^q]*//')" "qxy qx qx|z qx"

# No class: the file speaks for itself.
mkdir bare
cp u.model bare/sentencepiece.bpe.model
is "$(ids bare 'the dog')" "$(printf 'the dog' | "$LLMCTL" tokenize encode -t u.model --ids -q)"

# inspect says what it read.
says() { "$LLMCTL" tokenize inspect "$1" | shows "^$2\$" || fail "inspect $1 does not say '$2'"; }
says added "file: added/vocab.txt"
says added "class: BertTokenizer"
says added "bos and eos from: the class"
says roberta "file: roberta/vocab.json"
says bare "file: bare/sentencepiece.bpe.model"
cp added.json bare/tokenizer.json
echo '{"bos_token":{"content":"[CLS]"},"eos_token":"[NEW]"}' >bare/special_tokens_map.json
echo '{"chat_template":{"other":"x","default":"{{ messages[0].content }}"}}' >bare/tokenizer_config.json
says bare "file: bare/tokenizer.json"
says bare "bos and eos from: special_tokens_map.json"
says bare 'bos: 2 "\[CLS\]"'
says bare "chat template: bare/tokenizer_config.json"
is "$(echo '{"messages":[{"role":"user","content":"one"}]}' | "$LLMCTL" tokenize chat -t bare -q)" '{"text":"one"}'
echo 'two' >bare/chat_template.jinja
says bare "chat template: bare/chat_template.jinja"
"$LLMCTL" tokenize inspect bare --json | shows '^{"file":"bare/tokenizer.json","ends_from":"special_tokens_map.json","chat_template":"bare/chat_template.jinja","type":' ||
    fail "inspect --json does not say where all came from"

cp added.json $'two\nlines.json'
says $'two\nlines.json' "file: two?lines.json"

# bytes, no file of a vocabulary
dir byt5 '{"tokenizer_class":"ByT5Tokenizer"}'
is "$(ids byt5 'a é <extra_id_124></s> b')" "100 35 198 172 35 383 1 101 1"
is "$(printf 'a é' | "$LLMCTL" tokenize encode -t byt5 --ids --template -q | "$LLMCTL" tokenize decode -t byt5 --skip-special)" "a é"
"$LLMCTL" tokenize inspect byt5 -q | shows 'note: transformers puts no </s> behind a text that ends in one' || fail "ByT5's note is missing"
mkdir byt5only
echo '{"model_type":"t5","tokenizer_class":"ByT5Tokenizer"}' >byt5only/config.json
is "$(ids byt5only 'b')" "101 1"
dir byt5few '{"tokenizer_class":"ByT5Tokenizer","additional_special_tokens":["<extra_id_0>"]}'
fails 65 "has 1 of '<extra_id_...>'" "$LLMCTL" tokenize inspect byt5few

dir perceiver '{"tokenizer_class":"PerceiverTokenizer"}'
is "$(ids perceiver 'a é[MASK]')" "4 103 38 201 175 3 5"
is "$(printf 'a é' | "$LLMCTL" tokenize encode -t perceiver --ids --template -q | "$LLMCTL" tokenize decode -t perceiver --skip-special)" "a é"

# What is refused
model jieba '{"tokenizer_class":"CpmTokenizer"}' u.model spiece.model
fails 65 "CpmTokenizer is not supported without a tokenizer.json: jieba cuts a text into words" "$LLMCTL" tokenize inspect jieba
model remote '{"tokenizer_class":"FooTokenizer","auto_map":{"AutoTokenizer":["t.FooTokenizer",null]}}' b.model tokenizer.model
dir tongue '{"tokenizer_class":"WhisperTokenizer","language":"klingon"}'
merges tongue
fails 65 "knows no language 'klingon'" "$LLMCTL" tokenize inspect tongue
fails 65 "code of the model's own (FooTokenizer)" "$LLMCTL" tokenize inspect remote
dir nofile '{"tokenizer_class":"T5Tokenizer"}'
fails 66 "no spiece.model" "$LLMCTL" tokenize inspect nofile
model pairs '{"tokenizer_class":"T5Tokenizer"}' b.model spiece.model
fails 65 "byte pairs" "$LLMCTL" tokenize inspect pairs
dir moved '{"tokenizer_class":"BertTokenizer","added_tokens_decoder":{"20":{"content":"x"}}}'
vocab >moved/vocab.txt
fails 65 "gives 'x' id 20\|give 'x' id 20" "$LLMCTL" tokenize inspect moved
dir twice '{"tokenizer_class":"BertTokenizer"}'
(vocab; echo the) >twice/vocab.txt
fails 65 "vocab.txt':13" "$LLMCTL" tokenize inspect twice
dir list '[1]'
vocab >list/vocab.txt
fails 65 "not a JSON object" "$LLMCTL" tokenize inspect list
mkdir empty
fails 66 "holds no tokenizer" "$LLMCTL" tokenize inspect empty

dir parts '{"tokenizer_class":"RobertaTokenizer"}'
merges parts
echo 'ab c' >>parts/merges.txt
fails 65 "parts/merges.txt':4: 'c' of the merge is not in the vocabulary" "$LLMCTL" tokenize inspect parts
rm parts/tokenizer_config.json
fails 65 "parts/merges.txt':4: 'c' of the merge is not in the vocabulary" "$LLMCTL" tokenize inspect parts/vocab.json
printf 'a b\nb a\n' >parts/merges.txt
fails 65 "parts/merges.txt':2: 'ba' of the merge is not in the vocabulary" "$LLMCTL" tokenize inspect parts/vocab.json
echo '{"a":0,"b":1.5}' >parts/vocab.json
fails 65 "parts/vocab.json':1:12: an integer is expected" "$LLMCTL" tokenize inspect parts/vocab.json
fails 65 "twice/vocab.txt':13" "$LLMCTL" tokenize inspect twice/vocab.txt

# A .model that ends behind its pieces, where SentencePiece would take the defaults.
noted=0
for n in $(seq 300 340); do
    head -c "$n" u.model >cut.model
    "$LLMCTL" tokenize inspect cut.model >cut.out 2>/dev/null || continue
    grep -q '^note: the file holds pieces only' cut.out || fail "a .model cut at $n bytes: no note"
    noted=$((noted + 1))
done
[ "$noted" -gt 0 ] || fail "no cut of a .model lies between two pieces"

# Files that are none
"$LLMCTL" tokenize inspect <(cat u.model) | shows '^type: SentencePiece unigram' || fail "a pipe cannot be read"
"$LLMCTL" tokenize inspect /dev/stdin <added.json | shows '^type: WordPiece' || fail "stdin cannot be read"
mkfifo pipe
is "$(timeout -k 5 0.3 "$LLMCTL" tokenize inspect pipe 2>&1 || true)" "llmctl tokenize inspect: reading 'pipe': stopped by a signal"
ln -s loop loop
fails 66 "loop" "$LLMCTL" tokenize inspect loop
mkdir dangling
ln -s nowhere dangling/tokenizer.json
fails 66 "opening 'dangling/tokenizer.json'" "$LLMCTL" tokenize inspect dangling
truncate -s 10G huge.json
fails 65 "'huge.json' is larger than the limit" "$LLMCTL" tokenize inspect huge.json

# A model's directory is no other.
"$LLMCTL" pretrain words --tokenizer u.model --out run --preset llama-nano --layers 1 --width 32 --heads 2 --context 16 --batch 2 \
    --steps 1 --dtype f32 -q
"$LLMCTL" convert run hf -q
rm hf/tokenizer_config.json
"$LLMCTL" convert hf same.llmz -q
"$LLMCTL" tokenize encode words -t same.llmz --ids -q >one
"$LLMCTL" tokenize encode words -t u.model --ids -q >two
same one two
echo '{"tokenizer_class":"CpmTokenizer"}' >hf/tokenizer_config.json
fails 65 "CpmTokenizer" "$LLMCTL" convert hf no.llmz -q
"$LLMCTL" convert hf no.llmz --no-tokenizer -q

# A tokenizer for a model that holds none
for m in generate convert; do "$LLMCTL" $m --help | awk 'length > 80 { exit 1 }' || fail "$m --help"; done
"$LLMCTL" generate same.llmz "the fox" --greedy --max-length 5 --dtype f32 -q >own.out
"$LLMCTL" convert no.llmz given.llmz --tokenizer u.model -q
for how in "given.llmz" "no.llmz --tokenizer u.model" "no.llmz --tokenizer given.llmz"; do
    "$LLMCTL" generate $how "the fox" --greedy --max-length 5 --dtype f32 -q >given.out
    same own.out given.out
done
fails 65 "give one with --tokenizer" "$LLMCTL" generate no.llmz x
fails 65 "the tokenizer has ids up to" "$LLMCTL" convert no.llmz more.llmz --tokenizer t5
fails 2 "exclude each other" "$LLMCTL" convert no.llmz more.llmz --tokenizer u.model --no-tokenizer
fails 66 "nosuch" "$LLMCTL" convert no.llmz more.llmz --tokenizer nosuch
