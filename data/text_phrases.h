/* text_phrases.h - the phrases of text_phrases_fn (text_masks.h) for kernels. */
#ifndef DATA_TEXT_PHRASES_H
#define DATA_TEXT_PHRASES_H

#include <stdbool.h>

/* Two bytes of each phrase, far enough apart to be rare together; where both
 * stand, the phrase is looked for. */
enum { PHRASES = 5, PHRASE_REACH = 16 }; /* bytes from where one begins that are looked at, at most */
static const struct {
    const char *text;
    unsigned char a, at, b, bt; /* the bytes and where in the phrase they stand */
} phrase_rare[PHRASES] = {{"lorem ipsum", 'm', 4, 'p', 7},
                          {"javascript", 'v', 2, 'p', 8},
                          {"policy", 'p', 0, 'y', 5},
                          {"cookies", 'k', 3, 's', 6},
                          {"terms of use", 'f', 7, 'u', 9}};

static inline bool phrase_stands(const char *s, const char *phrase)
{
    for (; *phrase; s++, phrase++)
        if ((*s | 0x20) != *phrase) return false;
    return true;
}

#endif
