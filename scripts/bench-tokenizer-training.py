#!/usr/bin/env python3
"""Learning vocabularies, beside the programs of others: the same text, in turn.

usage: bench-tokenizer-training.py LLMCTL WORK_DIR [TEXT]

Byte pairs beside gigatoken, SentencePiece's unigram and byte pairs beside
sentencepiece, for one and two threads.  Each run is a process of its own: its
processor time, wall time and peak memory; of ROUNDS rounds the fastest counts.
Without TEXT: ../shared/corpus and this repository's sources, about 10 MB.
Programs that are not installed are left out.
"""
import glob
import json
import os
import subprocess
import sys
import time

ROUNDS = int(os.environ.get("ROUNDS", "2"))
VOCAB = 32000

GIGATOKEN = """
import sys, gigatoken
from pathlib import Path
gigatoken.train_bpe(Path(sys.argv[1]), int(sys.argv[2]), ['<|endoftext|>'])
"""
SENTENCEPIECE = """
import sys, sentencepiece
sentencepiece.SentencePieceTrainer.train(input=sys.argv[1], vocab_size=int(sys.argv[2]), model_prefix=sys.argv[3],
    model_type=sys.argv[4], num_threads=int(sys.argv[5]), normalization_rule_name='identity',
    max_sentence_length=1000000000, minloglevel=2)
"""


def write_text(work):
    path = os.path.join(work, "text.txt")
    with open(path, "w", encoding="utf-8", newline="") as out:
        corpus = "../shared/corpus/mixed10.jsonl"
        if os.path.exists(corpus):
            for line in open(corpus, encoding="utf-8"):
                out.write(json.loads(line)["text"] + "\n")
        for name in sorted(glob.glob("*/*.[ch]") + glob.glob("core/*/*.[ch]")):
            out.write(open(name, encoding="utf-8").read())
    return path


def run(args, threads):
    """Processor s, wall s, peak MB; None if it fails."""
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    start = time.time()
    p = subprocess.Popen(args, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(p.pid, 0)
    if status:
        return None
    return used.ru_utime + used.ru_stime, time.time() - start, used.ru_maxrss / 1024


def best(runs):
    return tuple(min(r[i] for r in runs) for i in range(3))


def compare(what, threads, ours, other, name, has_peer):
    runs = [[], []]
    for _ in range(ROUNDS):
        for side, args in enumerate((ours, other)):
            got = run(args, threads) if side == 0 or has_peer else None
            if got:
                runs[side].append(got)
    if not runs[0]:
        sys.exit("llmctl failed: " + " ".join(ours))
    a = best(runs[0])
    print(f"{what}, {threads} thread{'s' * (threads > 1)}: llmctl {a[0]:.2f} CPU s, {a[1]:.2f} s, {a[2]:.0f} MB", end="")
    if runs[1]:
        b = best(runs[1])
        print(f"; {name} {b[0]:.2f} CPU s, {b[1]:.2f} s, {b[2]:.0f} MB; ratio {b[0] / a[0]:.1f} (CPU), "
              f"{b[1] / a[1]:.1f} (wall), {a[2] / b[2]:.2f} of its memory", end="")
    print(flush=True)


def installed(module):
    return subprocess.run([sys.executable, "-c", "import " + module], stderr=subprocess.DEVNULL).returncode == 0


def main():
    llmctl, work = sys.argv[1:3]
    text = sys.argv[3] if len(sys.argv) > 3 else write_text(work)
    kinds = os.environ.get("KINDS", "bpe unigram sp-bpe").split()
    out = os.path.join(work, "out")
    print(f"learn {VOCAB} tokens from {os.path.getsize(text) / 1e6:.1f} MB")
    for threads in (1, 2):
        train = [llmctl, "tokenize", "train", text, "-q", "--threads", str(threads), "--vocab-size", str(VOCAB)]
        if "bpe" in kinds:
            compare("byte pairs", threads, train + ["-o", out + ".json"],
                    [sys.executable, "-c", GIGATOKEN, text, str(VOCAB)], "gigatoken", installed("gigatoken"))
        for kind, peer in (("unigram", "unigram"), ("sp-bpe", "bpe")):
            if kind in kinds:
                compare("SentencePiece's " + peer, threads,
                        train + ["--type", kind, "--norm", "identity", "-o", out + ".model"],
                        [sys.executable, "-c", SENTENCEPIECE, text, str(VOCAB), out, peer, str(threads)],
                        "sentencepiece", installed("sentencepiece"))


main()
