#!/usr/bin/env python3
"""Writes core/base/html_entity_table.h: the named character references of HTML
(the list of the HTML standard, as Python's html.entities carries it).

usage: gen-entities.py > core/base/html_entity_table.h
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
print("""/* Made by scripts/gen-entities.py: the named character references of HTML, in the order of their names. */
#ifndef CORE_BASE_HTML_ENTITY_TABLE_H
#define CORE_BASE_HTML_ENTITY_TABLE_H

#include <stdint.h>

static const struct entity {
    const char *name;
    uint32_t cp, second;
} entities[] = {
// clang-format off""")
wrapped(f' {{"{k}", {ord(names[k][0])}, {ord(names[k][1]) if len(names[k]) > 1 else 0}}},' for k in rows)
print("""// clang-format on
};

/* Those that need no ';', with a space around each. */
static const char open_entities[] = " "
// clang-format off""")
wrapped(f' "{k} "' for k in sorted(html.entities.html5) if not k.endswith(";"))
print("""    ;
// clang-format on

#endif""")
