#!/usr/bin/env python3
"""Decoding side by side with llama.cpp: GPT-2 124M with random weights in bf16, one sequence, the same threads.

usage: PYTHON_WITH_LLAMA_CPP scripts/bench-decode.py [--build DIR] [--rounds N] [--steps N] [--threads 1,2]

Needs llama_cpp, gguf and numpy.  Both read every weight once a token; both start from an empty cache and take --steps
tokens a turn.  They run in turn, --rounds times; medians, then the ratio: above 1, llmctl is faster.
"""
import argparse, os, re, statistics, subprocess, tempfile, time

import gguf
import llama_cpp as lc
import numpy as np

LAYERS, WIDTH, FF, HEADS, VOCAB, CONTEXT = 12, 768, 3072, 12, 50257, 1024


def write_model(path):
    w = gguf.GGUFWriter(path, "gpt2")
    w.add_context_length(CONTEXT)
    w.add_embedding_length(WIDTH)
    w.add_feed_forward_length(FF)
    w.add_block_count(LAYERS)
    w.add_head_count(HEADS)
    w.add_layer_norm_eps(1e-5)
    w.add_vocab_size(VOCAB)
    w.add_tokenizer_model("none")
    rng = np.random.default_rng(1)

    def matrix(name, rows, cols, kind=gguf.GGMLQuantizationType.BF16):
        x = (0.02 * rng.standard_normal((rows, cols), dtype=np.float32))
        if kind == gguf.GGMLQuantizationType.F32:
            w.add_tensor(name, x)
        else:
            w.add_tensor(name, gguf.quants.quantize(x, kind), raw_dtype=kind)

    def vector(name, n, value):
        w.add_tensor(name, np.full(n, value, dtype=np.float32))

    def pair(name, rows, cols):
        matrix(name + ".weight", rows, cols)
        vector(name + ".bias", rows, 0)

    matrix("token_embd.weight", VOCAB, WIDTH)
    matrix("position_embd.weight", CONTEXT, WIDTH, gguf.GGMLQuantizationType.F32)
    for i in range(LAYERS):
        b = f"blk.{i}."
        for norm in ("attn_norm", "ffn_norm"):
            vector(b + norm + ".weight", WIDTH, 1)
            vector(b + norm + ".bias", WIDTH, 0)
        pair(b + "attn_qkv", 3 * WIDTH, WIDTH)
        pair(b + "attn_output", WIDTH, WIDTH)
        pair(b + "ffn_up", FF, WIDTH)
        pair(b + "ffn_down", WIDTH, FF)
    vector("output_norm.weight", WIDTH, 1)
    vector("output_norm.bias", WIDTH, 0)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


class Llama:
    def __init__(self, path):
        self.log = lc.llama_log_callback(lambda level, text, data: None)
        lc.llama_log_set(self.log, None)
        lc.llama_backend_init()
        self.model = lc.llama_model_load_from_file(path.encode(), lc.llama_model_default_params())
        p = lc.llama_context_default_params()
        p.n_ctx = CONTEXT
        p.n_threads = p.n_threads_batch = 1
        self.ctx = lc.llama_init_from_model(self.model, p) if self.model else None
        if not self.ctx:
            raise SystemExit("bench-decode: llama.cpp cannot load the model")

    def steps(self, threads, n):
        """Milliseconds of each of n tokens."""
        lc.llama_set_n_threads(self.ctx, threads, threads)
        lc.llama_memory_clear(lc.llama_get_memory(self.ctx), True)
        out = []
        for i in range(n):
            token = (lc.llama_token * 1)(i * 97 % VOCAB)
            start = time.perf_counter()
            if lc.llama_decode(self.ctx, lc.llama_batch_get_one(token, 1)):
                raise SystemExit("bench-decode: llama.cpp failed")
            lc.llama_get_logits(self.ctx)
            out.append(1e3 * (time.perf_counter() - start))
        return out


def ours(build, threads):
    """Median milliseconds of a token, for each number of threads."""
    text = subprocess.run([f"{build}/tests/bench/bench_decode"], check=True, capture_output=True, text=True).stdout
    ms = {int(t): float(x) for t, x in re.findall(r"bf16, (\d+) threads? +([\d.]+) ms", text)}
    return {t: ms[t] for t in threads}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build/release")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=64)
    p.add_argument("--threads", default="1,2")
    a = p.parse_args()
    threads = [int(t) for t in a.threads.split(",")]
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "gpt2.gguf")
        write_model(path)
        peer = Llama(path)
    mine, theirs = {t: [] for t in threads}, {t: [] for t in threads}
    for _ in range(a.rounds):
        for t, ms in ours(a.build, threads).items():
            mine[t].append(ms)
        for t in threads:
            theirs[t].append(statistics.median(peer.steps(t, a.steps)))
    for t in threads:
        m, l = statistics.median(mine[t]), statistics.median(theirs[t])
        print(f"decode gpt2 124M bf16, {t} threads: llmctl {1e3 / m:.0f} tokens/s, llama.cpp {1e3 / l:.0f} tokens/s: "
              f"RESULT {l / m:.2f}x", flush=True)


main()
