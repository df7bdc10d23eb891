/* The shape of a text, for outliers: one pass over its bytes. */
#include <math.h>

#include "data/outliers.h"

const char *const shape_names[SHAPE_N] = {"length", "letters", "digits", "upper", "punctuation", "blanks", "word", "line"};

/* What a byte is; continuation bytes count as nothing, lead bytes as letters. */
enum { LETTER = 1, DIGIT = 2, UPPER = 4, PUNCTUATION = 8, BLANK = 16, NEWLINE = 32 };

static unsigned kind(unsigned char c)
{
    if (c >= 'a' && c <= 'z') return LETTER;
    if (c >= 'A' && c <= 'Z') return LETTER | UPPER;
    if (c >= '0' && c <= '9') return DIGIT;
    if (c == '\n') return BLANK | NEWLINE;
    if (c == ' ' || (c >= '\t' && c <= '\r')) return BLANK;
    return c < 0x80 ? PUNCTUATION : LETTER;
}

void shape_measure(const char *text, size_t n, double out[SHAPE_N])
{
    size_t count[64] = {0}, chars = 0, words = 0;
    unsigned before = BLANK;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c & 0xC0) == 0x80) continue;
        unsigned k = kind(c);
        count[k]++;
        words += (before & BLANK) && !(k & BLANK);
        before = k;
        chars++;
    }
    double all = chars ? (double)chars : 1, blanks = (double)(count[BLANK] + count[BLANK | NEWLINE]);
    double letters = (double)(count[LETTER] + count[LETTER | UPPER]);
    out[SHAPE_LENGTH] = log1p((double)chars);
    out[SHAPE_LETTERS] = letters / all;
    out[SHAPE_DIGITS] = (double)count[DIGIT] / all;
    out[SHAPE_UPPER] = letters > 0 ? (double)count[LETTER | UPPER] / letters : 0;
    out[SHAPE_PUNCTUATION] = (double)count[PUNCTUATION] / all;
    out[SHAPE_BLANKS] = blanks / all;
    out[SHAPE_WORD] = words ? log1p(((double)chars - blanks) / (double)words) : 0;
    out[SHAPE_LINE] = log1p((double)chars / (double)(count[BLANK | NEWLINE] + 1));
}
