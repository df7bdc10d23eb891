#!/usr/bin/env bash
# The whole pipeline on about 200 KB of text in under a minute, for CI: every
# stage runs, is skipped the second time, and the model beats chance by far.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/text"
# Text that every checkout has: its own documents and sources, 200 KB of them.
cat ./*.md core/*/*.h core/*/*.c | head -c 200000 | split -b 4000 - "$dir/text/part."
for f in "$dir"/text/part.*; do mv "$f" "$f.txt"; done

run() {
    scripts/pipeline.sh --out "$dir/out" --clean '--preset none' --vocab 512 --val 0.1 \
        --pretrain "--preset llama-nano --context 64 --batch 16 --steps 100 --eval-every 50" --prompt "The " "$dir/text"
}
run >"$dir/first" 2>"$dir/log" || { cat "$dir/log"; exit 1; }
run >"$dir/second" 2>"$dir/log2" || { cat "$dir/log2"; exit 1; }
grep -q 'encode is done' "$dir/log2" || { echo "smoke: the second run did not skip what was done"; exit 1; }
cmp "$dir/first" "$dir/second" || { echo "smoke: the second run gave other results"; exit 1; }
cat "$dir/first"
