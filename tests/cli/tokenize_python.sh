#!/usr/bin/env bash
# Directories of classes that are Python code with rules of its own for words.  The ids are those of transformers 5.24.
set -eu
. "$SRC/tests/cli/lib.bash"

ids() { printf '%s' "$2" | "$LLMCTL" tokenize encode -t "$1" --ids --template --allow-special -q "${@:3}"; }
text() { "$LLMCTL" tokenize decode -t "$1" -q "${@:3}" <<<"$2"; }
config() { mkdir -p "$1"; printf '%s' "$2" >"$1/tokenizer_config.json"; }
object() { awk '!seen[$0]++ { printf "%s\"%s\":%d", n ? "," : "{", $0, n++ } END { print "}" }'; } # vocab.json of the lines
awk 'BEGIN { for (i = 0; i < 60; i++) printf "the fox%d and a dog%d\n", i % 7, i % 11 }' >words
again() { # NAME: the directory that comes back from a checkpoint gives the same ids
    rm -rf run back
    "$LLMCTL" pretrain words -t "$1" --preset gpt2-nano --steps 1 --batch 1 --max-length 16 --sample-every 0 --out run -q
    "$LLMCTL" convert run back -q
    is "$(ids back "$2")" "$(ids "$1" "$2")"
}

# Moses
merges() { printf 'a b</w> 3\nm o 2\nmo n 1\n' >"$1/merges.txt"; }
config fsmt '{"tokenizer_class":"FSMTTokenizer","langs":["en","de"]}'
printf '%s\n' '<s>' '<pad>' '</s>' '<unk>' 'ab</w>' 'a' 'b</w>' 'mon' '&' 'apos' ';' 's</w>' '@-@</w>' ',</w>' ';</w>' 'a</w>' '.</w>' '@' '-' '@</w>' 'p' 'o' 's' | object >fsmt/vocab-src.json
printf '%s\n' '<s>' '<pad>' '</s>' '<unk>' 'Haus</w>' '@-@</w>' 'be' 'er</w>' ',</w>' '&apos;</w>' "s</w>" 'x</w>' | object >fsmt/vocab-tgt.json
merges fsmt
is "$(ids fsmt 'ab, “ab”')" "4 13 8 3 3 21 3 14 4 8 3 3 21 3 14 2" # &quot; has letters that are no tokens
is "$(ids fsmt 'a-b</s>ab')" "15 17 18 19 6 2 4 2"
fails 65 "token id 99 at position 1 is out of range" "$LLMCTL" tokenize decode -t fsmt -q <<<"4 99"
is "$(text fsmt '4 5 6 7 8 4 9 11 9 2' --skip-special)" "Haus-beer, Haus 'x'"
is "$(text fsmt '4 20')" "Haus <unk>"
"$LLMCTL" tokenize inspect fsmt -q | shows "^normal form: plain punctuation, Moses' words, escaped$" || fail "inspect of Moses' words"
again fsmt 'ab, a-b.'
is "$(text back '4 5 6 7 8')" "Haus-beer,"
cp fsmt/vocab-src.json fsmt/vocab-tgt.json
again fsmt 'ab, a-b.'
is "$(text back '4 13 15 16 2' --skip-special)" "ab, a."
"$LLMCTL" tokenize inspect fsmt --explain 'ab, ab' -q | shows 'word "ab"' || fail "explain of Moses' words"
echo '{"text":"ab, ’ ab"}' | "$LLMCTL" tokenize encode -t fsmt --jsonl -q | shows '"byte_offsets":\[\[0,2\],\[2,3\],\[4,7\],.*,\[8,10\]\]' || fail "offsets"
fails 65 "no place for\|cannot hold" "$LLMCTL" tokenize convert fsmt -q --out tokenizer.json
config fsmt '{"tokenizer_class":"FSMTTokenizer","langs":["pl","en"]}'
fails 65 "Moses has abbreviations or rules of its own for 'pl'" "$LLMCTL" tokenize inspect fsmt
config fsmt '{"tokenizer_class":"FSMTTokenizer","langs":["en","fr"]}'
fails 65 "Moses has rules to join words of its own for 'fr'" "$LLMCTL" tokenize inspect fsmt
config fsmt '{"tokenizer_class":"FSMTTokenizer"}'
fails 65 'needs "langs" in tokenizer_config.json' "$LLMCTL" tokenize inspect fsmt
rm fsmt/vocab-tgt.json
config fsmt '{"tokenizer_class":"FSMTTokenizer","langs":["en","de"]}'
fails 66 "no vocab-tgt.json, from which FSMTTokenizer is made" "$LLMCTL" tokenize inspect fsmt

