/* chat_file.h - where chat templates lie: beside a tokenizer, or in a file. */
#ifndef CORE_TOKEN_CHAT_FILE_H
#define CORE_TOKEN_CHAT_FILE_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* A text file, or "chat_template" of a .json or .gguf file. */
int chat_file_read(const char *path, struct buf *out, struct err *e);
/* tokenizer.chat_template of a GGUF file; 1 = there is none. */
int chat_file_gguf(const char *path, struct buf *out, struct err *e);
/* That of a directory of a model: chat_template.jinja, or in
 * tokenizer_config.json.  1 = there is none.  *found, if wanted, is the path of
 * the file: the caller's. */
int chat_file_in(const char *dir, struct buf *out, char **found, struct err *e);

#endif
