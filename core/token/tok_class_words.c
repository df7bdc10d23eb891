/* Classes that are Python around byte pairs of subword-nmt's kind: words at white space, "</w>" behind
 * the last character, and pieces that are looked up as "piece@@" or, at the end of a word, "piece".
 * They become a tokenizer.json whose tokens are those symbols, inside tok_pieces.h's form. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/tok_class.h"
#include "core/token/tok_members.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"

#define END "</w>"

/* ---- lines, as Python reads them ---- */

/* The next word of str.split() at *p; false: there is none. */
static bool next_word(const char **p, const char *end, const char **word, size_t *n)
{
    struct uni_char c;
    for (; *p < end; *p += c.len)
        if (!uni_is_python_space(c = uni_next((const uint8_t *)*p, (size_t)(end - *p)))) break;
    *word = *p;
    for (; *p < end; *p += c.len)
        if (uni_is_python_space(c = uni_next((const uint8_t *)*p, (size_t)(end - *p)))) break;
    *n = (size_t)(*p - *word);
    return *n > 0;
}

/* Universal newlines. */
static bool next_line(const char **p, const char *end, const char **line, size_t *n, bool *ended)
{
    if (*p == end) return false;
    for (*line = *p; *p < end && **p != '\n' && **p != '\r';) ++*p;
    *n = (size_t)(*p - *line);
    *ended = *p < end;
    if (*ended) *p += (*p)[0] == '\r' && *p + 1 < end && (*p)[1] == '\n' ? 2 : 1;
    return true;
}

/* Named tokens come first. */
static int add_named(struct class_build *b, struct err *e)
{
    static const enum class_name first[] = {NAME_BOS, NAME_PAD, NAME_EOS, NAME_UNK, NAME_SEP, NAME_CLS};
    bool bartpho = b->c->layout == IDS_BARTPHO;
    for (size_t i = 0; i < (bartpho ? COUNT_OF(first) : 4); i++) {
        const char *s = b->name[first[i]].text;
        if (!s) return err_set(e, ERR_DATA, "'%s': %s needs all of its special tokens", b->dir, b->c->name);
        if (bartpho && vocab_find(&b->vocab, s, strlen(s)) >= 0) continue;
        if (vocab_add(&b->vocab, b->vocab.n, s, strlen(s), VOCAB_MODEL, e)) return err_wrap(e, "'%s'", b->dir);
    }
    return 0;
}

int class_words_counted(struct class_build *b, const char *text, size_t size, struct err *e)
{
    const char *p = text, *end = text + size, *line, *mask = b->name[NAME_MASK].text;
    size_t n, no = 0;
    bool ended, bartpho = b->c->layout == IDS_BARTPHO;
    if (add_named(b, e)) return -1;
    while (next_line(&p, end, &line, &n, &ended)) {
        no++;
        struct uni_char c;
        for (; n && uni_is_python_space(c = uni_next((const uint8_t *)line, n)); n -= c.len) line += c.len;
        for (; n && uni_is_python_space(c = uni_prev((const uint8_t *)line, n)); n -= c.len) {}
        const char *word, *at = line, *space = memrchr(line, ' ', n);
        size_t n_word;
        if (bartpho) space = next_word(&at, line + n, &word, &n_word) ? at : NULL; /* whatever stands behind */
        if (!space) return err_set(e, ERR_DATA, "'%s':%zu: a token and its count are expected, with a space between", b->file, no);
        if (vocab_add(&b->vocab, b->vocab.n, line, (size_t)(space - line), VOCAB_MODEL, e)) return err_wrap(e, "'%s':%zu", b->file, no);
    }
    if (!bartpho || !mask || vocab_find(&b->vocab, mask, strlen(mask)) >= 0) return 0;
    return vocab_add(&b->vocab, b->vocab.n, mask, strlen(mask), VOCAB_MODEL, e) ? err_wrap(e, "'%s'", b->file) : 0;
}

/* ---- merges ---- */

struct merge {
    const char *left, *right;
    size_t n_left, n_right;
};

struct merges {
    struct merge *v;
    size_t n, cap;
    struct vocab seen;   /* pairs */
    struct vocab symbols;
};

