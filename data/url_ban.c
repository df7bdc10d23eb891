#include "data/url_ban.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "data/doc_lines.h"
#include "data/doc_path.h"

enum { MAX_THREADS = 256, MAX_URL = 4096 };
enum kind { HOSTS, ADDRESSES, WORDS, SOFT, PARTS, KINDS };

/* Strings, each once.  at[] of slots holds offsets in text + 1. */
struct strings {
    struct buf text; /* each ended by NUL */
    uint64_t *slot;
    size_t n, slots;
};

struct worker {
    struct buf url, host, path, word;
    uint64_t judged, without;
    const char *hit[KINDS]; /* an entry that hit the document at hand */
};

struct url_ban {
    const char *field;
    struct strings set[KINDS];
    struct rule row[KINDS];
    int metric[KINDS];
    struct worker *workers; /* [MAX_THREADS] */
};

/* ---- sets ---- */

static uint64_t *find_slot(const struct strings *s, const char *v, size_t n)
{
    for (size_t k = (size_t)hash64(v, n);; k++) {
        uint64_t *at = &s->slot[k & (s->slots - 1)];
        if (!*at) return at;
        const char *have = s->text.data + *at - 1;
        if (strncmp(have, v, n) == 0 && !have[n]) return at;
    }
}

static const char *strings_find(const struct strings *s, const char *v, size_t n)
{
    uint64_t at = s->n ? *find_slot(s, v, n) : 0;
    return at ? s->text.data + at - 1 : NULL;
}

static int strings_grow(struct strings *s, struct err *e)
{
    size_t slots = s->slots ? s->slots * 2 : 64;
    uint64_t *old = s->slot;
    s->slot = mem_zalloc(slots, sizeof *s->slot);
    if (!s->slot) {
        s->slot = old;
        return err_oom(e, slots * sizeof *old, "a list of addresses");
    }
    s->slots = slots;
    for (size_t at = 0; at < s->text.len; at += strlen(s->text.data + at) + 1)
        *find_slot(s, s->text.data + at, strlen(s->text.data + at)) = at + 1;
    free(old);
    return 0;
}

static int strings_add(struct strings *s, const char *v, size_t n, struct err *e)
{
    if (s->n * 2 >= s->slots && strings_grow(s, e)) return -1;
    uint64_t *at = find_slot(s, v, n);
    if (*at) return 0;
    uint64_t from = s->text.len;
    buf_add(&s->text, v, n);
    buf_addc(&s->text, '\0');
    if (buf_ok(&s->text, e)) return -1;
    *at = from + 1;
    s->n++;
    return 0;
}

/* ---- addresses ---- */

static bool plain(unsigned char c) /* of a word; other scripts are letters altogether */
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

bool url_split(const char *url, size_t n, struct buf *host, struct buf *path)
{
    buf_clear(host);
    buf_clear(path);
    for (size_t i = 0; i + 2 < n && i < 16; i++)
        if (memcmp(url + i, "://", 3) == 0) {
            url += i + 3;
            n -= i + 3;
            break;
        }
    size_t end = 0, from = 0;
    while (end < n && !strchr("/?#", url[end]))
        if (url[end++] == '@') from = end;
    size_t to = from;
    while (to < end && url[to] != ':')
        buf_addc(host, lower(url[to++]));
    while (host->len && host->data[host->len - 1] == '.')
        host->data[--host->len] = '\0';
    while (end < n && !strchr("?#", url[end]))
        buf_addc(path, url[end++]);
    while (path->len && path->data[path->len - 1] == '/')
        path->data[--path->len] = '\0';
    buf_addc(path, '\0');
    buf_addc(host, '\0');
    path->len--;
    host->len--;
    return host->len > 0 && memchr(host->data, '.', host->len);
}

static const char *without_www(const char *host)
{
    return strncmp(host, "www.", 4) == 0 ? host + 4 : host;
}

/* ---- reading lists ---- */

/* One word in lower case; false when it is none. */
static bool as_word(const char *s, size_t n, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        if (!plain((unsigned char)s[i])) return false;
        buf_addc(out, lower(s[i]));
    }
    return n > 0;
}

static int add_line(struct url_ban *u, const char *s, size_t n, struct worker *w, bool *good, struct err *e)
{
    static const struct {
        const char *prefix;
        enum kind kind;
    } words[] = {{"word:", WORDS}, {"soft:", SOFT}, {"part:", PARTS}};
    *good = true;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t k = strlen(words[i].prefix);
        if (n <= k || memcmp(s, words[i].prefix, k) != 0) continue;
        *good = as_word(s + k, n - k, &w->word);
        return *good ? strings_add(&u->set[words[i].kind], w->word.data, w->word.len, e) : 0;
    }
    if (n > 2 && memcmp(s, "*.", 2) == 0) {
        s += 2;
        n -= 2;
    }
    for (size_t i = 0; i < n; i++)
        *good &= (unsigned char)s[i] > ' ';
    *good = *good && url_split(s, n, &w->host, &w->path);
    if (!*good) return 0;
    if (!w->path.len) return strings_add(&u->set[HOSTS], w->host.data, w->host.len, e);
    buf_clear(&w->word);
    buf_adds(&w->word, without_www(w->host.data));
    buf_add(&w->word, w->path.data, w->path.len);
    return strings_add(&u->set[ADDRESSES], w->word.data, w->word.len, e);
}

