#!/usr/bin/env python3
"""Writes data/words_uax29_table.c from the Unicode Character Database.

usage: gen-wordbreak.py /usr/share/unicode > data/words_uax29_table.c

The directory is that of Debian's package unicode-data: it holds
auxiliary/WordBreakProperty.txt and emoji/emoji-data.txt.
"""
import re
import sys

CLASSES = {"CR": "CR", "LF": "LF", "Newline": "NEWLINE", "Extend": "EXTEND", "ZWJ": "ZWJ", "Format": "FORMAT",
           "Regional_Indicator": "REGIONAL", "Katakana": "KATAKANA", "Hebrew_Letter": "HEBREW", "ALetter": "LETTER",
           "Single_Quote": "QUOTE", "Double_Quote": "QUOTES", "MidNumLet": "MIDNUMLET", "MidLetter": "MIDLETTER",
           "MidNum": "MIDNUM", "Numeric": "NUMERIC", "ExtendNumLet": "EXTENDNUMLET", "WSegSpace": "SPACE"}


def rows(path, wanted):
    version = ""
    for line in open(path, encoding="utf-8"):
        found = re.search(r"-(\d+\.\d+)\.\d+\.txt", line)
        version = version or (found.group(1) if found else "")
        field = line.split("#")[0].split(";")
        if len(field) < 2 or field[1].strip() not in wanted:
            continue
        ends = [int(x, 16) for x in field[0].strip().split("..")]
        yield ends[0], ends[-1], field[1].strip(), version


def main():
    base = sys.argv[1]
    table, pictures, version = [], [], "?"
    for first, last, name, version in rows(base + "/auxiliary/WordBreakProperty.txt", CLASSES):
        table.append((first, last, CLASSES[name]))
    for first, last, _, _ in rows(base + "/emoji/emoji-data.txt", {"Extended_Pictographic"}):
        pictures.append((first, last))
    table.sort()
    merged = []
    for first, last, name in table:
        if merged and merged[-1][2] == name and merged[-1][1] + 1 == first:
            merged[-1][1] = last
        else:
            merged.append([first, last, name])
    print(f"/* Made by scripts/gen-wordbreak.py; Unicode {version}. */\n"
          '#include "data/words_uax29.h"\n\n// clang-format off\n'
          f"const struct uax29_range uax29_ranges[] = {{")
    line = "   "
    for first, last, name in merged:
        item = f" {{{first:#x},{last:#x},WB_{name}}},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line + "\n};\nconst size_t uax29_n_ranges = sizeof uax29_ranges / sizeof *uax29_ranges;\n\n"
          "/* Extended_Pictographic: a class of its own only behind a zero width joiner. */\n"
          "const uint32_t uax29_pictures[][2] = {")
    line = "   "
    for first, last in sorted(pictures):
        item = f" {{{first:#x},{last:#x}}},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line + "\n};\nconst size_t uax29_n_pictures = sizeof uax29_pictures / sizeof *uax29_pictures;\n"
          "// clang-format on")


main()
