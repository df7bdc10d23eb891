/* What happens to punctuation before Moses' tokenizer: transformers' own replacements, the rules of
 * normalize-punctuation, and characters that cannot be printed. */
#include <string.h>

#include "core/base/mem.h"
#include "core/token/moses.h"
#include "core/token/uni_props.h"

#define NBSP "\xC2\xA0"
#define RULE(core, to) {ANY_TEXT, core, ANY_TEXT, to, false}
#define RULES(rules) moses_rules(m, rules, COUNT_OF(rules))

/* ---- signs of other scripts ---- */

/* Full stops take the white space behind them along. */
static const struct {
    uint32_t cp;
    const char *to;
} plain[] = {
    {0xFF0C, ","}, {0x3002, ". "}, {0x3001, ","}, {0x201D, "\""}, {0x201C, "\""}, {0x2236, ":"}, {0xFF1A, ":"}, {0xFF1F, "?"},
    {0x300A, "\""}, {0x300B, "\""}, {0xFF09, ")"}, {0xFF01, "!"}, {0xFF08, "("}, {0xFF1B, ";"}, {0x300D, "\""}, {0x300C, "\""},
    {0xFF0E, ". "}, {0xFF5E, "~"}, {0x2019, "'"}, {0x2026, "..."}, {0x2501, "-"}, {0x3008, "<"}, {0x3009, ">"}, {0x3010, "["},
    {0x3011, "]"}, {0xFF05, "%"}};

static const char *plain_of(uint32_t cp)
{
    for (size_t k = 0; cp >= 0x2000 && k < COUNT_OF(plain); k++)
        if (plain[k].cp == cp) return plain[k].to;
    return NULL;
}

static void replace_signs(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0; i < m->n; i++) {
        uint32_t cp = m->v[i].cp;
        const char *to = plain_of(cp);
        if (to) moses_put_text(m, to, i);
        else moses_put(m, cp >= 0xFF10 && cp <= 0xFF19 ? cp - 0xFF10 + '0' : cp, i);
        while (to && to[1] == ' ' && i + 1 < m->n && moses_is_space(m->v[i + 1].cp)) i++;
    }
    moses_end(m);
}

/* ---- normalize-punctuation ---- */

static void one_blank(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].cp != ' ' || i == 0 || m->v[i - 1].cp != ' ') moses_put(m, m->v[i].cp, i);
    moses_end(m);
}

static size_t run_of(const struct moses *m, size_t i, const char *set)
{
    size_t n = 0;
    while (i + n < m->n && m->v[i + n].cp < 0x80 && m->v[i + n].cp && strchr(set, (int)m->v[i + n].cp)) n++;
    return n;
}

/* English: commas and dots go into the quotation. */
static void quote_behind(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0; i < m->n; i++) {
        size_t n = m->v[i].cp == '"' ? run_of(m, i + 1, ",.") : 0;
        for (size_t k = 1; k <= n; k++) moses_put(m, m->v[i + k].cp, i + k);
        moses_put(m, m->v[i].cp, i);
        i += n;
    }
    moses_end(m);
}

/* German and French: dots go out of it, but not before "<" or the end. */
static void dots_behind(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0; i < m->n;) {
        size_t n = run_of(m, i, "."), quote = i + n, end = quote + 1;
        if (!n || end >= m->n || m->v[quote].cp != '"' || m->v[end].cp == '<') {
            for (size_t k = 0; k < (n ? n : 1); k++) moses_put(m, m->v[i + k].cp, i + k);
            i += n ? n : 1;
            continue;
        }
        while (end < m->n && moses_is_space(m->v[end].cp)) end++;
        if (end == quote + 1 || (end < m->n && m->v[end].cp != '<')) end++;
        moses_put(m, '"', quote);
        for (size_t k = i; k < quote; k++) moses_put(m, '.', k);
        for (size_t k = quote + 1; k < end; k++) moses_put(m, m->v[k].cp, k);
        i = end;
    }
    moses_end(m);
}

static void strip(struct moses *m)
{
    size_t end = m->n, begin = 0;
    while (end && moses_is_space(m->v[end - 1].cp)) end--;
    while (begin < end && moses_is_space(m->v[begin].cp)) begin++;
    memmove(m->v, m->v + begin, (end - begin) * sizeof *m->v);
    m->n = end - begin;
}

static void normalize(struct moses *m)
{
    static const struct moses_rule brackets[] = {RULE("\r", ""), RULE("(", " ("), RULE(")", ") ")},
        tight[] = {{ANY_TEXT, ") ", IS_PAUSE, ")", false}, RULE("( ", "("), RULE(" )", ")"), {IS_DIGIT, " %", ANY_TEXT, "%", false}, RULE(" :", ":"),
                   RULE(" ;", ";"), RULE("`", "'"), RULE("''", " \" "), RULE("„", "\""), RULE("“", "\""), RULE("”", "\""), RULE("–", "-"), RULE("—", " - ")},
        quotes[] = {RULE("´", "'"), {IS_LATIN, "‘", IS_LATIN, "'", false}, {IS_LATIN, "’", IS_LATIN, "'", false}, RULE("‘", "'"), RULE("‚", "'"),
                    RULE("’", "'"), RULE("''", "\""), RULE("…", "..."), RULE(NBSP "«" NBSP, "\""), RULE("«" NBSP, "\""), RULE("«", "\""),
                    RULE(NBSP "»" NBSP, "\""), RULE(NBSP "»", "\""), RULE("»", "\"")},
        blanks[] = {RULE(NBSP "%", "%"), RULE("nº" NBSP, "nº "), RULE(NBSP ":", ":"), RULE(NBSP "ºC", " ºC"), RULE(NBSP "cm", " cm"), RULE(NBSP "?", "?"),
                    RULE(NBSP "!", "!"), RULE(NBSP ";", ";"), RULE("," NBSP, ", ")},
        german_quote[] = {RULE(",\"", "\",")}, comma[] = {{IS_DIGIT, NBSP, IS_DIGIT, ",", false}}, dot[] = {{IS_DIGIT, NBSP, IS_DIGIT, ".", false}};
    RULES(brackets);
    one_blank(m);
    RULES(tight);
    one_blank(m);
    RULES(quotes);
    RULES(blanks);
    one_blank(m);
    if (m->language == MOSES_EN) quote_behind(m);
    if (m->language == MOSES_DE || m->language == MOSES_FR) {
        RULES(german_quote);
        dots_behind(m);
        RULES(comma);
    } else {
        RULES(dot);
    }
    strip(m);
}

/* ---- the whole ---- */

static void drop_unprintable(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0; i < m->n; i++) {
        enum uni_category c = uni_category(m->v[i].cp);
        if (c != UNI_Cc && c != UNI_Cf && c != UNI_Co && c != UNI_Cs && c != UNI_Cn) moses_put(m, m->v[i].cp, i);
    }
    moses_end(m);
}

void moses_punct(struct moses *m)
{
    replace_signs(m);
    if (m->n && !m->oom) normalize(m);
    if (!m->oom) drop_unprintable(m);
}
