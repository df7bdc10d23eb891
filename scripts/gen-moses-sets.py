#!/usr/bin/env python3
"""Writes core/token/moses_sets.c: which characters sacremoses takes for letters, digits and so on.
These are Unicode's sets as they were when Moses' rules were ported, without some scripts.

usage: scripts/gen-moses-sets.py >core/token/moses_sets.c     (sacremoses 0.2.0 must be installed)
"""
from sacremoses.corpus import Perluniprops
from sacremoses.indic import NUKTAS, VIRAMAS

chars = {name: set(Perluniprops().chars(name)) - {"\n"} for name in ("IsAlnum", "IsAlpha", "IsLower", "IsN", "IsSc")}
signs = set("".join(VIRAMAS) + "".join(NUKTAS))
sets = [chars["IsAlnum"] | signs, chars["IsAlpha"] | signs, chars["IsLower"], chars["IsN"], chars["IsSc"], chars["IsAlpha"]]
spans, last = [], 0
for cp in range(0x110000):
    bits = sum(1 << i for i, s in enumerate(sets) if chr(cp) in s)
    if bits != last:
        spans.append(f"0x{cp << 8 | bits:X}")
        last = bits
print("/* Made by scripts/gen-moses-sets.py: where the sets of moses.h change, as character << 8 | sets. */")
print('#include "core/token/moses.h"\n\nconst uint32_t moses_spans[] = {')
line = "   "
for s in spans:
    if len(line) + len(s) + 2 > 130:
        print(line)
        line = "   "
    line += f" {s},"
print(f"{line}\n}};\nconst size_t moses_n_spans = {len(spans)};")
