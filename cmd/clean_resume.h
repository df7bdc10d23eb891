/* clean_resume.h - the options of `llmctl clean` about going on after an
 * interruption, and what the run must have in common with the one before. */
#ifndef CMD_CLEAN_RESUME_H
#define CMD_CLEAN_RESUME_H

#include "core/base/opt.h"

struct clean_resume_opts {
    int resume;
    double save_every;
};

#define OPT_CLEAN_RESUME(S, f)                                                                                         \
    OPT_ENUM(0, "resume", S, f.resume, "auto|never", "auto",                                                           \
             "Go on where an interrupted run of this command was, or start over"),                                     \
        OPT_F64(0, "save-every", S, f.save_every, "SECONDS", "5", 0, 86400,                                            \
                "Time between places to go on from; 0: every block")

/* One line an option that the result depends on, then one a file that an option
 * names.  `files`: values of such options (FILE, FILE:MORE ...), some NULL. */
int clean_resume_print(const struct cmd *self, const void *cfg, const struct opt_result *r, const char *const *files,
                       size_t n, struct buf *out, struct err *e);

#endif
