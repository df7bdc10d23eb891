#!/usr/bin/env python3
"""Writes core/token/unicode_tables.c from lists of code point ranges.

usage: gen-unicode.py CLASSES.json > core/token/unicode_tables.c

CLASSES.json maps a class name as written in a regex (\\p{L}, \\s ...) to
[[first, last], ...].  The committed tables hold Unicode 16.0, the version that
the regex engine behind tokenizer.json files (Oniguruma 6.9.10) uses.
"""
import json
import sys

FLAGS = [("\\p{L}", 1), ("\\p{N}", 2), ("\\s", 4), ("\\p{P}", 8), ("\\p{S}", 16),
         ("\\p{M}", 32), ("\\p{Lu}", 64), ("\\p{Lt}", 64), ("\\p{Ll}", 128)]
BLOCK = 128


def numbers(values, per_line=24):
    lines = []
    for i in range(0, len(values), per_line):
        lines.append("    " + ",".join(str(v) for v in values[i:i + per_line]) + ",")
    return "\n".join(lines)


def main():
    classes = json.load(open(sys.argv[1], encoding="utf-8"))
    flags = bytearray(0x110000)
    for name, flag in FLAGS:
        for first, last in classes[name]:
            for cp in range(first, last + 1):
                flags[cp] |= flag
    index, blocks = [], {}
    for i in range(0, len(flags), BLOCK):
        index.append(blocks.setdefault(bytes(flags[i:i + BLOCK]), len(blocks)))
    assert len(blocks) <= 256
    data = b"".join(blocks)
    print("/* Made by scripts/gen-unicode.py; Unicode 16.0. */\n"
          '#include "core/token/unicode.h"\n\n'
          "// clang-format off\n"
          f"const uint8_t uni_index[{len(index)}] = {{\n{numbers(index)}\n}};\n\n"
          f"const uint8_t uni_flags[{len(data)}] = {{\n{numbers(data)}\n}};\n"
          "// clang-format on")


main()
