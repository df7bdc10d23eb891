#!/usr/bin/env python3
"""Compares `llmctl tokenize inspect --explain TEXT --nbest N` with sentencepiece's
NBestEncodeAsIds() (sentencepiece must be installed; with its protobuf also models whose
scores are small integers, so that most ways have equal sums): the same ids in the same order.

usage: scripts/check-sp-nbest.py LLMCTL CORPUS.txt [COUNT [SEED]]
"""
import io
import json
import os
import random
import subprocess
import sys
import tempfile

import sentencepiece as spm
try:
    from sentencepiece import sentencepiece_model_pb2 as proto
except ImportError:
    proto = None

llmctl, corpus = sys.argv[1:3]
count, seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20, int(sys.argv[4]) if len(sys.argv) > 4 else 1
lines = [x for x in open(corpus, encoding="utf-8").read().split("\n") if x][:4000] + ["日本語のテキスト と 한국어", "naïve café", "привет мир"] * 20
bits = ["a", "the", "the ", " ", "é", "日本", "한", "1", "½", "▁", "hello world", "😀", "ab", "aaaa", "banana", ".", "q", "zz", "Straße"]


def model():
    flag = lambda p: random.random() < p
    o = {"model_type": "unigram", "vocab_size": random.choice((400, 600, 1500)), "hard_vocab_limit": False, "num_threads": 1, "minloglevel": 3,
         "character_coverage": random.choice((0.98, 1.0)), "byte_fallback": flag(0.4), "split_by_whitespace": flag(0.7), "add_dummy_prefix": flag(0.7)}
    if flag(0.5):
        o["user_defined_symbols"] = random.sample(["hello world", "the", "日本", "é", "aa"], random.randrange(1, 4))
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, **o)
    if not proto or flag(0.4):
        return out.getvalue()
    m = proto.ModelProto.FromString(out.getvalue())
    for p in m.pieces:
        if p.type == 1:
            p.score = random.choice((-1, -2, -3)) * random.choice((1, len(p.piece)))
        if p.type == 1 and len(p.piece) > 1 and flag(0.05):
            p.type = 5
    return m.SerializeToString()


def main():
    bad = compared = 0
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "x.model")
        for i in range(count):
            random.seed(f"{seed} {i}")
            data = model()
            open(path, "wb").write(data)
            sp = spm.SentencePieceProcessor(model_proto=data)
            for _ in range(40):
                text = random.choice(lines)[:60] if random.random() < 0.5 else "".join(random.choice(bits) for _ in range(random.randrange(1, 12)))
                n = random.choice((2, 5, 40, 300))
                want = sp.nbest_encode_as_ids(text, n)
                run = subprocess.run([llmctl, "tokenize", "inspect", path, "--explain", text, "--nbest", str(n), "--json"], capture_output=True, text=True)
                words = [s for s in json.loads(run.stdout)["steps"] if s["step"] == "word"] if run.returncode == 0 else None
                have = None if words is None else [w["ids"] for w in words[0]["ways"]] if words else [[]]
                compared += 1
                if have == want:
                    continue
                bad += 1
                if bad <= 5:
                    print(f"seed {seed} model {i} {text!r} {n}: {run.stderr.strip()}")
                    for k, (a, b) in enumerate(zip(have or [], want)):
                        if a != b:
                            print(f"  way {k + 1}: {a}, sentencepiece {b}")
                            break
                    else:
                        print(f"  {have and len(have)} ways, sentencepiece {len(want)}")
    print(f"{compared} texts, {bad} differ")
    return bad != 0


sys.exit(main())
