#!/usr/bin/env python3
"""Injects duplicates of known kinds into a corpus, always the same for the same
input: for measuring what a deduplicator finds.

usage: make-duplicates.py IN.jsonl OUT.jsonl TRUTH.jsonl [PER_KIND]

Takes documents of 60 words or more from IN, writes them and PER_KIND (100)
changed copies of each kind, in an order that mixes both; TRUTH has a line a
copy: {"copy", "of", "kind", "jaccard"}, the similarity of their sets of five
words in a row (lower case, without punctuation and accents, numbers alike)."""
import json
import random
import re
import sys
import unicodedata


UNPARTED = "\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U00031fff"


def words(text):
    text = unicodedata.normalize("NFD", text.lower())
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    text = re.sub(r"\d+([.,]\d+)?", "0", text)
    text = re.sub(f"([{UNPARTED}])", r" \1", text)  # scripts without blanks: each character a word
    return re.findall(r"[^\W_]+", text)


def shingles(text, n=5):
    w = words(text)
    return {tuple(w[i : i + n]) for i in range(max(1, len(w) - n + 1))}


def jaccard(a, b):
    a, b = shingles(a), shingles(b)
    return len(a & b) / len(a | b)


def edit(text, share, rng):
    parts = re.split(r"(\s+)", text)
    at = [i for i in range(0, len(parts), 2) if parts[i]]
    for i in rng.sample(at, max(1, round(len(at) * share))):
        how = rng.randrange(3)
        if how == 0:
            parts[i] = ""
        elif how == 1:
            parts[i] += " " + parts[rng.choice(at)]
        else:
            parts[i] = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(5))
    return "".join(parts)


def spaced(text, rng):
    text = "".join(c.upper() if rng.random() < 0.3 else c for c in text)
    return re.sub(r"[ \n]", lambda m: rng.choice([" ", "  ", "\r\n", "\t"]), text)


def punctuated(text, rng):
    text = re.sub(r"\d+", lambda m: str(rng.randrange(1, 9999)), text)
    return re.sub(r"[.,;:]", lambda m: rng.choice(["!", " -", "", ";"]), text)


def wrapped(text, rng):
    head = "Home | About us | Contact | Sign in\nYou are reading page %d of our archive.\n\n"
    foot = "\n\nCopyright %d, all rights reserved. Share this page with your friends."
    return head % rng.randrange(999) + text + foot % rng.randrange(1990, 2030)


def half(text, rng):
    w = text.split(" ")
    keep = len(w) * rng.randrange(45, 90) // 100
    return " ".join(w[:keep] if rng.random() < 0.5 else w[-keep:])


KINDS = {
    "exact": lambda t, r: t,
    "case and space": spaced,
    "punctuation and numbers": punctuated,
    "edits 1 %": lambda t, r: edit(t, 0.01, r),
    "edits 3 %": lambda t, r: edit(t, 0.03, r),
    "edits 6 %": lambda t, r: edit(t, 0.06, r),
    "edits 10 %": lambda t, r: edit(t, 0.10, r),
    "edits 15 %": lambda t, r: edit(t, 0.15, r),
    "boilerplate": wrapped,
    "half": half,
}


def main():
    source, out, truth = sys.argv[1:4]
    per_kind = int(sys.argv[4]) if len(sys.argv) > 4 else 100
    rng = random.Random(1)
    docs = []
    with open(source, encoding="utf-8") as f:
        for line in f:
            text = json.loads(line)["text"]
            if 60 <= len(words(text)) <= 5000:
                docs.append((f"d{len(docs)}", text))
    need = per_kind * len(KINDS)
    if len(docs) < need:
        sys.exit(f"{source}: {len(docs)} documents of 60 words or more, want {need}")
    originals = rng.sample(docs, need)
    copies = []
    with open(truth, "w", encoding="utf-8") as f:
        for i, (name, text) in enumerate(originals):
            kind = list(KINDS)[i % len(KINDS)]
            made = KINDS[kind](text, rng)
            copies.append((f"{name}-copy", made))
            row = {"copy": f"{name}-copy", "of": name, "kind": kind, "jaccard": jaccard(text, made)}
            f.write(json.dumps(row) + "\n")
    everything = docs + copies
    rng.shuffle(everything)
    with open(out, "w", encoding="utf-8") as f:
        for name, text in everything:
            f.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")


main()
