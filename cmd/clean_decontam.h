/* clean_decontam.h - `llmctl clean --decontaminate`. */
#ifndef CMD_CLEAN_DECONTAM_H
#define CMD_CLEAN_DECONTAM_H

#include "core/base/opt.h"
#include "data/clean.h"

#define OPT_CLEAN_DECONTAM(S, f)                                                                                     \
    OPT_GROUP("Decontamination"),                                                                                    \
        OPT_LIST(0, "decontaminate", S, f, "FILE[:N]", "Remove documents that share N (13) words in a row with FILE")

struct clean_decontam; /* owned by the caller of open */
/* Adds the filter and its rules when the list is not empty; *out may stay NULL. */
int clean_decontam_open(struct clean_decontam **out, const struct opt_list *files, struct clean_cfg *cfg, struct err *e);
void clean_decontam_close(struct clean_decontam *c); /* NULL is fine */

#endif
