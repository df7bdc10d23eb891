/* The chain and its simple steps. */
#include "core/token/normalize.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/sig.h"
#include "core/token/bytemap.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

void norm_chain_free(struct norm_chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->step[i].from);
        free(c->step[i].to);
        regex_free(c->step[i].re);
        charsmap_free(c->step[i].map);
    }
    free(c->step);
    *c = (struct norm_chain){0};
}

struct norm_step *norm_chain_add(struct norm_chain *c, enum norm_kind kind, struct err *e)
{
    struct norm_step *p = mem_resize(c->step, c->n + 1, sizeof *p);
    if (!p) {
        err_oom(e, (c->n + 1) * sizeof *p, "normalizers");
        return NULL;
    }
    c->step = p;
    p[c->n] = (struct norm_step){.kind = kind};
    return &p[c->n++];
}

void norm_free(struct norm *w)
{
    for (int i = 0; i < 2; i++) {
        buf_free(&w->side[i].text);
        free(w->side[i].origin);
    }
    for (size_t i = 0; i < COUNT_OF(w->same); i++) free(w->same[i]);
    regex_work_free(w->work);
    free(w->list);
    free(w->tmp);
    memset(w, 0, sizeof *w);
}

/* ---- writing ---- */

struct norm_origin norm_origin_at(const struct norm_io *io, size_t i)
{
    if (io->from) return io->from[i];
    const uint8_t *s = (const uint8_t *)io->in;
    size_t begin = i;
    for (int k = 0; k < 3 && begin > 0 && (s[begin] & 0xC0) == 0x80; k++) begin--;
    struct uni_char c = uni_next(s + begin, io->n - begin);
    if (begin + c.len <= i) return (struct norm_origin){i, i + 1}; /* broken UTF-8 */
    return (struct norm_origin){begin, begin + c.len};
}

static struct norm_origin *origin_room(struct norm_io *io, size_t n)
{
    struct norm_text *t = io->to;
    size_t need = t->text.len + n;
    if (mem_room(&t->origin, &t->cap, need, sizeof *t->origin)) return t->origin + t->text.len;
    err_oom(io->e, need * sizeof *t->origin, "normalising");
    return NULL;
}

int norm_put_text(struct norm_io *io, const char *text, size_t len, struct norm_origin origin)
{
    if (io->w->want_origin && len) {
        struct norm_origin *o = origin_room(io, len);
        if (!o) return -1;
        for (size_t i = 0; i < len; i++) o[i] = origin;
    }
    buf_add(&io->to->text, text, len);
    return buf_ok(&io->to->text, io->e);
}

/* Of the next `len` bytes, for as many of the result. */
static int copy_origins(struct norm_io *io, size_t len)
{
    if (!io->w->want_origin || !len) return 0;
    struct norm_origin *o = origin_room(io, len);
    if (!o) return -1;
    if (io->from) {
        memcpy(o, io->from + io->pos, len * sizeof *o);
        return 0;
    }
    for (size_t i = 0; i < len;) {
        struct uni_char c = uni_next((const uint8_t *)io->in + io->pos + i, len - i);
        size_t at = io->pos + i;
        for (unsigned k = 0; k < c.len; k++) o[i + k] = (struct norm_origin){at, at + c.len};
        i += c.len;
    }
    return 0;
}

int norm_copy(struct norm_io *io, size_t len)
{
    if (copy_origins(io, len)) return -1;
    buf_add(&io->to->text, io->in + io->pos, len);
    io->pos += len;
    return buf_ok(&io->to->text, io->e);
}

static size_t char_len(const struct norm_io *io)
{
    return io->pos < io->n ? uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos).len : 0;
}

enum { STOPS = 1 << 18 }; /* after so many characters it is asked whether to stop */
int norm_put(struct norm_io *io, uint32_t cp, int change)
{
    char bytes[4];
    struct norm_origin origin = {0, 0};
    if (io->w->want_origin) {
        if (change <= 0) {
            if (io->pos < io->n) origin = norm_origin_at(io, io->pos);
        } else if (io->pos > 0) {
            origin = norm_origin_at(io, io->pos - 1);
        }
    }
    int len = cp == UNI_BAD ? 0 : utf8_encode(cp, bytes);
    if (cp == UNI_BAD) { /* a stray byte stands for itself */
        bytes[0] = io->pos < io->n ? io->in[io->pos] : '?';
        len = 1;
    }
    for (; change <= 0; change++) io->pos += char_len(io);
    if (++io->w->n_put % STOPS == 0 && sig_check(io->e)) return -1;
    return norm_put_text(io, bytes, (size_t)len, origin);
}

