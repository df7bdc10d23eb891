#include "core/token/word_form.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/isa.h"
#include "core/token/uni_props.h"
#include "core/token/unicode.h"
#include "core/token/word_batch.h"

enum { LONGER_MOST = 16 };

static bool is_space(uint32_t cp)
{
    return cp == UNI_BAD ? false : (uni_class(cp) & UNI_SPACE) != 0;
}

static bool is_sign(uint32_t cp)
{
    return (uni_extra(cp) & UNI_BERT_PUNCT) != 0;
}

/* What n characters are, 0 for a gap; without the spaces around them they are *from..*to. */
static uint32_t kind_of(const struct word_forms *f, const uint32_t *cp, size_t n, size_t *from, size_t *to)
{
    size_t a = 0, b = n, signs = 0, marks = 0, spaces = 0;
    if (n == 0) return NOTHING;
    while (a < n && is_space(cp[a])) a++;
    while (b > a && is_space(cp[b - 1])) b--;
    *from = a;
    *to = b;
    if (a == b) return 0;
    for (size_t i = a; i < b; i++) {
        signs += is_sign(cp[i]);
        marks += f->orders && norm_is_mark(cp[i]);
        spaces += is_space(cp[i]);
    }
    if (marks == n) return MARKS;
    if (marks || spaces) return CHAINS;
    if (signs) return signs == 1 && b - a == 1 ? SIGN : CHAINS;
    if (a > 0 && b < n) return SIGN; /* spaces on both sides: a Chinese character */
    return a > 0 || b < n ? CHAINS : LETTER;
}

/* Ideographs and Hangul come from all of their pages soon.  One that is read before it is written to
 * is asked of the system twice. */
static void touch_around(struct word_forms *f, uint32_t cp)
{
    enum { FIRST = 0x4000, END = 0xE000, BLOCK = 0x2000, PAGE = 4096 / sizeof *f->chars };
    if (cp < FIRST || cp >= END || f->touched >> cp / BLOCK & 1) return;
    f->touched |= 1u << cp / BLOCK;
    for (uint32_t c = cp & ~(BLOCK - 1u), end = c + BLOCK; c < end; c += PAGE) *(volatile uint32_t *)&f->chars[c] = 0;
}

/* No step and no table makes a difference between two of these. */
static bool is_ideograph(uint32_t cp)
{
    return cp >= 0x4E00 && cp < 0xA000;
}

/* The one id of a word, or -1. */
static int32_t single_id(const struct word_forms *f, const uint8_t *word, size_t n)
{
    return f->single.id ? f->single.id(f->single.of, word, n) : -1;
}

/* What the chain makes of a character, for the table. */
static uint32_t find_form(struct word_forms *f, uint32_t cp, struct err *e)
{
    touch_around(f, cp);
    uint32_t out[NORM_CHAR_MOST], form;
    char bytes[4 * NORM_CHAR_MOST];
    size_t from = 0, to = 0, len = 0;
    uint32_t kind = is_ideograph(cp) ? f->ideograph : 0;
    if (kind) {
        out[0] = cp;
        to = 1;
    } else {
        int n = norm_char(f->norm, cp, out);
        kind = n < 0 ? CHAINS : kind_of(f, out, (size_t)n, &from, &to);
    }
    bool own = to - from == 1 && out[from] == cp;
    if (own && is_ideograph(cp)) f->ideograph = kind;
    if (f->more.len >> LEN_AT) kind = CHAINS; /* no number for a place there is left */
    for (size_t i = from; i < to && !(kind & CHAINS); i++) len += (size_t)utf8_encode(out[i], bytes + len);
    if (len && own) {
        uint32_t id = (uint32_t)(single_id(f, (const uint8_t *)bytes, len) + 1);
        form = (id >> LEN_AT ? 0 : id) | OWN;
    } else if (len <= 3) {
        uint8_t b[3] = {0};
        memcpy(b, bytes, len);
        form = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)len << LEN_AT;
    } else {
        static const char behind[LONGER_MOST];
        char self[4];
        bool fits = len <= LONGER_MOST && len <= 3 * (size_t)utf8_encode(cp, self);
        form = (uint32_t)f->more.len | LONGER | (fits ? FITS : 0);
        buf_addc(&f->more, (char)len);
        buf_add(&f->more, bytes, len);
        buf_add(&f->more, behind, sizeof behind);
        if (buf_ok(&f->more, e)) return 0;
        f->more.len -= sizeof behind;
    }
    return f->chars[cp] = form | kind | KNOWN;
}

