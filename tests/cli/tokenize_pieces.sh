#!/usr/bin/env bash
# Directories of classes that are Python code around SentencePiece: Marian, M2M100 and others.
set -eu
. "$SRC/tests/cli/lib.bash"

ids() { printf '%s' "$2" | "$LLMCTL" tokenize encode -t "$1" --ids --template --allow-special -q "${@:3}"; }
text() { "$LLMCTL" tokenize decode -t "$1" -q "${@:3}" <<<"$2"; }
config() { printf '%s' "$2" >"$1/tokenizer_config.json"; }

awk 'BEGIN { for (i = 0; i < 600; i++) printf "the fox%d and a dog%d went home\n", i % 7, i % 11 }' >words
awk 'BEGIN { for (i = 0; i < 600; i++) printf "der fuchs%d und ein hund%d gingen heim\n", i % 7, i % 11 }' >worte
"$LLMCTL" tokenize train words --type unigram --vocab-size 60 --out en.model -q
"$LLMCTL" tokenize train worte --type unigram --vocab-size 60 --out de.model -q
tokens() { "$LLMCTL" tokenize inspect "$1" --vocab -q | cut -f 3; }
object() { awk '!seen[$0]++ { printf "%s%s:%d", n ? "," : "{", $0, n++ } END { print "}" }'; } # vocab.json of the lines
id_of() { "$LLMCTL" tokenize inspect "$1" --vocab -q | awk -F '\t' -v t="\"$2\"" '$NF == t || $(NF - 1) == t { print $1 }'; }
spelled() { printf '%s' "$2" | "$LLMCTL" tokenize encode -t "$1.model" --pieces -q; }
list() { for t in "${@:2}"; do id_of "$1" "$t"; done | xargs; }

# Marian: source.spm, target.spm and one vocabulary of both
mkdir marian
cp en.model marian/source.spm
cp de.model marian/target.spm
{ printf '%s\n' '"</s>"' '"<unk>"'; tokens en.model; tokens de.model; seq -f '"filler%g"' 150; printf '%s\n' '">>fra<<"' '"<pad>"'; } | object >marian/vocab.json
config marian '{"tokenizer_class":"MarianTokenizer"}'
"$LLMCTL" tokenize inspect marian -q >out
grep -q '^class: MarianTokenizer$' out || fail "inspect does not name the class"
grep -q '^template: A </s>$' out || fail "inspect does not say the template"
grep -q "^note: Moses' rules" out || fail "inspect does not speak of Moses"
fox=$(list marian $(spelled en "the fox1"))
is "$(ids marian 'the fox1')" "$fox 0"
is "$(ids marian '>>fra<< the fox1</s>')" "$(list marian '>>fra<<') $fox 0 0"
is "$(ids marian '>>no<<')" "1 0"
is "$(printf 'the fox1</s>' | "$LLMCTL" tokenize encode -t marian --ids -q)" "$fox 1" # not allowed: text of which nothing is known
is "$(ids marian 'der fuchs1' --target)" "$(list marian $(spelled de "der fuchs1")) 0"
[ "$(ids marian 'der fuchs1')" != "$(ids marian 'der fuchs1' --target)" ] || fail "--target makes no difference"
is "$(text marian "$(ids marian '>>fra<< the fox1</s> dog2')")" ">>fra<< the fox1</s> dog2</s>"
is "$(text marian "$(ids marian 'the fox1</s> dog2')" --skip-special)" "the fox1 dog2"
is "$(text marian "$(ids marian 'der hund2' --target)")" "der hund2</s>"
"$LLMCTL" tokenize inspect marian --explain '>>fra<< the fox1' -q >out
grep -q 'added token \[0, 7) .* >>fra<<' out || fail "explain does not show the code"
grep -q 'word "▁the▁fox1"' out || fail "explain does not show what SentencePiece sees"
fails 65 "cannot hold this tokenizer" "$LLMCTL" tokenize convert marian -q --out tokenizer.json
fails 65 "cannot hold this tokenizer" "$LLMCTL" tokenize convert marian -q --out m.model
fails 65 "takes no tokens later on" "$LLMCTL" tokenize convert marian -q --special '<x>' --out tokenizer.json
fails 2 "treats what is translated and translations alike" "$LLMCTL" tokenize encode words -t en.model --ids --target

