/* bytemap.h - the byte alphabet of GPT-2: each byte as one printable
 * character, which is how byte-level vocabularies are spelled in files. */
#ifndef CORE_TOKEN_BYTEMAP_H
#define CORE_TOKEN_BYTEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

uint32_t bytemap_char(uint8_t byte);
int bytemap_byte(uint32_t cp); /* -1 when cp stands for no byte */

/* Appends the spelling of bytes. */
void bytemap_spell(struct buf *out, const void *bytes, size_t n);
/* The spelling of each byte, for many: its bytes, the first the lowest, and their number. */
struct bytemap_spelling {
    uint16_t text[256];
    uint8_t len[256];
};
void bytemap_spellings(struct bytemap_spelling *s);

/* Bytes that a spelling stands for into out (room for n): their number, or -1
 * when some character stands for no byte. */
long bytemap_unspell(const char *text, size_t n, uint8_t *out);
long bytemap_unspell_base(const char *text, size_t n, uint8_t *out); /* the reference */
long bytemap_unspell_avx512vbmi(const char *text, size_t n, uint8_t *out); /* n from 1 to 63 */

#endif
