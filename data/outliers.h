/* outliers.h - documents unlike the others of their source and language.
 *
 * For each value the robust z-score (Iglewicz and Hoaglin, 1993) is
 *
 *     z = (x - median) / (1.4826 MAD),   MAD = median of |x - median|
 *
 * over the documents that stay, of the same source and language; a group of
 * fewer than OUTLIERS_MIN documents is judged by its language, then by all.
 * Where half of the values are equal (MAD 0) 1.2533 times the mean absolute
 * deviation takes its place, and the spread of a share is at least
 * OUTLIERS_MIN_SHARE: one digit among texts that have none is no outlier.
 * The document's largest |z| goes on record as outliers.z.
 *
 * Two passes; medians are exact, and so depend on neither threads nor order.
 * Kept are 8 bytes a value and document, beyond cfg->space on disk. */
#ifndef DATA_OUTLIERS_H
#define DATA_OUTLIERS_H

#include "data/clean.h"

enum { OUTLIERS_MIN = 30, OUTLIERS_MAX_VALUES = 24 };

#define OUTLIERS_MIN_SHARE 0.02

struct outliers;
/* "mad", "mad:3.5", or "mad:3.5:length,digits,ppl": puts the shape of the text
 * on record (outliers.length ...) and removes what exceeds the limit.  Add it
 * behind the filters whose values it shall judge. */
struct outliers *outliers_add(struct clean_cfg *cfg, const char *spec, struct err *e);
void outliers_free(struct outliers *o); /* NULL is fine */

/* Median and spread of v[n], which is reordered; spread 0: all are equal. */
void outliers_centre(double *v, size_t n, double *median, double *spread);

/* The shape of a text. */
enum shape {
    SHAPE_LENGTH,
    SHAPE_LETTERS,
    SHAPE_DIGITS,
    SHAPE_UPPER,
    SHAPE_PUNCTUATION,
    SHAPE_BLANKS,
    SHAPE_WORD,
    SHAPE_LINE,
    SHAPE_N
};
extern const char *const shape_names[SHAPE_N]; /* "length" ... */
void shape_measure(const char *text, size_t n, double out[SHAPE_N]);

#endif
