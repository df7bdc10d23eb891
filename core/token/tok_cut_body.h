/* tok_cut_body.h - places to cut before spaces or behind them, and between characters, for 64 bytes at once: included by the
 * file of an instruction set, which defines struct window (the bytes x and those before them, y; of both, bits for what they
 * are), look() and bytes_before(), load(), is(), in(), begin_ordinary(), is_kana() and between_pairs().
 *
 * A loop over the places mispredicts a branch or two for every word.  Here bit masks
 * tell of each byte what it and the one before it are, and few places, beside
 * characters beyond ASCII, are looked at alone. */
CUT_INLINE uint32_t four_bytes(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

CUT_INLINE uint64_t bit_of(const uint64_t *bits, uint32_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

/* Between characters of three bytes that have a token each and none together, as tok_wide_joined() says.  One that is behind
 * another has this before it. */
CUT_INLINE uint64_t between_wide(const struct tok_fast *f, const uint8_t *s, size_t i, const struct window *w)
{
    uint64_t wide = in(w->x, 0xE3, 0xED), todo = wide & in(bytes_before(s, i, 3), 0xE3, 0xED), cuts = 0;
    if (!todo) return 0;
    int at = low_bit(todo);
    uint32_t before = _pext_u32(four_bytes(s + i + at - 3), 0x0F3F3F00), mixed = tok_wide_mix(before);
    uint64_t alone = bit_of(f->has_token, before);
    for (wide &= ~below(at); wide; wide &= wide - 1) {
        at = low_bit(wide);
        uint32_t x = _pext_u32(four_bytes(s + i + at - 1), 0x000F3F3F);
        uint64_t too = bit_of(f->has_token, x);
        cuts |= (alone & too & ~bit_of(f->together, (mixed ^ tok_wide_mix_behind(x)) >> TOK_WIDE_DOWN)) << at;
        mixed = tok_wide_mix(x);
        alone = too;
    }
    return cuts & todo;
}

/* U+2581 of the text. */
CUT_INLINE uint64_t marks_at(const uint8_t *s, size_t i, const struct window *w)
{
    uint64_t first = is(w->x, 0xE2);
    return first ? first & is(load(s + i + 1), 0x96) & is(load(s + i + 2), 0x81) : 0;
}

/* Where nothing changes but spaces: before each run of them (behind it), unless it goes on
 * behind (before) a U+2581 of the text; and before and behind runs of newlines.  Where a text's
 * first spaces are dropped they must not be alone in its first part, in front of
 * which another is put. */
CUT_INLINE uint64_t before_spaces(const struct tok_fast *f, const uint8_t *s, size_t i, const struct window *w)
{
    uint64_t newlines = w->newline ^ w->newline_before;
    uint64_t space = w->gap & ~w->newline, space_before = w->gap_before & ~w->newline_before, cuts = space & ~space_before;
    if (f->behind) return newlines | (space_before & ~space & ~marks_at(s, i, w));
    if (w->high_before & cuts)
        cuts &= ~(is(w->y, 0x81) & is(bytes_before(s, i, 2), 0x96) & is(bytes_before(s, i, 3), 0xE2));
    if (f->one_space) newlines &= ~(w->newline & w->gap_before);
    return cuts | newlines;
}

/* Before gaps between two ordinary characters, or behind them.  *limit: a gap that begins there
 * leaves the window. */
CUT_INLINE uint64_t before_gaps(const struct tok_fast *f, const uint8_t *s, size_t n, size_t i, const struct window *w,
                                int *limit)
{
    uint64_t starts = w->gap & ~w->gap_before, ends, behind, before = w->plain_before, cuts, unclear, high;
    *limit = ~w->gap ? 64 - __builtin_clzll(~w->gap) : 0;
    starts &= below(*limit);
    ends = (w->gap + starts) & ~w->gap;
    if (f->newlines) before |= is(w->y, '\n');
    behind = _pdep_u64(_pext_u64(w->plain, ends), starts);
    high = _pdep_u64(_pext_u64(w->high, ends), starts);
    unclear = starts & ~(before & behind) & (before | w->high_before) & (behind | high);
    if (unclear) {
        before |= begin_ordinary(bytes_before(s, i, 2), OF_TWO) | begin_ordinary(bytes_before(s, i, 3), OF_THREE);
        behind |= _pdep_u64(_pext_u64(begin_ordinary(w->x, OF_TWO | OF_THREE), ends), starts);
        unclear &= ~(before & behind);
    }
    if (unclear) {
        before |= is_kana(bytes_before(s, i, 3), bytes_before(s, i, 2), w->y);
        behind |= _pdep_u64(_pext_u64(is_kana(w->x, load(s + i + 1), load(s + i + 2)), ends), starts);
        unclear &= ~(before & behind);
    }
    cuts = starts & before & behind;
    for (; unclear; unclear &= unclear - 1) {
        int at = low_bit(unclear), len = low_bit(~w->gap >> at);
        size_t begin = i + (size_t)at;
        bool stands = before >> at & 1 || tok_plain_before(s, begin);
        cuts |= (uint64_t)(stands && tok_plain_after(s, n, begin + (size_t)len)) << at;
    }
    if (f->behind) cuts = _pdep_u64(_pext_u64(cuts, starts), ends);
    return f->lone_newlines ? cuts | ((w->newline ^ w->newline_before) & ~(w->newline & w->gap_before) & below(*limit)) : cuts;
}

static bool windows(const struct tok_fast *f, const uint8_t *s, size_t n, size_t begin, size_t *pos, size_t *ends,
                    size_t *count, size_t max)
{
    enum { AHEAD = 2048 };
    size_t i = *pos, n_ends = *count;
    bool undecided = false;
    while (n - i >= CUT_WINDOW && n_ends + CUT_ROOM < max && !undecided) {
        struct window w = look(&f->tables, s, i);
        int limit = 64;
        uint64_t cuts = f->as_is ? before_spaces(f, s, i, &w) : before_gaps(f, s, n, i, &w, &limit);
        __builtin_prefetch(s + i + AHEAD);
        if (f->pairs) cuts |= between_pairs(f, s, i, &w);
        if (f->wide && w.high) cuts |= between_wide(f, s, i, &w);
        if (i == begin) cuts &= ~(uint64_t)1;
        n_ends += put_ends(cuts, i, ends + n_ends);
        i += (size_t)limit;
        undecided = limit == 0;
    }
    *pos = i;
    *count = n_ends;
    return undecided;
}
