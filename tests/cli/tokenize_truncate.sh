#!/usr/bin/env bash
# tokenize truncate and count: text cut to a number of tokens, counts of texts in parts.
set -eu
. "$SRC/tests/cli/lib.bash"

printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nsize\n##s\nof\nbuffers\nis\n.\n' >vocab.txt
short() { "$LLMCTL" tokenize truncate -t vocab.txt -q "$@"; }
printf 'The sizes of  buffers is the size.' >t.txt

is "$(short t.txt -n 3)" "The sizes"
is "$(short t.txt -n 2)" "The size"
is "$(short t.txt -n 3 --keep tail)" "the size."
is "$(short t.txt -n 3 --keep middle)" "of  buffers is"
is "$(short t.txt -n 3 --keep ends)" "The size."
is "$(short t.txt -n 4 --keep ends --between ' of ')" "The size of ."
is "$(short t.txt -n 5 --template)" "The sizes"
is "$(short t.txt -n 9 | cksum)" "$(cksum <t.txt)"
is "$(short <t.txt -n 1)" "The"

# lines stay lines, records stay records with their other members
printf 'the size of\nbuffers\nthe size is\n' >lines.txt
is "$(short lines.txt -n 2 --documents line)" "the size
buffers
the size"
printf '{"id":7,"text":"the size of","x":[1, 2]}\n{"text":"the","y":"\\u00e9"}\n' >r.jsonl
is "$(short r.jsonl -n 2)" '{"id":7,"text":"the size","x":[1, 2]}
{"text":"the","y":"\u00e9"}'
short r.jsonl -n 2 --json --out s.jsonl | sed 's/,"seconds.*//' >report
is "$(cat report)" '{"documents":2,"bad":0,"bytes":14,"tokens":3,"shortened":1,"bytes_left":11'
printf '{"body":"the size of"}\n' >b.jsonl
is "$(short b.jsonl -n 1 --text-field body)" '{"body":"the"}'

# bytes: a character of several tokens is kept or left out, never torn
for i in $(seq 400); do echo "line $i of words"; done >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 -o bpe.json -q
printf 'ab\xe6\x97\xa5\xf0\x9f\x98\x80z' >c.txt
for n in 1 2 3 4 5 6 7 8 9; do
    for keep in head tail middle ends; do
        "$LLMCTL" tokenize truncate c.txt -t bpe.json -n $n -k $keep -q >c.out
        iconv -f utf-8 -t utf-8 c.out >/dev/null || { echo "torn: $n $keep"; exit 1; }
        [ "$("$LLMCTL" tokenize count c.out -t bpe.json 2>/dev/null || echo 0)" -le $n ]
    done
done
is "$("$LLMCTL" tokenize truncate c.txt -t bpe.json -n 5 -q)" "$(printf 'ab\xe6\x97\xa5')"
for n in 1 3; do "$LLMCTL" tokenize truncate text.txt r.jsonl -t bpe.json -n 7 --threads $n -q --out $n.out; done
cmp 1.out 3.out

# a count in parts is that of the whole, and so are its documents
for i in $(seq 60); do cat "$SRC"/core/base/json.c; done >big.txt
is "$("$LLMCTL" tokenize count big.txt -t bpe.json)" "$("$LLMCTL" tokenize encode big.txt -t bpe.json --ids -q | wc -w)"
"$LLMCTL" tokenize count big.txt text.txt r.jsonl -t bpe.json --json | shows '"documents":4,"bad":0'
is "$("$LLMCTL" tokenize count t.txt lines.txt -t vocab.txt --template)" $((9 + 7 + 4))
is "$("$LLMCTL" tokenize count big.txt -t vocab.txt --template)" $(($("$LLMCTL" tokenize count big.txt -t vocab.txt) + 2)) # once, not once a part
(cat big.txt; printf 'a\xffb\nc'; cat text.txt) >bad.txt
fails 65 "bad.txt.*invalid UTF-8 at byte offset" "$LLMCTL" tokenize count bad.txt -t bpe.json --strict -q

# refusals
fails 2 "max-length is required" "$LLMCTL" tokenize truncate t.txt -t vocab.txt
fails 2 "keep ends" "$LLMCTL" tokenize truncate t.txt -t vocab.txt -n 3 --between x
fails 2 "exclude each other" "$LLMCTL" tokenize truncate t.txt -t vocab.txt -n 3 --json
fails 2 "template alone has 2 tokens" "$LLMCTL" tokenize truncate t.txt -t vocab.txt -n 1 --template
fails 2 "between the ends has 3 tokens" "$LLMCTL" tokenize truncate t.txt -t vocab.txt -n 2 -k ends --between 'the size of'
fails 65 "invalid UTF-8 at byte offset 2" "$LLMCTL" tokenize truncate -t bpe.json -n 3 --strict <<<$'ab\xff' 
fails 66 "absent.txt" "$LLMCTL" tokenize truncate absent.txt -t vocab.txt -n 3

# counts by file: each and all; an empty file has none
: >empty.txt
is "$("$LLMCTL" tokenize count text.txt empty.txt -t bpe.json --by-file -q | cut -f 1,4 | tr '\t\n' '  ')" \
    "$("$LLMCTL" tokenize count text.txt -t bpe.json) text.txt 0 empty.txt $("$LLMCTL" tokenize count text.txt -t bpe.json) total "
"$LLMCTL" tokenize count text.txt empty.txt -t bpe.json --by-file --json | shows '^{"files":\[{"file":"text.txt",.*},{"file":"empty.txt",.*"tokens":0}\],"documents":1,'
