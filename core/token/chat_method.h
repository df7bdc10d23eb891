/* chat_method.h - methods of values in templates.
 *
 * chat_method.c has the table and the methods of mappings, lists and ranges; strings that look
 * for others are in chat_method_find.c, those that are taken apart or joined in
 * chat_method_split.c, what they are asked about their characters and how they are filled to a width
 * in chat_method_is.c, other letters and characters in chat_method_case.c, numbers in chat_method_number.c. */
#ifndef CORE_TOKEN_CHAT_METHOD_H
#define CORE_TOKEN_CHAT_METHOD_H

#include "core/token/chat_eval.h"

typedef int method_fn(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out);

method_fn method_startswith, method_endswith, method_removeprefix, method_removesuffix, method_find, method_rfind, method_index,
    method_rindex, method_count, method_replace;
method_fn method_strip, method_lstrip, method_rstrip, method_split, method_rsplit, method_splitlines, method_partition,
    method_rpartition, method_join;
method_fn method_isdigit, method_isnumeric, method_isdecimal, method_isalpha, method_isalnum, method_isspace, method_isupper,
    method_islower, method_isascii, method_istitle, method_isidentifier, method_isprintable;
method_fn method_center, method_ljust, method_rjust, method_zfill;
method_fn method_upper, method_lower, method_title, method_capitalize, method_swapcase, method_casefold, method_expandtabs,
    method_maketrans, method_translate;
method_fn method_bit_length, method_bit_count, method_conjugate, method_as_integer_ratio, method_is_integer, method_hex;

#endif