static bool ends(const char *s, size_t n)
{
    return n >= strlen(END) && memcmp(s + n - strlen(END), END, strlen(END)) == 0;
}

/* Not as tok_lists.h has merges.txt: what is no pair is passed over, as these classes do.  Lines without an end are
 * none, nor is the first of a list; how many words a line has, of which two count, is said by `kind`. */
static int read_merges(struct merges *m, const char *text, size_t size, enum class_words kind, struct err *e)
{
    const char *p = text, *end = text + size, *line;
    size_t n, no = 0;
    for (bool ended; next_line(&p, end, &line, &n, &ended);) {
        const char *at = line, *word[4];
        size_t len[4], k = 0;
        if (!ended || (no++ == 0 && kind == WORDS_LISTED)) continue;
        while (k < 4 && next_word(&at, line + n, &word[k], &len[k])) k++;
        if (kind == WORDS_SUFFIXED ? k < 2 : k != (kind == WORDS_COUNTED ? 3 : 2)) continue; /* which is no pair, and never found */
        if (ends(word[0], len[0])) continue;  /* nothing comes behind an end */
        if (!mem_room(&m->v, &m->cap, m->n + 1, sizeof *m->v)) return err_oom(e, m->n * sizeof *m->v, "merges");
        m->v[m->n++] = (struct merge){word[0], word[1], len[0], len[1]};
    }
    return 0;
}

static int add_symbol(struct merges *m, const char *s, size_t n, struct err *e)
{
    return vocab_find(&m->symbols, s, n) >= 0 ? 0 : vocab_add(&m->symbols, m->symbols.n, s, n, VOCAB_MODEL, e);
}

static int add_joined(struct merges *m, const struct merge *p, struct buf *whole, struct err *e)
{
    buf_clear(whole);
    buf_add(whole, p->left, p->n_left);
    buf_add(whole, p->right, p->n_right);
    if (buf_ok(whole, e)) return -1;
    if (ends(whole->data, whole->len) && (!ends(p->right, p->n_right) || p->n_right == strlen(END)))
        return err_set(e, ERR_DATA, "a merge makes '%.*s', which is no end of a word but looks like one: not supported", (int)whole->len, whole->data);
    return add_symbol(m, p->left, p->n_left, e) || add_symbol(m, p->right, p->n_right, e) || add_symbol(m, whole->data, whole->len, e) ? -1 : 0;
}

/* Characters that have a token. */
static int add_characters(struct merges *m, const struct vocab *v, bool suffixed, struct buf *whole, struct err *e)
{
    for (int id = 0; id < v->n; id++) {
        size_t n;
        if (!(v->v[id].flags & VOCAB_USED)) continue;
        const char *s = vocab_text(v, id, &n);
        size_t first = n ? uni_next((const uint8_t *)s, n).len : 0;
        bool symbol = suffixed ? n && (n == first || (n == first + strlen(END) && ends(s, n))) : n == first + 2 && memcmp(s + first, "@@", 2) == 0;
        if (symbol && add_symbol(m, s, suffixed ? n : first, e)) return -1;
        if (suffixed) continue;
        if (n != first || n == 0) continue;
        buf_clear(whole);
        buf_add(whole, s, n);
        buf_adds(whole, END);
        if (buf_ok(whole, e) || add_symbol(m, whole->data, whole->len, e)) return -1;
    }
    return 0;
}

/* Of equal merges the last one counts: the others go. */
static int drop_equal(struct merges *m, struct buf *whole, struct err *e)
{
    bool *last = mem_zalloc(m->n, 1);
    size_t kept = 0;
    int ret = last ? 0 : err_oom(e, m->n, "merges");
    for (size_t i = m->n; ret == 0 && i-- > 0;) {
        buf_clear(whole);
        buf_add(whole, m->v[i].left, m->v[i].n_left);
        buf_addc(whole, ' ');
        buf_add(whole, m->v[i].right, m->v[i].n_right);
        if ((ret = buf_ok(whole, e)) || vocab_find(&m->seen, whole->data, whole->len) >= 0) continue;
        last[i] = true;
        ret = vocab_add(&m->seen, m->seen.n, whole->data, whole->len, 0, e);
    }
    for (size_t i = 0; ret == 0 && i < m->n; i++)
        if (last[i]) m->v[kept++] = m->v[i];
    if (ret == 0) m->n = kept;
    free(last);
    return ret;
}

