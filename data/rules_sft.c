/* What makes an answer unfit to learn from, as far as its text shows it. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "data/rules_internal.h"

static size_t phrases(const char *s, size_t n, const char *const *list, size_t n_list)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        char c = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i]);
        for (size_t p = 0; p < n_list; p++) {
            if (c != list[p][0]) continue;
            size_t k = 1;
            while (list[p][k] && i + k < n &&
                   (s[i + k] >= 'A' && s[i + k] <= 'Z' ? s[i + k] | 0x20 : s[i + k]) == list[p][k])
                k++;
            found += !list[p][k];
        }
    }
    return found;
}

/* Does it end as a whole text does? */
static bool finished(const struct words_table *t, const char *s, size_t n)
{
    static const char closing[] = ".!?:;)]}>\"'`*|";
    uint32_t cp = 0;
    size_t p = n - 1;
    while (p && ((unsigned char)s[p] & 0xc0) == 0x80)
        p--;
    if (utf8_decode(s + p, n - p, &cp) < 1) return false;
    return (cp < 0x80 && strchr(closing, (int)cp)) || words_class(t, cp) & (WC_TERMINAL | WC_QUOTE | WC_DIGIT);
}

void rules_sft(const char *text, size_t n, double *m)
{
    static const char *const refusals[] = {
        "as an ai language model", "as a language model", "as an ai assistant",
        "i'm sorry, but i can", "i am sorry, but i can", "i cannot fulfill", "i can't fulfill",
        "i'm unable to assist", "i cannot assist with", "i can't assist with",
        "my knowledge cutoff", "my training data", "developed by openai"};
    static const char *const placeholders[] = {
        "<noinput>", "<nooutput>", "<no input>", "<no output>", "[insert ", "[your name]",
        "lorem ipsum", "no output needed", "n/a (no output"};
    const struct words_table *t = words_table_get();
    static const char lost[] = "\xef\xbf\xbd";
    size_t b = 0, e = n, replaced = 0;
    rules_strip(t, text, &b, &e);
    const char *s = text + b;
    n = e - b;
    for (const char *p = s; (p = memmem(p, (size_t)(s + n - p), lost, 3)); p += 3)
        replaced++;
    double chars = (double)rules_chars(s, n);
    m[METRIC_CHARS_SFT] = chars;
    m[METRIC_REFUSALS] = (double)phrases(s, n, refusals, COUNT_OF(refusals));
    m[METRIC_PLACEHOLDERS] = (double)phrases(s, n, placeholders, COUNT_OF(placeholders));
    m[METRIC_REPLACED] = chars > 0 ? (double)replaced / chars : 0;
    m[METRIC_FINISHED] = n && finished(t, s, n);
}
