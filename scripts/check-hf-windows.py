#!/usr/bin/env python3
"""Compares `llmctl tokenize encode --windows` with the overflowing tokens of HF
tokenizers: one text and two, cut at either end, with and without template, padding
and stride; ids, types, offsets of each window in order.

usage: scripts/check-hf-windows.py LLMCTL TEXTS.jsonl TOKENIZER.json...
"""
import json
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

llmctl, texts, files = sys.argv[1], sys.argv[2], sys.argv[3:]
docs = [json.loads(line)["text"][:400] for line in open(texts, encoding="utf-8")][:120]
rng = random.Random(1)
pairs = [(d, rng.choice(docs)[:40]) for d in docs]
total = bad = 0
for path in files:
    for pair in (False, True):
        for _ in range(6):
            template, left = rng.random() < 0.5, rng.random() < 0.3
            most, cut = rng.choice((24, 40, 64)), rng.choice(("first", "second")) if pair else "longest"
            stride, pad = rng.choice((0, 3, 7)), rng.random() < 0.3
            hf = Tokenizer.from_file(path)
            hf.enable_truncation(most, stride=stride, strategy={"first": "only_first", "second": "only_second", "longest": "longest_first"}[cut],
                                 direction="left" if left else "right")
            hf.no_padding()
            if pad:
                hf.enable_padding(pad_id=0, pad_token=hf.id_to_token(0), length=most)
            args = [llmctl, "tokenize", "encode", "-t", path, "--jsonl", "-q", "--allow-special", "--windows", "--max-length", str(most), "--stride", str(stride)]
            args += ["--template"] * template + ["--keep-end"] * left + ["--pad", hf.id_to_token(0)] * pad
            if pair:
                args += ["--pair-field", "b", "--cut", cut]
            want, lines = [], []
            for a, b in pairs:
                try:
                    e = hf.encode(a, b, add_special_tokens=template) if pair else hf.encode(a, add_special_tokens=template)
                except BaseException:  # what it refuses or panics at
                    continue
                lines.append(json.dumps({"text": a, "b": b} if pair else {"text": a}) + "\n")
                want.append([(x.ids, x.type_ids, list(x.offsets)) for x in [e] + list(e.overflowing)])
            with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
                f.write("".join(lines))
                f.flush()
                run = subprocess.run(args + [f.name], capture_output=True, text=True)
            got = []
            for x in map(json.loads, run.stdout.split("\n")[:-1]):
                if x["window"] == 0:
                    got.append([])
                got[-1].append((x["ids"], x["type_ids"], [tuple(o) for o in x["offsets"]]))
            differ = sum(x != y for x, y in zip(got, want)) + abs(len(got) - len(want))
            total += len(want)
            bad += differ
            if differ:
                print(path, args[4:], f"{differ} of {len(want)} differ, {len(got)} encoded", run.stderr[:200])
                print(*[(y, x) for x, y in zip(got, want) if x != y][:1], sep="\n")
print(f"{total} encodings, {bad} differ")
sys.exit(1 if bad else 0)