# Offsets in JSON, of two texts
echo '{"text":"the é","b":"fox1"}' | "$LLMCTL" tokenize encode -t marian --jsonl --template --pair-field b -q >out
grep -q '"byte_offsets":\[\[0,0\],\[0,1\],\[1,2\],\[2,3\],\[3,4\],\[4,6\],\[0,3\],\[3,4\],\[0,0\]\]' out || fail "offsets: $(cat out)"

# M2M100: languages behind the vocabulary, in front of the text
mkdir m2m
cp en.model m2m/sentencepiece.bpe.model
{ printf '%s\n' '"<s>"' '"<pad>"' '"</s>"' '"<unk>"'; tokens en.model; } | object >m2m/vocab.json
config m2m '{"tokenizer_class":"M2M100Tokenizer","src_lang":"fr"}'
size=$(tr ',' '\n' <m2m/vocab.json | wc -l)
is "$(ids m2m 'the fox1')" "$((size + 24)) $(list m2m $(spelled en "the fox1")) 2"
is "$(ids m2m '__en__ the')" "$((size + 24)) $(printf '__en__ the' | "$LLMCTL" tokenize encode -t m2m --ids -q) 2"
fails 65 "no target language (tgt_lang)" "$LLMCTL" tokenize encode words -t m2m --ids --template --target -q
config m2m '{"tokenizer_class":"M2M100Tokenizer","tgt_lang":"de"}'
is "$(ids m2m 'the' --target)" "$((size + 16)) $(list m2m $(spelled en the)) 2"
is "$(ids m2m 'the')" "$((size + 18)) $(list m2m $(spelled en the)) 2"
printf '{"additional_special_tokens":["__af__","__am__"]}' >m2m/special_tokens_map.json
is "$(ids m2m '__am__ the')" "$((size + 18)) $((size + 1)) $(list m2m $(spelled en the)) 2"
printf '{"additional_special_tokens":["__am__"]}' >m2m/special_tokens_map.json
fails 65 "'__am__' gets an id by its place" "$LLMCTL" tokenize inspect m2m
rm m2m/special_tokens_map.json
config m2m '{"tokenizer_class":"M2M100Tokenizer","src_lang":"klingon"}'
fails 65 "knows no language 'klingon'" "$LLMCTL" tokenize inspect m2m
config m2m '{"tokenizer_class":"M2M100Tokenizer","language_codes":"x"}'
fails 65 "language_codes 'x'" "$LLMCTL" tokenize inspect m2m

# Others, whose pieces are the vocabulary or nearly so
one() { # CLASS FILE CONFIG
    mkdir -p "$1"
    cp en.model "$1/$2"
    config "$1" "{\"tokenizer_class\":\"$1Tokenizer\"$3}"
}
plain=$(printf 'the fox1' | "$LLMCTL" tokenize encode -t en.model --ids -q)
one SpeechT5 spm_char.model ''
is "$(ids SpeechT5 'the fox1')" "$plain 2"
one BertGeneration spiece.model ''
is "$(ids BertGeneration 'the fox1<::::>')" "$plain $(tokens en.model | wc -l)"
one GPTSw3 spiece.model ''
is "$(ids GPTSw3 $'\u200bthe\u2003fox1')" "$plain"
one PLBart sentencepiece.bpe.model ',"src_lang":"java"'
is "$(ids PLBart 'the fox1')" "$(for i in $plain; do echo $((i + 1)); done | xargs) 2 $(($(tokens en.model | wc -l) + 1))"
fails 65 "language_codes 'multi'" env LC_ALL=C bash -c 'cp -r PLBart multi; echo "{\"tokenizer_class\":\"PLBartTokenizer\",\"language_codes\":\"multi\"}" >multi/tokenizer_config.json; "$0" tokenize inspect multi' "$LLMCTL"

