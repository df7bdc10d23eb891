#!/usr/bin/env python3
"""Compares the regular expressions of `llmctl tokenize` with those of Hugging Face's tokenizers (which must be
installed; it is needed for nothing else): properties of every character there is, then random expressions on random
texts.  The pieces of a Split step must be equal; an expression may be refused, with a reason, and refusals are counted.

usage: scripts/check-hf-regex.py LLMCTL [COUNT [SEED [FIRST]]]
"""
import collections
import json
import os
import random
import subprocess
import sys
import tempfile

os.environ["RUST_BACKTRACE"] = "0"
from tokenizers import Regex, pre_tokenizers

llmctl = sys.argv[1]
count, seed, begin = (int(sys.argv[i]) if len(sys.argv) > i else n for i, n in ((2, 500), (3, 1), (4, 0)))
SETS = ([r"\p{%s}" % p for p in """ASCII_Hex_Digit Assigned Case_Ignorable Cased Dash DI Diacritic Emoji Emoji_Component EMod EBase Emoji_Presentation ExtPict
    Extender Graph Gr_Base Gr_Ext Hex Hyphen ID_Continue ID_Start Ideographic Join_Control Lower Lowercase Math NChar Pattern_Syntax Pattern_White_Space Print
    Quotation_Mark Radical RI STerm Soft_Dotted Term Unified_Ideograph Upper Uppercase VS XID_Continue XID_Start Punct PosixPunct Punctuation Alnum Alpha
    Alphabetic Any ASCII Blank Cntrl Digit Newline Space Word White_Space XDigit L LC Lu Ll M N P S Z C Cn Han Hiragana Latin Common Inherited Emoji""".split()]
        + ["[[:%s:]]" % p for p in "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit".split()]
        + [r"\w", r"[\w]", r"\d", r"\s", r"\h", r"\R", r"\N", r"[[:^upper:]&&\p{L}]", r"(?i)[[:upper:]]", r"[^\p{Emoji}\p{L}]", r"\p{^Upper}", r"\P{Emoji}"])
chars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
bits = ["a", "a", "b", "b", "ab", "c", "A", "É", "é", "e\u0301", " ", " ", "  ", "\t", "\n", "\n", "\r\n", "\u3000", "\u00a0", "\u200b", "\u2028", "\x85", "1", "12", "123", "٣", "²", "½", "日",
        "本", "カ", "가", "각", "ᄀ", "ᅡ", "ᆨ", "ß", "ẞ", "ſ", "K", "İ", "ı", "ǅ", "ﬁ", "ﬃ", "ﬆ", "ΐ", "😀", "👨\u200d👩", "\u200d", "🇩", "🇪", "©", "\ufe0f", "\u0301", "\u0903", "\u0600", "\u0e33",
        "🏽", "'s", "'S", "s", "ss", "S", "st", "ffi", "f", "i", ".", ",", "?!", "$", "_", "#", "-", "<", "Ⅳ", "Ⓐ", "\x00", "\x7f", "\ufffd", "х", "م"]


def r(*choices):
    return random.choice(choices)


def members():
    some = [r("a", "b", "c", "s", "A", "1", " ", "é", "ß", r"\n", "a-c", "b-y", "A-Z", "0-9", "_", "日", r"\]", r"\-", r"\s", r"\d", r"\w", r"\S", r"\W", r"\h", r"\p{L}", r"\p{Lu}",
              r"\P{N}", r"\p{Emoji}", r"\p{Upper}", r"\p{Alphabetic}", r"\p{Han}", "[:upper:]", "[:lower:]", "[:punct:]", "[:^space:]", "[:graph:]", "[:print:]", r"\x{3b1}-\x{3c9}", r"\0")
            for _ in range(random.randrange(1, 4))]
    both = "&&" + members() if random.random() < 0.1 else ""
    return ("[^" if random.random() < 0.25 else "[") + "".join(some) + both + "]"


def leaf():
    k = random.random()
    if k < 0.4:
        return r("a", "b", "c", "a", "b", "s", "ss", "f", "fi", "st", "1", " ", "é", "ß", "日", "K", r"\.", "'", "_", "ﬁ", "\u0301")
    if k < 0.55:
        return members()
    if k < 0.56:
        return r"\K"
    if k < 0.58:
        return "(?#" + "".join(r("a", "[", "]", "(", "\\", "(?<n>", "(?(1)", "\\1", "\n", "#") for _ in range(random.randrange(4))) + ")"
    return r(".", r"\s", r"\S", r"\d", r"\w", r"\W", r"\h", r"\R", r"\R", r"\X", r"\X", r"\N", r"\O", "^", "$", r"\A", r"\z", r"\Z", r"\b", r"\B", r"\G", r"\p{L}", r"\p{Lu}", r"\p{Ll}", r"\p{N}", r"\p{P}",
             r"\p{M}", r"\P{L}", r"\p{Han}", r"\p{Latin}", r"\p{Emoji}", r"\p{ExtPict}", r"\p{Uppercase}", r"\p{Lowercase}", r"\p{Ideographic}", "[[:upper:]]", r"\x{1F600}", r"\u00e9", r"\n", r"\r\n")


