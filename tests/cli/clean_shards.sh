#!/bin/bash
# llmctl clean --shard: the outputs of the parts, one after another, are those of one process.
set -eu
. "$SRC/tests/cli/lib.bash"

mkdir in
for i in $(seq 400); do echo "{\"id\":$i,\"text\":\"Line $i [$i] of a text.\\nword $((i % 7)) and the rest of it\"}"; done >in/a.jsonl
{ echo 'not json'; tail -n 300 in/a.jsonl; echo '{"text":7}'; } >in/b.jsonl
head -n 90 in/a.jsonl | gzip -c >in/c.jsonl.gz
tail -n 50 in/a.jsonl >in/d.jsonl

options="--preset c4 --set c4.min_sentences=2 --set repetition.dup_lines=0.1 --squeeze -q"
run() { "$LLMCTL" clean in $options --out "$1"/o.jsonl --removed "$1"/r.jsonl.gz --quarantine "$1"/q.jsonl \
    --decisions "$1"/d.jsonl.zst --report "$1"/p.json "${@:2}"; }
mkdir one
run one
for n in 1 2 7; do
    mkdir $n
    for ((i = 0; i < n; i++)); do run $n --shard $i/$n --threads $((i % 2 + 1)); done
    cat $n/o*.jsonl | cmp - one/o.jsonl
    cat $n/q*.jsonl | cmp - one/q.jsonl
    is "$(cat $n/r*.jsonl.gz | gzip -dc | cksum)" "$(gzip -dc one/r.jsonl.gz | cksum)"
    cat $n/d*.jsonl.zst >joined.zst
    "$LLMCTL" clean --replay joined.zst --set c4.min_sentences=3 --json -q >joined.json
    "$LLMCTL" clean --replay one/d.jsonl.zst --set c4.min_sentences=3 --json -q | cmp - joined.json
done
is "$(ls 7 | head -n 3 | tr '\n' ' ')" "d.00000-of-00007.jsonl.zst d.00001-of-00007.jsonl.zst d.00002-of-00007.jsonl.zst "
is "$(ls 7 | wc -l)" 35

# A launcher's ranks.
SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 "$LLMCTL" clean in $options --shard auto --out auto.jsonl
same auto.00001-of-00002.jsonl 2/o.00001-of-00002.jsonl

# Decisions of different runs are not one.
"$LLMCTL" clean in/d.jsonl --preset gopher -q --dry-run --decisions other.zst
cat one/d.jsonl.zst other.zst >mixed.zst
fails 65 "the heading of a run with other rules" "$LLMCTL" clean --replay mixed.zst

fails 2 "from 0 to N - 1" "$LLMCTL" clean in --shard 2/2 --out x.jsonl
fails 2 "want I/N" "$LLMCTL" clean in --shard 2 --out x.jsonl
fails 2 "needs --out" "$LLMCTL" clean in --shard 0/2
fails 2 "neither mpirun" "$LLMCTL" clean in --shard auto --out x.jsonl
fails 2 "cannot part stdin" "$LLMCTL" clean --shard 0/2 --out x.jsonl <in/a.jsonl
fails 2 "which is no file" "$LLMCTL" clean --shard 0/2 --out x.jsonl <(cat in/a.jsonl)
fails 2 "whole corpus" "$LLMCTL" clean in --shard 0/2 --out x.jsonl --outliers mad:3
fails 2 "not with --replay" "$LLMCTL" clean --replay one/d.jsonl.zst --shard 0/2
fails 2 "not with --replay or --train" "$LLMCTL" clean --train-classifier in/a.jsonl in/d.jsonl --shard 0/2 --out q.llmz
