/* norm_windows_body.h - text that is its own normal form, 64 bytes at once: included by the file of an instruction set, which
 * defines VEC, load(), above(), in() and in_leads(). */
static size_t windows(const struct norm_alone *a, const uint8_t *s, size_t n, size_t pos)
{
    uint64_t carry = 0; /* bytes of a character that began before */
    for (; n - pos >= 66; pos += 64) {
        VEC x = load(s + pos);
        uint64_t high = ~above(x, -1), sure, two, three, doubt;
        if (!high) continue;
        VEC y = load(s + pos + 1), z = load(s + pos + 2);
        sure = high & above(x, (char)0xC1) & in_leads(&a->leads, x, y);
        uint64_t e2 = a->quotes ? in(x, 0xE2, 0xE2) : 0, e3 = a->kana ? in(x, 0xE3, 0xE3) : 0, e0 = above(x, (char)0xDF);
        two = sure & ~e0;
        three = sure & e0 & ~above(x, (char)0xEF) & ~above(z, (char)0xBF);
        if (e2) three |= e2 & in(y, 0x80, 0x80) & in(z, 0x90, 0xA7);
        if (e3)
            three |= e3 & ((in(y, 0x81, 0x81) & in(z, 0x81, 0xBF)) | (in(y, 0x82, 0x82) & (in(z, 0x80, 0x96) | in(z, 0xA1, 0xBF))) |
                           (in(y, 0x83, 0x83) & in(z, 0x80, 0xBA)));
        doubt = high & ~(carry | two | two << 1 | three | three << 1 | three << 2);
        if (doubt) return pos + (size_t)__builtin_ctzll(doubt);
        carry = two >> 63 | (three >> 62 & 1) | (three >> 63) * 3;
    }
    return pos + (size_t)__builtin_popcountll(carry);
}
