#!/usr/bin/env bash
# Trains one small model in many ways and compares model.llmz and every logged
# loss bit for bit: threads, accumulation, recomputation, interruption by
# SIGTERM and kill -9 at random points, and kernel sets (in bf16 all but AMX).
# usage: scripts/check-same-bits.sh [--quick] [--seed N] [LLMCTL]
set -u
quick=0 seed=$$
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --seed) seed=$2 && shift ;;
    *) break ;;
    esac
    shift
done
llmctl=$(realpath "${1:-./llmctl}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
RANDOM=$((seed % 32768))
good=0 bad=0

awk 'BEGIN { srand(1); for (i = 0; i < 3000; i++) { n = int(rand() * 1000)
     print (n % 3 ? "the sum of " : "the product of ") n " and " i " is " (n % 3 ? n + i : n * i) } }' >text.txt
"$llmctl" tokenize train text.txt --type char --out tok.json -q || exit 2
"$llmctl" tokenize encode text.txt --documents line -t tok.json --out text.tok -q || exit 2

# What all runs of one comparison share.  Both optimizers, dropout, packing of
# many short documents, validation.
train() { # name model options...
    local out=$1 model=$2
    shift 2
    ${exec-} "$llmctl" pretrain text.tok --val-fraction 0.02 --preset "$model" --layers 2 --width 64 --heads 4 --context 64 \
        --batch 8 --leaves 8 --steps "$steps" --lr 2e-3 --dropout 0.1 --eval-every 20 --save-every 7 \
        --out "$out" -q "$@"
}
losses() { grep -o '"step":[0-9]*,"\(loss\|val_loss\)":[^,]*\(,"nll":[^,]*,"grad_norm":[^,]*\)\?' "$1/metrics.jsonl"; }

compare() { # name reference
    if cmp -s "$1/model.llmz" "$2/model.llmz" && [ "$(losses "$1")" = "$(losses "$2")" ]; then
        echo "same    $1"
        good=$((good + 1))
    else
        echo "DIFFERS $1 from $2"
        bad=$((bad + 1))
    fi
    rm -rf "$1"
}
ways() { # reference model options... : threads and accumulation
    local ref=$1
    shift
    train "$ref" "$@" --threads 1
    for t in 1 2 4; do
        for a in 1 2 4; do
            [ $t$a = 11 ] || [ $quick$a = 12 ] && continue
            train "$ref-t$t-a$a" "$@" --threads $t --accum $a
            compare "$ref-t$t-a$a" "$ref"
        done
    done
    train "$ref-recompute" "$@" --threads 2 --recompute block
    compare "$ref-recompute" "$ref"
}
interrupt() { # reference times model options...
    local ref=$1 times=$2 out=$1-interrupted n=0 s
    shift 2
    while [ $n -lt "$times" ]; do
        s=75
        while [ $s -ne 0 ] && [ $n -lt "$times" ]; do
            # exec, so that the signal meets llmctl and not a shell around it
            exec=exec train "$out" "$@" --threads $((RANDOM % 3 + 1)) --accum $((1 << RANDOM % 3)) 2>/dev/null &
            local pid=$!
            # Anywhere in a run of so many milliseconds.
            sleep "$(awk -v r=$RANDOM -v ms="$ms" 'BEGIN { print r / 32768 * ms / 1000 }')"
            if [ $((RANDOM % 2)) = 0 ]; then kill -TERM $pid 2>/dev/null; else kill -9 $pid 2>/dev/null; fi && n=$((n + 1))
            wait $pid 2>/dev/null
            s=$?
        done
        [ $s -eq 0 ] && [ $n -lt "$times" ] && compare "$out" "$ref"
    done
    train "$out" "$@" --threads 2
    compare "$out" "$ref"
    echo "        ($n interruptions)"
}
if [ $quick = 1 ]; then steps=21 kills=4; else steps=60 kills=20; fi
for model in gpt2-nano llama-nano; do
    [ $quick$model = 1gpt2-nano ] && continue
    ways $model-bf16 $model --dtype bf16
done
ways muon-f32 qwen3-nano --optimizer muon --dtype f32
t0=$(date +%s%N)
train timing llama-nano --dtype bf16 --threads 2
ms=$((($(date +%s%N) - t0) / 1000000))
interrupt llama-nano-bf16 $kills llama-nano --dtype bf16
if [ $quick = 0 ]; then interrupt muon-f32 $kills qwen3-nano --optimizer muon --dtype f32; fi
steps=6
for isa in ref avx2 avx512 avx512bf16; do
    for model in gpt2-nano llama-nano; do
        for dtype in f32 bf16; do
            LLMCTL_ISA=$isa train "$model-$dtype-$isa" $model --dtype $dtype --optimizer muon --threads 2
            [ $isa = ref ] || compare "$model-$dtype-$isa" "$model-$dtype-ref"
        done
    done
done
echo "$good equal, $bad different (seed $seed)"
[ $bad -eq 0 ]
