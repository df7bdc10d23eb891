#!/usr/bin/env bash
# tokenize train: SentencePiece's kinds, threads, normalization rules, refusals.
set -eu
. "$SRC/tests/cli/lib.bash"

train() { "$LLMCTL" tokenize train text.txt "$@" -q; }

cat "$SRC"/core/base/*.h >text.txt

# the same file whatever the threads
for kind in unigram sp-bpe; do
    for n in 1 3; do train --type $kind --vocab-size 500 --norm identity --threads $n -o $kind$n.model; done
    cmp ${kind}1.model ${kind}3.model
done
# other programs' files load, and give the text back
for kind in unigram sp-bpe; do
    train --type $kind --vocab-size 700 --byte-fallback --norm identity --keep-spaces --space-pieces -o b.model
    ids=$(printf 'static int  x = 7;' | "$LLMCTL" tokenize encode -t b.model --ids -q)
    [ "$(echo "$ids" | "$LLMCTL" tokenize decode -t b.model)" = "static int  x = 7;" ]
done
# no piece holds NUL: sentencepiece would refuse the file
for kind in unigram sp-bpe; do
    for _ in 1 2 3 4; do printf 'ab\0ab abc abd\n'; done | "$LLMCTL" tokenize train --format text --type $kind --norm identity --vocab-size 40 --coverage 1 -o nul.model -q
    LC_ALL=C grep -qaP '\x01\x00\x15' nul.model && fail "$kind has a piece of NUL"
done
# symbols and characters that the text need not have, no space in front, letters with digits
train --type sp-bpe --vocab-size 400 --user '<sep>' --user ing --required-chars '日Q' --no-space-first --cross-numbers -o u.model
LC_ALL=C grep -qaP '\x03\xe6\x97\xa5' u.model
[ "$(printf 'a<sep>ing' | "$LLMCTL" tokenize encode -t u.model --ids -q | cut -d' ' -f2-)" = "3 4" ]
train --type wordpiece --vocab-size 600 --required-chars '日' -o w.json
grep -q '"日"' w.json
# what unigram's numbers change: scores, so no two files are the same
train --type unigram --vocab-size 500 -o r.model
for o in '--rounds 3' '--shrink 0.5' '--seeds 1000' '--lanes 3' '--coverage 0.98' '--digits' '--no-space-first' '--keep-spaces' \
    '--cross-numbers' '--cross-scripts' '--cross-spaces' '--max-sentence 40'; do
    train --type unigram --vocab-size 500 $o -o r3.model # shellcheck disable=SC2086
    if cmp -s r.model r3.model; then fail "$o changes nothing"; fi
done
# ids of SentencePiece's own tokens; others take what is free
for kind in unigram sp-bpe; do
    train --type $kind --vocab-size 400 --pad-id 0 --eos-id 1 --unk-id 2 --bos-id -1 --special '<sep>' --user ing -o t5.model
    is "$("$LLMCTL" tokenize inspect t5.model --vocab | head -5 | cut -f1,3,4 | tr '\t\n' ' ;')" '0 "<pad>" special;1 "</s>" special eos;2 "<unk>" unknown;3 "<sep>" special;4 "ing" user-defined;'
    train --type $kind --vocab-size 400 --bos-id 399 --eos-id 5 -o far.model
    is "$("$LLMCTL" tokenize inspect far.model --vocab | grep special | cut -f1,3 | tr '\t\n' ' ;')" '5 "</s>";399 "<s>";'
done
expect_error 2 "</s> has id 1, which is another's" "$LLMCTL" tokenize train text.txt --type unigram --eos-id 1 -o x.model
# names of their own, by which SentencePiece finds the ids: fields 45 to 48 of the trainer's part
train --type unigram --vocab-size 400 --pad-id 0 --unk-id 1 --bos-id 2 --eos-id 3 --bos-piece '[CLS]' --eos-piece '[SEP]' -o albert.model
is "$("$LLMCTL" tokenize inspect albert.model --vocab | head -n 4 | tr '\t' ' ')" '0  "<pad>" special
1  "<unk>" unknown
2  "[CLS]" special bos
3  "[SEP]" special eos'
LC_ALL=C grep -qaP '\xf2\x02\x05\[CLS\]\xfa\x02\x05\[SEP\]' albert.model || fail "the file does not say what <s> and </s> are called"
LC_ALL=C grep -qaP '\x02\x05\[CLS\].*\x02\x05\[SEP\]' far.model && fail "names without need"
expect_error 2 "special token '<unk>' is there already" "$LLMCTL" tokenize train text.txt --type unigram --vocab-size 400 --bos-piece '<unk>' -o x.model
expect_error 2 "the token with id 1 has no text" "$LLMCTL" tokenize train text.txt --type unigram --vocab-size 400 --bos-piece '' -o x.model
expect_error 2 "<pad> has id 400, but ids end at 399" "$LLMCTL" tokenize train text.txt --type unigram --vocab-size 400 --pad-id 400 -o x.model
expect_error 65 "and none has id 90000, which <s> was to get" "$LLMCTL" tokenize train text.txt --type unigram --vocab-size 100000 --bos-id 90000 -o x.model
expect_error 2 "--pad-id is for --type unigram or sp-bpe, not for bpe" "$LLMCTL" tokenize train text.txt --pad-id 3
# own rules
printf '0061\t0062\n' >rules.tsv
train --type unigram --vocab-size 400 --norm rules.tsv -o r.model
"$LLMCTL" tokenize inspect r.model --explain 'a' >out
grep -q 'normalised "▁b"$' out || fail "the rules are not applied"
# ties and lengths
for t in hf tiktoken spm; do train --vocab-size 400 --ties $t -o $t.json; done
for o in '--min-freq 300' '--no-special-tokens' '--special <s>'; do
    train --vocab-size 400 $o -o o.json # shellcheck disable=SC2086
    if cmp -s hf.json o.json; then fail "$o changes nothing"; fi
done
for t in tiktoken spm; do if cmp -s hf.json $t.json; then fail "--ties $t is as hf"; fi; done
train --vocab-size 500 --max-token-len 3 -o short.json
grep -q '"[a-z]\{4\}":[0-9]' short.json && fail "a token is too long"

# the published splits, a regex, normalization, WordPiece
for s in gpt2 cl100k o200k tekken deepseek deepseek-coder deepseek-llm falcon kimi-k2 gpt-4o '[a-z]+|[^a-z]+'; do
    train --split "$s" --vocab-size 300 -o s.json
    ids=$("$LLMCTL" tokenize encode text.txt -t s.json --ids -q)
    echo "$ids" | "$LLMCTL" tokenize decode -t s.json --out back.txt
    cmp text.txt back.txt
done
train --split qwen2 --norm nfc --vocab-size 300 -o nfc.json
grep -q '"NFC"' nfc.json
train --type wordpiece --vocab-size 600 -o wp.json
long=$(printf 'ab%.0s' $(seq 50)) # 100 characters are no more than 100, in however many bytes
printf '%s %sc \343\201\202%s %s\n' "$long" "$long" "${long%?}" "$long" >long.txt
"$LLMCTL" tokenize train long.txt --type wordpiece --vocab-size 100 -o long.json 2>err
grep -q 'unknown to WordPiece, 1 here' err || fail "$(cat err)"
[ "$(printf 'The BUFFER' | "$LLMCTL" tokenize encode -t wp.json --ids -q)" = "$(printf 'the buffer' | "$LLMCTL" tokenize encode -t wp.json --ids -q)" ]

# characters and bytes with affixes, as HF tokenizers learns them
train --type char-bpe --suffix '</w>' --norm bert --vocab-size 600 -o cb.json
grep -q '"end_of_word_suffix":"</w>"' cb.json
[ "$(printf 'the buffer is' | "$LLMCTL" tokenize encode -t cb.json --ids -q | "$LLMCTL" tokenize decode -t cb.json)" = "the buffer is" ]
train --type char-bpe --split '[a-z]+|[^a-z]+' --prefix '@@' --alphabet 200 --vocab-size 700 -o cbr.json
"$LLMCTL" tokenize encode text.txt -t cbr.json --ids -q | "$LLMCTL" tokenize decode -t cbr.json --out back.txt
cmp text.txt back.txt
train --split gpt2 --suffix '</w>' --vocab-size 600 -o clip.json
"$LLMCTL" tokenize encode text.txt -t clip.json --ids -q | "$LLMCTL" tokenize decode -t clip.json --out back.txt
cmp text.txt back.txt
fails 2 "is for --type bpe or char-bpe, not for wordpiece" "$LLMCTL" tokenize train text.txt --type wordpiece --suffix x
fails 2 "hence with --ties hf" "$LLMCTL" tokenize train text.txt --suffix x --ties tiktoken
fails 2 "bert, whitespace or a regular" "$LLMCTL" tokenize train text.txt --type char-bpe --split gpt2
fails 2 "other than ASCII" "$LLMCTL" tokenize train text.txt --type char-bpe --prefix é
fails 2 "name it FILE.model" "$LLMCTL" tokenize train text.txt --type unigram -o x.json
fails 2 "train to FILE.model, then llmctl tokenize convert" "$LLMCTL" tokenize train text.txt --type sp-bpe -o x.gguf
fails 2 "is for --type bpe" "$LLMCTL" tokenize train text.txt --suffix x -o x.tiktoken

# a large text file is read in parts, a line of JSON whole: the same words
for _ in $(seq 16); do cat "$SRC"/core/base/*.[ch] "$SRC"/README.md; printf 'caf\303\251\n\n  \343\200\202\n\345\255\227\n'; done >long.txt
[ "$(wc -c <long.txt)" -gt 2200000 ]
{ printf '{"text":"'; sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g' long.txt | awk '{printf "%s\\n", $0}'; printf '"}\n'; } >long.jsonl
for s in gpt2 o200k deepseek deepseek-coder falcon bloom; do
    for f in long.txt long.jsonl; do
        "$LLMCTL" tokenize train $f --split $s --vocab-size 400 --threads 2 --json -o $f.json >$f.stats
    done
    cmp long.txt.json long.jsonl.json
    for f in bytes documents words distinct_words; do grep -o "\"$f\":[0-9]*" long.txt.stats long.jsonl.stats | cut -d: -f2- | uniq -u >diff.txt; [ ! -s diff.txt ]; done
done

fails 2 "or a regular expression" "$LLMCTL" tokenize train text.txt --split nope
fails 2 "did you mean llama-bpe?" "$LLMCTL" tokenize train text.txt --split llama-pbe
fails 2 "of one expression" "$LLMCTL" tokenize train text.txt --split viking --out v.tiktoken
# ranks by the names of GGUF files, where one expression is meant
for s in kimi-k2 gpt-4o; do
    train --split $s --no-special-tokens --vocab-size 400 -o ranks.json
    train --split $s --vocab-size 400 -o ranks.tiktoken
    printf 'The size 123456 of a size, \346\261\211\345\255\227ab' >mixed.txt
    is "$("$LLMCTL" tokenize encode mixed.txt text.txt -t ranks.tiktoken:$s --ids -q | md5sum)" "$("$LLMCTL" tokenize encode mixed.txt text.txt -t ranks.json --ids -q | md5sum)"
done
# all names of a split are one split, and each name that the list shows is one
"$LLMCTL" tokenize train --split list -q >splits
grep '^[^ ]' splits | tr -d , >names
[ "$(wc -w <names)" -ge 90 ] || fail "few names: $(cat names)"
while read -r first others; do
    train --split $first --vocab-size 300 -o first.json
    for other in $others; do
        train --split $other --vocab-size 300 -o other.json
        same first.json other.json
    done
done <names
grep -q '^o200k, o200k_base, gpt-4o, ' splits || fail "o200k's names: $(cat splits)"
grep -qF "    '\p{N}{1,3}', '[" splits || fail "DeepSeek-V3's steps: $(cat splits)"
is "$("$LLMCTL" tokenize inspect ranks.tiktoken:cl100k_base)" "$("$LLMCTL" tokenize inspect ranks.tiktoken:cl100k)"
train --split r50k_base --no-special-tokens --vocab-size 400 -o my-vocab.json
"$LLMCTL" tokenize inspect my-vocab.json -q | shows 'split: gpt2'
fails 65 "split 'cl200k_base' is not known: llmctl tokenize train --split list" "$LLMCTL" tokenize inspect ranks.tiktoken:cl200k_base
fails 65 "the split 'viking' is several steps, and ranks are of words" "$LLMCTL" tokenize inspect ranks.tiktoken:viking
fails 2 "regular expression" "$LLMCTL" tokenize train text.txt --split '(a'
{ printf '{"text":"fine"}\n{"text":"'; printf 'a%.0s' $(seq 3000); printf '"}\n'; } >ways.jsonl
fails 65 "ways.jsonl:2: the regular expression tries too many ways" "$LLMCTL" tokenize train ways.jsonl --split '(a+)+b'
fails 2 "nfc, nfd" "$LLMCTL" tokenize train text.txt --norm nmt_nfkc
fails 2 "is for --type wordpiece" "$LLMCTL" tokenize train text.txt --alphabet 30
fails 2 "too small" "$LLMCTL" tokenize train text.txt --type wordpiece --vocab-size 20
train --type word --vocab-size 2 -o two.json
"$LLMCTL" tokenize inspect two.json -q | shows 'vocabulary: 2 tokens'
fails 2 "1 are special tokens" "$LLMCTL" tokenize train text.txt --type word --vocab-size 1
fails 2 "too small" "$LLMCTL" tokenize train text.txt --type unigram --vocab-size 20
fails 2 "max-token-len is for --type bpe, unigram, sp-bpe, wordpiece or char-bpe, not for char" "$LLMCTL" tokenize train text.txt --type char --max-token-len 3
fails 2 "vocab size 9 is too small: the characters of the text and special tokens are" "$LLMCTL" tokenize train text.txt --type char --vocab-size 9
fails 2 "is for --type unigram, not for bpe" "$LLMCTL" tokenize train text.txt --shrink 0.8
fails 2 "is for --type unigram, sp-bpe, wordpiece or char-bpe, not for bpe" "$LLMCTL" tokenize train text.txt --required-chars a
fails 2 "cannot be a token" "$LLMCTL" tokenize train text.txt --type unigram --required-chars 'a b'
fails 2 "is for --type unigram or sp-bpe, not for bpe" "$LLMCTL" tokenize train text.txt --user x
fails 2 "is for --type bpe, not for unigram" "$LLMCTL" tokenize train text.txt --type unigram --ties spm
fails 2 "a file of rules" "$LLMCTL" tokenize train text.txt --type unigram --norm nope
printf '61 62\n' >bad.tsv
fails 65 "bad.tsv:1" "$LLMCTL" tokenize train text.txt --type unigram --norm bad.tsv
: >empty.txt
fails 65 "no text" "$LLMCTL" tokenize train empty.txt --type unigram --norm identity -o none.model
[ ! -e none.model ]
fails 65 "no documents in the input" "$LLMCTL" tokenize train empty.txt -o none.json
printf '{"text":"\377\376"}\n' >bytes.jsonl
fails 65 "no good documents" "$LLMCTL" tokenize train bytes.jsonl -o none.json
[ ! -e none.json ]
# bytes that are no text: pairs of bytes, U+FFFD to what learns characters
printf 'ok \377\376\377\376 x\n' >bytes.txt
"$LLMCTL" tokenize train bytes.txt --vocab-size 258 --split gpt2 -q -o bytes.json
grep -q '"ÿþ":' bytes.json
for more in '--type wordpiece --norm nfc' '--type char' '--split [a-z]+|[^a-z]+'; do
    "$LLMCTL" tokenize train bytes.txt $more --vocab-size 300 -q -o bytes.json
    grep -q '�\|ï¿½' bytes.json || fail "no U+FFFD with $more"
done
fails 71 "raise --mem" "$LLMCTL" tokenize train text.txt --mem 1K

# The name says the kind of file; what cannot be is told before the work.
train --vocab-size 400 --ties tiktoken -o ranks.tiktoken
[ "$(head -1 ranks.tiktoken)" = "AA== 0" ]
"$LLMCTL" tokenize encode text.txt -t ranks.tiktoken:llama3 --ids -q | "$LLMCTL" tokenize decode -t ranks.tiktoken:llama3 --out back.txt
cmp text.txt back.txt
mkdir cased
train --type wordpiece --norm bert-cased --vocab-size 600 -o cased/vocab.txt
train --type wordpiece --norm bert-cased --vocab-size 600 -o cased.json
grep -q '"do_lower_case":false' cased/tokenizer_config.json
cmp <("$LLMCTL" tokenize encode text.txt -t cased/vocab.txt --ids -q) <("$LLMCTL" tokenize encode text.txt -t cased.json --ids -q)
fails 73 "write to another directory" "$LLMCTL" tokenize train text.txt --type wordpiece --vocab-size 600 -o cased/vocab.txt
train --split gpt2 --vocab-size 400 -o my-vocab.json
"$LLMCTL" tokenize inspect my-vocab.json -q | shows 'split: gpt2'
fails 2 "is for --type unigram and sp-bpe" "$LLMCTL" tokenize train text.txt -o x.model
fails 2 "is for --type bpe" "$LLMCTL" tokenize train text.txt --norm nfc -o x.tiktoken
# what is not exactly spm_train's is said: it would cut such a line nowhere
{ head -2000 <(yes acgt) | tr -d '\n'; echo ' cat'; } >dna.txt
"$LLMCTL" tokenize train dna.txt --type unigram --vocab-size 20 -o dna.model 2>err
grep -q 'U+2581.*too rare to be kept' err
"$LLMCTL" tokenize train dna.txt --type unigram --vocab-size 20 --coverage 1 -o dna.model 2>err
! grep -q 'too rare' err || fail "U+2581 is kept"
fails 2 "then llmctl tokenize convert" "$LLMCTL" tokenize train text.txt -o x.gguf
fails 2 "must end in .json" "$LLMCTL" tokenize train text.txt -o x.foo
fails 2 "must end in .json" "$LLMCTL" tokenize train text.txt -o json

# Runs of spaces that are tokens: of 40, spm_train takes those of 1 to 10.
awk 'function n(m){r=(r*69069+1)%4294967296;return int(r/65536)%m} function sp(m,  s,k){s="";for(k=n(m);k>0;k--)s=s " ";return s}
BEGIN{r=1;split("int char (x) = y; /* a the * {} ab",w," ");for(i=0;i<600;i++){s=sp(20);for(k=n(8);k>0;k--)s=s w[1+n(9)] sp(3);print s sp(12) w[1+n(9)]}}' >spaces.txt
"$LLMCTL" tokenize train spaces.txt --type unigram --vocab-size 40 --norm identity --keep-spaces --space-pieces -q -o spaces.model
run='▁'
for n in 1 2 3 4 5 6 7 8 9 10; do "$LLMCTL" tokenize inspect spaces.model --token "$run" >/dev/null; run="$run▁"; done
fails 1 'neither a token nor an id of this tokenizer; --explain TEXT' "$LLMCTL" tokenize inspect spaces.model --token "$run"

# broken text is named with its place; so is an expression that is none
printf 'ok \377 x' >broken.txt
fails 65 'broken.txt:1: invalid UTF-8 at byte offset 3' "$LLMCTL" tokenize train broken.txt --strict -o b.json
fails 2 "^llmctl tokenize train: --split: .*'(a'.* at offset 2" "$LLMCTL" tokenize train broken.txt --split '(a' -o b.json
deep=$(printf '%60s' '' | tr ' ' '(')a$(printf '%60s' '' | tr ' ' ')')
fails 2 'deeper than 50' "$LLMCTL" tokenize train broken.txt --split "$deep" -o b.json

# whether the file can be made is told before endless text is read
fails 73 "creating 'nowhere/x.json'" timeout 5 "$LLMCTL" tokenize train - -q -o nowhere/x.json < <(yes words 2>/dev/null)
mkfifo pipe
train --vocab-size 300 -o piped.json
cat pipe >got.json & "$LLMCTL" tokenize train text.txt --vocab-size 300 -q -o pipe
wait $!
cmp piped.json got.json

# Documents of several blocks, of which text files may be read in parts.
head -n 40000 <(yes '{"text":"some words of one text that are many words indeed"}') >many.jsonl
is "$("$LLMCTL" tokenize train many.jsonl --vocab-size 300 --json -o many.json | grep -o '"documents":[0-9]*')" '"documents":40000'
is "$("$LLMCTL" tokenize train many.jsonl --format text --documents line --vocab-size 300 --json -o many.json | grep -o '"documents":[0-9]*')" '"documents":40000'
is "$("$LLMCTL" tokenize train many.jsonl --format text --vocab-size 300 --json -o many.json | grep -o '"documents":[0-9]*')" '"documents":1'
rm -f many.json
expect_error 65 "no good documents: many.jsonl:1: no text field" "$LLMCTL" tokenize train many.jsonl --text-field nothing -o many.json
[ ! -e many.json ] || fail "nothing was learned, and written"
rm many.jsonl

# A signal while words are counted or tokens learned: nothing is written, what was there stays.
stopped() { # STATUS SIGNAL OUT OPTION...: of endless text, of which much has been read by then
    local want=$1 signal=$2 out=$3 status=0
    shift 3
    rm -f fed
    echo old >"$out"
    "$LLMCTL" tokenize train - -q -o "$out" "$@" 2>err < <(exec 2>/dev/null; head -c 3000000 <(yes 'some words of 1 text'); : >fed; yes 'and more') &
    until [ -e fed ]; do kill -0 $! || fail "ended before it had read much: $(cat err)"; sleep 0.01; done
    kill -s "$signal" $!
    wait $! || status=$?
    [ "$status" -eq "$want" ] || fail "$signal, $*: status $status: $(cat err)"
    [ "$want" -ne 75 ] || is "$(cat err)" 'llmctl tokenize train: stopped by a signal; nothing was written'
    is "$(cat "$out")" old
    is "$(find . -name '*stopped*')" "./$out"
    rm "$out"
}
mkdir alone && cd alone
for kind in bpe char wordpiece char-bpe; do stopped 75 TERM stopped.json --type $kind; done
for kind in unigram sp-bpe; do stopped 75 TERM stopped.model --type $kind; done
stopped 75 INT stopped.json --split '[a-z]+|[^a-z]+'
stopped 137 KILL stopped.json
cd ..
