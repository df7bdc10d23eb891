#include "cmd/clean_resume.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/file.h"

/* Those that say how a run is done and not what it gives. */
static bool is_manner(const char *name, size_t n)
{
    static const char *const manners[] = {"threads", "quiet", "color", "resume", "save-every", "mem"};
    for (size_t i = 0; i < COUNT_OF(manners); i++)
        if (strlen(manners[i]) == n && memcmp(manners[i], name, n) == 0) return true;
    return false;
}

/* Lines of opt_dump(), `  "preset": "gopher",`, as `--preset "gopher"`. */
static void add_options(const char *dump, struct buf *out)
{
    for (const char *s = dump; *s;) {
        size_t len = strcspn(s, "\n");
        const char *name = len > 4 && memcmp(s, "  \"", 3) == 0 ? s + 3 : NULL;
        size_t n = name ? strcspn(name, "\"") : 0;
        if (name && !is_manner(name, n)) {
            const char *value = name + n + 3, *end = s + len - (s[len - 1] == ',');
            buf_printf(out, "--%.*s %.*s\n", (int)n, name, (int)(end - value), value);
        }
        s += len + (s[len] != '\0');
    }
}

/* FILE, FILE:20, FILE:LABEL>=0.5 ...: what of it is there. */
static int add_file(const char *value, struct buf *out, struct err *e)
{
    char *path = mem_strdup(value), *colon = NULL;
    if (!path) return err_oom(e, strlen(value), "a file name");
    bool found = file_exists(path);
    while (!found && (colon = strrchr(path, ':'))) {
        *colon = '\0';
        found = file_exists(path);
    }
    if (found) {
        buf_printf(out, "file '%s'", path);
        file_describe(path, out);
        buf_addc(out, '\n');
    }
    free(path);
    return 0;
}

int clean_resume_print(const struct cmd *self, const void *cfg, const struct opt_result *r, const char *const *files,
                       size_t n, struct buf *out, struct err *e)
{
    struct buf dump = {0};
    int ret = opt_dump(self, cfg, r, &dump, e);
    buf_adds(out, "llmctl " LLMCTL_VERSION "\n");
    if (!ret) add_options(dump.data, out);
    for (size_t i = 0; i < n && !ret; i++)
        if (files[i]) ret = add_file(files[i], out, e);
    buf_free(&dump);
    if (!ret) buf_addc(out, '\0');
    return ret ? ret : buf_ok(out, e);
}