static void put_in(uint8_t set[16], uint32_t c)
{
    set[c & 15] |= (uint8_t)(1 << (c >> 4));
}

/* Once the kinds are known. */
static void find_sets(struct word_forms *f)
{
    struct word_ascii_sets *s = &f->sets;
    for (uint32_t c = 0; c < 128; c++) {
        uint8_t becomes = f->ascii[c];
        if (f->kind[c]) put_in(s->known, c);
        if (f->kind[c] & ASCII_LETTER) put_in(s->letter, c);
        if (f->kind[c] & ASCII_SIGN) put_in(s->sign, c);
        if (!(f->kind[c] & (ASCII_LETTER | ASCII_SIGN))) continue;
        if (becomes != c) put_in(s->upper, c);
        assert(becomes == c || becomes == (c | 0x20)); /* no step makes other letters of ASCII */
        s->id[becomes & 127] = single_id(f, &becomes, 1);
    }
}

static int find_ascii(struct word_forms *f, struct err *e)
{
    f->ascii_single = true;
    for (uint32_t c = 0; c < 128; c++) {
        uint32_t form = find_form(f, c, e), id = 0;
        bool own = word_form_is_own(form);
        if (form == 0) return -1;
        f->ascii[c] = (uint8_t)(own ? c : form);
        if (!own && (form & (LONGER | CHAINS | NOTHING) || (form & LEN) > 1 << LEN_AT)) continue;
        f->kind[c] = form & SIGN ? ASCII_SIGN : form & LETTER ? ASCII_LETTER : ASCII_GAP;
        if (f->kind[c] != ASCII_GAP) id = (uint32_t)(single_id(f, &f->ascii[c], 1) + 1);
        for (int k = 0; k < 3; k++) f->ascii_id[k][c] = (uint8_t)(id >> 8 * k);
        if (f->kind[c] != ASCII_GAP && (id == 0 || id >> 24)) f->ascii_single = false;
    }
    find_sets(f);
    return 0;
}

/* ---- characters of two bytes ---- */

static void number_leads(struct word_pairs *p)
{
    static const uint8_t leads[WORD_LEADS] = {0xC2, 0xC3, 0xC4, 0xC5, 0xCE, 0xCF, 0xD0, 0xD1};
    memset(p->lead, WORD_LEADS, sizeof p->lead);
    for (uint8_t i = 0; i < WORD_LEADS; i++) p->lead[leads[i] & 63] = i;
}

/* The number of the lead that text[0..n) begins with, or WORD_LEADS. */
static inline uint8_t lead_of(const struct word_forms *f, const uint8_t *text, size_t n)
{
    return n >= 2 && text[0] >= 0xC0 ? f->pairs.lead[text[0] & 63] : WORD_LEADS;
}

static int find_pairs(struct word_forms *f, uint8_t lead, uint8_t number, struct err *e)
{
    struct word_pairs *p = &f->pairs;
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t cp = (lead & 0x1Fu) << 6 | i, form = f->chars[cp], at = number * 64u + i;
        if (!form && !(form = find_form(f, cp, e))) return -1;
        if (word_form_is_own(form)) form = lead | (0x80 | i) << 8 | 2u << LEN_AT | (form & (SIGN | LETTER));
        if (form & (LONGER | CHAINS | NOTHING) || (form & LEN) > 2 << LEN_AT) continue;
        p->kind[at] = form & SIGN ? ASCII_SIGN : form & LETTER ? ASCII_LETTER : ASCII_GAP;
        if ((form & LEN) == 2 << LEN_AT) p->kind[at] |= TWO_BYTES;
        p->first[at] = (uint8_t)form;
        p->second[at] = (uint8_t)(form >> 8);
        p->both[at] = (form & 0xFFFF) | (uint32_t)p->kind[at] << 16;
    }
    p->known[number] = true;
    return 0;
}

