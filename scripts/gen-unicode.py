#!/usr/bin/env python3
"""Writes core/token/uni_tables.c, all that is known of characters there.

usage: gen-unicode.py CLASSES.json SCRIPTS.json > core/token/uni_tables.c

CLASSES.json maps class names to [[first, last], ...]: the general categories as
in a regex (\\p{Lu} ...) and [[:alpha:]] of Unicode 16.0, the version of the
regex engine behind tokenizer.json files (Oniguruma 6.9.10), and the sets that
the steps of such files use, which stem from older versions of Unicode:
bert_punct, bert_mark, bert_clean, mark, numeric, word.  SCRIPTS.json maps names
of scripts to ranges.
"""
import json
import sys

CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf "
              "Co Cs").split()
# unicode.h: the flags that splitting asks for follow from the category, but for white space.
CLASS_OF = {"L": 1, "N": 2, "Z": 4, "P": 8, "S": 16, "M": 32}
CLASS_MORE = {"Lu": 64, "Lt": 64, "Ll": 128}
CONTROL_SPACES = (9, 10, 11, 12, 13, 0x85)
FLAGS = [("bert_punct", 1), ("bert_mark", 2), ("bert_clean", 4), ("mark", 8), ("numeric", 16),
         ("word", 32), ("[[:alpha:]]", 64)]


def numbers(values, per_line=32):
    lines = []
    for i in range(0, len(values), per_line):
        lines.append("    " + ",".join(str(v) for v in values[i:i + per_line]) + ",")
    return "\n".join(lines)


def table(index_name, data_name, values, block):
    index, blocks = [], {}
    for i in range(0, len(values), block):
        index.append(blocks.setdefault(bytes(values[i:i + block]), len(blocks)))
    assert len(blocks) <= 256
    data = b"".join(blocks)
    return (f"const uint8_t {index_name}[{len(index)}] = {{\n{numbers(index)}\n}};\n\n"
            f"const uint8_t {data_name}[{len(data)}] = {{\n{numbers(data)}\n}};\n\n")


def fill(values, ranges, bits):
    for first, last in ranges:
        for cp in range(first, last + 1):
            values[cp] |= bits


def class_of(category):
    name = CATEGORIES[category]
    return (CLASS_OF.get(name[0], 0) if name not in ("Cn", "Cc", "Cf", "Co", "Cs") else 0) | CLASS_MORE.get(name, 0)


def main():
    classes = json.load(open(sys.argv[1], encoding="utf-8"))
    scripts = json.load(open(sys.argv[2], encoding="utf-8"))
    category, extra = bytearray(0x110000), bytearray(0x110000)
    for i, name in enumerate(CATEGORIES):
        fill(category, classes.get("\\p{%s}" % name, []), i)
    fill(category, [[0xD800, 0xDFFF]], CATEGORIES.index("Cs"))
    by_category = [class_of(i) for i in range(len(CATEGORIES))]
    flags = bytearray(by_category[c] for c in category)
    for cp in CONTROL_SPACES:
        flags[cp] |= CLASS_OF["Z"]
    for name, bit in FLAGS:
        fill(extra, classes[name], bit)
    names = sorted(scripts)
    spans = sorted((a, b, i) for i, n in enumerate(names) for a, b in scripts[n])
    print("/* Made by scripts/gen-unicode.py. */\n"
          '#include "core/token/uni_props.h"\n'
          '#include "core/token/unicode.h"\n\n'
          "// clang-format off\n" + table("uni_index", "uni_flags", flags, 128) +
          table("uni_category_index", "uni_category_data", category, 256) +
          table("uni_extra_index", "uni_extra_data", extra, 256) +
          f"const char *const uni_script_names[{len(names)} + 1] = {{\n" +
          "".join(f'    "{n}",\n' for n in names) + "    0,\n};\n\n"
          f"const struct uni_script_span uni_script_spans[] = {{")
    for i in range(0, len(spans), 6):
        print("    " + " ".join("{0x%X,0x%X,%d}," % s for s in spans[i:i + 6]))
    print(f"}};\nconst int uni_n_script_spans = {len(spans)};\n// clang-format on")


main()
