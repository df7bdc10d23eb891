#include "core/base/html_entity.h"

#include <string.h>

#include "core/base/html_entity_table.h"

uint32_t html_entity(const char *name, size_t n, uint32_t *second)
{
    size_t lo = 0, hi = sizeof entities / sizeof entities[0];
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct entity *x = &entities[mid];
        int c = strncmp(x->name, name, n);
        if (c == 0 && x->name[n] == 0) {
            *second = x->second;
            return x->cp;
        }
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return 0;
}

bool html_entity_open(const char *name, size_t n)
{
    for (const char *p = open_entities; n && (p = memmem(p, strlen(p), name, n)) != NULL; p++)
        if (p[-1] == ' ' && p[n] == ' ') return true;
    return false;
}
