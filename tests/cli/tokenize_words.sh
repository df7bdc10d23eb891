#!/usr/bin/env bash
# tokenize encode --words: texts that come as lists of words.
set -eu
. "$SRC/tests/cli/lib.bash"

printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nsize\n##s\ne\n' >vocab.txt
encode() { "$LLMCTL" tokenize encode -q -t vocab.txt --words "$@"; }
printf '%s\n' '{"text":["the","sizes"]}' '{"id":1,"text": [ "sizethe" , "", "\u00e9 sizes" ] }' '{"text":[]}' >w.jsonl

is "$(encode w.jsonl --ids)" "4 5 6
1 7 5 6"
is "$(encode w.jsonl --pieces --template)" "[CLS] the size ##s [SEP]
[CLS] [UNK] e size ##s [SEP]
[CLS] [SEP]"
is "$(printf '%s\n' '{"text":["\"the","the\\"]}' | encode --ids)" "1 4 4 1"
# offsets are in the words
is "$(encode w.jsonl --jsonl | sed -n 2p)" \
    '{"ids":[1,7,5,6],"type_ids":[0,0,0,0],"tokens":["[UNK]","e","size","##s"],"offsets":[[0,7],[0,1],[2,6],[6,7]],"byte_offsets":[[0,7],[0,2],[3,7],[7,8]],"sequence_ids":[0,0,0,0],"attention_mask":[1,1,1,1],"word_ids":[0,2,2,2]}'
is "$(encode w.jsonl --offsets --template | sed -n 7,10p)" "2	0	0	0	0	0	-1	\"[CLS]\"
1	0	7	0	7	0	0	\"[UNK]\"
7	0	2	0	1	0	2	\"e\"
5	3	7	2	6	0	2	\"size\""

# two lists; cut, filled up, in windows
printf '%s\n' '{"a":["size"],"b":["the","sizes","the"]}' '{"a":["the"],"b":null}' '{"b":["no"]}' '{"a":["the"],"b":"no"}' '{"a":[3]}' >p.jsonl
pairs() { encode p.jsonl --text-field a --pair-field b "$@" 2>err; }
is "$(pairs --ids --template --max-length 6)" "2 5 3 4 5 3
2 4 3"
is "$(pairs --jsonl --template --batch 2 --pad 0 --pad-left | grep -o '"word_ids":.*')" '"word_ids":[null,0,null,0,1,1,2,null]}
"word_ids":[null,null,null,null,null,null,0,null]}'
is "$(pairs --offsets --max-length 3 --windows --cut second | cut -f 1,6,7 | head -n 9)" "5	0	0
4	1	0
5	1	1

5	0	0
6	1	1
4	1	2

4	0	0"
shows "3 bad documents were left out; the first: p.jsonl:3: 'a': no such list of words" < <("$LLMCTL" tokenize encode -t vocab.txt --words p.jsonl --text-field a --pair-field b --ids --out x.txt 2>&1)
fails 65 "p2.jsonl:1: 'b': the words are not a list of strings" bash -c \
    'sed -n 4p p.jsonl >p2.jsonl; "$LLMCTL" tokenize encode -t vocab.txt --words --text-field a --pair-field b --ids --strict p2.jsonl'

for bad in '"the"' '{"a":"the"}' '[["the"]]' '["the",{}]' 7 '[true]' '["the",null]'; do
    fails 65 "stdin:1: 'text': the words are not a list of strings" bash -c "echo '{\"text\":$bad}' | \"$LLMCTL\" tokenize encode -t vocab.txt --words --ids"
done
fails 65 "stdin:1: 'text': lone surrogate in the text" bash -c \
    'echo "{\"text\":[\"the\",\"\\ud800x\"]}" | "$LLMCTL" tokenize encode -t vocab.txt --words --ids'

# A post-processor that leaves spaces out of the offsets does it in each word.
"$LLMCTL" tokenize train "$SRC"/README.md --split gpt2 --vocab-size 300 -o b.json -q
sed -i 's/"post_processor":null/"post_processor":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}/' b.json
printf '{"text":[" a","  b","c"]}\n' >s.jsonl
is "$("$LLMCTL" tokenize encode -t b.json --words --jsonl -q s.jsonl | grep -o '"tokens".*"byte')" '"tokens":["Ġa","Ġ","Ġb","c"],"offsets":[[1,2],[1,1],[2,3],[0,1]],"byte'

for n in $(seq 3000); do sed -n 1,2p w.jsonl; done >large.jsonl
for n in 1 3; do encode large.jsonl --jsonl --threads $n --out $n.jsonl; done
cmp 1.jsonl 3.jsonl

fails 65 "is not a string; encode --words takes lists of words" "$LLMCTL" tokenize encode w.jsonl -t vocab.txt --ids
fails 2 "not in text files" "$LLMCTL" tokenize encode w.jsonl -t vocab.txt --ids --words --format text
fails 2 "goes with --ids" "$LLMCTL" tokenize encode w.jsonl -t vocab.txt --words --out x.tok
