#!/usr/bin/env python3
"""Writes core/token/uni_sets.c: properties of characters as the regular expressions of Hugging Face's
tokenizers 0.23 (Oniguruma, Unicode 16) have them, asked there for every character there is.

usage: scripts/gen-regex-sets.py > core/token/uni_sets.c

A set is the union of the general categories most of whose characters it has, but for the characters of
some ranges, of which it is the other way round.
"""
from tokenizers import Regex, pre_tokenizers

CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cs".split()
PROPERTIES = """ASCII_Hex_Digit Assigned Case_Ignorable Cased Dash Default_Ignorable_Code_Point Diacritic Emoji Emoji_Component Emoji_Modifier
Emoji_Modifier_Base Emoji_Presentation Extended_Pictographic Extender Graph Grapheme_Base Grapheme_Extend Hex_Digit Hyphen ID_Continue ID_Start
Ideographic Join_Control Lowercase Math Noncharacter_Code_Point Pattern_Syntax Pattern_White_Space Print Quotation_Mark Radical
Regional_Indicator Sentence_Terminal Soft_Dotted Terminal_Punctuation Unified_Ideograph Uppercase Variation_Selector XID_Continue XID_Start"""
chars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def removed(pattern, text):
    """Where pattern matches: spans of characters."""
    at, out = 0, []
    for _, (begin, end) in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text) + [("", (len(text), len(text)))]:
        if at < begin:
            out.append((at, begin))
        at = end
    return out


def having(name):
    """The characters of a property."""
    text = "".join(map(chr, chars))
    return {c for begin, end in removed("\\p{%s}+" % name, text) for c in chars[begin:end]}


def in_cluster(before, after):
    """The characters that are one grapheme cluster between two texts."""
    lines = [before + chr(c) + after for c in chars]
    step, text = len(before) + len(after) + 2, "\n".join(lines)
    return {chars[at // step] for begin, end in removed(r"^\X$", text) for at in range(begin, end, step) if at % step == 0}


def write(name, members, category, of):
    mask = 0
    for k, cat in enumerate(of):
        if len(members & cat) * 2 > len(cat):
            mask |= 1 << k
    other = [c for c in chars if (c in members) != bool(mask >> category[c] & 1)]
    ranges = []
    for c in other:
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    table = "of_" + name.lower()
    if ranges:
        cells = ["{0x%X, 0x%X}," % tuple(r) for r in ranges]
        print(f"static const struct uni_range {table}[] = {{")
        for i in range(0, len(cells), 7):
            print("    " + " ".join(cells[i:i + 7]))
        print("};\n")
    return f"0x{mask:08X}, {table if ranges else 'NULL'}, {len(ranges)}"


def main():
    category, of = bytearray(0x110000), []
    for k, name in enumerate(CATEGORIES):
        of.append(having(name) if name != "Cs" else set())
        for c in of[-1]:
            category[c] = k
    print("/* Written by scripts/gen-regex-sets.py. */\n#include <stddef.h>\n\n#include \"core/token/uni_props.h\"\n\n// clang-format off")
    inside = {name: write(name, having(name), category, of) for name in PROPERTIES.split()}
    extends = in_cluster("a", "")
    marks = {"uni_cluster_extend": in_cluster("\u00a9", "\u200d\u00a9") & extends, "uni_cluster_prepend": in_cluster("", "a"),
             "uni_cluster_control": set(chars) - in_cluster("", "\u0301")}
    marks["uni_cluster_spacing"] = extends - marks["uni_cluster_extend"]
    sets = [f'const struct uni_set uni_cluster_picture = {{"", {inside["Extended_Pictographic"]}}};'] + [f'const struct uni_set {name} = {{"", {write(name, some, category, of)}}};' for name, some in marks.items()]
    print("const struct uni_set uni_sets[] = {")
    print("\n".join(f'    {{"{name}", {x}}},' for name, x in inside.items()))
    print("    {NULL, 0, NULL, 0},\n};")
    print("\n".join(sets) + "\n// clang-format on")


main()