/* A line of a list; what is behind a # is a comment. */
static int take_line(struct url_ban *u, const char *path, const struct doc_line *line, struct err *e)
{
    const char *s = line->s, *comment = memchr(s, '#', line->n);
    size_t n = comment ? (size_t)(comment - s) : line->n;
    bool good;
    while (n && (unsigned char)s[n - 1] <= ' ')
        n--;
    while (n && (unsigned char)*s <= ' ') {
        s++;
        n--;
    }
    if (!n) return 0;
    if (add_line(u, s, n, &u->workers[0], &good, e)) return -1;
    if (good) return 0;
    return err_set(e, ERR_DATA, "'%s', line %llu: '%.*s' is neither a host, an address, word:X, soft:X nor part:X", path,
                   (unsigned long long)line->no, (int)(n < 100 ? n : 100), s);
}

static int read_list(struct url_ban *u, const char *path, struct err *e)
{
    struct doc_lines in = {.name = path, .most = 1 << 20};
    struct doc_line line;
    int ret = doc_lines_open(&in, path, e) ? -1 : 1;
    while (ret > 0 && (ret = doc_lines_next(&in, &line, e)) > 0)
        if (take_line(u, path, &line, e)) ret = -1;
    doc_lines_close(&in);
    return ret;
}

/* ---- one document ---- */

static size_t count_hosts(const struct url_ban *u, struct worker *w)
{
    size_t n = 0;
    for (const char *s = w->host.data; s; s = strchr(s, '.')) {
        s += *s == '.';
        const char *hit = strings_find(&u->set[HOSTS], s, strlen(s));
        if (hit) w->hit[HOSTS] = hit;
        n += hit != NULL;
    }
    return n;
}

static size_t count_addresses(const struct url_ban *u, struct worker *w)
{
    size_t n = 0, host;
    if (!u->set[ADDRESSES].n) return 0;
    buf_clear(&w->word);
    buf_adds(&w->word, without_www(w->host.data));
    host = w->word.len;
    buf_add(&w->word, w->path.data, w->path.len);
    for (size_t i = host + 1; i <= w->word.len; i++) {
        if (i < w->word.len && w->word.data[i] != '/') continue;
        const char *hit = strings_find(&u->set[ADDRESSES], w->word.data, i);
        if (hit) w->hit[ADDRESSES] = hit;
        n += hit != NULL;
    }
    return n;
}

/* Words of the address; each counts once, where it stands first. */
static void count_words(const struct url_ban *u, struct worker *w, size_t count[KINDS])
{
    const char *s = w->url.data;
    for (size_t i = 0, n = w->url.len; i < n;) {
        size_t from = i;
        while (i < n && plain((unsigned char)s[i]))
            i++;
        size_t len = i - from;
        for (size_t k = 0; k + len <= from && len; k++) /* seldom: only words that are banned matter */
            if (memcmp(s + k, s + from, len) == 0 && !plain((unsigned char)s[k + len]) &&
                (!k || !plain((unsigned char)s[k - 1])))
                len = 0;
        for (int kind = WORDS; kind <= SOFT && len; kind++) {
            const char *hit = strings_find(&u->set[kind], s + from, len);
            if (hit) w->hit[kind] = hit;
            count[kind] += hit != NULL;
        }
        i += i < n;
    }
}

static size_t count_parts(const struct url_ban *u, struct worker *w)
{
    const struct buf *all = &u->set[PARTS].text;
    size_t n = 0;
    if (!u->set[PARTS].n) return 0;
    buf_clear(&w->word);
    for (size_t i = 0; i < w->url.len; i++)
        if (plain((unsigned char)w->url.data[i])) buf_addc(&w->word, w->url.data[i]);
    for (size_t at = 0; at < all->len; at += strlen(all->data + at) + 1)
        if (w->word.len && memmem(w->word.data, w->word.len, all->data + at, strlen(all->data + at))) {
            w->hit[PARTS] = all->data + at;
            n++;
        }
    return n;
}

/* The address in lower case; false when the document has none. */
static bool address_of(const struct url_ban *u, const struct doc *d, struct worker *w)
{
    struct doc_value v = doc_path_find(d->line, d->line_len, u->field ? u->field : "url");
    if (!u->field && v.type != DOC_V_STRING) v = doc_path_find(d->line, d->line_len, "metadata.url");
    buf_clear(&w->url);
    if (v.type != DOC_V_STRING || !doc_value_text(&v, &w->url) || !w->url.len) return false;
    if (w->url.len > MAX_URL) w->url.len = MAX_URL; /* what follows would be no host and no word of interest */
    if (memchr(w->url.data, '\0', w->url.len)) return false;
    if (!url_split(w->url.data, w->url.len, &w->host, &w->path)) return false;
    for (size_t i = 0; i < w->url.len; i++)
        w->url.data[i] = lower(w->url.data[i]);
    return true;
}

