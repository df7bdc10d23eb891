/* chat_filter.h - the filters of templates: {{ value|name(arguments) }}.
 *
 * chat_filter.c has the table, numbers and what fits nowhere else; text is in
 * chat_filter_text.c and chat_filter_wrap.c, sequences are in chat_filter_list.c, HTML and
 * addresses in chat_filter_html.c and chat_urlize.c, pprint in chat_pprint.c. */
#ifndef CORE_TOKEN_CHAT_FILTER_H
#define CORE_TOKEN_CHAT_FILTER_H

#include "core/token/chat_eval.h"

typedef int filter_fn(struct chat_run *r, struct chat_env *env, const struct cv *of, const struct chat_args *a,
                      struct cv *out);
filter_fn filter_upper, filter_lower, filter_title, filter_capitalize, filter_trim, filter_replace,
    filter_string, filter_escape, filter_safe, filter_indent, filter_tojson, filter_format, filter_wordcount, filter_center;
filter_fn filter_truncate, filter_wordwrap, filter_filesizeformat, filter_pprint;
filter_fn filter_forceescape, filter_striptags, filter_xmlattr, filter_urlencode, filter_urlize;
filter_fn filter_first, filter_last, filter_list, filter_reverse, filter_items, filter_sort, filter_dictsort,
    filter_unique, filter_min, filter_max, filter_sum, filter_join, filter_map, filter_select,
    filter_reject, filter_selectattr, filter_rejectattr, filter_batch, filter_slice, filter_groupby;

/* The value with its mappings, at every depth, in the order of their keys; an error where those have none. */
int chat_sorted(struct chat_run *r, const char *filter, const struct cv *v, struct cv *out);
/* len() of a value; an undefined one has none. */
int chat_length(struct chat_run *r, const struct cv *of, int64_t *out);
/* The real number that float() makes of a value. */
int chat_real(struct chat_run *r, const struct cv *of, double *out);

static inline struct cv chat_string_value(const struct cstr *s)
{
    return (struct cv){.type = CV_STRING, .u.s = s};
}

#endif
