/* clean_journal.h - what lets an interrupted `llmctl clean` go on.
 *
 * A run whose inputs and outputs are all files writes ".NAME.part" files and,
 * every few seconds, ".NAME.journal" beside the first of them, as a whole: the
 * place behind the last block that is done, how long each output was there, the
 * counts up to there, and all that the result depends on (options, inputs).
 * Outputs are synced first, so what the journal says holds after a crash too.
 * The same command then goes on at that place, and writes the same bytes as if
 * nothing had happened; a command that differs is refused by name.
 *
 * Where two passes are made, pass one is on record in ".NAME.notes.part" (clean_notes_file.c),
 * and the journal says how much of it counts; when it cannot be used pass one is made anew.
 *
 * After the last block the journal says that all is written; then the outputs
 * get their names.  clean_journal_end() removes it when reports are written too.
 *
 * Layout, little-endian: MAGIC, then what body() in clean_journal.c lists, then
 * XXH3-64 of all before.  It is read by the version of the program that wrote it. */
#ifndef DATA_CLEAN_JOURNAL_H
#define DATA_CLEAN_JOURNAL_H

#include "data/clean.h"
#include "data/doc_run.h"

struct clean_journal {
    bool on, saved, complete; /* saved: there is one on disk */
    char *path;
    struct buf print;         /* what the result depends on, one item a line */
    struct doc_at at;
    char damaged[512];
    uint64_t written[DOC_RUN_BUFS];
    int pass;                 /* as clean.pass: which one `at` is a place of */
    struct notes *notes;      /* whose labels are on record too; NULL: there is but one pass */
    char *notes_path;
    uint64_t notes_bytes;
    double every_s, last_s, cost_s;
};

/* Reads the journal of an earlier run into *j and *total, when there is one and
 * it is of the same work. */
int clean_journal_open(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total, struct err *e);
/* Is it time to save?  Saving takes at most a twentieth of the time, unless it is to happen
 * behind every block (every_s 0). */
bool clean_journal_due(const struct clean_journal *j);
/* The caller has filled at, damaged and written, and synced the outputs. */
int clean_journal_save(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total, struct err *e);
void clean_journal_close(struct clean_journal *j); /* the file stays */

/* For the fuzzer: the content of a journal file; ERR_DATA when it is none. */
int clean_journal_parse(struct clean_journal *j, const struct clean_cfg *cfg, struct clean_stats *total,
                        const void *data, size_t n, struct err *e);

#endif
