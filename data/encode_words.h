/* encode_words.h - a JSON list of strings as the words of a text. */
#ifndef DATA_ENCODE_WORDS_H
#define DATA_ENCODE_WORDS_H

#include "core/base/buf.h"
#include "core/token/tokenizer.h"

struct encode_words {   /* zero it once; memory is kept from text to text */
    struct buf text, begin; /* begin: of size_t */
    struct tok_word_list view;  /* of both */
};

/* json is JSON, or NULL: the member was not there.  Returns why it is no list of strings, or NULL. */
const char *encode_words_read(struct encode_words *w, const char *json, size_t n);
void encode_words_free(struct encode_words *w);

#endif
