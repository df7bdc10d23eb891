/* chat_method.h - methods of values in templates.
 *
 * chat_method.c has the table and most of them; what strings are asked about their
 * characters, and how they are filled to a width, is in chat_method_is.c. */
#ifndef CORE_TOKEN_CHAT_METHOD_H
#define CORE_TOKEN_CHAT_METHOD_H

#include "core/token/chat_eval.h"

typedef int method_fn(struct chat_run *r, const struct cv *self, const struct chat_args *a, struct cv *out);

method_fn chat_isdigit, chat_isnumeric, chat_isdecimal, chat_isalpha, chat_isalnum, chat_isspace, chat_isupper, chat_islower,
    chat_isascii;
method_fn chat_center, chat_ljust, chat_rjust, chat_zfill;

#endif
