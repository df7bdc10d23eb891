/* What makes an answer unfit to learn from, as far as its text shows it. */
#include <pthread.h>
#include <string.h>

#include "core/base/json.h"
#include "data/rules_internal.h"

enum { REFUSALS = 13, PLACEHOLDERS = 9, PHRASES = REFUSALS + PLACEHOLDERS };
static const char *const phrase[PHRASES] = {
    "as an ai language model", "as a language model", "as an ai assistant",
    "i'm sorry, but i can", "i am sorry, but i can", "i cannot fulfill", "i can't fulfill",
    "i'm unable to assist", "i cannot assist with", "i can't assist with",
    "my knowledge cutoff", "my training data", "developed by openai",
    "<noinput>", "<nooutput>", "<no input>", "<no output>", "[insert ", "[your name]",
    "lorem ipsum", "no output needed", "n/a (no output"};

static inline unsigned char folded(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* By position and byte, in either case: the phrases that have it there. */
enum { LOOKED_AT = 4 };
static uint32_t has[LOOKED_AT][256];

static void fill_tables(void)
{
    for (unsigned p = 0; p < PHRASES; p++)
        for (int k = 0; k < LOOKED_AT; k++)
            for (int c = 0; c < 256; c++)
                if (folded((char)c) == (unsigned char)phrase[p][k]) has[k][c] |= (uint32_t)1 << p;
}

/* How often phrases stand in the text, in any case, wherever they begin. */
static void count_phrases(const char *s, size_t n, size_t *refusals, size_t *placeholders)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_tables);
    *refusals = *placeholders = 0;
    for (size_t i = 0; i + LOOKED_AT <= n; i++) {
        const unsigned char *t = (const unsigned char *)s + i;
        uint32_t may = has[0][t[0]] & has[1][t[1]] & has[2][t[2]] & has[3][t[3]];
        for (; may; may &= may - 1) {
            unsigned p = (unsigned)__builtin_ctz(may);
            size_t k = LOOKED_AT;
            while (phrase[p][k] && i + k < n && folded(s[i + k]) == (unsigned char)phrase[p][k])
                k++;
            if (!phrase[p][k]) ++*(p < REFUSALS ? refusals : placeholders);
        }
    }
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
    const struct words_table *t = words_table_get();
    static const char lost[] = "\xef\xbf\xbd";
    size_t b = 0, e = n, replaced = 0, refusals, placeholders;
    rules_strip(t, text, &b, &e);
    const char *s = text + b;
    n = e - b;
    for (const char *p = s; (p = memmem(p, (size_t)(s + n - p), lost, 3)); p += 3)
        replaced++;
    double chars = (double)rules_chars(s, n);
    m[METRIC_CHARS_SFT] = chars;
    count_phrases(s, n, &refusals, &placeholders);
    m[METRIC_REFUSALS] = (double)refusals;
    m[METRIC_PLACEHOLDERS] = (double)placeholders;
    m[METRIC_REPLACED] = chars > 0 ? (double)replaced / chars : 0;
    m[METRIC_FINISHED] = n && finished(t, s, n);
}
