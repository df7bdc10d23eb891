#include "cmd/docs_opts.h"

#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/log.h"

size_t docs_mem(int64_t given)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
    if (given) return (size_t)given;
    return pages > 0 && size > 0 ? (size_t)pages / 2 * (size_t)size : 0;
}

int docs_outputs_check(const struct docs_outputs *o, struct err *e)
{
    const char *files[] = {o->dry_run ? NULL : o->out, o->removed, o->quarantine, o->report};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        for (size_t k = 0; k < i; k++)
            if (files[i] && files[k] && strcmp(files[i], files[k]) == 0)
                return err_set(e, ERR_USAGE, "'%s' is given for two outputs", files[i]);
    if (o->json && !o->dry_run && strcmp(o->out, "-") == 0)
        return err_set(e, ERR_USAGE, "--json and documents on stdout exclude each other; give --out or --dry-run");
    return 0;
}

int docs_outputs_report(const struct docs_outputs *o, struct buf *b, struct err *e)
{
    int ret = buf_ok(b, e);
    if (!ret && o->report) ret = file_write_again(o->report, b->data, b->len, e);
    if (!ret && o->json) ret = out_write(b->data, b->len, e);
    buf_free(b);
    return ret;
}
