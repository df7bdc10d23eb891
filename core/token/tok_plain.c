/* Words whose normal form is known character by character: the letters of ASCII,
 * Latin and Cyrillic, digits, and punctuation alone.  No step of plan_words() looks
 * at more than a character and the marks behind it, and marks are none of these. */
#include "core/base/json.h"
#include "core/token/tok_cut.h"
#include "core/token/tok_internal.h"
#include "core/token/unicode.h"

static bool is_plain(uint32_t cp)
{
    if (cp < 0x80) return cp > 0x20 && cp < 0x7F;
    return ((cp >= 0xC0 && cp <= 0x24F) || cp >= 0x400) && (uni_class(cp) & UNI_L);
}

/* What the chain makes of one character, or 0 if that is not one such character. */
static int form_of(const struct tokenizer *t, struct norm *w, uint32_t cp, uint16_t *to, struct err *e)
{
    char s[4];
    int n = utf8_encode(cp, s), changed = norm_run(&t->norm, w, s, (size_t)n, e);
    *to = 0;
    if (changed < 0) return -1;
    const char *out = changed ? w->out->text.data : s;
    size_t n_out = changed ? w->out->text.len : (size_t)n;
    if (n_out == 0) return 0;
    struct uni_char c = uni_next((const uint8_t *)out, n_out);
    bool kept = cp < 0x80 ? c.cp < 0x80 : (c.class & UNI_L) != 0; /* letters stay letters */
    if (c.len == n_out && c.cp < TOK_PLAIN && is_plain(c.cp) && kept) *to = (uint16_t)c.cp;
    return 0;
}

int tok_plain_init(const struct tokenizer *t, struct tok_fast *f, struct err *e)
{
    struct norm w = {0};
    int ret = 0;
    f->plain = f->kind == CUT_WORDS && f->punct;
    for (uint32_t cp = 0; f->plain && ret == 0 && cp < TOK_PLAIN; cp++)
        if (is_plain(cp)) ret = form_of(t, &w, cp, &f->form[cp], e);
    norm_free(&w);
    return ret;
}

int tok_plain_spell(const struct tok_fast *f, const uint8_t *p, size_t n, uint8_t *out)
{
    int len = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t cp = p[i];
        if (cp >= 0x80) {
            if (cp < 0xC3 || cp > 0xD4 || i + 1 == n) return -1;
            cp = (cp & 31) << 6 | (p[++i] & 63u);
        } else if (n > 1 && f->class[cp] == B_PUNCT) {
            return -1;
        }
        uint16_t to = f->form[cp];
        if (!to) return -1;
        if (to < 0x80) {
            out[len++] = (uint8_t)to;
            continue;
        }
        out[len++] = (uint8_t)(0xC0 | to >> 6);
        out[len++] = (uint8_t)(0x80 | (to & 63));
    }
    return len;
}
