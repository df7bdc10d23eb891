#!/usr/bin/env bash
# tokenize encode: documents filled up to a length, to the longest of a batch, to a multiple.
set -eu
. "$SRC/tests/cli/lib.bash"

printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nsize\n##s\n' >vocab.txt
encode() { "$LLMCTL" tokenize encode --documents line -q -t vocab.txt "$@"; }
printf 'the\nthe sizes\nsizes\nthe size\nthe\n' >t.txt

is "$(encode t.txt --ids --batch 2 --pad '[PAD]')" "4 0 0
4 5 6
5 6
4 5
4"
is "$(encode t.txt --ids --batch 2 --pad 0 --pad-left --template)" "0 0 2 4 3
2 4 5 6 3
2 5 6 3
2 4 5 3
2 4 3"
is "$(encode t.txt --ids --batch 9 --pad 0 --pad-multiple 4 | sort -u)" "4 0 0 0
4 5 0 0
4 5 6 0
5 6 0 0"
is "$(encode t.txt --ids --pad 0 --pad-multiple 2 | head -n 2)" "4 0
4 5 6 0"
is "$(encode t.txt --ids --pad 0 --max-length 2 --pad-multiple 3 | head -n 2)" "4 0 0
4 5 0"
is "$(encode t.txt --pieces --batch 3 --pad 0 --max-length 2)" "the [PAD]
the size
size ##s
the size
the [PAD]"
is "$(encode t.txt --offsets --batch 2 --pad 0 | head -n 5 | tail -n 2)" "
4	0	3	0	3	0	\"the\""
is "$(encode t.txt --offsets --batch 2 --pad 0 | head -n 3)" "4	0	3	0	3	0	\"the\"
0	0	0	0	0	0	\"[PAD]\"
0	0	0	0	0	0	\"[PAD]\""
is "$(encode t.txt --jsonl --batch 2 --pad 0 | head -n 1)" '{"ids":[4,0,0],"type_ids":[0,0,0],"tokens":["the","[PAD]","[PAD]"],"offsets":[[0,3],[0,0],[0,0]],"byte_offsets":[[0,3],[0,0],[0,0]],"sequence_ids":[0,null,null],"attention_mask":[1,0,0]}'
is "$(encode t.txt --jsonl --batch 2 --pad 0 --pad-left | head -n 1)" '{"ids":[0,0,4],"type_ids":[0,0,0],"tokens":["[PAD]","[PAD]","the"],"offsets":[[0,0],[0,0],[0,3]],"byte_offsets":[[0,0],[0,0],[0,3]],"sequence_ids":[null,null,0],"attention_mask":[0,0,1]}'
# an empty text, and windows: a batch counts texts
printf '{"text":""}\n{"text":"the sizes the"}\n{"text":"the"}\n' >e.jsonl
is "$(encode e.jsonl --ids --batch 2 --pad 0 --max-length 3 --windows)" "0 0 0
4 5 6
4 0 0
4"
is "$(encode e.jsonl --jsonl --batch 2 --pad 0 --pad-left | head -n 1 | cut -d: -f2)" '[0,0,0,0],"type_ids"'

# each batch of a large input, whatever the threads
for n in $(seq 20000); do printf 'the sizes %.*s\n' $((n % 7)) 'size size size'; done >large.txt
for n in 1 3; do encode large.txt --ids --batch 1000 --pad 0 --threads $n --out $n.txt; done
cmp 1.txt 3.txt
encode large.txt --ids >plain.txt
awk 'function put(i) { for (i = 1; i <= n; i++) { while (split(row[i], v, " ") < most) row[i] = row[i] " 0"; print row[i] } n = most = 0 }
     { row[++n] = $0; if (NF > most) most = NF; if (n == 1000) put() } END { put() }' plain.txt >want.txt
cmp want.txt 1.txt

# as the file says
"$LLMCTL" tokenize convert vocab.txt --out t.json -q
sed 's/"padding":null/"padding":{"strategy":"BatchLongest","direction":"Left","pad_to_multiple_of":4,"pad_id":0,"pad_type_id":7,"pad_token":"[PAD]"}/' t.json >p.json
is "$("$LLMCTL" tokenize encode t.txt -t p.json --documents line --ids --limits --batch 5 -q | head -n 1)" "0 0 0 4"
is "$("$LLMCTL" tokenize encode t.txt -t p.json --documents line --offsets --limits --batch 5 -q | head -n 1)" "0	0	0	0	0	7	\"[PAD]\""
is "$("$LLMCTL" tokenize encode t.txt -t p.json --documents line --ids --batch 2 --pad 6 -q | head -n 1)" "4 6 6"

fails 2 "needs --max-length, --batch or --pad-multiple" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --pad 0
fails 2 "needs --pad" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --batch 3
fails 2 "needs --pad" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --pad-multiple 3
fails 2 "says nothing of filling up" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --batch 3 --limits
fails 2 "goes with --ids" "$LLMCTL" tokenize encode t.txt -t vocab.txt --out x.tok --batch 3 --pad 0