config xlm '{"tokenizer_class":"XLMTokenizer"}'
printf '%s\n' '<s>' '</s>' '<pad>' '<unk>' '<special0>' '<special1>' '<special2>' '<special3>' '<special4>' '<special5>' '<special6>' '<special7>' '<special8>' '<special9>' \
    'ab</w>' '.</w>' 'mon' 'e</w>' 'm' | object >xlm/vocab.json
merges xlm
is "$(ids xlm 'Àb. Moné<special1>AB')" "0 14 15 16 17 5 14 1"
is "$(text xlm '0 14 16 17 15 1' --skip-special)" "ab mone ."
is "$(text xlm '0 14 16 17 15 1')" "<s>ab mone . </s>"
again xlm 'Àb. MONé'
printf '{"text":"x","b":"ab"}' | "$LLMCTL" tokenize encode -t xlm --jsonl --template --pair-field b -q | shows '"ids":\[0,3,1,14,1\],"type_ids":\[0,0,0,1,1\]' || fail "two texts"

config flaubert '{"tokenizer_class":"FlaubertTokenizer"}'
printf '%s\n' '<s>' '</s>' '<pad>' '<unk>' '<special0>' '<special1>' '<special2>' '<special3>' '<special4>' '<special5>' '<special6>' '<special7>' '<special8>' '<special9>' \
    'l' "'</w>" 'ab</w>' ',</w>' '.</w>' | object >flaubert/vocab.json
merges flaubert
is "$(ids flaubert "l'ab, ab.")" "0 14 15 16 17 16 18 1" # an apostrophe belongs to what stands before it
again flaubert "l'ab, ab."

config biogpt '{"tokenizer_class":"BioGptTokenizer"}'
printf '%s\n' '<s>' '<pad>' '</s>' '<unk>' 'ab</w>' 'mon' '@' '-' '@</w>' '.</w>' 'e</w>' | object >biogpt/vocab.json
merges biogpt
is "$(ids biogpt 'ab-mone.')" "2 4 6 7 8 5 10 9"
is "$(text biogpt '2 4 6 7 8 5 10 9' --skip-special)" "ab-mone."
again biogpt 'ab-mone.'

