/* text_settled_block.h - the questions that text_settled.h asks of 64 bytes, for
 * a file of one instruction set.  It defines settled_block, and before it
 * includes this: between(block, lo, hi) and is(block, c), masks of the bytes in
 * lo...hi and of those that are c. */
#ifndef DATA_TEXT_SETTLED_BLOCK_H
#define DATA_TEXT_SETTLED_BLOCK_H

#include "data/text_settled.h"

/* Bytes of the block that are settled; *whole: of how many that is known. */
static uint64_t block(settled_block x, uint64_t plain, unsigned *whole)
{
    const struct settled_bytes m = {
        .lead = between(x, 0xc0, 0xff),
        .two = between(x, 0xc3, 0xc9) | between(x, 0xcf, 0xd1),
        .xc3 = is(x, 0xc3),
        .x97_b7 = is(x, 0x97) | is(x, 0xb7),
        .xce = is(x, 0xce),
        .x87 = is(x, 0x87),
        .three = between(x, 0xe4, 0xe9) | between(x, 0xeb, 0xec),
        .xc2 = is(x, 0xc2),
        .xe1 = is(x, 0xe1),
        .xe2 = is(x, 0xe2),
        .xe3 = is(x, 0xe3),
        .xea = is(x, 0xea),
        .xed = is(x, 0xed),
        .xef = is(x, 0xef),
        .x80 = is(x, 0x80),
        .x81 = is(x, 0x81),
        .x82 = is(x, 0x82),
        .x83 = is(x, 0x83),
        .x85_8b = between(x, 0x85, 0x8b),
        .x8d_aa = between(x, 0x8d, 0xaa),
        .xb8_bb = between(x, 0xb8, 0xbb),
        .xbc_bd = between(x, 0xbc, 0xbd),
        .from_a0 = between(x, 0xa0, 0xbf),
        .from_b0 = between(x, 0xb0, 0xbf),
        .to_9d = between(x, 0x80, 0x9d),
        .x80_81 = between(x, 0x80, 0x81),
        .x99_9a = between(x, 0x99, 0x9a),
        .xaa_af = between(x, 0xaa, 0xaf)};
    return plain | settled_wide(&m, whole);
}

#endif
