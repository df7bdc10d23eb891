#!/usr/bin/env python3
"""Compares `llmctl tokenize encode --jsonl` with Hugging Face's tokenizers, which
must be installed (it is needed for nothing else): ids, type ids, offsets in
characters, sequence ids and attention masks, of one text and of two, with
templates, truncation and padding of every kind.

usage: scripts/check-hf-encode.py LLMCTL TEXTS.jsonl TOKENIZER.json...

TEXTS.jsonl: objects with "text".
"""
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

llmctl, texts_path, files = sys.argv[1], sys.argv[2], sys.argv[3:]
texts = [json.loads(line)["text"] for line in open(texts_path, encoding="utf-8") if '"text"' in line]
texts = [t for t in texts if len(t) < 3000 and not any(0xD800 <= ord(c) < 0xE000 for c in t)]


def template(a, b):
    """A TemplateProcessing over the tokens with ids a and b."""
    def tok(name, kind):
        return {"SpecialToken": {"id": name, "type_id": kind}}

    def seq(name, kind):
        return {"Sequence": {"id": name, "type_id": kind}}
    return {"type": "TemplateProcessing",
            "single": [tok("x", 0), seq("A", 0), tok("y", 2)],
            "pair": [tok("x", 0), seq("B", 3), tok("y", 1), tok("y", 1), seq("A", 0), tok("x", 4)],
            "special_tokens": {"x": {"id": "x", "ids": [a, b], "tokens": ["x1", "x2"]},
                               "y": {"id": "y", "ids": [b], "tokens": ["y"]}}}


def variants(j):
    """The file itself, then with other post-processors, truncations and paddings."""
    yield "as it is", j
    a, b = 0, 1
    posts = {"none": None, "template": template(a, b),
             "bert": {"type": "BertProcessing", "sep": ["s", b], "cls": ["c", a]},
             "roberta": {"type": "RobertaProcessing", "sep": ["s", b], "cls": ["c", a], "trim_offsets": True,
                         "add_prefix_space": False},
             "bytes, template": {"type": "Sequence", "processors": [
                 {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                 template(a, b)]}}
    for name, post in posts.items():
        for limits in range(7):
            v = copy.copy(j)
            v["post_processor"] = post
            cut = {"direction": random.choice(["Left", "Right"]), "max_length": random.choice([0, 1, 4, 7, 12, 30]),
                   "strategy": random.choice(["LongestFirst", "LongestFirst", "OnlyFirst", "OnlySecond"]), "stride": 0}
            fill = {"strategy": random.choice(["BatchLongest", {"Fixed": 20}]),
                    "direction": random.choice(["Left", "Right"]),
                    "pad_to_multiple_of": random.choice([None, 8]), "pad_id": 3, "pad_type_id": 5, "pad_token": "P"}
            v["truncation"] = cut if limits % 2 or limits == 6 else None
            if v["truncation"] and name != "none" and cut["max_length"] < 7:
                v["truncation"]["max_length"] = 9  # HF subtracts the template from it, unchecked
            v["padding"] = fill if limits // 2 % 2 or limits == 6 else None
            yield f"{name} {v['truncation']} {v['padding']}", v


def expected(t, text, pair, special):
    try:
        e = t.encode(text, pair, add_special_tokens=special)
    except BaseException as x:  # truncation that cannot be
        return str(x)
    return {"ids": e.ids, "type_ids": e.type_ids, "offsets": [list(o) for o in e.offsets],
            "sequence_ids": e.sequence_ids, "attention_mask": e.attention_mask}


def check(path, docs, special, work):
    t = Tokenizer.from_file(path)
    want = [expected(t, d["text"], d.get("text_pair"), special) for d in docs]
    inputs = os.path.join(work, "docs.jsonl")
    with open(inputs, "w", encoding="utf-8") as f:
        for d in docs:
            f.write(json.dumps(d) + "\n")
    args = [llmctl, "tokenize", "encode", inputs, "-t", path, "--jsonl", "--pair-field", "text_pair", "--allow-special",
            "--limits", "-q", "--out", os.path.join(work, "out.jsonl")]
    r = subprocess.run(args + (["--template"] if special else []), capture_output=True, text=True)
    good = [w for w in want if isinstance(w, dict)]
    if r.returncode:
        return 0 if not good else (print("   ", r.stderr.strip()), 1)[1]
    got = [json.loads(line) for line in open(os.path.join(work, "out.jsonl"), encoding="utf-8")]
    bad = 0 if len(got) == len(good) else 1
    if bad:
        print(f"    {len(got)} documents, not {len(good)}")
    k = 0
    for d, w in zip(docs, want):
        if not isinstance(w, dict):
            continue
        # Without a template HF says that padding is from the first text.
        got[k]["sequence_ids"] = [s if m else None for s, m in zip(got[k]["sequence_ids"], w["attention_mask"])]
        w["sequence_ids"] = [s if m else None for s, m in zip(w["sequence_ids"], w["attention_mask"])]
        for key in w:
            if not bad and got[k][key] != w[key]:
                print(f"    {key}: {d}\n      got  {got[k][key]}\n      want {w[key]}")
                bad += 1
        k += 1
    return bad


def main():
    random.seed(7)
    wrong = n = 0
    with tempfile.TemporaryDirectory() as work:
        for file in files:
            j = json.load(open(file, encoding="utf-8"))
            for name, v in variants(j):
                docs = [{"text": random.choice(texts)} for _ in range(40)]
                docs += [{"text": random.choice(texts), "text_pair": random.choice(texts)} for _ in range(80)]
                path = os.path.join(work, "t.json")
                json.dump(v, open(path, "w", encoding="utf-8"))
                for special in (False, True):
                    bad = check(path, docs, special, work)
                    if bad:
                        print(f"differs: {file}, {name}, special tokens {special}")
                    wrong += bad
                    n += 1
    print(f"{n} cases, {wrong} differ")
    return 1 if wrong else 0


sys.exit(main())