def tree(depth, groups):
    """An expression; groups: how many that can be referred to stand in front."""
    k = random.random()
    if depth == 0 or k < 0.12:
        return r(r"\%d" % random.randrange(1, groups[0] + 1), leaf()) if groups[0] and random.random() < 0.3 else leaf()
    if k < 0.42:
        return "".join(tree(depth - 1, groups) for _ in range(random.randrange(2, 4)))
    if k < 0.55:
        return "(?:" + "|".join(tree(depth - 1, groups) for _ in range(r(2, 2, 3, 4))) + ")"
    if k < 0.8:
        quantity = r("*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,3}", "{2,}", "{,2}", "{1,2}?", "{0,2}", "{2}?", "{1,2}+")
        inside = tree(depth - 1, groups)
        return (inside if len(inside) == 1 or inside[0] == "\\" and len(inside) == 2 or inside[0] == "[" else "(?:" + inside + ")") + quantity
    if k < 0.82 and groups[0]:
        group, yes = random.randrange(1, groups[0] + 1), tree(depth - 1, groups)
        return f"(?({group}){yes}" + ("|" + tree(depth - 1, groups) if random.random() < 0.5 else "") + ")"
    if k < 0.9:
        return r("(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i:", "(?m:", "(?x: ", "(?x: #[(\\\n", "(?x:#]\n ") + tree(depth - 1, groups) + ")"
    first = groups[0]
    inside = tree(depth - 1, groups)
    if groups[0] > first:  # they are numbered from the outside
        return "(?:" + inside + ")"
    groups[0] += 1
    return "(" + inside + ")"


def pattern():
    whole = "|".join(tree(random.randrange(1, 5), groups) for groups in [[0]] for _ in range(r(1, 1, 2, 3)))
    return r("", "", "", "(?i)") + whole


def text():
    some = r(bits, bits, ["a", "b", "c", "ab", "\n", " ", "1"], ["s", "S", "ß", "ſ", "f", "i", "ﬁ", "ﬃ", "st", "ﬆ", "a", "ẞ"])
    return "".join(random.choice(some) for _ in range(random.randrange(16)))


def ours(expression, texts, work, behavior="isolated"):
    """The pieces of each text, or the reason why not."""
    j = {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None, "decoder": None, "truncation": None, "padding": None,
         "pre_tokenizer": {"type": "Split", "pattern": {"Regex": expression}, "behavior": behavior.capitalize(), "invert": False},
         "model": {"type": "WordLevel", "vocab": {"<u>": 0}, "unk_token": "<u>"}}
    path, docs = os.path.join(work, "t.json"), os.path.join(work, "docs.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(j, f)
    with open(docs, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": t}) + "\n" for t in texts)
    x = subprocess.run([llmctl, "tokenize", "encode", docs, "-t", path, "--jsonl", "--allow-special", "--limits", "--strict", "-q"], capture_output=True, text=True, timeout=600)
    if x.returncode:
        return x.stderr.strip()
    return [[tuple(o) for o in json.loads(line)["offsets"]] for line in x.stdout.split("\n")[:-1]]


def theirs(regex, texts, behavior="isolated"):
    """The same there; None where it takes too many steps."""
    split, out = pre_tokenizers.Split(regex, behavior), []
    for t in texts:
        try:
            out.append([o for _, o in split.pre_tokenize_str(t) if o[0] < o[1]])
        except BaseException:
            out.append(None)
    return out


def check_sets(work):
    """Of each set the runs of characters that are in it."""
    wrong, whole = 0, "".join(map(chr, chars))
    for s in SETS:
        regex = s.replace("(?i)", "(?i:", 1) + ")+" if s.startswith("(?i)") else s + "+"
        got, want = ours(regex, [whole], work, "removed"), theirs(Regex(regex), [whole], "removed")
        if got != want:
            wrong += 1
            print(f"    {s}: {got if isinstance(got, str) else [(hex(chars[x[0]]), hex(chars[x[1] - 1])) for x in sorted(set(got[0]) ^ set(want[0]))][:6]}")
    print(f"{len(SETS)} sets of characters, {wrong} differ")
    return wrong


def main():
    wrong, only_hf, compared, refusals = 0, 0, 0, collections.Counter()
    with tempfile.TemporaryDirectory() as work:
        if begin == 0:
            wrong += check_sets(work)
        for i in range(begin, begin + count):
            random.seed(seed * 1000003 + i)
            p = pattern()
            texts = [text() for _ in range(40)]
            try:
                regex = Regex(p)
            except BaseException:
                only_hf += 1
                continue
            got, want = ours(p, texts, work), theirs(regex, texts)
            if isinstance(got, str):
                refusals[got.split("': ")[-1].split(" at offset")[0] if "regular expression" in got else got] += 1
                continue
            compared += 1
            bad = [(t, g, w) for t, g, w in zip(texts, got, want) if g != w and w is not None]
            wrong += bool(bad)
            for t, g, w in bad[:1]:
                print(f"    {i}: {ascii(p)} on {ascii(t)}\n      got  {g}\n      want {w}")
    print(f"{compared} expressions compared, {wrong} differ, {only_hf} refused by Hugging Face; refused here:")
    for why, n in refusals.most_common():
        print(f"  {n:5} {why}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
