#!/usr/bin/env bash
# All benchmarks; called by `make bench`.  Peers run beside ours where PYTHON
# has them (torch, tokenizers, llama_cpp with gguf); without, only our own
# figures are printed.  usage: scripts/bench.sh BUILD_DIR [start|kernels|tokenizers|data|decode|train]
set -eu
build=$1 only=${2:-}
case $only in "" | start | kernels | tokenizers | data | decode | train) ;; *) echo "bench: no part '$only'" >&2; exit 2 ;; esac
wants() { [ -z "$only" ] || [ "$only" = "$1" ]; }
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
python=${PYTHON:-python3}

if wants start; then
    echo "== start-up"
    for _ in 1 2 3; do
        start=$(date +%s%N)
        for _ in 1 2 3 4 5 6 7 8 9 10; do "$build/llmctl" --version >/dev/null; done
        echo "llmctl --version: $((($(date +%s%N) - start) / 10000)) us"
    done
fi
for b in "$build"/tests/bench/bench_*; do
    case $b in *.o | *.d | */bench_train | */bench_load | */bench_regex) continue ;; esac
    [ -x "$b" ] && wants kernels || continue
    echo "== ${b##*/}"
    "$b"
    case $b in */bench_gemm) "$b" -t 2 " nn " " tn " ;; esac
done
if wants tokenizers && "$python" -c 'import tokenizers' 2>/dev/null; then
    echo "== tokenizers beside others"
    work=$(mktemp -d)
    "$python" scripts/bench-tokenizers.py "$build" "$work"
    rm -rf "$work"
fi
if wants tokenizers && command -v "$python" >/dev/null; then
    echo "== loading tokenizers beside others"
    work=$(mktemp -d)
    "$python" scripts/bench-load.py "$build" "$work"
    rm -rf "$work"
    echo "== learning tokenizers beside others"
    work=$(mktemp -d)
    "$python" scripts/bench-tokenizer-training.py "$build/llmctl" "$work"
    rm -rf "$work"
fi
if wants data && [ -e ../shared/corpus/mixed10.jsonl ] && command -v "$python" >/dev/null; then
    echo "== deduplication"
    work=$(mktemp -d)
    "$python" scripts/bench-dedup.py "$build/llmctl" ../shared/corpus/mixed10.jsonl "$work"
    rm -rf "$work"
fi
if wants decode && "$python" -c 'import llama_cpp, gguf, numpy' 2>/dev/null; then
    echo "== decoding beside llama.cpp"
    "$python" scripts/bench-decode.py --build "$build"
fi
if wants data; then
    echo "== cleaning data"
    work=$(mktemp -d)
    "$python" scripts/bench-data.py "$build" "$work"
    rm -rf "$work"
fi
wants train || exit 0
echo "== training steps"
if "$python" -c 'import torch' 2>/dev/null && [ -d ../shared/peers/torch ]; then
    if "$python" -c 'import transformers' 2>/dev/null; then only=all; else only=a_nanocpu,a_shakespeare,b_gpt2_T256; fi
    "$python" scripts/bench-train.py --build "$build" --only $only
else
    echo "no torch in $python: ours alone (PYTHON=... to compare)"
    for cfg in a_nanocpu a_shakespeare b_gpt2_T256 bert t5 mixtral rwkv4; do
        for dtype in f32 bf16; do "$build/tests/bench/bench_train" $cfg $dtype 2 10; done
    done
fi
