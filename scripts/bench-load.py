#!/usr/bin/env python3
"""What loading tokenizers costs a fresh process: every kind of file, others beside llmctl where they read it.

usage: bench-load.py BUILD_DIR WORK_DIR [--tokens N] [--rounds N] [FILE|FILE:SPLIT ...]

Vocabularies of N tokens (50,000) are learned from ../shared/corpus/mixed10.jsonl and the sources here, written as
every kind of file; more files may be named.  llmctl loads in tests/bench/bench_load; HF tokenizers, tiktoken,
sentencepiece and gigatoken in a Python that has imported them before the clock starts.  Each load has a process of
its own; the programs take turns; the least of the rounds by the clock, in ms.
"""
import argparse
import glob
import os
import re
import subprocess
import sys

LOAD = {
    "HF tokenizers": ("tokenizers", lambda p: p.endswith(".json") and os.path.basename(p) not in ("vocab.json", "tekken.json"),
                      "from tokenizers import Tokenizer", "Tokenizer.from_file(path)"),
    "sentencepiece": ("sentencepiece", lambda p: p.endswith(".model"),
                      "import sentencepiece", "sentencepiece.SentencePieceProcessor(model_file=path)"),
    "tiktoken": ("tiktoken", lambda p: ".tiktoken" in p,
                 "import tiktoken, tiktoken.load",
                 "tiktoken.Encoding('x', pat_str=r'\\S+|\\s+', special_tokens={}, mergeable_ranks=tiktoken.load.load_tiktoken_bpe(path.split(':')[0]))"),
    "gigatoken": ("gigatoken", lambda p: "bpe" in p and p.endswith((".json", ".model")),
                  "import gigatoken", "gigatoken.Tokenizer(path)"),
}
CODE = """
import sys, time
path = sys.argv[1]
{imports}
start = time.perf_counter()
t = {load}
print((time.perf_counter() - start) * 1e3)
"""


def run(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def vocabularies(llmctl, work, n):
    corpus = [p for p in ("../shared/corpus/mixed10.jsonl",) if os.path.exists(p)]
    text = os.path.join(work, "sources.txt")
    with open(text, "wb") as out:
        for name in sorted(glob.glob("*/*.[ch]") + glob.glob("core/*/*.[ch]") + glob.glob("/usr/lib/python3*/**/*.py", recursive=True)):
            out.write(open(name, "rb").read().decode("utf-8", "ignore").encode())
    at = lambda name: os.path.join(work, name)
    train = lambda *o: run(llmctl, "tokenize", "train", *corpus, text, "--vocab-size", str(n), "-q", *o)
    # What a kind of file cannot hold is refused, and left out here.
    convert = lambda a, b: subprocess.run([llmctl, "tokenize", "convert", a, "--out", b, "-q"], capture_output=True).returncode == 0
    os.makedirs(at("merges"), exist_ok=True)
    train("--split", "gpt2", "--no-special-tokens", "--out", at("bpe.json"))
    train("--type", "wordpiece", "--out", at("wordpiece.json"))
    train("--type", "sp-bpe", "--byte-fallback", "--norm", "identity", "--keep-spaces", "--out", at("sp-bpe.model"))
    train("--type", "unigram", "--out", at("unigram.model"))
    convert(at("bpe.json"), at("bpe.tiktoken"))
    tiktoken = at("bpe.tiktoken") + ":gpt2"
    convert(tiktoken, at("tekken.json"))
    convert(at("bpe.json"), at("merges/vocab.json"))
    convert(at("wordpiece.json"), at("vocab.txt"))
    for name in ("bpe.json", "vocab.txt", "sp-bpe.model", "unigram.model"):
        convert(at(name), at(name.split(".")[0] + ".gguf"))
    names = [at(f) for f in ("bpe.json", "wordpiece.json", "merges/vocab.json", "vocab.txt", "bpe.gguf", "vocab.gguf", "sp-bpe.gguf",
                            "unigram.gguf", "tekken.json", "sp-bpe.model", "unigram.model")]
    return [f for f in names if os.path.exists(f)] + [tiktoken]


def other(name, path):
    module, reads, imports, load = LOAD[name]
    if not reads(path):
        return None
    got = subprocess.run([sys.executable, "-c", CODE.format(imports=imports, load=load), path], capture_output=True, text=True)
    return float(got.stdout) if got.returncode == 0 else None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("work")
    p.add_argument("files", nargs="*")
    p.add_argument("--tokens", type=int, default=50000)
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    files = vocabularies(os.path.join(a.build, "llmctl"), a.work, a.tokens) + a.files
    have = [n for n in LOAD if subprocess.run([sys.executable, "-c", "import " + LOAD[n][0]], capture_output=True).returncode == 0]
    for path in files:
        best = {}
        for _ in range(a.rounds):
            line = run(os.path.join(a.build, "tests/bench/bench_load"), "-n", "1", path)
            took = {"llmctl": float(re.search(r"([0-9.]+) +[0-9.]+ ms", line).group(1))}
            took.update({n: t for n in have if (t := other(n, path)) is not None})
            for n, t in took.items():
                best[n] = min(t, best.get(n, t))
        others = ", ".join(f"{n} {t:.1f} ({t / best['llmctl']:.1f} x)" for n, t in best.items() if n != "llmctl")
        print(f"{os.path.relpath(path, a.work) if path.startswith(a.work) else path}: llmctl {best['llmctl']:.1f} ms{'; ' + others if others else ''}", flush=True)


main()
