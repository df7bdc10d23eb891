/* Speed of the regular expressions beside pcre2's JIT, MB/s of this thread's CPU time, one after the other.
 *
 *   bench_regex FILE...       (the first 3 MB of each)
 *
 * Both make the same matches of these expressions but where pcre2's tables are older; it is told that the text is UTF-8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/regex.h"
#include "core/token/split.h"

enum { ROUNDS = 5, MOST = 3000000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double ours(const char *pattern, const uint8_t *s, size_t n, size_t *count)
{
    struct err e = {0};
    double best = 1e9;
    struct regex *r = regex_new(pattern, strlen(pattern), &e);
    struct regex_work *w = r ? regex_work_new(&e) : NULL;
    for (int k = 0; w && k < ROUNDS; k++) {
        struct regex_iter it = {.last = SIZE_MAX};
        size_t begin, end;
        double t = now();
        for (*count = 0; regex_next(r, w, s, n, &it, &begin, &end, &e) > 0;) ++*count;
        t = now() - t;
        if (t < best) best = t;
    }
    regex_work_free(w);
    regex_free(r);
    return (double)n / best / 1e6;
}

static double theirs(const char *pattern, const uint8_t *s, size_t n, size_t *count)
{
    int code;
    PCRE2_SIZE at;
    double best = 1e9;
    pcre2_code *p = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &code, &at, NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_jit_compile(p, PCRE2_JIT_COMPLETE);
    for (int k = 0; k < ROUNDS; k++) {
        size_t from = 0, last = SIZE_MAX;
        double t = now();
        for (*count = 0; from <= n && pcre2_jit_match(p, s, n, from, 0, data, NULL) >= 0;) {
            const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);
            bool empty = v[0] == v[1] && v[1] == last;
            from = last = v[1];
            if (!empty) ++*count;
            else
                do from++;
                while (from < n && (s[from] & 0xC0) == 0x80);
        }
        t = now() - t;
        if (t < best) best = t;
    }
    pcre2_match_data_free(data);
    pcre2_code_free(p);
    return (double)n / best / 1e6;
}

int main(int argc, char **argv)
{
    const char *const names[] = {"gpt2", "llama3", "o200k", "words", "camel", "superbpe"};
    const char *const patterns[] = {split_regex(split_from_name("gpt2")), split_regex(split_from_name("llama3")), split_regex(split_from_name("o200k")),
                                    "\\p{L}+|\\d+|[^\\p{L}\\d\\s]+|\\s+",
                                    " ?[A-Z]?[a-z]+|[A-Z]+(?![a-z])| ?\\p{L}+|\\p{N}{1,3}(?=(?:\\p{N}{3})*(?:\\P{N}|$))|[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                                    "(?=(\\d{3})+(?!\\d))"};
    for (int f = 1; f < argc; f++) {
        struct err e = {0};
        struct file_map in;
        if (file_map(&in, argv[f], &e)) return fprintf(stderr, "bench_regex: %s\n", e.msg), 1;
        size_t n = utf8_valid_prefix((const char *)in.data, in.size > MOST ? MOST : in.size);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            size_t a = 0, b = 0;
            double us = ours(patterns[i], (const uint8_t *)in.data, n, &a), pcre2 = theirs(patterns[i], (const uint8_t *)in.data, n, &b);
            printf("%-24s %-9s %7.1f MB/s, pcre2 %7.1f, %.2f times%s\n", argv[f], names[i], us, pcre2, us / pcre2, a == b ? "" : ", other matches");
        }
        file_unmap(&in);
    }
    return 0;
}
