/* cmd.h - the table of commands.  To add one: write cmd/cmd_NAME.c with its
 * option table and a `const struct cmd cmd_NAME`, declare it here, put it into
 * the table in cmd/table.c, add tests/cli/NAME.sh, and a line in README. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "core/base/opt.h"

#define LLMCTL_VERSION "0.1.0"

extern const struct cmd *const cmd_table[];
extern const size_t cmd_table_n;

extern const struct cmd cmd_clean, cmd_dedup, cmd_tokenize, cmd_pretrain, cmd_generate, cmd_embed, cmd_eval,
    cmd_inspect, cmd_explain, cmd_verify, cmd_convert, cmd_sft, cmd_align, cmd_distill, cmd_quantize, cmd_man,
    cmd_completion, cmd_help, cmd_version;

/* clean_lessons.c, dedup_lessons.c */
extern const char *const clean_lessons[], *const dedup_lessons[];

#endif
