#!/usr/bin/env python3
"""Writes core/token/uni_props.c from lists of code point ranges.

usage: gen-unicode-props.py CLASSES.json SCRIPTS.json > core/token/uni_props.c

CLASSES.json maps class names to [[first, last], ...]: the general categories as
in a regex (\\p{Lu} ...) and [[:alpha:]] of Unicode 16.0, and the sets that the
steps of tokenizer.json files use, which stem from older versions of Unicode:
bert_punct, bert_mark, bert_clean, mark, numeric, word.  SCRIPTS.json maps names
of scripts to ranges.
"""
import json
import sys

CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf "
              "Co Cs").split()
FLAGS = [("bert_punct", 1), ("bert_mark", 2), ("bert_clean", 4), ("mark", 8), ("numeric", 16),
         ("word", 32), ("[[:alpha:]]", 64)]
BLOCK = 256


def numbers(values, per_line=24):
    lines = []
    for i in range(0, len(values), per_line):
        lines.append("    " + ",".join(str(v) for v in values[i:i + per_line]) + ",")
    return "\n".join(lines)


def table(name, values):
    index, blocks = [], {}
    for i in range(0, len(values), BLOCK):
        index.append(blocks.setdefault(bytes(values[i:i + BLOCK]), len(blocks)))
    assert len(blocks) <= 256
    data = b"".join(blocks)
    return (f"const uint8_t uni_{name}_index[{len(index)}] = {{\n{numbers(index)}\n}};\n\n"
            f"const uint8_t uni_{name}_data[{len(data)}] = {{\n{numbers(data)}\n}};\n\n")


def fill(values, ranges, bits):
    for first, last in ranges:
        for cp in range(first, last + 1):
            values[cp] |= bits


def main():
    classes = json.load(open(sys.argv[1], encoding="utf-8"))
    scripts = json.load(open(sys.argv[2], encoding="utf-8"))
    category, extra = bytearray(0x110000), bytearray(0x110000)
    for i, name in enumerate(CATEGORIES):
        fill(category, classes.get("\\p{%s}" % name, []), i)
    fill(category, [[0xD800, 0xDFFF]], CATEGORIES.index("Cs"))
    for name, bit in FLAGS:
        fill(extra, classes[name], bit)
    names = sorted(scripts)
    spans = sorted((a, b, i) for i, n in enumerate(names) for a, b in scripts[n])
    print("/* Made by scripts/gen-unicode-props.py. */\n"
          '#include "core/token/uni_props.h"\n\n'
          "// clang-format off\n" + table("category", category) + table("extra", extra) +
          f"const char *const uni_script_names[{len(names)} + 1] = {{\n" +
          "".join(f'    "{n}",\n' for n in names) + "    0,\n};\n\n"
          f"const struct uni_script_span uni_script_spans[] = {{")
    for i in range(0, len(spans), 6):
        print("    " + " ".join("{0x%X,0x%X,%d}," % s for s in spans[i:i + 6]))
    print(f"}};\nconst int uni_n_script_spans = {len(spans)};\n// clang-format on")


main()