word_take_fn *word_take_ascii_best(void)
{
    if (word_batch() == &word_batch_avx512vbmi) return word_take_ascii_avx512vbmi;
    return token_has_avx2() ? word_take_ascii_avx2bmi : word_take_ascii;
}

word_wide_fn *word_take_wide_best(void)
{
    if (word_batch() == &word_batch_avx512vbmi) return word_take_wide_avx512vbmi;
    return token_has_avx2() ? word_take_wide_avx2bmi : NULL;
}

struct word_forms *word_forms_new(const struct norm_chain *norm, const struct word_single *single, struct err *e)
{
    struct word_forms *f = mem_zalloc(1, sizeof *f);
    if (f) {
        f->norm = norm;
        f->chars = mem_map_table(UNI_CODES, sizeof *f->chars, &f->table);
        if (single) f->single = *single;
        f->work.inner_first = f->work.inner_last = true;
        f->take_ascii = word_take_ascii_best();
        f->take_wide = word_take_wide_best();
        norm_by_char(norm, &f->orders);
        number_leads(&f->pairs);
    }
    if (!f || !f->chars) err_oom(e, UNI_CODES * sizeof *f->chars, "the forms of characters");
    else if (find_ascii(f, e) == 0) return f;
    word_forms_free(f);
    return NULL;
}

void word_forms_free(struct word_forms *f)
{
    if (!f) return;
    mem_unmap(&f->table);
    buf_free(&f->more);
    norm_free(&f->work);
    free(f);
}

void word_run_free(struct word_run *run)
{
    free(run->text);
    *run = (struct word_run){0};
}

/* ---- characters into a run ---- */

static int text_room(struct word_run *run, size_t more, struct err *e)
{
    if (mem_room(&run->text, &run->cap, run->len + more + WORD_SLACK, 1)) return 0;
    return err_oom(e, run->len + more, "the words of a text");
}

/* A character of this kind follows: of a new word, or of the one that is open. */
static inline void add(struct word_run *run, uint32_t kind, size_t len)
{
    run->begin[run->begun] = run->len;
    run->begun += (kind & SIGN) || ((kind & LETTER) && !run->open);
    run->open = (kind & LETTER) || ((kind & NOTHING) && run->open);
    run->len += len;
}

/* text[0..n), of which the table does not know all, through the chain itself. */
static int through_chains(struct word_forms *f, const char *text, size_t n, struct word_run *run, struct err *e)
{
    int changed = norm_run(f->norm, &f->work, text, n, e);
    if (changed < 0) return -1;
    if (changed) {
        text = f->work.out->text.data;
        n = f->work.out->text.len;
    }
    if (text_room(run, n, e)) return -1;
    for (size_t i = 0; i < n;) {
        struct uni_char c = uni_next((const uint8_t *)text + i, n - i);
        bool gap = is_space(c.cp);
        memcpy(run->text + run->len, text + i, c.len);
        add(run, gap ? 0 : is_sign(c.cp) ? SIGN : LETTER, gap ? 0 : c.len);
        i += c.len;
    }
    return 0;
}

static uint32_t form_of(struct word_forms *f, struct uni_char c, struct err *e)
{
    if (c.cp == UNI_BAD) return CHAINS | KNOWN;
    uint32_t form = f->chars[c.cp];
    return form ? form : find_form(f, c.cp, e);
}

/* Bytes of the character at text[0..n) and those that it goes through the chain with:
 * marks change places with nothing but marks, and what goes may go before they do. */
static size_t chained(struct word_forms *f, const uint8_t *text, size_t n, size_t len, struct err *e)
{
    while (len < n) {
        struct uni_char c = uni_next(text + len, n - len);
        uint32_t form = form_of(f, c, e);
        if ((form & MARKS) != MARKS && !(form & NOTHING)) break;
        len += c.len;
    }
    return len;
}