# Byte pairs: "x@@" inside a word, "x" at its end; of equal merges the last one counts, a line without an end is none
mkdir phobert
printf '%s 1\n' a b@@ ab abc@@ c cab@@ 'd e' 'é' >phobert/vocab.txt
printf '%s 1\n' 'c a' 'a b' 'a b</w>' 'ca b' 'c a' >phobert/bpe.codes
printf 'é c</w> 1' >>phobert/bpe.codes
config phobert '{"tokenizer_class":"PhobertTokenizer"}'
is "$(ids phobert 'a ab  cabc')" "0 4 6 3 3 8 2" # "a b" before "c a"; c@@ and ab@@ are none
is "$(ids phobert $'é\nab<mask>b')" "0 3 3 6 12 3 2" # the line end is the end of its word
is "$(text phobert '4 5 4 9 8 5 2' --skip-special)" "a ba cabc b@@"
is "$(ids phobert 'éc')" "0 3 8 2"
"$LLMCTL" tokenize inspect phobert --explain 'ab' -q | shows 'word "ab"' || fail "explain of byte pairs"
fails 65 "cannot hold this tokenizer" "$LLMCTL" tokenize convert phobert -q --out tokenizer.json
cp -r phobert bertweet
config bertweet '{"tokenizer_class":"BertweetTokenizer","normalization":true}'
fails 65 "NLTK's rules" "$LLMCTL" tokenize inspect bertweet
config bertweet '{"tokenizer_class":"BertweetTokenizer"}'
is "$(ids bertweet 'a ab')" "0 4 6 2"
rm bertweet/bpe.codes
fails 66 "no bpe.codes, from which BertweetTokenizer is made" "$LLMCTL" tokenize inspect bertweet
echo a >>phobert/vocab.txt
fails 65 "phobert/vocab.txt':9: a token and its count" "$LLMCTL" tokenize inspect phobert
printf 'x 1\nx 2\n' >phobert/vocab.txt
fails 65 "phobert/vocab.txt':2" "$LLMCTL" tokenize inspect phobert
printf 'a 1\n' >phobert/vocab.txt
printf '</w >  1\n< /w> 1\n' >phobert/bpe.codes
fails 65 "looks like one: not supported" "$LLMCTL" tokenize inspect phobert
mkdir bartpho
cp en.model bartpho/sentencepiece.bpe.model
config bartpho '{"tokenizer_class":"BartphoTokenizer"}'
{ printf 't 9\nh\n1 x y\n'; } >bartpho/dict.txt
is "$(ids bartpho 'th1<mask> t')" "0 3 4 5 6 7 3 4 2" # ▁ is none, and each text has one in front
mkdir ctrl
echo '{"a@@":0,"b":1,"ab":2,"<unk>":3}' >ctrl/vocab.json
printf '#version: 0.2\na b</w>\n' >ctrl/merges.txt
config ctrl '{"tokenizer_class":"CTRLTokenizer"}'
is "$(ids ctrl 'ab aab xb')" "2 0 2 3 1"

# What is wrong, in a line
bad() { # STATUS PATTERN: of the directory `bad`
    fails "$1" "$2" "$LLMCTL" tokenize inspect bad
    rm -r bad
    cp -r marian bad
}
cp -r marian bad
rm bad/vocab.json && bad 66 "no vocab.json, from which MarianTokenizer is made"
rm bad/source.spm && bad 66 "no source.spm, from which MarianTokenizer is made"
rm bad/target.spm && bad 66 "no target.spm"
echo '{"a":0,"b":0}' >bad/vocab.json && bad 65 "bad/vocab.json"
echo '{"</s>":0,"b":2}' >bad/vocab.json && bad 65 "the vocabulary has no '<unk>'"
echo '{"</s>":0,"<unk>":1,"b":3}' >bad/vocab.json && bad 65 "'<pad>' gets an id by its place behind the vocabulary that is another token's"
echo '{"</s>":0,"<unk>":1.5}' >bad/vocab.json && bad 65 "bad/vocab.json':1:"
head -c 101 en.model >bad/source.spm && bad 65 "bad/source.spm"
config bad '{"tokenizer_class":"MarianTokenizer","separate_vocabs":true}' && bad 65 "two vocabularies"
config bad '{"tokenizer_class":"MarianTokenizer","sp_model_kwargs":{"alpha":1}}' && bad 65 "sampling"
config bad '{"tokenizer_class":"MarianTokenizer","added_tokens_decoder":{"5":{"content":"new"}}}' && bad 65 "'new' has another id in the vocabulary"
config bad '{"tokenizer_class":"MarianTokenizer","added_tokens_decoder":{"500":{"content":"new","single_word":true}}}' && bad 65 "single_word"
cp -r SpeechT5 SpeechT5.plain
config SpeechT5 '{"tokenizer_class":"SpeechT5Tokenizer","normalize":true}'
fails 65 "numbers spelled out" "$LLMCTL" tokenize inspect SpeechT5
config SpeechT5 '{"tokenizer_class":"SpeechT5Tokenizer","legacy":false}'
fails 65 "legacy false" "$LLMCTL" tokenize inspect SpeechT5

