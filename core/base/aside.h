/* aside.h - parts of a long piece of work that another thread may do meanwhile.
 *
 * Who loads a tokenizer, say, puts parts aside whose results it needs later; threads that have nothing else to do look
 * after them.  What nobody has taken when its result is wanted is done then by who put it aside: so without helpers all is
 * as if this were not there, and the results must not depend on who does a part.
 *
 *     a thread that works:      aside_lend(a); work(); aside_lend(NULL); aside_close(a);
 *     inside work():            aside_put(&part, fn, arg); ...; aside_get(&part);
 *     threads that help:        aside_serve(a);  (until it is closed)
 *
 * One part waits at a time, that of one thread; parts of parts are done at once. */
#ifndef CORE_BASE_ASIDE_H
#define CORE_BASE_ASIDE_H

#include <stdbool.h>

#include "core/base/err.h"

struct aside;

struct aside *aside_new(struct err *e);
void aside_free(struct aside *a); /* NULL is fine */

/* Where the parts of this thread go; NULL: nowhere, as in the beginning. */
void aside_lend(struct aside *a);
bool aside_is_lent(void); /* to this thread: it may pay to make parts */

struct aside_part {
    void (*fn)(void *arg);
    void *arg;
    struct aside *at; /* NULL: nowhere */
    bool done;
};
/* fn(arg) will be done before aside_get() returns, which must follow. */
void aside_put(struct aside_part *p, void (*fn)(void *arg), void *arg);
void aside_get(struct aside_part *p);

bool aside_help(struct aside *a);  /* does what waits; false: nothing did */
void aside_serve(struct aside *a); /* does what comes until it is closed */
void aside_close(struct aside *a);
bool aside_is_closed(struct aside *a);

#endif
