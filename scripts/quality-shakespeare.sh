#!/usr/bin/env bash
# Characters of tinyshakespeare, first 90 % to train: 4 layers, 4 heads, width
# 128, context 64, batch 12, 2000 steps without dropout, pretrain's own defaults
# for the rest.  Prints the loss over the whole validation text for three seeds
# and fails when their mean is above 1.90 (nanoGPT's settings in PyTorch: 1.900 +-
# 0.009; here with them, "-- --lr 1e-3 --min-lr 1e-4 --warmup 100 --beta2 0.99": 1.895).
# usage: scripts/quality-shakespeare.sh TEXT [LLMCTL] [-- more options of pretrain]
set -eu
text=$(realpath "${1:?usage: $0 TEXT [LLMCTL] [-- options]}")
shift
llmctl=./llmctl
if [ $# -gt 0 ] && [ "$1" != -- ]; then
    llmctl=$1
    shift
fi
[ $# -gt 0 ] && shift
llmctl=$(realpath "$llmctl")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$llmctl" tokenize train "$text" --type char --out "$dir/tok.json" -q
sum=0
for seed in 1 2 3; do
    "$llmctl" pretrain "$text" --tokenizer "$dir/tok.json" --val-fraction 0.1 --preset gpt2-nano --context 64 --batch 12 \
        --steps 2000 --dropout 0 --eval-every 0 --save-every 0 --seed $seed --out "$dir/run-$seed" -q --json "$@" >"$dir/out"
    loss=$(sed 's/.*"val_loss":\([^,]*\).*/\1/' "$dir/out")
    echo "seed $seed: validation loss $loss in $(sed 's/.*"seconds":\([^,]*\).*/\1/' "$dir/out") s"
    sum=$(echo "$sum $loss" | awk '{ printf "%.17g", $1 + $2 }')
done
echo "$sum" | awk '{ printf "mean %.4f, wanted 1.90 at most\n", $1 / 3; exit !($1 / 3 <= 1.90) }'
