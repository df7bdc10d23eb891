/* train_words.h - how often each distinct word occurs.
 *
 * Short words are their own keys in a table of open addressing, at most half full;
 * longer ones are found by their hash, and their bytes lie in a pool.  A table is
 * used by one thread at a time. */
#ifndef CORE_TOKEN_TRAIN_WORDS_H
#define CORE_TOKEN_TRAIN_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word_count {
    uint64_t key[2]; /* bytes and length (1..15) of a short word; 0 = free slot */
    uint64_t count;
};

struct long_count {
    uint64_t hash, count; /* count 0 = free slot */
    size_t off, len;      /* in pool */
};

/* Zero-initialise. */
struct word_table {
    struct word_count *v;     /* [cap] */
    size_t n, cap;
    struct long_count *longs; /* [longs_cap] */
    size_t n_longs, longs_cap;
    void *memory, *longs_memory; /* that these are in */
    char *pool;
    size_t pool_len, pool_cap;
};

void word_table_free(struct word_table *t);
size_t word_table_bytes(const struct word_table *t); /* memory that it takes */
/* left = readable bytes from `word` on (>= n).  False: out of memory. */
bool word_table_add(struct word_table *t, const uint8_t *word, size_t n, size_t left,
                    uint64_t count);

enum { WORD_BATCH = 128 };
/* Adds the n <= WORD_BATCH words of text[0..size) that end at ends[], the first
 * one beginning at pos; all with count 1.  Faster than one by one: the table's
 * lines are on their way while the words before are added.  False: out of memory. */
bool word_table_add_batch(struct word_table *t, const uint8_t *text, size_t size, size_t pos,
                          const size_t *ends, size_t n);

/* The same with the words at begins[i] .. ends[i], but for those of more than
 * `most` bytes. */
bool word_table_add_parts(struct word_table *t, const uint8_t *text, size_t size, const size_t *begins,
                          const size_t *ends, size_t n, size_t most);

/* All words of `from`, which is freed, also on false. */
bool word_table_join(struct word_table *t, struct word_table *from);

/* Walks all words: start with *at = 0; false at the end.  The text of a short
 * word is copied into tmp. */
bool word_table_next(const struct word_table *t, size_t *at, char tmp[16], const char **word,
                     size_t *n, uint64_t *count);

#endif
