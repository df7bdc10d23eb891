/* clean_prep.h - the options of `llmctl clean` that change text before it is judged. */
#ifndef CMD_CLEAN_PREP_H
#define CMD_CLEAN_PREP_H

#include "core/base/opt.h"
#include "data/clean.h"

struct clean_prep_opts {
    int unicode, digits;
    bool html, mojibake, boilerplate, lower, strip_punct, squeeze;
    const char *pii, *stop_words, *boilerplate_lines;
};

#define OPT_CLEAN_PREP(S, f)                                                                                           \
    OPT_GROUP("Text preprocessing, in this order"),                                                                    \
        OPT_BOOL(0, "html", S, f.html, NULL, "Turn markup into the text that a reader sees"),                          \
        OPT_BOOL(0, "fix-unicode", S, f.mojibake, NULL, "Repair UTF-8 that was read as another encoding"),             \
        OPT_ENUM(0, "unicode", S, f.unicode, "none|nfc|nfkc", "nfc",                                                   \
                 "Normal form; none leaves every character as it is"),                                                 \
        OPT_STR(0, "pii", S, f.pii, "KINDS", NULL, "Mask email,ip,phone,card or all; in chats in every string"),       \
        OPT_BOOL(0, "boilerplate", S, f.boilerplate, NULL, "Remove lines of menus, share buttons, cookie notices"),    \
        OPT_STR(0, "boilerplate-lines", S, f.boilerplate_lines, "FILE", NULL, "Remove the lines that are in FILE"),    \
        OPT_BOOL(0, "lower", S, f.lower, NULL, "Lower case"),                                                          \
        OPT_ENUM(0, "digits", S, f.digits, "keep|zero|drop", "keep", "Write every digit as 0, or none"),               \
        OPT_BOOL(0, "strip-punct", S, f.strip_punct, NULL, "Remove punctuation and symbols"),                          \
        OPT_STR(0, "stop-words", S, f.stop_words, "LIST", NULL,                                                        \
                "Remove stop words: en,de,fr,es,it,pt,nl,sv,da,pl,ru,tr or a file"),                                   \
        OPT_BOOL(0, "squeeze", S, f.squeeze, NULL, "One blank for many, one empty line for many")

/* Fills cfg->prep and puts a value on record for each step; to be closed. */
int clean_prep_open(const struct clean_prep_opts *o, struct clean_cfg *cfg, struct err *e);
void clean_prep_close(struct clean_cfg *cfg);
/* What each step did, one line a step. */
void clean_prep_talk(const struct clean_cfg *cfg, const struct clean_stats *s);

#endif
