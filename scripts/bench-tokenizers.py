#!/usr/bin/env python3
"""Tokenizers of others beside ours: one thread, processor time, the same texts.

usage: bench-tokenizers.py BUILD_DIR WORK_DIR

Learns a byte-level vocabulary (GPT-2 split) with each program that can, then
encodes with the one that llmctl learned.  Texts: ../shared/corpus where it is,
and this repository's own sources.  Programs that are not installed are left out.
"""
import glob
import json
import os
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
VOCAB = 16384
DOC = 1 << 16


def write_texts(work):
    texts = []
    corpus = "../shared/corpus/mixed10.jsonl"
    if os.path.exists(corpus):
        path = os.path.join(work, "mixed.txt")
        with open(path, "w", encoding="utf-8", newline="") as out:
            for line in open(corpus, encoding="utf-8"):
                out.write(json.loads(line)["text"] + "\n")
        texts.append(path)
    path = os.path.join(work, "sources.txt")
    with open(path, "wb") as out:
        for _ in range(8):
            for name in sorted(glob.glob("*/*.[ch]") + glob.glob("core/*/*.[ch]")):
                out.write(open(name, "rb").read())
    return texts + [path]


def documents(path):
    data, out, at = open(path, "rb").read(), [], 0
    while at < len(data):
        end = min(len(data), at + DOC)
        cut = data.rfind(b"\n", at, end) + 1 if end < len(data) else end
        end = cut if cut > at else end
        out.append(data[at:end].decode("utf-8", "replace"))
        at = end
    return out


def cpu(f):
    start = time.process_time()
    f()
    return time.process_time() - start


def learn_hf(path):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator([open(path, encoding="utf-8", newline="").read()], trainer)


def load_hf(path):
    from tokenizers import Tokenizer
    t = Tokenizer.from_file(path)
    return lambda docs: [t.encode(d) for d in docs[:30]], 30


def load_gigatoken(path):
    import gigatoken
    t = gigatoken.Tokenizer(path)
    return lambda docs: [t.encode(d) for d in docs], None


def main():
    build, work = sys.argv[1:3]
    texts = write_texts(work)
    tokenizer = os.path.join(work, "tokenizer.json")
    start = os.times()
    subprocess.run([build + "/llmctl", "tokenize", "train", texts[0], "--vocab-size", str(VOCAB),
                    "--split", "gpt2", "--no-special-tokens", "--threads", "1", "-q", "--out",
                    tokenizer], check=True)
    end = os.times()
    ours = end.children_user + end.children_system - start.children_user - start.children_system
    print(f"learn {VOCAB} from {os.path.basename(texts[0])}: llmctl {ours:.2f} s", flush=True)
    try:
        print(f"learn {VOCAB}: HF tokenizers {cpu(lambda: learn_hf(texts[0])):.2f} s", flush=True)
    except ImportError:
        pass
    print("llmctl", flush=True)
    subprocess.run([build + "/tests/bench/bench_tokenizers", tokenizer] + texts, check=True)
    for name, load in (("gigatoken", load_gigatoken), ("HF tokenizers", load_hf)):
        try:
            start = time.process_time()
            encode, most = load(tokenizer)
        except ImportError:
            continue
        print(f"{name}\nload: {(time.process_time() - start) * 1e3:.1f} ms", flush=True)
        for path in texts:
            docs = documents(path)
            mb = sum(len(d.encode()) for d in docs[:most]) / 1e6
            runs = [cpu(lambda: encode(docs)) for _ in range(2 if most else 6)]
            print(f"{os.path.basename(path)}: {mb:.1f} MB; first pass {mb / runs[0]:.0f}, "
                  f"warm {mb / min(runs[1:]):.0f} MB/s", flush=True)


main()
