/* report_page.h - what the HTML reports of the data stages have in common. */
#ifndef DATA_REPORT_PAGE_H
#define DATA_REPORT_PAGE_H

#include "core/base/buf.h"

/* Everything up to the heading, which is the title; and the end. */
void report_page_begin(struct buf *b, const char *title);
void report_page_end(struct buf *b);
void report_page_text(struct buf *b, const char *s); /* escaped */
double report_percent(uint64_t a, uint64_t of);      /* 0 of 0 is 0 */

#endif
