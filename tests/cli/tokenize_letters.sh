#!/usr/bin/env bash
# Directories of classes whose tokens are characters.  The ids are those of transformers 5.24.
set -eu
. "$SRC/tests/cli/lib.bash"

ids() { printf '%s' "$2" | "$LLMCTL" tokenize encode -t "$1" --ids --template --allow-special -q "${@:3}"; }
text() { "$LLMCTL" tokenize decode -t "$1" -q "${@:3}" <<<"$2"; }
config() { mkdir -p "$1"; printf '%s' "$2" >"$1/tokenizer_config.json"; }
awk 'BEGIN { for (i = 0; i < 60; i++) printf "AB BAB%d\n", i % 7 }' >words
again() { # NAME TEXT: the directory that comes back from a checkpoint gives the same ids, and their text
    rm -rf run back
    "$LLMCTL" pretrain words -t "$1" --preset gpt2-nano --steps 1 --batch 1 --max-length 16 --sample-every 0 --out run -q
    "$LLMCTL" convert run back -q
    is "$(ids back "$2")" "$(ids "$1" "$2")"
    is "$(text back "$(ids "$1" "$2")")" "$(text "$1" "$(ids "$1" "$2")")"
}

# Wav2Vec2: "|" for spaces; what is decoded is what a speech model says, runs of a token and pads between them
config speech '{"tokenizer_class":"Wav2Vec2CTCTokenizer"}'
printf '{"<pad>":0,"<s>":1,"</s>":2,"<unk>":3,"|":4,"A":5,"B":6,"É":7}' >speech/vocab.json
is "$(ids speech 'AB  É|b')" "5 6 4 4 7 4 3"
is "$(ids speech $'A <s> <pad> B\tA')" "5 1 0 6 3 5" # tokens of several characters take white space
is "$(printf 'A<s>|' | "$LLMCTL" tokenize encode -t speech --ids -q)" "5 3 3 3 4" # users write no special tokens, but "|"
is "$(text speech '4 5 5 0 5 6 6 4 4 0 4 7 4')" "AAB  É"
is "$(text speech '5 0 5 1 1 3 2 4' --skip-special)" "A" # pads go before runs are joined
is "$(text speech '5 0 5 1 1 3 2 4')" "AA<s><unk></s>"
printf '{"text":"A","b":"B A"}' | "$LLMCTL" tokenize encode -t speech --jsonl --template --pair-field b -q | shows '"ids":\[5,6,4,5\]' || fail "two texts"
echo '{"text":"A  É"}' | "$LLMCTL" tokenize encode -t speech --jsonl -q | shows '"byte_offsets":\[\[0,1\],\[1,2\],\[2,3\],\[3,5\]\]' || fail "offsets"
"$LLMCTL" tokenize inspect speech -q | shows '^normal form: " " becomes "|"$' || fail "inspect of letters"
again speech 'AB  É|b <s>'

