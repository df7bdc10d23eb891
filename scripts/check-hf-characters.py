#!/usr/bin/env python3
"""Compares `llmctl tokenize` with Hugging Face's tokenizers (which must be installed; it is
needed for nothing else) on every character there is, for what depends on the age of tables:
normalizers, of each character alone and between marks that change places, and words that
end beside an added token with single_word.

usage: scripts/check-hf-characters.py LLMCTL
"""
import json
import os
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

llmctl = sys.argv[1]
plain = [b for b in range(33, 256) if b < 127 or (b > 160 and b != 173)]
rest = [b for b in range(256) if b not in plain]
spelled = {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}
chars = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
marked = ["a\u0301" + c + "\u0323" for c in chars]
bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
normalizers = [{"type": k} for k in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt")] + [bert, {**bert, "strip_accents": False, "lowercase": False}]


def config(normalizer, added):
    """Bytes without merges: ids spell the normal form."""
    return {"added_tokens": added, "normalizer": normalizer, "model": {"type": "BPE", "vocab": {s: b for b, s in spelled.items()}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}}


def encoded(j, texts, work):
    path, docs = os.path.join(work, "t.json"), os.path.join(work, "docs.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(j, f)
    with open(docs, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": t}) + "\n" for t in texts)
    out = subprocess.run([llmctl, "tokenize", "encode", docs, "-t", path, "--ids", "--allow-special", "-q"], capture_output=True, text=True, check=True)
    return [[int(i) for i in line.split()] for line in out.stdout.split("\n")[:-1]]


def report(what, texts, got, want):
    bad = [(t, g, w) for t, g, w in zip(texts, got, want) if g != w]
    print(f"{what}: {len(texts)} texts, {len(bad)} differ")
    for t, g, w in bad[:5]:
        print(f"    {ascii(t)}: {ascii(g)}, not {ascii(w)}")
    return len(bad) + (len(got) != len(texts))


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        for n in normalizers:
            normal = Tokenizer.from_str(json.dumps(config(n, []))).normalizer
            for texts in [chars] + [marked] * n["type"].startswith("NF"):
                got = [bytes(ids).decode("utf-8", "replace") for ids in encoded(config(n, []), texts, work)]
                wrong += report(json.dumps(n), texts, got, [normal.normalize_str(t) for t in texts])
        j = config(None, [{"id": 256, "content": "<x>", "single_word": True, "lstrip": False, "rstrip": False, "normalized": False, "special": True}])
        t = Tokenizer.from_str(json.dumps(j))
        for texts in ([c + "<x>" for c in chars], ["<x>" + c for c in chars]):
            wrong += report("single_word", texts, encoded(j, texts, work), [t.encode(x).ids for x in texts])
    return 1 if wrong else 0


sys.exit(main())
