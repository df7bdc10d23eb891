/* chat_format.h - numbers and texts in a form that a template asks for.
 *
 * Python has two languages for it: "%-5.2f" % x (chat_percent.c) and
 * "{:<5.2f}".format(x) (chat_format.c).  Both say the same things, which struct
 * chat_form holds; chat_number.c writes numbers by it. */
#ifndef CORE_TOKEN_CHAT_FORMAT_H
#define CORE_TOKEN_CHAT_FORMAT_H

#include "core/token/chat_eval.h"

enum { FORM_MOST_WIDTH = 100000, FORM_MOST_PRECISION = 400 };

struct chat_form {
    char fill[5];    /* one character, "" = none given */
    char align;      /* < > ^ =, 0 = none given */
    char sign;       /* + or a space: in front of what is not negative; 0 */
    bool alt, zero;  /* #, 0 */
    int width, precision; /* -1 = none given */
    char group;      /* , or _ between digits; 0 */
    char type;       /* d x f ...; 0 = none given */
    uint8_t mark;    /* of the characters that fill */
};

/* An integer or real number as `type` says: d b o x X n c, or e E f F g G n % and, for reals, 0.
 * Only what fits the type is looked at; the caller has refused the rest. */
int chat_form_number(struct chat_run *r, struct chat_text *out, const struct cv *v, const struct chat_form *f);
/* s[0, n) filled up to the width, `lead` bytes of it (a sign) before what fills where align is =; `usual` is
 * where it goes when none is given. */
void chat_form_fill(struct chat_text *out, const struct chat_text *s, size_t lead, const struct chat_form *f, char usual);
/* The first characters of t, as many as the precision says. */
void chat_form_cut(struct chat_text *t, const struct chat_form *f);

/* fmt % values, where escape: fmt is marked safe, and what enters it is escaped. */
int chat_percent(struct chat_run *r, const struct cstr *fmt, bool escape, const struct cv *values, struct cv *out);
/* fmt.format(...), fmt.format_map(names). */
int chat_format(struct chat_run *r, const struct cv *fmt, const struct chat_args *a, struct cv *out);
/* str(), repr() or ascii() of a value by the letter s, r, a, at the end of out. */
int chat_form_text(struct chat_run *r, struct chat_text *out, const struct cv *v, char letter);

#endif
