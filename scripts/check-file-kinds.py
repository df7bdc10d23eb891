#!/usr/bin/env python3
"""Writes tokenizers as every kind of file that `llmctl tokenize convert` has a name for, and
compares what the written file gives with the first: ids with special tokens and template,
spans, decoded text, on nasty texts.  What a kind cannot hold is refused, and counted.

usage: scripts/check-file-kinds.py LLMCTL TEXTS.jsonl TOKENIZER...
"""
import collections
import json
import os
import random
import subprocess
import sys
import tempfile

llmctl, texts_path, files = sys.argv[1], sys.argv[2], sys.argv[3:]
random.seed(1)
texts = [json.loads(line)["text"] for line in open(texts_path, encoding="utf-8") if '"text"' in line]
texts = [t for t in texts if len(t) < 2000 and not any(0xD800 <= ord(c) < 0xE000 for c in t)]
texts += [" ".join(random.sample(texts, 3)) for _ in range(30)] + ["<s>a</s>", "[CLS] x [SEP]", "<|endoftext|>y", "a\nb\n\n c\t"]
kinds = ["tokenizer.json", "t.model", "t.tiktoken", "t.gguf", "tekken.json", "vocab.txt", "vocab.json"]


def run(*args):
    return subprocess.run([llmctl, "tokenize", *args, "-q"], capture_output=True)


def results(path, inputs, marks):
    """What the tokenizer makes of all texts, None where it fails."""
    out = []
    for args in [["--ids"], ["--ids", "--template", "--allow-special"], ["--jsonl", "--template"]] if marks else [["--ids"]]:
        x = run("encode", inputs, "-t", path, *args)
        if x.returncode:
            return x.stderr.decode().strip()
        lines = x.stdout.decode().split("\n")[:-1]
        if "--jsonl" in args:
            lines = [[v[k] for k in ("ids", "offsets", "type_ids")] for v in map(json.loads, lines)]
        out.append(lines)
    ids = " ".join(" ".join(out[0]).split()[:3000])
    x = subprocess.run([llmctl, "tokenize", "decode", "-t", path, "--lossy"], input=ids.encode(), capture_output=True)
    return out + [x.stdout]


def main():
    wrong, written, refused = 0, collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as work:
        inputs = os.path.join(work, "in.jsonl")
        with open(inputs, "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"text": t}) + "\n" for t in texts)
        for source in files:
            want = {}
            for kind in kinds:
                target = os.path.join(work, kind)
                for name in os.listdir(work):
                    if name != "in.jsonl":
                        os.remove(os.path.join(work, name))
                x = run("convert", source, "-o", target)
                if x.returncode:
                    if x.returncode != 65 or x.stderr.count(b"\n") != 1:
                        print(f"{source} -> {kind}: status {x.returncode} {x.stderr.decode()}")
                        wrong += 1
                    refused[kind] += 1
                    continue
                # Ranks and GGUF say nothing of spans; a .tiktoken file nothing of its split.
                marks = kind not in ("t.tiktoken", "t.gguf")
                if marks not in want:
                    want[marks] = results(source, inputs, marks)
                if kind == "t.tiktoken":
                    info = run("inspect", source, "--json")
                    split = json.loads(info.stdout).get("split", "")
                    if split in ("", "steps"):
                        continue
                    target += ":" + split
                got = results(target, inputs, marks)
                written[kind] += 1
                if got != want[marks]:
                    wrong += 1
                    print(f"{source} -> {kind} differs")
                    for a, b in zip(want[marks], got) if isinstance(got, list) and isinstance(want[marks], list) else []:
                        for t, p, q in zip(texts, a, b) if isinstance(a, list) else []:
                            if p != q:
                                print(f"    {t[:60]!r}\n      {str(p)[:200]}\n      {str(q)[:200]}")
                                break
    print(f"{len(files)} tokenizers, {wrong} differ; written {dict(written)}, refused {dict(refused)}")
    return 1 if wrong else 0


sys.exit(main())
