#include "data/doc_mask.h"

#include <string.h>

#include "core/base/mem.h"
#include "data/doc_json.h"
#include "data/doc_scan.h"
#include "data/prep.h"

static size_t blanks(const char *s, size_t i, size_t n)
{
    while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n'))
        i++;
    return i;
}

/* Members that say which record or turn it is. */
static bool stays(const char *key, size_t n)
{
    static const char *const names[] = {"id", "role", "from", "url"};
    for (size_t k = 0; k < COUNT_OF(names); k++)
        if (strlen(names[k]) == n && memcmp(names[k], key, n) == 0) return true;
    return false;
}

/* Into m->masked. */
static uint64_t mask(struct doc_mask *m, const char *s, size_t n, unsigned what, const char **why)
{
    buf_clear(&m->masked);
    if (memchr(s, '\\', n)) {
        buf_clear(&m->text);
        if (doc_json_unescape(s, n, &m->text)) {
            *why = "lone surrogate in a string";
            return 0;
        }
        m->line.oom |= m->text.oom;
        s = m->text.data;
        n = m->text.len;
    }
    return n ? prep_pii(s, n, what, &m->masked) : 0;
}

uint64_t doc_mask(struct doc_mask *m, const char *line, size_t n, unsigned what, const char **why)
{
    uint64_t places = 0;
    size_t copied = 0, key = 0, key_n = 0, value = 0; /* value: where that of the key begins */
    buf_clear(&m->line);
    *why = NULL;
    for (const char *p = line; (p = memchr(p, '"', (size_t)(line + n - p)));) {
        size_t from = (size_t)(p - line) + 1, to = json_string_end(line, from, n), next = blanks(line, to + (to < n), n);
        p = line + next;
        if (next < n && line[next] == ':') { /* the name of a member */
            key = from;
            key_n = to - from;
            value = blanks(line, next + 1, n);
            continue;
        }
        if (value == from - 1 && stays(line + key, key_n)) continue;
        uint64_t k = mask(m, line + from, to - from, what, why);
        if (!k) continue;
        places += k;
        buf_add(&m->line, line + copied, from - copied);
        doc_json_escape(m->masked.data, m->masked.len, &m->line);
        m->line.oom |= m->masked.oom;
        copied = to;
    }
    if (places) buf_add(&m->line, line + copied, n - copied);
    return places;
}

void doc_mask_free(struct doc_mask *m)
{
    buf_free(&m->line);
    buf_free(&m->text);
    buf_free(&m->masked);
}
