#!/usr/bin/env bash
# The main job on real text: documentation of a few Debian packages (or
# CORPUS=DIR) becomes a trained model in ten to twenty minutes on two cores.
# OUT=DIR: where the results go (demo).  Run it again to continue.
set -eu
cd "$(dirname "$0")/.."
out=${OUT:-demo}
mkdir -p "$out"
if [ -n "${CORPUS-}" ]; then
    input=$CORPUS
else
    scripts/get-corpus.sh "$out/corpus"
    input=$out/corpus/text
fi
# Manuals are full of commands and symbols: fewer words with letters are asked
# of them than of web pages, and a manual may be long.  What goes are tables,
# indexes and other languages; then licences and manuals that are there twice.
exec scripts/pipeline.sh --out "$out" --vocab 4096 \
    --clean "--preset gopher --set gopher.min_alpha_words=0.5 --set gopher.max_words=1000000" \
    --dedup "--near --verify 0.7" \
    --pretrain "--preset llama-tiny --context 256 --batch 32 --steps ${STEPS:-600} --lr 1.5e-3 --eval-every 100 --save-every 100" "$input"