/* A character that is not a matter of a few bytes; returns its own, or -1. */
static long take_rare(struct word_forms *f, const uint8_t *text, size_t n, struct uni_char c, struct word_run *run,
                      struct err *e)
{
    uint32_t form = form_of(f, c, e);
    if (form == 0) return -1;
    if (form & CHAINS) {
        size_t len = chained(f, text, n, c.len, e);
        return through_chains(f, (const char *)text, len, run, e) ? -1 : (long)len;
    }
    if (text_room(run, 4 * NORM_CHAR_MOST, e)) return -1;
    if (word_form_is_own(form)) {
        memcpy(run->text + run->len, text, c.len);
        add(run, form, c.len);
    } else if (form & LONGER) {
        const char *more = f->more.data + (form & ((1 << LEN_AT) - 1));
        memcpy(run->text + run->len, more + 1, (uint8_t)*more);
        add(run, form, (uint8_t)*more);
    } else {
        memcpy(run->text + run->len, &form, 4);
        add(run, form, (form & LEN) >> LEN_AT);
    }
    return (long)c.len;
}

/* The character at text[0..n), as uni_next() of valid UTF-8, its class left out. */
static inline __attribute__((always_inline)) struct uni_char next_char(const uint8_t *text, size_t n)
{
    uint32_t b = text[0];
    if (n < 4) return uni_next(text, n);
    if (b < 0x80) return (struct uni_char){b, 1, 0};
    if (b < 0xE0) return (struct uni_char){(b & 0x1F) << 6 | (text[1] & 0x3Fu), 2, 0};
    if (b < 0xF0) return (struct uni_char){(b & 0x0F) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu), 3, 0};
    return uni_next(text, n);
}

/* The characters that vectors have met and do not know; how many, or -1. */
static int find_unknown(struct word_forms *f, struct err *e)
{
    int n = (int)f->n_unknown;
    for (; f->n_unknown; f->n_unknown--) {
        uint32_t cp = f->unknown[f->n_unknown - 1];
        if (!f->chars[cp] && !find_form(f, cp, e)) return -1;
    }
    return n;
}

/* What take_ascii() takes, if it is not a character or two of ASCII among others. */
static inline bool easy_follows(const struct word_forms *f, const uint8_t *text, size_t n)
{
    if (f->pairs.known[lead_of(f, text, n)]) return true;
    return n >= 2 && text[0] < 0x80 && text[1] < 0x80 && f->kind[text[0]];
}

/* What the vectors of AVX2 take, three bytes each. */
static inline bool wide_follows(const struct word_forms *f, const uint8_t *text, size_t n)
{
    return f->take_wide == word_take_wide_avx2bmi && n >= 3 * WORD_AT_ONCE && (text[0] & text[3] & 0xF0) == 0xE0;
}

/* Characters of text[*pos..stop) and perhaps some behind, up to the next that is easy,
 * as long as there is room for their words. */
static int take_others(struct word_forms *f, const uint8_t *text, size_t n, size_t stop, size_t *pos,
                       struct word_run *run, struct err *e)
{
    size_t i = *pos;
    while (i < stop && run->begun < WORD_RUN) {
        size_t wide = f->take_wide ? f->take_wide(f, text + i, n - i, stop - i, run) : 0;
        int found = find_unknown(f, e);
        if (found < 0) return -1;
        i += wide;
        if (found) continue;
        if (i >= stop || run->begun >= WORD_RUN || (wide && easy_follows(f, text + i, n - i))) break;
        size_t len = run->len, begun = run->begun;
        bool open = run->open;
        char *to = run->text;
        bool rare = false, again = false;
        while (i < stop && begun < WORD_RUN && !again) {
            struct uni_char c = next_char(text + i, n - i);
            uint32_t form = c.cp == UNI_BAD ? 0 : f->chars[c.cp], more = (form & LEN) >> LEN_AT;
            if ((rare = (form & (KNOWN | CHAINS)) != KNOWN || (form & (OWN | FITS)) == LONGER)) break;
            memcpy(to + len, &form, 4);
            if (word_form_is_own(form)) {
                more = c.len;
                if (n - i >= 4) memcpy(to + len, text + i, 4);
                else memcpy(to + len, text + i, more);
            } else if (form & LONGER) {
                const char *longer = f->more.data + (form & (FITS - 1));
                more = (uint8_t)*longer;
                memcpy(to + len, longer + 1, LONGER_MOST);
            }
            run->begin[begun] = len;
            bool letter = form & LETTER, sign = form & SIGN;
            uint32_t id = form & ((1 << LEN_AT) - 1) & -(uint32_t)(sign & word_form_is_own(form)); /* it cannot be guessed */
            run->id[begun] = (int32_t)id - 1;
            run->first[begun] = WORD_HAS_ID;
            run->single[begun / 64] |= (uint64_t)(id != 0) << (begun & 63);
            begun += sign | (letter & !open);
            open = letter | (((form & NOTHING) != 0) & open);
            len += more;
            i += c.len;
            if (easy_follows(f, text + i, n - i)) break;
            again = wide_follows(f, text + i, n - i) && wide;
        }
        run->len = len;
        run->begun = begun;
        run->open = open;
        if (again) continue;
        if (!rare) break;
        long took = take_rare(f, text + i, n - i, next_char(text + i, n - i), run, e);
        if (took < 0 || text_room(run, 3 * (stop - i) + WORD_WIDE, e)) return -1;
        i += (size_t)took;
    }
    *pos = i;
    return 0;
}