# A translator's directory has its tokenizer, whatever reads it.
n=$(tr ',' '\n' <marian/vocab.json | wc -l)
awk 'BEGIN { for (i = 0; i < 40; i++) printf "{\"source\":\"the fox%d\",\"target\":\"der fuchs%d\"}\n", i % 7, i % 7 }' >pairs.jsonl
block='"mixer":{"heads":2,"bias":"all"},"ffn":{"act":"relu","d_ff":32,"bias":true},"norm":{"type":"ln","place":"post"}'
printf '{"family":"marian","stack":"encdec","d_model":16,"vocab":%d,"tie_embed":true,"decoder_start":%d,"embed":{"pos":"sinusoidal","layout":"concat","max_pos":32,"scale":"sqrt_d"},"encoder":{"blocks":[{"repeat":1,%s}]},"blocks":[{"repeat":1,"cross":true,%s}],"head":{"norm":false,"bias":true}}' \
    "$n" $((n - 1)) "${block/\"heads\"/\"causal\":false,\"heads\"}" "$block" >model.json
"$LLMCTL" pretrain pairs.jsonl -t marian --objective seq2seq --model model.json --out run --steps 30 --lr 1e-2 --batch 4 --dtype f32 -q
config m2m '{"tokenizer_class":"M2M100Tokenizer"}'
fails 65 "no target language (tgt_lang)" "$LLMCTL" pretrain pairs.jsonl -t m2m --objective seq2seq --model model.json --out none --steps 1 -q
"$LLMCTL" convert run hf --no-tokenizer -q
cp marian/* hf
"$LLMCTL" convert hf back.llmz -q
"$LLMCTL" generate run "the fox1" --greedy --max-length 6 --dtype f32 -q >one
for m in hf back.llmz; do
    "$LLMCTL" generate $m "the fox1" --greedy --max-length 6 --dtype f32 -q >two
    same one two
done
"$LLMCTL" tokenize encode words -t back.llmz --ids --template -q >one
"$LLMCTL" tokenize encode words -t marian --ids --template -q >two
same one two
is "$(ids back.llmz 'der fuchs1' --target)" "$(ids marian 'der fuchs1' --target)"
rm hf/source.spm
fails 66 "no source.spm" "$LLMCTL" generate hf x
# Back to a directory: the files of its class, also of others
"$LLMCTL" convert back.llmz again -q
for f in source.spm target.spm; do same again/$f marian/$f; done
"$LLMCTL" tokenize encode words -t again --ids --template -q >two
same one two
again() { # NAME FILES: that tokenizer goes through a model's file into a directory again
    "$LLMCTL" convert again "$1.llmz" --tokenizer "$1" -q
    "$LLMCTL" convert "$1.llmz" "$1.again" -q
    "$LLMCTL" tokenize encode "$2" -t "$1" --ids --template -q >one
    "$LLMCTL" tokenize encode "$2" -t "$1.again" --ids --template -q >two
    same one two
    rm -r "$1.again"
}
config m2m '{"src_lang":"de","x":[1]}'
echo '{"model_type":"m2m_100"}' >m2m/config.json
again m2m words
printf '%s 1\n' the@@ the fox@@ t@@ h@@ e fox1 >phobert/vocab.txt
printf '%s 1\n' 't h' 'h e</w>' 't h' 'th e</w>' >phobert/bpe.codes
echo '{"mask_token":"<mask>"}' >phobert/special_tokens_map.json
again phobert words
again SpeechT5.plain words
again bartpho words
