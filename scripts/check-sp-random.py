#!/usr/bin/env python3
"""Compares `llmctl tokenize` with sentencepiece (which must be installed; it is needed
for nothing else) on models that it trains with random options, and whose fields are
changed at random, on nasty texts: ids with and without spans, spans in bytes,
decoded text of these ids and of random ones.

usage: scripts/check-sp-random.py LLMCTL CORPUS.txt TEXTS.jsonl [COUNT [SEED]]
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

llmctl, corpus, texts_path = sys.argv[1:4]
count, seed = int(sys.argv[4]) if len(sys.argv) > 4 else 40, int(sys.argv[5]) if len(sys.argv) > 5 else 1
lines = open(corpus, encoding="utf-8").read().split("\n")
lines = [x for x in lines if x][:4000] + ["日本語のテキスト と 한국어", "naïve café über 1,000 ½ ﬁ", "привет мир", "x = foo(bar); // 10  20"] * 20
texts = [json.loads(x)["text"] for x in open(texts_path, encoding="utf-8") if '"text"' in x]
texts = [t for t in texts if len(t) < 400 and "\0" not in t and not any(0xD800 <= ord(c) < 0xE000 for c in t)]
bits = ["a", "the", "the ", " ", "  ", "\t", "\n", "\r\n", "\u3000", "\u00a0", "\u200b", "é", "e\u0301", "日本", "テ", "한", "1", "12", "½", "ﬁ", "▁", "▁▁", "<s>", "</s>", "<unk>",
        "<user>", "<ctl>", "hello world", "😀", "\u0301", ".", ",", "--", "ſ", "K", "<0x41>", "ｶﾞ", "…", "q", "zz"]


def r(*choices):
    return random.choice(choices)


def flag(p=0.5):
    return random.random() < p


def text():
    if flag(0.4):
        return random.choice(texts)
    return "".join(random.choice(bits) for _ in range(random.randrange(25)))


def options():
    kind = r("unigram", "unigram", "bpe", "bpe", "char", "word")
    o = {"model_type": kind, "vocab_size": r(300, 700, 1500), "hard_vocab_limit": False, "character_coverage": r(0.98, 0.9995, 1.0), "normalization_rule_name":
         r("nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf", "identity"), "add_dummy_prefix": flag(0.7), "remove_extra_whitespaces": flag(0.6), "num_threads": 1, "minloglevel": 3}
    if kind in ("unigram", "bpe"):
        o.update({"byte_fallback": flag(0.4), "split_digits": flag(0.3), "split_by_whitespace": flag(0.8), "split_by_unicode_script": flag(0.8), "split_by_number": flag(0.7),
                  "treat_whitespace_as_suffix": flag(0.3), "allow_whitespace_only_pieces": flag(0.3)})
    if flag(0.5):
        o["user_defined_symbols"] = random.sample(["<user>", "hello world", "the", "▁▁", "日", "1", "\n", "é"], random.randrange(1, 5))
    if flag(0.5):
        o["control_symbols"] = random.sample(["<ctl>", "[CLS]"], random.randrange(1, 3))
    if flag(0.3):
        o.update({"bos_id": -1} if flag() else {"pad_id": 3})
    return o


def change(data):
    """Fields that the trainer does not set."""
    if not proto or flag(0.6):
        return data
    m = proto.ModelProto()
    m.ParseFromString(data)
    if flag(0.3):
        m.normalizer_spec.escape_whitespaces = flag()
    normal = [p for p in m.pieces if p.type == 1]
    if flag(0.5):
        for p in random.sample(normal, min(len(normal), 5)):
            p.type = 5  # unused
    if flag(0.3):
        for p in random.sample(normal, min(len(normal), 20)):
            p.score = r(-1.0, -2.5, normal[0].score)
    if flag(0.3):
        m.trainer_spec.unk_surface = r("?", " ?? ")
    return m.SerializeToString()


def run(*args, stdin=None):
    return subprocess.run([llmctl, "tokenize", *args, "-q"], input=stdin, capture_output=True)


def check(data, work):
    path, inputs, out = (os.path.join(work, x) for x in ("t.model", "in.jsonl", "out.jsonl"))
    with open(path, "wb") as f:
        f.write(data)
    sp = spm.SentencePieceProcessor(model_proto=data)
    docs = [text() for _ in range(60)]
    docs += [r("\n", " ", "\n\n").join(random.sample(docs, 6)) for _ in range(6)]
    with open(inputs, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": d}) + "\n" for d in docs)
    x = run("encode", inputs, "-t", path, "--jsonl", "--out", out, "--strict")
    if x.returncode:
        return print("   ", x.returncode, x.stderr.decode()) or 1
    slow = [json.loads(line) for line in open(out, encoding="utf-8").read().split("\n")[:-1]]
    x = run("encode", inputs, "-t", path, "--ids", "--out", out, "--strict")
    fast = [[int(i) for i in line.split()] for line in open(out, encoding="utf-8").read().split("\n")[:-1]]
    for d, a, b in zip(docs, slow, fast):
        want = sp.encode(d, return_type="proto")
        ids, spans = [p.id for p in want.pieces], [[p.begin, p.end] for p in want.pieces]
        for key, got, w in (("ids", a["ids"], ids), ("ids alone", b, ids), ("byte_offsets", a["byte_offsets"], spans)):
            if got != w:
                return print(f"    {key} {d!r}\n      got  {got}\n      want {w}\n      pieces {[p.piece for p in want.pieces]}") or 1
    for i in range(6):
        ids = fast[i] if i < 3 else [random.randrange(sp.get_piece_size()) for _ in range(15)]
        want = sp.decode(ids)
        x = run("decode", "-t", path, stdin=" ".join(map(str, ids)).encode())
        got = x.stdout.decode() if x.returncode == 0 else x.stderr.decode()
        if got not in (want, want + "\n"):
            return print(f"    decode {ids} {[sp.id_to_piece(i) for i in ids]}\n      got  {got!r}\n      want {want!r}") or 1
    return 0


def main():
    wrong = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for i in range(count):
            random.seed(seed * 1000003 + i)
            o, model = options(), io.BytesIO()
            try:
                spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, **o)
                data = change(model.getvalue())
            except Exception:
                failed += 1
                continue
            if check(data, work):
                wrong += 1
                print(f"differs: {i} {json.dumps(o, ensure_ascii=False)}\n", flush=True)
                if os.environ.get("KEEP"):
                    os.system(f"cp {work}/t.model {os.environ['KEEP']}/t{i}.model")
    print(f"{count} models, {failed} not trained, {wrong} differ" + ("" if proto else "; no protobuf: fields were not changed"))
    return 1 if wrong else 0


sys.exit(main())
