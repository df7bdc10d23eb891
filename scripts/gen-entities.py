#!/usr/bin/env python3
"""Writes data/prep_entities.c: the named character references of HTML
(the list of the HTML standard, as Python's html.entities carries it).

usage: gen-entities.py > data/prep_entities.c
"""
import html.entities

names = {k[:-1]: v for k, v in html.entities.html5.items() if k.endswith(";")}
rows = sorted(names, key=lambda k: k.encode())
print("/* Made by scripts/gen-entities.py: the named character references of HTML. */\n"
      '#include <string.h>\n\n#include "data/prep.h"\n\n'
      "static const struct entity {\n    const char *name;\n    uint32_t cp, second;\n} table[] = {\n"
      "// clang-format off")
line = "   "
for k in rows:
    v = [ord(c) for c in names[k]]
    item = f' {{"{k}", {v[0]}, {v[1] if len(v) > 1 else 0}}},'
    if len(line) + len(item) > 118:
        print(line)
        line = "   "
    line += item
print(line)
print("""// clang-format on
};

uint32_t prep_entity(const char *name, size_t n, uint32_t *second)
{
    size_t lo = 0, hi = sizeof table / sizeof table[0];
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strncmp(table[mid].name, name, n);
        if (!c && table[mid].name[n]) c = 1;
        if (!c) {
            *second = table[mid].second;
            return table[mid].cp;
        }
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return 0;
}""")