static void write_merges(const struct merges *m, struct buf *out)
{
    for (size_t i = 0; i < m->n; i++) {
        buf_adds(out, i ? ",\n" : "\n");
        tok_pair_json(out, m->v[i].left, m->v[i].n_left, m->v[i].right, m->v[i].n_right);
    }
}

static int write_all(struct class_build *b, struct merges *m, enum class_words kind, struct buf *whole, struct err *e)
{
    /* Lists are cut by Python's `regex`, which takes less for white space than `re`. */
    const char *word = kind == WORDS_LISTED ? "[^\\s]+\\n?" : "[^\\s\\x1C-\\x1F]+\\n?";
    static const char unknown[] = "  "; /* no symbol has spaces */
    struct buf *out = &b->model;
    if (drop_equal(m, whole, e) || add_symbol(m, unknown, 2, e)) return -1;
    for (size_t i = 0; i < m->n; i++)
        if (add_joined(m, &m->v[i], whole, e)) return -1;
    if (add_characters(m, &b->vocab, kind == WORDS_SUFFIXED, whole, e)) return -1;
    buf_adds(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,\n\"pre_tokenizer\":");
    tok_split_json(out, "Regex", word, "Removed", true);
    buf_adds(out, ",\n\"post_processor\":null,\"decoder\":null,\n\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"  \",\"continuing_subword_prefix\":null,"
                  "\"end_of_word_suffix\":\"" END "\",\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":false,");
    tok_vocab_json(out, &m->symbols, VOCAB_USED);
    buf_adds(out, ",\"merges\":[");
    write_merges(m, out);
    buf_adds(out, "]}}");
    return buf_ok(out, e);
}

int class_words_model(struct class_build *b, const char *name, enum class_words kind, struct err *e)
{
    struct merges m = {0};
    struct buf text = {0}, whole = {0};
    char *path;
    int ret = class_read_file(b, name, &path, &text, e);
    const char *s = buf_text(&text);
    if (ret == 0) ret = utf8_check(s, text.len, path, e);
    if (ret == 0) ret = read_merges(&m, s, text.len, kind, e) || write_all(b, &m, kind, &whole, e) ? err_wrap(e, "'%s'", path) : 0;
    vocab_free(&m.seen);
    vocab_free(&m.symbols);
    free(m.v);
    free(path);
    buf_free(&text);
    buf_free(&whole);
    return ret;
}

/* ---- WordPiece ---- */

/* Words at Python's white space, and (basic) what is punctuation to it stands alone; or characters. */
int class_wordpiece_model(struct class_build *b, enum class_words kind, struct err *e)
{
    struct buf *out = &b->model;
    const char *unk = b->name[NAME_UNK].text ? b->name[NAME_UNK].text : "[UNK]";
    bool basic = kind == WORDS_PIECES && !class_by_characters(b) && class_flag(b, "do_basic_tokenize", true);
    buf_adds(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,\n\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[");
    if (kind == WORDS_CHARACTERS) {
        tok_split_json(out, "Regex", "[\\s\\S]", "Isolated", false);
    } else if (class_by_characters(b)) {
        tok_split_json(out, "Regex", class_by_mecab(b) ? "[ \\t\\n\\x0B]+" : "\\x01", "Removed", false);
        buf_addc(out, ',');
        tok_split_json(out, "Regex", "[\\s\\S]", "Isolated", false);
    } else {
        tok_split_json(out, "Regex", "[\\s\\x1C-\\x1F]+", "Removed", false);
    }
    if (basic) {
        buf_addc(out, ',');
        tok_split_json(out, "Regex", "[!-/:-@\\[-`{-~\\p{P}]", "Isolated", false);
    }
    buf_adds(out, "]},\n\"post_processor\":null,\"decoder\":null,\n");
    tok_wordpiece_json(out, &b->vocab, unk);
    buf_addc(out, '}');
    return buf_ok(out, e);
}
