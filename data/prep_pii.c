/* Personal data masked: e-mail addresses, public IP addresses, telephone
 * numbers, payment card numbers (with a valid check digit).  Each becomes
 * "<EMAIL>", "<IP>", "<PHONE>", "<CARD>".  What is found must stand alone: a
 * number inside a longer number, a version "1.2.3.4" behind a letter, a private
 * or reserved address stay. */
#include <string.h>

#include "data/prep.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_digit(c) || is_alpha(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool one_of(const char *set, char c)
{
    return c && strchr(set, c);
}

struct span {
    size_t begin, end; /* end 0 = nothing */
    const char *mask;
};

/* RFC 5321 in the form people use: dot-atoms, a domain of two labels or more
 * whose last has letters only.  `at` is the '@', nothing before `from` counts. */
static struct span email(const char *s, size_t n, size_t from, size_t at)
{
    struct span none = {0, 0, NULL};
    size_t b = at, e = at + 1, label = e, last_dot = 0;
    while (b > from && (is_digit(s[b - 1]) || is_alpha(s[b - 1]) || one_of("!#$%&'*+/=?^_`{|}~.-", s[b - 1])))
        b--;
    while (b < at && (s[b] == '.' || s[b] == '\'' || s[b] == '/' || s[b] == '=' || s[b] == '`')) /* quotes, URLs */
        b++;
    if (b == at || s[at - 1] == '.' || at - b > 64) return none;
    for (; e < n && (is_digit(s[e]) || is_alpha(s[e]) || s[e] == '-' || s[e] == '.'); e++) {
        if (s[e] != '.') continue;
        if (e == label) return none;
        last_dot = e;
        label = e + 1;
    }
    if (label == e && last_dot) { /* a full stop behind the address */
        e = last_dot;
        for (label = e; label > at + 1 && s[label - 1] != '.'; label--)
            ;
        last_dot = label > at + 1 ? label - 1 : 0;
    }
    if (!last_dot || e - label < 2) return none;
    for (size_t i = label; i < e; i++)
        if (!is_alpha(s[i])) return none;
    return (struct span){b, e, "<EMAIL>"};
}

/* Not private, loopback, link-local, shared, test, multicast or reserved. */
static bool public_v4(const unsigned *o)
{
    if (o[0] == 0 || o[0] == 10 || o[0] == 127 || o[0] >= 224) return false;
    if (o[0] == 100 && o[1] >= 64 && o[1] < 128) return false;
    if (o[0] == 169 && o[1] == 254) return false;
    if (o[0] == 172 && o[1] >= 16 && o[1] < 32) return false;
    if (o[0] == 192 && (o[1] == 168 || (o[1] == 0 && (o[2] == 0 || o[2] == 2)))) return false;
    if (o[0] == 198 && (o[1] == 18 || o[1] == 19 || (o[1] == 51 && o[2] == 100))) return false;
    return !(o[0] == 203 && o[1] == 0 && o[2] == 113);
}

static struct span ip4(const char *s, size_t n, size_t i)
{
    struct span none = {0, 0, NULL};
    unsigned o[4];
    size_t b = i;
    if (b && (is_word(s[b - 1]) || s[b - 1] == '.' || s[b - 1] == '-')) return none;
    for (int k = 0; k < 4; k++) {
        size_t from = i;
        o[k] = 0;
        while (i < n && is_digit(s[i]) && i - from < 3)
            o[k] = o[k] * 10 + (unsigned)(s[i++] - '0');
        if (i == from || o[k] > 255 || (i - from > 1 && s[from] == '0')) return none;
        if (k < 3 && (i >= n || s[i++] != '.')) return none;
    }
    if (i < n && (is_word(s[i]) || s[i] == '-' || (s[i] == '.' && i + 1 < n && is_word(s[i + 1])))) return none;
    return public_v4(o) ? (struct span){b, i, "<IP>"} : none;
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Global unicast (2000::/3) only: others lead nowhere. */
static struct span ip6(const char *s, size_t n, size_t i)
{
    struct span none = {0, 0, NULL};
    size_t b = i;
    int groups = 0;
    bool gap = false;
    if (b && (is_word(s[b - 1]) || s[b - 1] == ':' || s[b - 1] == '.')) return none;
    if (s[b] != '2' && s[b] != '3') return none;
    for (;;) {
        size_t from = i;
        while (i < n && is_hex(s[i]) && i - from < 5)
            i++;
        if (i - from > 4 || (i == from && !gap)) return none;
        groups += i > from;
        if (groups == 1 && i - from != 4) return none;
        if (i + 1 >= n || s[i] != ':' || (!is_hex(s[i + 1]) && s[i + 1] != ':')) break;
        i++;
        if (s[i] == ':') {
            if (gap) return none;
            gap = true;
            i++;
            if (i >= n || !is_hex(s[i])) break;
        }
    }
    if (i < n && (is_word(s[i]) || s[i] == ':')) return none;
    return (gap ? groups >= 2 && groups < 8 : groups == 8) ? (struct span){b, i, "<IP>"} : none;
}

static bool luhn(const char *d, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        int v = d[n - 1 - i] - '0';
        if (i & 1) v = v > 4 ? 2 * v - 9 : 2 * v;
        sum += v;
    }
    return sum % 10 == 0;
}