/* ---- steps of one character ---- */

static bool ascii(const struct norm_io *io)
{
    for (size_t i = 0; i < io->n; i++)
        if ((uint8_t)io->in[i] >= 0x80) return false;
    return true;
}

static struct uni_char next_char(const struct norm_io *io)
{
    return uni_next((const uint8_t *)io->in + io->pos, io->n - io->pos);
}

/* What BertNormalizer takes for Chinese characters. */
static bool is_chinese(uint32_t cp)
{
    return cp >= 0x3400 && ((cp >= 0x4E00 && cp <= 0x9FFF) || cp <= 0x4DBF ||
                            (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x2A6DF) ||
                            (cp >= 0x2A700 && cp <= 0x2B81F) || (cp >= 0x2B920 && cp <= 0x2CEAF) ||
                            (cp >= 0x2F800 && cp <= 0x2FA1F));
}

static bool nmt_removes(uint32_t cp)
{
    return (cp >= 1 && cp <= 8) || cp == 0xB || (cp >= 0xE && cp <= 0x1F) || cp == 0x7F ||
           cp == 0x8F || cp == 0x9F;
}

static bool nmt_space(uint32_t cp)
{
    return cp == 9 || cp == 0xA || cp == 0xC || cp == 0xD || cp == 0x1680 ||
           (cp >= 0x200B && cp <= 0x200F) || cp == 0x2028 || cp == 0x2029 || cp == 0x2581 ||
           cp == 0xFEFF || cp == 0xFFFD;
}

/* What a step makes of one character, or -1 where that is not all it looks at. */
static int of_char(enum norm_kind k, uint32_t cp, uint32_t out[NORM_CHAR_MOST])
{
    out[0] = cp;
    switch (k) {
    case NORM_LOWERCASE: return uni_lower(cp, out);
    case NORM_STRIP_ACCENTS: return !(uni_extra(cp) & UNI_MARK);
    case NORM_BERT_MARKS: return !(uni_extra(cp) & UNI_BERT_MARK);
    case NORM_BERT_CLEAN:
        if (uni_class(cp) & UNI_SPACE) out[0] = ' ';
        return !(uni_extra(cp) & UNI_BERT_CLEAN);
    case NORM_BERT_CHINESE:
        if (!is_chinese(cp)) return 1;
        out[0] = out[2] = ' ';
        out[1] = cp;
        return 3;
    case NORM_NMT:
        if (nmt_space(cp)) out[0] = ' ';
        return !nmt_removes(cp);
    case NORM_NFD: return norm_decompose(cp, false, out);
    case NORM_NFKD: return norm_decompose(cp, true, out);
    case NORM_STRIP: return 1; /* inside a text */
    default: return -1;
    }
}

bool norm_by_char(const struct norm_chain *c, bool *orders)
{
    uint32_t out[NORM_CHAR_MOST];
    *orders = false;
    for (size_t i = 0; i < c->n; i++) {
        if (of_char(c->step[i].kind, 'a', out) < 0) return false;
        *orders = *orders || c->step[i].kind == NORM_NFD || c->step[i].kind == NORM_NFKD;
    }
    return true;
}

int norm_char(const struct norm_chain *c, uint32_t cp, uint32_t out[NORM_CHAR_MOST])
{
    uint32_t have[NORM_CHAR_MOST], next[NORM_CHAR_MOST];
    int n = 1;
    size_t i = 0;
    for (; i < c->n && n == 1; i++) { /* most stay one character */
        n = of_char(c->step[i].kind, cp, out);
        if (n < 0) return -1;
        cp = n == 1 ? out[0] : cp;
    }
    if (n == 1) out[0] = cp;
    for (; i < c->n; i++) {
        int n_have = n;
        memcpy(have, out, (size_t)n * sizeof *have);
        n = 0;
        for (int k = 0; k < n_have; k++) {
            int more = 1;
            next[0] = ' '; /* spaces, which stand around Chinese characters, stay */
            if (have[k] != ' ') more = of_char(c->step[i].kind, have[k], next);
            if (more < 0 || n + more > NORM_CHAR_MOST) return -1;
            for (int m = 0; m < more; m++) out[n + m] = next[m];
            n += more;
        }
    }
    return n;
}

