#include "cmd/cmd.h"

/* The order of `llmctl --help`: the pipeline first, then tools. */
const struct cmd *const cmd_table[] = {
    &cmd_clean,
    &cmd_dedup,
    &cmd_tokenize,
    &cmd_pretrain,
    &cmd_generate,
    &cmd_eval,
    &cmd_embed,
    &cmd_sft,
    &cmd_align,
    &cmd_distill,
    &cmd_quantize,
    &cmd_inspect,
    &cmd_explain,
    &cmd_verify,
    &cmd_convert,
    &cmd_man,
    &cmd_completion,
    &cmd_help,
    &cmd_version,
};
const size_t cmd_table_n = COUNT_OF(cmd_table);