size_t word_take_ascii(const struct word_forms *f, const uint8_t *text, size_t n, struct word_run *run)
{
    size_t i = 0, len = run->len, begun = run->begun;
    bool open = run->open;
    for (; i < n && text[i] < 0x80 && f->kind[text[i]] && begun < WORD_RUN; i++) {
        unsigned kind = f->kind[text[i]];
        bool letter = kind & ASCII_LETTER, sign = kind & ASCII_SIGN;
        run->text[len] = (char)f->ascii[text[i]];
        run->begin[begun] = len;
        begun += sign | (letter & !open);
        len += letter | sign;
        open = letter;
    }
    run->len = len;
    run->begun = begun;
    run->open = open;
    return i;
}

/* ---- a run ---- */

/* The word that the last run has begun. */
static int go_on(struct word_run *run, const struct word_run *before, struct err *e)
{
    size_t from = before->begin[before->n];
    run->len = 0;
    if (text_room(run, before->len - from, e)) return -1;
    memcpy(run->text, before->text + from, before->len - from);
    run->len = before->len - from;
    run->begin[0] = 0;
    run->begun = 1;
    run->open = before->open;
    run->id[0] = before->id[before->n];
    run->first[0] = WORD_HAS_ID;
    run->single[0] = before->single[before->n / 64] >> (before->n & 63) & 1;
    return 0;
}

int word_forms_take(struct word_forms *f, const char *text, size_t n, size_t *pos, struct word_run *run,
                    const struct word_run *before, struct err *e)
{
    enum { PART = 4096 }; /* of the text: room is kept for three bytes of each, and some more */
    const uint8_t *s = (const uint8_t *)text;
    run->len = run->n = run->begun = 0;
    run->open = false;
    memset(run->single, 0, sizeof run->single);
    if (before && before->begun > before->n && go_on(run, before, e)) return -1;
    while (*pos < n && run->begun < WORD_RUN) {
        size_t stop = n - *pos < PART ? n : *pos + PART;
        if (text_room(run, 3 * (stop - *pos) + WORD_WIDE, e)) return -1;
        while (*pos < stop && run->begun < WORD_RUN) {
            *pos += f->take_ascii(f, s + *pos, stop - *pos, run);
            uint8_t lead = lead_of(f, s + *pos, stop - *pos);
            if (f->take_ascii != word_take_ascii && lead < WORD_LEADS && !f->pairs.known[lead]) { /* vectors ask for them */
                if (find_pairs(f, s[*pos], lead, e)) return -1;
                continue;
            }
            if (*pos < stop && run->begun < WORD_RUN && take_others(f, s, n, stop, pos, run, e)) return -1;
        }
    }
    run->n = run->begun - (*pos < n && run->begun > 0); /* the last may go on */
    run->begin[run->begun] = run->len;
    if (f->take_ascii == word_take_ascii_avx512vbmi) word_run_ids_avx512vbmi(f, run);
    else if (f->take_ascii == word_take_ascii_avx2bmi) word_run_ids_avx2bmi(f, run);
    return 0;
}
