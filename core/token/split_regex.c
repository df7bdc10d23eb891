/* The family's expressions as files spell them, alternative by alternative. */
#include <string.h>

#include "core/base/mem.h"
#include "core/token/split_rule.h"

#define WORD_PREFIX "[^\\r\\n\\p{L}\\p{N}]"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define UPPER_NOT_HAN "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
#define LOWER_NOT_HAN "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]"
#define FOLDED "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define CASES(suffix) WORD_PREFIX "?" UPPER "*" LOWER "+" suffix "|" WORD_PREFIX "?" UPPER "+" LOWER "*" suffix "|"

/* One of the spellings of a place, and what it says. */
struct spelling {
    const char *text;
    struct split_rule says;
};

static const struct spelling contractions[] = {
    {"'s|'t|'re|'ve|'m|'ll|'d|", {.contractions = true}},
    {"'(?:[sdmt]|ll|ve|re)|", {.contractions = true}},
    {FOLDED "|", {.contractions = true, .fold = true}},
    {"'(?i:[sdmt]|ll|ve|re)|", {.contractions = true, .fold = true}},
    {"", {.fold = false}},
};
static const struct spelling words[] = {
    {" ?\\p{L}+|", {.space_prefix = true}},
    {WORD_PREFIX "?\\p{L}+|", {.newlines = true}},
    {WORD_PREFIX "?+\\p{L}+|", {.newlines = true}},
    {WORD_PREFIX "?+\\p{L}++|", {.newlines = true}},
    {WORD_PREFIX "?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|", {.newlines = true, .phrases = true}},
    {WORD_PREFIX "?[\\p{L}\\p{M}]+|", {.newlines = true, .marks = true}},
    {"[\\p{Han}]+|" WORD_PREFIX "?" UPPER_NOT_HAN "*" LOWER_NOT_HAN "+" FOLDED "?|" WORD_PREFIX "?" UPPER_NOT_HAN "+" LOWER_NOT_HAN "*" FOLDED "?|",
     {.newlines = true, .cases = true, .suffix = true, .fold = true, .han = true}},
    {CASES(FOLDED "?"), {.newlines = true, .cases = true, .suffix = true, .fold = true}},
    {CASES(""), {.newlines = true, .cases = true}},
};
static const struct spelling numbers[] = {
    {" ?\\p{N}+|", {.space_prefix = true}}, {"\\p{N}+|", {.max_digits = 0}}, {"\\p{N}|", {.max_digits = 1}},
    {"\\p{N}{1}|", {.max_digits = 1}}, {"\\p{N}{1,2}|", {.max_digits = 2}}, {"\\p{N}{1,3}|", {.max_digits = 3}},
};
static const struct spelling others[] = {
    {" ?[^\\s\\p{L}\\p{N}]++", {.tail = false}},
    {" ?[^\\s\\p{L}\\p{N}]+", {.tail = false}},
    {" ?[^\\s\\p{L}\\p{N}\\r\\n]+", {.tail = false}},
    {" ?[^\\s\\p{L}\\p{M}\\p{N}]+", {.marks = true}},
};
static const struct spelling tails[] = {
    {"[\\r\\n]*+|", {.tail = true}}, {"[\\r\\n]*|", {.tail = true}}, {"[\\r\\n/]*|", {.tail = true, .slashes = true}},
    {"[\\r\\n/]?|", {.tail = true, .tail_one = true}}, {"|", {.tail = false}},
};
static const struct spelling blanks[] = {
    {"\\s++\\z|\\s*[\\r\\n]|\\s+(?!\\S)|\\s", {.newlines = true, .ends_whole = true}},
    {"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", {.newlines = true}},
    {"\\s*[\\r\\n]|\\s+(?!\\S)|\\s+", {.newlines = true}},
    {"\\s+(?!\\S)|\\s+", {.space_prefix = true}},
};
#define SIGNS \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LISTED " ?[^(\\s|.,!?\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x8C\xE3\x80\x81\xE0\xA5\xA4\xDB\x94\xD8\x8C)]+"

/* The spelling that *p goes on with, the longest of them first in the list where one begins another. */
static const struct split_rule *take(const char **p, const struct spelling *v, size_t n, bool last)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(v[i].text);
        if (strncmp(*p, v[i].text, len) != 0 || (last && (*p)[len])) continue;
        *p += len;
        return &v[i].says;
    }
    return NULL;
}

/* The expression with its newlines spelled out; false: it is too long to be one of these. */
static bool spell(const char *regex, char *to, size_t room)
{
    size_t n = 0;
    for (; *regex; regex++) {
        if (n + 3 > room) return false;
        if (*regex == '\r' || *regex == '\n') to[n++] = '\\';
        to[n++] = *regex == '\r' ? 'r' : *regex == '\n' ? 'n' : *regex;
    }
    to[n] = 0;
    return true;
}

static bool words_rule(const char *p, struct split_rule *r)
{
    const struct split_rule *c, *w, *d = NULL, *o = NULL, *t = NULL, *b = NULL;
    if (!(c = take(&p, contractions, COUNT_OF(contractions), false)) || !(w = take(&p, words, COUNT_OF(words), false)) ||
        !(d = take(&p, numbers, COUNT_OF(numbers), false)) || !(o = take(&p, others, COUNT_OF(others), false)))
        return false;
    if (!(t = take(&p, tails, COUNT_OF(tails), false)) || !(b = take(&p, blanks, COUNT_OF(blanks), true))) return false;
    /* The two forms do not mix, nor is there a contraction before words that end with one. */
    if (w->space_prefix != d->space_prefix || w->space_prefix != b->space_prefix || w->newlines != b->newlines) return false;
    if ((w->space_prefix && t->tail) || w->marks != o->marks || (w->cases && c->contractions)) return false;
    r->contractions = c->contractions;
    r->fold = c->fold || w->fold;
    r->space_prefix = w->space_prefix;
    r->max_digits = d->max_digits;
    r->newlines = w->newlines;
    r->tail = t->tail;
    r->slashes = t->slashes;
    r->tail_one = t->tail_one;
    r->marks = w->marks;
    r->ends_whole = b->ends_whole;
    r->cases = w->cases;
    r->suffix = w->suffix;
    r->han = w->han;
    r->phrases = w->phrases;
    return true;
}

bool split_words_of(const char *regex, struct split_rule *r)
{
    char spelled[1024];
    if (!spell(regex, spelled, sizeof spelled)) return false;
    if (strcmp(spelled, SIGNS) == 0) return r->signs = r->marks = r->newlines = r->tail = true;
    if (strcmp(spelled, LISTED) == 0) return r->listed = true;
    return words_rule(spelled, r);
}