/* The issuers' ranges: Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay. */
static bool issued(const char *d, int n)
{
    int two = (d[0] - '0') * 10 + d[1] - '0', four = two * 100 + (d[2] - '0') * 10 + d[3] - '0';
    if (d[0] == '4') return n == 13 || n == 16 || n == 19;
    if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return n == 16;
    if (two == 34 || two == 37) return n == 15;
    if (two == 36 || two == 38 || (four >= 3000 && four <= 3059)) return n == 14;
    if (four == 6011 || two == 65 || two == 62 || (four >= 6440 && four <= 6499)) return n >= 16 && n <= 19;
    return four >= 3528 && four <= 3589 && n == 16;
}

/* 13 to 19 digits, alone or in groups of four parted by single blanks or hyphens. */
static struct span card(const char *s, size_t n, size_t i)
{
    struct span none = {0, 0, NULL};
    char d[20];
    int k = 0, group = 0;
    size_t b = i;
    char sep = 0;
    if (b && (is_word(s[b - 1]) || (b > 1 && one_of(".-+", s[b - 1]) && is_digit(s[b - 2])))) return none;
    for (; i < n; i++) {
        if (is_digit(s[i])) {
            if (k == 19) return none;
            d[k++] = s[i];
            group++;
            continue;
        }
        if ((s[i] != ' ' && s[i] != '-') || (sep && s[i] != sep) || i + 1 >= n || !is_digit(s[i + 1])) break;
        if (group < 4 || group > 6) break;
        sep = s[i];
        group = 0;
    }
    if (k < 13 || (i < n && (is_word(s[i]) || (s[i] == '.' && i + 1 < n && is_digit(s[i + 1]))))) return none;
    return issued(d, k) && luhn(d, k) ? (struct span){b, i, "<CARD>"} : none;
}

/* "+" and a country code with 8 to 15 digits (E.164), or ten digits in the form
 * (NXX) NXX-XXXX or NXX-NXX-XXXX of North America.  Groups are parted by single
 * blanks, dots, hyphens or brackets. */
static struct span phone(const char *s, size_t n, size_t i)
{
    struct span none = {0, 0, NULL};
    size_t b = i, end = i;
    bool plus = s[i] == '+', open = s[i] == '(';
    int digits = 0, group = 0, groups[8], k = 0;
    if (b && (is_word(s[b - 1]) || one_of("+-./:=(", s[b - 1]))) return none;
    for (i += plus; i < n; i++) {
        if (is_digit(s[i])) {
            if (!group && k == 8) return none;
            digits++;
            group++;
            end = i + 1;
            continue;
        }
        if (group) groups[k++] = group;
        group = 0;
        if (!plus && digits >= 10) break;
        if (!one_of(" .-()", s[i]) || k == 8) break;
        if (i + 1 < n && one_of(" .-()", s[i + 1]) &&
            !((s[i] == ')' && s[i + 1] == ' ') || (s[i] == ' ' && s[i + 1] == '(')))
            break;
    }
    if (group) groups[k++] = group;
    if (end < n && (is_word(s[end]) || (s[end] == '.' && end + 1 < n && is_digit(s[end + 1])))) return none;
    if (plus) return digits >= 8 && digits <= 15 && s[b + 1] != '0' ? (struct span){b, end, "<PHONE>"} : none;
    size_t first = b + open;
    if (digits != 10 || k != 3 || groups[0] != 3 || groups[1] != 3 || s[first] < '2') return none;
    if (open ? s[b + 4] != ')' : s[b + 3] != '-' && s[b + 3] != '.') return none;
    return (struct span){b, end, "<PHONE>"};
}

uint64_t prep_pii(const char *s, size_t n, unsigned what, struct buf *out)
{
    uint64_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        struct span x = {0, 0, NULL};
        if (c == '@') {
            if (what & PII_EMAIL) x = email(s, n, from, i);
        } else if (is_digit(c) || c == '+' || c == '(') {
            if (i && is_digit(s[i - 1])) continue; /* inside a number that was looked at */
            if (is_digit(c) && (what & PII_IP)) x = ip4(s, n, i);
            if (!x.end && is_digit(c) && (what & PII_IP)) x = ip6(s, n, i);
            if (!x.end && is_digit(c) && (what & PII_CARD)) x = card(s, n, i);
            if (!x.end && (what & PII_PHONE)) x = phone(s, n, i);
        }
        if (!x.end) continue;
        buf_add(out, s + from, x.begin - from);
        buf_adds(out, x.mask);
        count++;
        from = x.end;
        i = x.end - 1;
    }
    if (count) buf_add(out, s + from, n - from);
    return count;
}
