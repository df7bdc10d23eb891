/* charset.h - the upper half of one-byte encodings. */
#ifndef DATA_CHARSET_H
#define DATA_CHARSET_H

#include <stdint.h>

/* Windows-1252, bytes 0x80-0x9f; its five holes are the control characters of
 * Latin-1, as browsers read them.  From 0xa0 on it is Latin-1. */
extern const uint16_t cp1252_upper[32];
/* Windows-1251, bytes 0x80-0xbf; above come the letters U+0410-U+044F. */
extern const uint16_t cp1251_upper[64];

#endif
