#!/usr/bin/env python3
"""Compares how often `llmctl tokenize encode --dropout, --alpha, --nbest` cuts a text
in each way with how often HF tokenizers (BPE with dropout) and sentencepiece
(sampling of unigram and of byte pairs) do.

usage: scripts/check-sampling.py LLMCTL CORPUS.txt [DRAWS [SEED]]
Learns small vocabularies from CORPUS.txt.  For each text the two counts of ways
are compared by the chi-square of two samples, which should be about the number of ways less one.
Needs: tokenizers, sentencepiece.
"""
import collections
import math
import os
import random
import subprocess
import sys
import tempfile

import sentencepiece
import tokenizers


def ours(llmctl, path, text, draws, seed, *options):
    lines = (text + "\n") * draws
    run = subprocess.run([llmctl, "tokenize", "encode", "-t", path, "--ids", "--documents", "line", "--format", "text", "-q",
                          "--seed", str(seed), *options], input=lines, capture_output=True, text=True, check=True)
    return collections.Counter(run.stdout.splitlines())


def surprise(a, b):
    """How many standard deviations the chi-square of two samples is off; rare ways are put together."""
    total_a, total_b = sum(a.values()), sum(b.values())
    rare = [0, 0]
    chi, ways = 0.0, 0
    rows = [(a[k], b[k]) for k in set(a) | set(b)]
    for x, y in rows:
        if x + y < 20:
            rare[0] += x
            rare[1] += y
    for x, y in [r for r in rows if sum(r) >= 20] + [tuple(rare)]:
        if x + y < 20:
            continue
        ways += 1
        want = (x + y) * total_a / (total_a + total_b)
        chi += (x - want) ** 2 / want + (y - (x + y - want)) ** 2 / (x + y - want)
    free = max(ways - 1, 1)
    return (chi - free) / math.sqrt(2 * free), ways


def main():
    llmctl, corpus = sys.argv[1:3]
    draws = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    rng = random.Random(seed)
    words = sorted(w for w in set(open(corpus, encoding="utf-8", errors="replace").read().split()) if 4 <= len(w) <= 12)
    texts = [" ".join(rng.sample(words, 2)) for _ in range(4)] + [rng.choice(words) + "\u4e00x\u4e01\u4e02"]
    off = cases = 0
    with tempfile.TemporaryDirectory() as tmp:
        def train(name, *options):
            path = os.path.join(tmp, name)
            subprocess.run([llmctl, "tokenize", "train", corpus, "-q", "-o", path, *options], check=True)
            return path

        def check(what, text, got, want):
            nonlocal off, cases
            z, ways = surprise(got, want)
            cases += 1
            bad = z > 5
            off += bad
            if bad:
                print(f"{what}: {text!r}: {z:.1f} standard deviations off, {ways} ways")

        json = train("b.json", "--vocab-size", "700", "--split", "gpt2")
        hf = tokenizers.Tokenizer.from_file(json)
        for p in (0.1, 0.5, 0.9):
            hf.model.dropout = p
            for text in texts:
                want = collections.Counter(" ".join(map(str, hf.encode(text).ids)) for _ in range(draws))
                check(f"HF dropout {p}", text, ours(llmctl, json, text, draws, seed, "--dropout", str(p)), want)
        for kind, extra in (("sp-bpe", ()), ("unigram", ()), ("sp-bpe", ("--byte-fallback",)), ("unigram", ("--byte-fallback",))):
            path = train("s.model", "--type", kind, "--vocab-size", "700", "--norm", "identity", *extra)
            sp = sentencepiece.SentencePieceProcessor(model_file=path)
            tries = [(-1, a) for a in ((0.1, 0.5, 0.9) if kind == "sp-bpe" else (0.2, 1.0, 2.0))]
            if kind == "unigram":
                tries += [(8, 0.3), (64, 0.1)]
            for n, alpha in tries:
                options = ["--dropout", str(alpha)] if kind == "sp-bpe" else ["--alpha", str(alpha)] + (["--nbest", str(n)] if n > 0 else [])
                for text in texts:
                    want = collections.Counter(" ".join(map(str, sp.encode(text, enable_sampling=True, alpha=alpha, nbest_size=n)))
                                               for _ in range(draws))
                    check(f"{kind} {' '.join(extra)} {' '.join(options)}", text, ours(llmctl, path, text, draws, seed, *options), want)
    print(f"{cases} texts, {draws} draws each, {off} differ")
    return 1 if off else 0


sys.exit(main())
