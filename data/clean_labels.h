/* clean_labels.h - numbers for the names that documents are grouped by, in
 * order of first appearance. */
#ifndef DATA_CLEAN_LABELS_H
#define DATA_CLEAN_LABELS_H

#include <stddef.h>
#include <stdint.h>

struct labels { /* zero-initialise */
    char **name;
    uint64_t *hash;
    uint32_t *slot; /* index + 1; 0 = free */
    size_t n, cap, slots;
};

#define LABEL_NONE UINT32_MAX

/* The label's number, LABEL_NONE when out of memory. */
uint32_t labels_id(struct labels *l, const char *s, size_t n);
void labels_clear(struct labels *l);
void labels_free(struct labels *l);

#endif
