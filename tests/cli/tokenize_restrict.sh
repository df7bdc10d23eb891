#!/usr/bin/env bash
# tokenize: how often each token comes, and SentencePiece's vocabulary restriction made of it.
set -eu
. "$SRC/tests/cli/lib.bash"

head -n 60 "$SRC"/README.md >in.txt
printf 'new lower newer lowest\n\tnew\n' >small.txt
cat in.txt small.txt >all.txt
count() { "$LLMCTL" tokenize count --documents line -q "$@"; }
encode() { "$LLMCTL" tokenize encode --documents line -q "$@"; }

for type in unigram sp-bpe; do
    "$LLMCTL" tokenize train all.txt --type $type --vocab-size 400 -o s.model -q
    # all tokens, the most frequent first
    count -t s.model --by-token all.txt >v
    is "$(awk -F'\t' '{ n += $NF } END { print n }' v)" "$(count -t s.model all.txt)"
    same v <(LC_ALL=C sort -t "$(printf '\t')" -k2,2nr -k1,1 v)
    encode -t s.model --pieces all.txt | tr ' ' '\n' | sort | uniq -c | awk '{ print $2 "\t" $1 }' | grep -v '^"' | LC_ALL=C sort >want
    same want <(grep -v '^"' v | LC_ALL=C sort)
    mkdir -p many
    for n in $(seq 30); do cp all.txt many/$n.txt; done
    is "$(count -t s.model --by-token --threads 3 many)" "$(awk -F'\t' -v OFS='\t' '{ print $1, 30 * $2 }' v)"
    for n in 1 3; do count -t s.model --by-token --threads $n --json all.txt >$n.json; done
    cmp 1.json 3.json
    # what comes can all be kept
    same <(encode -t s.model --ids all.txt) <(encode -t s.model --ids all.txt --vocabulary v)
    # what comes rarely is taken apart, but for characters
    encode -t s.model --pieces all.txt --vocabulary v --vocabulary-threshold 5 | tr ' ' '\n' | sort -u >left
    awk -F'\t' '$2 >= 5 { print $1 }' v | LC_ALL=C sort >often
    is "$(LC_ALL=C sort left | LC_ALL=C comm -23 - often | LC_ALL=C.UTF-8 grep -vxE '.|"\\""|<unk>' || true)" ""
    [ "$(encode -t s.model --ids all.txt --vocabulary v --vocabulary-threshold 5 | wc -w)" -gt "$(encode -t s.model --ids all.txt | wc -w)" ] ||
        fail "$type: nothing is taken apart"
done
shows "of 400 tokens are out of use" < <("$LLMCTL" tokenize encode -t s.model --ids --vocabulary v in.txt 2>&1 >/dev/null)
is "$(printf 'new\n' | encode -t s.model --pieces --vocabulary <(printf '\xe2\x96\x81n\t7\n\xe2\x96\x81new\t6\n') --vocabulary-threshold 7)" "▁n e w"
# a piece with a tab is written so that it can be read
printf 'a\tb a\tb a\tb\n' >tab.txt
"$LLMCTL" tokenize train tab.txt --type sp-bpe --vocab-size 10 --norm identity --cross-scripts -o t.model -q
is "$(count -t t.model --by-token tab.txt)" "$(printf '"▁a\\tb"\t3')"
is "$(encode -t t.model --pieces tab.txt --vocabulary <(count -t t.model --by-token tab.txt))" '"▁a\tb" "▁a\tb" "▁a\tb"'

fails 65 "v2', line 2: 'x' is no count" bash -c "printf 'a\t1\nb\tx\n' >v2; exec \"$LLMCTL\" tokenize encode -t s.model --ids in.txt --vocabulary v2"
fails 65 "v3', line 1: '' is no count" bash -c "printf 'a\t\n' >v3; exec \"$LLMCTL\" tokenize encode -t s.model --ids in.txt --vocabulary v3"
fails 65 "has no token of this model that comes so often" "$LLMCTL" tokenize encode -t s.model --ids in.txt --vocabulary v --vocabulary-threshold 1000000
fails 65 "has no token of this model$" "$LLMCTL" tokenize encode -t s.model --ids in.txt --vocabulary /dev/null
fails 66 "absent" "$LLMCTL" tokenize encode -t s.model --ids in.txt --vocabulary absent
"$LLMCTL" tokenize train in.txt --vocab-size 300 -o bpe.json -q
fails 2 "restricts a SentencePiece model" "$LLMCTL" tokenize encode -t bpe.json --ids in.txt --vocabulary v
fails 2 "needs --vocabulary" "$LLMCTL" tokenize encode -t s.model --ids in.txt --vocabulary-threshold 3
fails 2 "goes with --ids" "$LLMCTL" tokenize encode -t s.model --out x.tok in.txt --vocabulary v
fails 2 "exclude each other" "$LLMCTL" tokenize count -t s.model --by-token --by-file in.txt