/* Characters that stay, or become as many bytes, as far as there are only such. */
static int same_run(struct norm_io *io, const struct norm_same *t, bool *changed)
{
    const uint8_t *s = (const uint8_t *)io->in + io->pos;
    size_t n = io->n - io->pos, i = 0;
    struct buf *b = &io->to->text;
    if (!buf_reserve(b, n + 1)) return buf_ok(b, io->e);
    uint8_t *out = (uint8_t *)b->data + b->len, differ = 0;
    while (i < n) {
        if (s[i] < 0x80) {
            uint8_t to = t->ascii[s[i]];
            if (to == NORM_NOT_ONE) break;
            out[i] = to;
            differ |= to ^ s[i++];
            continue;
        }
        struct uni_char c = uni_next_inline(s + i, n - i);
        if (c.cp >= NORM_SAME || !(t->same[c.cp >> 6] >> (c.cp & 63) & 1)) break;
        for (size_t end = i + c.len; i < end; i++) out[i] = s[i];
    }
    if (copy_origins(io, i)) return -1;
    b->len += i;
    b->data[b->len] = 0;
    io->pos += i;
    *changed = *changed || differ;
    return 0;
}

/* Character by character. */
static int each_char(struct norm_io *io, bool *changed)
{
    enum norm_kind k = io->step->kind;
    const struct norm_same *same = norm_same(io);
    while (io->pos < io->n) {
        if (same && same_run(io, same, changed)) return -1;
        if (io->pos == io->n) break;
        struct uni_char c = next_char(io);
        uint32_t out[NORM_CHAR_MOST];
        int n = c.cp == UNI_BAD ? 1 : of_char(k, c.cp, out);
        if (c.cp == UNI_BAD || (n == 1 && out[0] == c.cp)) {
            if (norm_copy(io, c.len)) return -1;
            continue;
        }
        *changed = true;
        if (n == 0) io->pos += c.len;
        for (int i = 0; i < n; i++)
            if (norm_put(io, out[i], i > 0)) return -1;
    }
    return 0;
}

static int byte_level(struct norm_io *io, bool *changed)
{
    *changed = io->n > 0;
    while (io->pos < io->n) {
        const uint8_t *s = (const uint8_t *)io->in + io->pos;
        unsigned len = uni_next(s, io->n - io->pos).len;
        for (unsigned i = 0; i < len; i++)
            if (norm_put(io, bytemap_char(s[i]), i == 0 ? 0 : 1)) return -1;
    }
    return 0;
}

/* ---- ends ---- */

static int strip(struct norm_io *io, bool *changed)
{
    const uint8_t *s = (const uint8_t *)io->in;
    size_t end = io->n;
    if (io->step->left && !io->w->inner_first)
        while (io->pos < io->n) {
            struct uni_char c = next_char(io);
            if (!(c.class & UNI_SPACE)) break;
            io->pos += c.len;
        }
    if (io->step->right && !io->w->inner_last)
        while (end > io->pos) {
            struct uni_char c = uni_prev(s, end);
            if (!(c.class & UNI_SPACE)) break;
            end -= c.len;
        }
    *changed = io->pos > 0 || end < io->n;
    return *changed ? norm_copy(io, end - io->pos) : 0;
}

static int prepend(struct norm_io *io, bool *changed)
{
    const struct norm_step *st = io->step;
    if (io->n == 0 || st->n_to == 0 || io->w->inner_first) return 0;
    struct uni_char c = next_char(io);
    struct norm_origin first = {0, 0}, last = {0, 0};
    if (io->w->want_origin) {
        first = norm_origin_at(io, 0);
        last = norm_origin_at(io, c.len - 1);
    }
    /* The first character of what is put in front takes the place of the
     * text's first one, all others and that one share its end. */
    struct uni_char p = uni_next((const uint8_t *)st->to, st->n_to);
    *changed = true;
    if (norm_put_text(io, st->to, p.len, first) ||
        norm_put_text(io, st->to + p.len, st->n_to - p.len, last) ||
        norm_put_text(io, io->in, c.len, last))
        return -1;
    io->pos = c.len;
    return norm_copy(io, io->n - c.len);
}

/* ---- replacing ---- */

static int replaced(struct norm_io *io, size_t begin, size_t end)
{
    struct norm_origin origin = {0, 0};
    if (norm_copy(io, begin - io->pos)) return -1;
    if (io->w->want_origin && end > 0) origin = norm_origin_at(io, end - 1);
    io->pos = end;
    return norm_put_text(io, io->step->to, io->step->n_to, origin);
}