/* False when there is no address to judge. */
static bool judge(const struct url_ban *u, const struct doc *d, struct worker *w, size_t count[KINDS])
{
    memset(w->hit, 0, sizeof w->hit);
    memset(count, 0, KINDS * sizeof *count);
    if (!address_of(u, d, w)) return false;
    count[HOSTS] = count_hosts(u, w);
    count[ADDRESSES] = count_addresses(u, w);
    if (u->set[WORDS].n || u->set[SOFT].n) count_words(u, w, count);
    count[PARTS] = count_parts(u, w);
    return true;
}

static int run(void *arg, int thread, struct clean_doc *d, struct err *e)
{
    struct url_ban *u = arg;
    struct worker *w = &u->workers[thread];
    size_t count[KINDS];
    bool has = judge(u, d->doc, w, count);
    w->judged += has;
    w->without += !has;
    for (int k = 0; k < KINDS && has; k++)
        d->value[u->metric[k]] = (double)count[k];
    return buf_ok(&w->url, e) || buf_ok(&w->host, e) || buf_ok(&w->path, e) || buf_ok(&w->word, e) ? -1 : 0;
}

/* Which entry it was: looked up once more, since only few documents are banned. */
static void explain(void *arg, int thread, const struct clean_doc *d, struct buf *out)
{
    static const char *const prefix[KINDS] = {"", "", "word:", "soft:", "part:"};
    const struct url_ban *u = arg;
    struct worker *w = &u->workers[thread];
    size_t count[KINDS];
    if (!judge(u, d->doc, w, count)) return;
    for (int k = 0; k < KINDS; k++) {
        if (!w->hit[k]) continue;
        buf_clear(&w->word);
        buf_printf(&w->word, "%s%s", prefix[k], w->hit[k]);
        buf_adds(out, ",\"banned\":");
        buf_add_json(out, buf_text(&w->word), w->word.len);
        out->oom |= w->word.oom;
        return;
    }
}

static int add_rules(struct url_ban *u, struct clean_cfg *cfg, struct err *e)
{
    static const struct {
        const char *metric, *key, *reason, *help;
        double limit;
    } table[KINDS] = {
        [HOSTS] = {"url.hosts", "url.max_hosts", "url_host", "Most entries of --url-ban that are its host", 0},
        [ADDRESSES] = {"url.addresses", "url.max_addresses", "url_address", "... that are its address", 0},
        [WORDS] = {"url.words", "url.max_words", "url_word", "... that are a word of it", 0},
        [SOFT] = {"url.soft", "url.max_soft", "url_soft_words", "... that are a soft word of it", 1},
        [PARTS] = {"url.parts", "url.max_parts", "url_part", "... that are a part of it", 0},
    };
    for (int k = 0; k < KINDS; k++) {
        u->metric[k] = rules_add_metric(&cfg->rules, table[k].metric, e);
        if (u->metric[k] < 0) return -1;
        u->row[k] = (struct rule){table[k].key, table[k].reason, u->metric[k], false, table[k].limit, table[k].help};
        if (rules_add(&cfg->rules, &u->row[k], e) < 0) return -1;
    }
    struct clean_filter f = {.name = "url-ban", .arg = u, .before_rules = true, .run = run, .explain = explain};
    return clean_add_filter(cfg, &f, e);
}

struct url_ban *url_ban_add(struct clean_cfg *cfg, const char *const *files, size_t n, const char *field, struct err *e)
{
    struct url_ban *u = mem_zalloc(1, sizeof *u);
    int ret = u && (u->workers = mem_zalloc(MAX_THREADS, sizeof *u->workers))
                  ? 0
                  : err_oom(e, sizeof *u, "a list of addresses");
    if (!ret && field) ret = doc_path_check(field, "--url-field", e);
    if (!ret) u->field = field;
    for (size_t i = 0; i < n && !ret; i++)
        ret = read_list(u, files[i], e);
    if (!ret) ret = add_rules(u, cfg, e);
    if (!ret) return u;
    url_ban_free(u);
    return NULL;
}

void url_ban_free(struct url_ban *u)
{
    if (!u) return;
    for (int i = 0; u->workers && i < MAX_THREADS; i++) {
        struct buf *b[] = {&u->workers[i].url, &u->workers[i].host, &u->workers[i].path, &u->workers[i].word};
        for (size_t k = 0; k < COUNT_OF(b); k++)
            buf_free(b[k]);
    }
    for (int k = 0; k < KINDS; k++) {
        buf_free(&u->set[k].text);
        free(u->set[k].slot);
    }
    free(u->workers);
    free(u);
}

struct url_ban_counts url_ban_counts(const struct url_ban *u)
{
    struct url_ban_counts c = {0};
    for (int k = 0; k < KINDS; k++)
        c.entries += u->set[k].n;
    for (int i = 0; i < MAX_THREADS; i++) {
        c.judged += u->workers[i].judged;
        c.without += u->workers[i].without;
    }
    return c;
}
