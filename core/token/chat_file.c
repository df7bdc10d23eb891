#include "core/token/chat_file.h"

#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_files.h"

enum { MOST_TEXT = 16 << 20 }; /* bytes of a template in a file of its own */

/* "chat_template" of a tokenizer_config.json: a text, or named ones (a list, an
 * object) whose "default" is meant.  1 = there is none. */
static int config_template(const char *path, struct buf *out, struct err *e)
{
    struct cJSON *j = json_read_file(path, NULL, e);
    if (!j) return -1;
    const struct cJSON *v = json_member(j, "chat_template"), *x;
    if (cJSON_IsObject(v)) v = json_member(v, "default");
    const char *text = cJSON_IsString(v) ? v->valuestring : NULL;
    cJSON_ArrayForEach(x, v) {
        const struct cJSON *name = json_member(x, "name"), *value = json_member(x, "template");
        if (cJSON_IsString(name) && cJSON_IsString(value) && strcmp(name->valuestring, "default") == 0)
            text = value->valuestring;
    }
    if (text) buf_adds(out, text);
    json_free(j);
    return text ? buf_ok(out, e) : 1;
}

int chat_file_gguf(const char *path, struct buf *out, struct err *e)
{
    struct file_map m;
    if (file_map(&m, path, e)) return -1;
    int ret = tok_gguf_template((const char *)m.data, m.size, path, out, e);
    file_unmap(&m);
    return ret;
}

int chat_file_read(const char *path, struct buf *out, struct err *e)
{
    bool json = str_ends_with(path, ".json");
    if (!json && !str_ends_with(path, ".gguf")) return file_read_all(path, MOST_TEXT, out, e);
    int ret = json ? config_template(path, out, e) : chat_file_gguf(path, out, e);
    if (ret != 1) return ret;
    return err_set(e, ERR_DATA, "'%s': there is no chat_template in it%s", path, json ? "; name the directory, if another file there has one" : "");
}

/* What a directory of a model says. */
int chat_file_in(const char *dir, struct buf *out, char **found, struct err *e)
{
    static const char *const names[] = {"chat_template.jinja", "tokenizer_config.json", "chat_template.json"};
    int ret = 1;
    for (size_t i = 0; ret == 1 && i < COUNT_OF(names); i++) {
        char *path = path_join(dir, names[i]);
        if (!path) return err_oom(e, strlen(dir), "a path");
        if (file_exists(path)) ret = i == 0 ? file_read_all(path, MOST_TEXT, out, e) : config_template(path, out, e);
        if (ret == 0 && found) *found = path;
        else free(path);
    }
    return ret;
}
