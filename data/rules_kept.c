/* The lines that line rules leave: where they are, and the text they make. */

#include "core/base/mem.h"
#include "data/rules_internal.h"

void rules_keep_none(struct rules_work *w)
{
    w->n_lines = w->first_line = w->end_line = 0;
    buf_clear(&w->cut_text);
}

void rules_keep_line(struct rules_work *w, size_t begin, size_t len, const char *cut, size_t n)
{
    if (!mem_room(&w->lines, &w->lines_cap, w->n_lines + 1, sizeof *w->lines)) {
        w->oom = true;
        return;
    }
    w->lines[w->n_lines++] =
        (struct rules_line){.begin = (uint32_t)begin,
                            .len = (uint32_t)len,
                            .at = (uint32_t)(cut ? w->cut_text.len : begin),
                            .n = (uint32_t)n,
                            .cut = cut != NULL};
    if (cut) buf_add(&w->cut_text, cut, n);
}

/* White space at both ends of the text that the lines make goes. */
void rules_keep_trim(struct rules_work *w, const struct words_table *t, const char *text)
{
    size_t first = 0, end = w->n_lines, b, e;
    for (; first < end; first++) {
        struct rules_line *x = &w->lines[first];
        b = 0, e = x->n;
        rules_strip(t, rules_line_text(w, text, x), &b, &e);
        if (b == e) continue;
        x->at += (uint32_t)b;
        x->n -= (uint32_t)b;
        break;
    }
    for (; end > first; end--) {
        struct rules_line *x = &w->lines[end - 1];
        b = 0, e = x->n;
        rules_strip(t, rules_line_text(w, text, x), &b, &e);
        if (b == e) continue;
        x->n = (uint32_t)e;
        break;
    }
    w->first_line = first;
    w->end_line = end;
}

bool rules_kept_all(const struct rules_work *w, const char *text, size_t n)
{
    size_t at = 0; /* behind the line before and its newline */
    for (size_t i = 0; i < w->n_lines; i++) {
        const struct rules_line *x = &w->lines[i];
        if (x->cut || x->begin != at || (at && text[at - 1] != '\n')) return false;
        at = x->begin + x->n + 1;
    }
    return w->n_lines == 0 ? n == 0 : w->first_line == 0 && w->end_line == w->n_lines && at == n + 1;
}

void rules_kept_text(struct rules_work *w, const char *text)
{
    buf_clear(&w->kept);
    for (size_t i = w->first_line; i < w->end_line; i++) {
        if (i > w->first_line) buf_addc(&w->kept, '\n');
        buf_add(&w->kept, rules_line_text(w, text, &w->lines[i]), w->lines[i].n);
    }
}
