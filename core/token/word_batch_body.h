/* word_batch_body.h - what word_batch_avx*.c do in the same way: included once these have said how a word is asked for and
 * looked up in its line, how ids are copied and long words compared. */

static void ask_run(const struct word_cache *c, struct word_run *run, struct word_key *keys)
{
    const uint8_t *text = (const uint8_t *)run->text;
    const struct word_cache known = *c;
    struct word_batch_long longs;
    longs.n = 0;
    list_others(run);
    for (size_t k = 0; k < run->n_others; k++) {
        size_t i = run->other[k], from = run->begin[i];
        ask_one(&known, text + from, run->begin[i + 1] - from, &keys[k], &longs);
    }
    word_batch_long_ask(c, &longs);
}

/* The ids of a long word whose hash the slot has; 0: they are many, or it is another
 * word. */
static inline size_t get_long(const struct word_cache *c, const struct word_slot *s, const uint8_t *word, size_t n, int32_t *to)
{
    const int32_t *ids = c->pool + s->id[0];
    size_t n_ids = s->id[1];
    if (n_ids > word_batch_most(n) || !same_bytes(word, (const uint8_t *)(ids + n_ids), n)) return 0;
    copy_ids(to, ids, n_ids);
    return n_ids;
}

/* The slot, or NULL. */
ALWAYS_INLINE const struct word_slot *slot_of(const struct word_line *lines, unsigned shift, const struct word_key *key)
{
    const struct word_line *line = &lines[key->hash >> shift];
    uint32_t bits = slot_bits(line, key->k);
    return __builtin_expect(bits == 0, 0) ? NULL : slot_at(line, bits);
}

ALWAYS_INLINE __m128i inline_ids(const struct word_slot *s)
{
    return _mm_loadu_si128((const __m128i *)(const void *)s->id);
}

/* The ids of a word that ends at text[end): those that are in its slot are at `out` already. */
ALWAYS_INLINE size_t get_ids(struct word_cache *c, const struct word_slot *s, const uint8_t *text, size_t end,
                             const struct word_key *key, int32_t *out)
{
    size_t n = 0, len = word_key_long_len(key);
    if (__builtin_expect(s != NULL, 1)) {
        n = (size_t)(s->k[1] >> 60);
        if (__builtin_expect(n - 1 < WORD_INLINE, 1)) return n;
        if (n) copy_ids(out, c->pool + s->id[0], n);
        else if (len) n = get_long(c, s, text + end - len, len, out);
    }
    return n ? n : word_batch_get_rare(c, text, end, key, out);
}

/* The same of any word; 0: unknown. */
static __attribute__((noinline)) size_t get_one(struct word_cache *c, const uint8_t *text, size_t end, const struct word_keys *keys,
                                                size_t i, int32_t *out)
{
    const struct word_key key = word_keys_get(keys, i);
    const struct word_slot *s = word_cache_find(c, &key);
    if (!s) return 0;
    _mm_storeu_si128((__m128i *)(void *)out, inline_ids(s));
    return get_ids(c, s, text, end, &key, out);
}

/* Apart, so that nothing is loaded for it where it is not called. */
static __attribute__((noinline)) size_t rare_ids(struct word_cache *c, const struct word_slot *s, const struct word_run *run,
                                                 const struct word_key *key, size_t i, int32_t *out)
{
    return get_ids(c, s, (const uint8_t *)run->text, run->begin[i + 1], key, out);
}

static __attribute__((noinline)) size_t rare_found(const struct word_cache *c, const struct word_slot *s, const struct word_run *run,
                                                   size_t i, int32_t *out)
{
    const uint8_t *word = (const uint8_t *)run->text + run->begin[i];
    size_t n = s ? (size_t)(s->k[1] >> 60) : 0, len = run->begin[i + 1] - run->begin[i];
    if (n) copy_ids(out, c->pool + s->id[0], n);
    return n || !s || len <= WORD_KEY_MAX || len > WORD_LONG_MAX ? n : get_long(c, s, word, len, out);
}

