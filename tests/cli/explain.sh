#!/bin/bash
# llmctl explain: the numbers are those of the papers, and of the model asked about.
set -eu
. "$SRC/tests/cli/lib.bash"

has() { grep -qF -- "$1" out || { cat out; fail "no '$1'"; }; }

expect 0 "$LLMCTL" explain positions
has "word 5, 'mat', looks at the others"
has "PE_5.PE_j"
has "Who uses what today"
# ALiBi, 12 heads: the published slopes .5 .25 .125 .0625 ... at distance 1.
expect 0 "$LLMCTL" explain positions a b -e alibi --heads 12
has "    0  a             -0.5000  -0.2500  -0.1250  -0.0625  -0.0312  -0.0156"
# T5: causal -15 -> 15, -16 -> 16, -19 -> 17, -21 -> 18, -32 -> 21; both sides: 7 -> 23, 12 -> 25.
expect 0 "$LLMCTL" explain positions $(seq 0 32) -e t5
for pair in '-15     15' '-16     16' '-19     17' '-21     18' '-32     21'; do has "$pair"; done
expect 0 "$LLMCTL" explain positions $(seq 0 32) -e t5 --both --query 0
has "       7     23"
has "      12     25"
expect 0 "$LLMCTL" explain positions x y z -e shaw --clip 1 --query 0
has "not seen: it comes later"
# RoPE, two dimensions: cos 1.
expect 0 "$LLMCTL" explain positions x y -e rope --dim 2
has " 0.540"
expect 0 "$LLMCTL" explain positions x y -e sinusoidal
has "0.841  0.540"
expect 0 "$LLMCTL" explain architectures "one two three four" --source 1
has "Are all models decoder-only now?"
# Columns are those of a terminal: Han and emoji take two, combining marks none.
expect 0 "$LLMCTL" explain architectures "$(printf 'guten \xe6\x97\xa5\xe6\x9c\xac e\xcc\x81t\xc3\xa9 \xf0\x9f\x91\x8d')"
has "$(printf '  \xe6\x97\xa5\xe6\x9c\xac         \xe2\x96\xa0')"
has "$(printf '  e\xcc\x81t\xc3\xa9          \xe2\x96\xa0')"
has "$(printf '  \xf0\x9f\x91\x8d           \xe2\x96\xa0')"

# DPO: the best model by its formula, and learning leads to it.
expect 0 "$LLMCTL" explain dpo "good bad" --beta 2
has "$(printf 'good          0.333   1.00   0.452        0.608')"
has "       0   0.6931"
[ "$(awk '$1 == 1000 { print $5; exit }' out)" = 0.000 ] || fail "DPO does not reach its goal"
expect 2 "$LLMCTL" explain dpo 1 2 3 4 5 6 7 8 9
expect 2 "$LLMCTL" explain positions --json
expect 2 "$LLMCTL" explain positions one
expect 2 "$LLMCTL" explain positions a b --query 2
expect 2 "$LLMCTL" explain positions a b --dim 7
expect 2 "$LLMCTL" explain positions a b -e t5 --buckets 32 --max-distance 10
expect 2 "$LLMCTL" explain architectures a b --source 2
expect 2 "$LLMCTL" explain position
grep -q "did you mean 'positions'" err || fail "$(cat err)"
expect 2 "$LLMCTL" explain attention
expect 66 "$LLMCTL" explain attention nowhere text

for i in $(seq 60); do echo "The quick brown fox $i jumps over the lazy dog."; done >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 280 -q --out tok.json
"$LLMCTL" pretrain text.txt -t tok.json --preset mixtral-nano --max-length 32 --steps 2 --batch 2 -q --sample-every 0 --out run
expect 0 "$LLMCTL" explain attention run "The <quick> fox" --layer 3 --head 1 --svg head.svg
has "layer 3, head 1"
grep -q '&lt;' head.svg && grep -q '</svg>' head.svg || fail "head.svg"
expect 0 "$LLMCTL" explain attention run "The fox" --all
[ "$(grep -c '^layer 0, head' out)" = 4 ] || fail "--all"
expect 0 "$LLMCTL" explain moe run "The quick brown fox"
has "of 8 experts each token takes 2"
expect 2 "$LLMCTL" explain attention run "The fox" --layer 4
expect 2 "$LLMCTL" explain attention run "The fox" --head 4
expect 2 "$LLMCTL" explain attention run "$(cat text.txt)"
expect 73 "$LLMCTL" explain attention run "The fox" --svg no/dir/head.svg
"$LLMCTL" pretrain text.txt -t tok.json --preset llama-nano --max-length 32 --steps 1 --batch 2 -q --sample-every 0 --out dense
expect 2 "$LLMCTL" explain moe dense "The fox"
expect 2 "$LLMCTL" explain attention dense "The fox" --target "jumps"
grep -q "for encoder-decoders" err || fail "$(cat err)"
"$LLMCTL" pretrain text.txt -t tok.json --preset t5-nano --max-length 32 --steps 1 --batch 2 -q --sample-every 0 --out two
expect 0 "$LLMCTL" explain attention two "The fox" --target "jumps over the dog" --cross --svg cross.svg
has "over the source"
rows=$(grep -c text-anchor cross.svg) columns=$(grep -c rotate cross.svg)
[ "$rows" = "$(grep -c '%' out | awk '{print $1 - 1}')" ] || fail "$rows rows"
[ "$columns" -lt "$rows" ] || fail "$columns columns"
expect 0 "$LLMCTL" explain attention two "The fox" --target "jumps" --layer 1
expect 2 "$LLMCTL" explain attention two "The fox" --target "jumps" --layer 2
grep -q "the decoder has layers 0 to 1" err || fail "$(cat err)"
expect 2 "$LLMCTL" explain attention two "The fox" --cross