static int replace_text(struct norm_io *io, bool *changed)
{
    const struct norm_step *st = io->step;
    const char *p;
    if (st->n_from == 0) return 0;
    while (io->pos < io->n &&
           (p = memmem(io->in + io->pos, io->n - io->pos, st->from, st->n_from))) {
        size_t begin = (size_t)(p - io->in);
        *changed = true;
        if (replaced(io, begin, begin + st->n_from)) return -1;
    }
    return *changed ? norm_copy(io, io->n - io->pos) : 0;
}

static int replace_regex(struct norm_io *io, bool *changed)
{
    struct regex_iter it = {.last = SIZE_MAX};
    size_t begin, end;
    int found;
    if (io->n == 0) return 0;
    if (!io->w->work && !(io->w->work = regex_work_new(io->e))) return -1;
    while ((found = regex_next(io->step->re, io->w->work, (const uint8_t *)io->in, io->n, &it,
                               &begin, &end, io->e)) > 0) {
        *changed = true;
        if (end == 0 && io->step->not_in_front)
            return err_set(io->e, ERR_DATA, "normalizer Replace puts text in front, where Hugging Face's programs leave the first character out "
                                            "of the steps behind");
        if (replaced(io, begin, end)) return -1;
    }
    if (found < 0) return -1;
    return *changed ? norm_copy(io, io->n - io->pos) : 0;
}

/* ---- the chain ---- */

static int form(struct norm_io *io, bool *changed)
{
    enum norm_kind k = io->step->kind;
    int ret = norm_form(io, k == NORM_NFKC || k == NORM_NFKD, k == NORM_NFC || k == NORM_NFKC);
    *changed = ret > 0;
    return ret < 0 ? -1 : 0;
}

static int apply(struct norm_io *io, bool *changed)
{
    switch (io->step->kind) {
    case NORM_NFC: case NORM_NFD: case NORM_NFKC: case NORM_NFKD: return form(io, changed);
    case NORM_LOWERCASE: case NORM_NMT: case NORM_BERT_CLEAN: return each_char(io, changed);
    case NORM_STRIP_ACCENTS: case NORM_BERT_CHINESE: case NORM_BERT_MARKS:
        return ascii(io) ? 0 : each_char(io, changed);
    case NORM_STRIP: return strip(io, changed);
    case NORM_PREPEND: return prepend(io, changed);
    case NORM_REPLACE: return io->step->re ? replace_regex(io, changed) : replace_text(io, changed);
    case NORM_PRECOMPILED: return norm_precompiled(io, changed);
    case NORM_BYTE_LEVEL: return byte_level(io, changed);
    case NORM_SPM: *changed = true; return norm_spm(io);
    case NORM_MOSES: *changed = true; return norm_moses(io);
    case NORM_PYTHON_LOWER: return norm_python_lower(io, changed);
    case NORM_PYTHON_UPPER: return norm_python_upper(io, changed);
    case NORM_PYTHON_BASIC: return norm_python_basic(io, changed);
    }
    return -1;
}

int norm_check_growth(size_t from, size_t to, const char *who, struct err *e)
{
    enum { MOST = 1024, SHORT = 64 }; /* a text of a few bytes may have as much put around it */
    if (to / MOST <= from + SHORT) return 0;
    return err_set(e, ERR_DATA, "%s makes %zu bytes of %zu: more than %d times as many is not supported", who, to, from, MOST);
}

int norm_run(const struct norm_chain *c, struct norm *w, const char *text, size_t n, struct err *e)
{
    struct norm_text *have = NULL;
    for (size_t i = 0; i < c->n; i++) {
        bool changed = false;
        struct norm_io io = {.w = w, .step = &c->step[i], .in = have ? have->text.data : text,
                             .n = have ? have->text.len : n,
                             .from = have && w->want_origin ? have->origin : NULL,
                             .to = &w->side[have == &w->side[0]], .e = e};
        buf_clear(&io.to->text);
        if (!io.in) io.in = "";
        if (!buf_reserve(&io.to->text, 16)) return buf_ok(&io.to->text, e);
        if (apply(&io, &changed) || norm_check_growth(n, io.to->text.len, "the normalizer", e)) return -1;
        if (changed) have = io.to;
    }
    w->out = have;
    return have != NULL;
}