/* found: where the words are, or NULL: the keys say it. */
ALWAYS_INLINE size_t put_ids(struct word_cache *c, const struct word_run *run, const struct word_key *keys,
                             const struct word_slot *const *found, size_t k, int32_t **to)
{
    enum { FEW = 8 }; /* single words that are copied without a look at how many they are */
    const struct word_line *lines = c->lines;
    const unsigned shift = c->shift;
    const size_t n_others = run->n_others;
    size_t i = word_run_from(run, k);
    int32_t *out = *to;
    for (; k < n_others; k++) {
        size_t next = run->other[k], n = 0;
        const struct word_slot *s = found ? found[k] : slot_of(lines, shift, &keys[k]);
        if (__builtin_expect(next - i > FEW, 0)) {
            out = copy_singles(out, run->id + i, next - i - FEW);
            i = next - FEW;
        }
        _mm256_storeu_si256((void *)out, _mm256_loadu_si256((const void *)(run->id + i)));
        out += next - i;
        i = next + 1;
        if (__builtin_expect(s != NULL, 1)) {
            _mm_storeu_si128((void *)out, inline_ids(s));
            n = (size_t)(s->k[1] >> 60);
        }
        if (__builtin_expect(n - 1 >= WORD_INLINE, 0) &&
            !(n = found ? rare_found(c, s, run, next, out) : rare_ids(c, s, run, &keys[k], next, out))) {
            *to = out;
            return k;
        }
        out += n;
    }
    *to = copy_singles(out, run->id + i, run->n - i);
    return k;
}

static size_t get_run(struct word_cache *c, const struct word_run *run, const struct word_key *keys, size_t k, int32_t **to)
{
    return put_ids(c, run, keys, NULL, k, to);
}

static size_t put_run(struct word_cache *c, const struct word_run *run, const struct word_slot *const *found, size_t k, int32_t **to)
{
    return put_ids(c, run, NULL, found, k, to);
}

/* Which words are left cannot be guessed: each is written down, and stays if it is. */
static size_t take(struct word_cache *c, struct word_keys *keys, size_t i, size_t end,
                   uint32_t least, int32_t *to, size_t *n, struct word_left *left)
{
    const uint8_t *lines = (const uint8_t *)c->lines;
    const int32_t *pool = c->pool;
    int32_t *out = to;
    size_t n_left = 0;
    word_keys_follow(keys, c, i, end);
    for (; i < end; i++) {
        const uint8_t *line = lines + *word_keys_at(keys, i) / sizeof(struct word_line) * sizeof(struct word_line);
        uint32_t bits = slot_bits(line, word_keys_k(keys, i));
        /* Where neither has it, the second is looked at, and it does not count. */
        const struct word_slot *s = slot_at(line, bits | SLOT_SECOND);
        size_t counts = (size_t)(bits != 0) & (size_t)(s->id[3] > least);
        size_t n_ids = (size_t)(s->k[1] >> 60) & -counts; /* of long words 0 */
        _mm_storeu_si128((__m128i *)(void *)out, inline_ids(s));
        if (__builtin_expect(n_ids >= WORD_INLINE, 0)) copy_ids(out, pool + s->id[0], n_ids);
        left[n_left] = (struct word_left){(uint32_t)(out - to), (uint32_t)i};
        n_left += n_ids == 0;
        out += n_ids;
    }
    *n = (size_t)(out - to);
    return n_left;
}

static size_t find_run(const struct word_cache *c, const struct word_run *run, const struct word_key *keys,
                       const struct word_slot **found, size_t *missing)
{
    const struct word_line *lines = c->lines;
    const unsigned shift = c->shift;
    const size_t n_others = run->n_others;
    size_t n = 0;
    for (size_t k = 0; k < n_others; k++) {
        const struct word_line *line = &lines[keys[k].hash >> shift];
        uint32_t bits = slot_bits(line, keys[k].k);
        found[k] = slot_at(line, bits | SLOT_SECOND);
        missing[n] = k;
        n += !bits;
    }
    return n;
}

