#include "data/encode_words.h"

#include <string.h>

#include "data/doc_json.h"
#include "data/doc_scan.h"

/* Behind white space, and a comma if one is there. */
static size_t skip(const char *s, size_t n, size_t i)
{
    while (i < n && strchr(" \t\r\n,", s[i]) && s[i]) i++;
    return i;
}

const char *encode_words_read(struct encode_words *w, const char *json, size_t n)
{
    static const char none[] = "the words are not a list of strings";
    buf_clear(&w->text);
    buf_clear(&w->begin);
    if (!json) return "no such list of words";
    if (n < 2 || json[0] != '[') return none;
    for (size_t i = skip(json, n, 1); i < n && json[i] != ']'; i = skip(json, n, i)) {
        if (json[i] != '"') return none;
        size_t end = json_string_end(json, ++i, n);
        buf_add(&w->begin, &w->text.len, sizeof(size_t));
        const char *why = doc_json_unescape(json + i, end - i, &w->text);
        if (why) return why;
        buf_addc(&w->text, ' ');
        i = end + 1;
    }
    buf_add(&w->begin, &w->text.len, sizeof(size_t));
    if (w->text.oom || w->begin.oom) return "out of memory";
    w->view = (struct tok_word_list){buf_text(&w->text), (const size_t *)(const void *)w->begin.data, w->begin.len / sizeof(size_t) - 1};
    return NULL;
}

void encode_words_free(struct encode_words *w)
{
    buf_free(&w->text);
    buf_free(&w->begin);
}