# Others' rules
config small '{"tokenizer_class":"BlenderbotSmallTokenizer"}'
printf '%s\n' '__null__' '__start__' '__end__' '__unk__' 'ab' '.' "'" 's' '__newln__' 'a@@' '(' | object >small/vocab.json
printf '#version: 0.2\na b</w>\n_ _\nn e\nne w\nl n\nnew ln\n__ newln\n__ __</w>\n_ _</w>\n__newln __</w>\n' >small/merges.txt
is "$(ids small $'AB.\nab (ab\'s')" "4 5 8 4 3 4 6 7" # '(' goes with what follows
is "$(ids small $'ab \nab\'\nab')" "4 4 6 4" # no line end where white space or a quote stands before it
is "$(text small '4 5 8 9 4 6 7 2' --skip-special)" "ab . __newln__ aab ' s"
again small $'AB.\nab'
config prophetnet '{"tokenizer_class":"ProphetNetTokenizer"}'
printf '%s\n' '[PAD]' '[UNK]' '[SEP]' '[MASK]' '[X_SEP]' 'the' 'cat' '##s' '.' '中' 'A' >prophetnet/prophetnet.tokenizer
"$LLMCTL" tokenize inspect prophetnet -q | shows '^normal form: control characters out, spaces around Chinese characters, NFC, lower case, NFD, accents out$' || fail "inspect of BERT's steps"
is "$(ids prophetnet $'Thé cats.中[X_SEP]cat\x1cs x')" "5 6 7 8 9 4 6 7 1 2"
is "$(text prophetnet '5 6 7 8 4 2')" "the cats . [X_SEP] [SEP]"
again prophetnet 'the cats. 中'
"$LLMCTL" tokenize inspect prophetnet -q | shows "^note: transformers' decode() of this class" || fail "the note about spaces"
config prophetnet '{"tokenizer_class":"ProphetNetTokenizer","do_basic_tokenize":false}'
is "$(ids prophetnet 'the cats. A the')" "5 1 10 5 2"
config prophetnet '{"tokenizer_class":"ProphetNetTokenizer","never_split":["x"]}'
fails 65 "never_split" "$LLMCTL" tokenize inspect prophetnet
config japanese '{"tokenizer_class":"BertJapaneseTokenizer"}'
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' 'the' 'cat' '##s' '.' '中' '##文' >japanese/vocab.txt
is "$(ids japanese 'the cats.中文')" "2 5 6 7 8 9 10 3"
again japanese 'the cats.中文'
config rocbert '{"tokenizer_class":"RoCBertTokenizer"}'
cp japanese/vocab.txt rocbert/
is "$(ids rocbert 'Thé cats.中文')" "2 5 6 7 8 9 1 3" # Chinese characters stand alone
"$LLMCTL" tokenize inspect rocbert -q | shows "^note: its models take ids of shapes and of pronunciations" || fail "the note about other ids"
again rocbert 'the cats.中'
config mgpstr '{"tokenizer_class":"MgpstrTokenizer"}'
printf '%s\n' '[GO]' '[s]' a b ' ' | object >mgpstr/vocab.json
is "$(ids mgpstr 'ab bxa')" "2 3 4 3 0 2"
is "$(text mgpstr '2 3 1')" "a b [s]"
again mgpstr 'ab ba'

# Siglip: SentencePiece, small letters without punctuation
"$LLMCTL" tokenize train words --type unigram --vocab-size 60 --out u.model -q
config siglip '{"tokenizer_class":"SiglipTokenizer"}'
cp u.model siglip/spiece.model
plain=$(printf 'the fox1 and a dog2' | "$LLMCTL" tokenize encode -t u.model --ids -q)
is "$(ids siglip $' The  FOX-1\tand a "dog2"! ')" "$plain 2"
is "$(ids siglip '!?')" "2"
is "$(printf '</s>fox1' | "$LLMCTL" tokenize encode -t siglip --pieces --allow-special -q)" "</s> f o x 1" # no space behind a token
is "$(text siglip "$plain 2" --skip-special)" "the fox1 and a dog2"
is "$(text siglip "$plain 2 2")" "the fox1 and a dog2</s></s>"
echo '{"text":"The, fox1"}' | "$LLMCTL" tokenize encode -t siglip --jsonl -q >out
grep -q '"byte_offsets":\[\[0,0\],\[0,1\],\[1,2\],\[2,3\],\[4,8\],\[8,9\]\]' out || fail "offsets: $(cat out)"
"$LLMCTL" tokenize inspect siglip --explain "The fox1" -q | shows "word .*<unk>▁the▁fox1" || fail "explain of Siglip"
again siglip 'The fox1!'
"$LLMCTL" tokenize train words --type unigram --vocab-size 60 --keep-spaces --out siglip/spiece.model -q
fails 65 "keeps spaces as they are" "$LLMCTL" tokenize inspect siglip

# What stays refused says why.
refused() { config refused "{\"tokenizer_class\":\"$1Tokenizer\"}"; fails 65 "$1Tokenizer is not supported without a tokenizer.json: $2" "$LLMCTL" tokenize inspect refused; }
refused Tapas "it gives ids of a table and a question"
refused Clvp "its Python code spells out numbers"
refused GPTNeoXJapanese "its Python code replaces addresses"
refused RoFormer "jieba cuts a text into words; let it cut the texts first"
refused MLuke ".*; name XLMRobertaTokenizer"
refused Rag "it is two tokenizers; give one of the directories"
config refused '{"tokenizer_class":"Tipsv2Tokenizer"}'
fails 65 "Tipsv2Tokenizer is not supported without a tokenizer.json; save one with transformers" "$LLMCTL" tokenize inspect refused
