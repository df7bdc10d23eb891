#!/usr/bin/env python3
"""Writes core/base/html_entity.c: the named character references of HTML
(the list of the HTML standard, as Python's html.entities carries it).

usage: gen-entities.py > core/base/html_entity.c
"""
import html.entities

def wrapped(items):
    line = "   "
    for item in items:
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)


names = {k[:-1]: v for k, v in html.entities.html5.items() if k.endswith(";")}
rows = sorted(names, key=lambda k: k.encode())
print("/* Made by scripts/gen-entities.py: the named character references of HTML. */\n"
      '#include "core/base/html_entity.h"\n\n#include <string.h>\n\n'
      "static const struct entity {\n    const char *name;\n    uint32_t cp, second;\n} table[] = {\n"
      "// clang-format off")
wrapped(f' {{"{k}", {ord(names[k][0])}, {ord(names[k][1]) if len(names[k]) > 1 else 0}}},' for k in rows)
print("""// clang-format on
};

/* Those that need no ';', with a space around each. */
static const char open_names[] = " "
// clang-format off""")
wrapped(f' "{k} "' for k in sorted(html.entities.html5) if not k.endswith(";"))
print("""    ;
// clang-format on

uint32_t html_entity(const char *name, size_t n, uint32_t *second)
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
}

bool html_entity_open(const char *name, size_t n)
{
    for (const char *p = open_names; n && (p = memmem(p, strlen(p), name, n)) != NULL; p++)
        if (p[-1] == ' ' && p[n] == ' ') return true;
    return false;
}""")