# of one of several languages, in capitals here and small letters there
config speech '{"tokenizer_class":"Wav2Vec2CTCTokenizer","do_lower_case":true,"target_lang":"deu","replace_word_delimiter_char":"_"}'
printf '{"eng":{"<pad>":0,"x":1},"deu":{"<pad>":0,"<s>":1,"</s>":2,"<unk>":3,"|":4,"S":5,"Σ":6,"ch":7}}' >speech/vocab.json
is "$(ids speech 'ß Σch')" "5 5 4 6 7"
is "$(text speech '5 6 4 5 0 5 6 7')" "sς_ssσch" # as Python makes letters small
again speech 'ß Σch x'
"$LLMCTL" tokenize inspect speech -q | shows '^normal form: capitals, " " becomes "|"$' || fail "inspect of capitals"
printf '5\n' | "$LLMCTL" tokenize decode -t back -q | shows '^s$' || fail "small letters from a checkpoint's directory"
shows '"deu":{' <back/vocab.json || fail "the language of a checkpoint's vocabulary"
config speech '{"tokenizer_class":"Wav2Vec2CTCTokenizer","target_lang":"fra"}'
fails 65 'has a vocabulary for each language, but none for the one that is named: name one as target_lang in tokenizer_config.json, such as "eng"' "$LLMCTL" tokenize inspect speech
config speech '{"tokenizer_class":"Wav2Vec2CTCTokenizer"}'
fails 65 'has a vocabulary for each language: name one as target_lang' "$LLMCTL" tokenize inspect speech
printf '{"<pad>":0,"<s>":1,"</s>":2,"<unk>":3,"A":4}' >speech/vocab.json
fails 65 "the vocabulary has no '|', which stands for a space" "$LLMCTL" tokenize inspect speech
config speech '{"tokenizer_class":"Wav2Vec2CTCTokenizer","target_lang":"eng"}'
fails 65 "has no vocabularies for languages, of which target_lang in tokenizer_config.json names one: take it out" "$LLMCTL" tokenize inspect speech
config speech '{"tokenizer_class":"Wav2Vec2CTCTokenizer","word_delimiter_token":" "}'
fails 65 "a word_delimiter_token other than '|'" "$LLMCTL" tokenize inspect speech

# BERT's Japanese characters
mecab='"word_tokenizer_type":"mecab"'
config japanese '{"tokenizer_class":"BertJapaneseTokenizer","subword_tokenizer_type":"character",'$mecab',"mecab_kwargs":{"mecab_dic":"unidic_lite"}}'
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' 日 本 A b か が ' ' , '##A' >japanese/vocab.txt
is "$(ids japanese $'日　本\n Aか\uff9e,[MASK] b\t')" "2 5 6 7 10 12 4 8 3" # white space goes, half-width signs are joined
is "$(ids japanese $'日\u2028本\x85')" "2 5 1 6 1 3"                    # but only what MeCab takes for white space
is "$(printf '日b\0本' | "$LLMCTL" tokenize encode -t japanese --ids --template -q)" "2 5 8 3" # a string of MeCab's ends there
is "$(text japanese '2 5 6 3' --skip-special)" "日 本"
again japanese $'日本 Ab'
config japanese '{"tokenizer_class":"BertJapaneseTokenizer","subword_tokenizer_type":"character","do_lower_case":true}'
is "$(ids japanese $'日\u3000本, \x01B\u2028か\uff9e')" "2 5 6 12 8 10 3"
is "$(ids japanese $'か \uff9e')" "2 9 1 3"
again japanese $'日本 B'
config japanese '{"tokenizer_class":"BertJapaneseTokenizer",'$mecab'}'
fails 65 "with word_tokenizer_type 'mecab': its dictionary cuts words; let MeCab cut the texts first, and give vocab.txt itself" "$LLMCTL" tokenize inspect japanese
for what in 'do_lower_case":true/do_lower_case' 'mecab_kwargs":{"normalize_text":false}/normalize_text' 'mecab_kwargs":{"mecab_option":"-d x"}/mecab_option' \
    'mecab_kwargs":{"mecab_dic":"unidic"}/another dictionary (mecab_dic) than ipadic and unidic_lite' 'mecab_kwargs":{"mecab_dic":null}/another dictionary'; do
    config japanese '{"tokenizer_class":"BertJapaneseTokenizer","subword_tokenizer_type":"character",'$mecab',"'"${what%/*}"'}'
    fails 65 "${what##*/}" "$LLMCTL" tokenize inspect japanese
done
config japanese '{"tokenizer_class":"BertJapaneseTokenizer","word_tokenizer_type":"sudachi"}'
fails 65 "another word_tokenizer_type than 'basic' and 'mecab' is not supported" "$LLMCTL" tokenize inspect japanese
config japanese '{"tokenizer_class":"BertJapaneseTokenizer","subword_tokenizer_type":"sentencepiece"}'
fails 65 "another subword_tokenizer_type than 'wordpiece' and 'character' is not supported" "$LLMCTL" tokenize inspect japanese
