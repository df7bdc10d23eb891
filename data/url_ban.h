/* url_ban.h - documents that come from where nothing good comes from.
 *
 * Lists have one entry a line; '#' begins a comment; .gz and .zst are unpacked:
 *
 *   example.org        the host and every host below it (a.example.org)
 *   example.org/adult  the address and every one below it (.../adult/1.html),
 *                      with and without www.
 *   word:casino        the word stands anywhere in the address; words are what
 *                      is left when everything but letters and digits parts them
 *   soft:poker         the same, but it takes two different ones
 *   part:xcasinox      the letters and digits of the address, written together,
 *                      hold it
 *
 * which is how RefinedWeb and FineWeb filter (arXiv:2306.01116, appendix G.1;
 * datatrove's URLFilter, but that looks up the host and its registered domain
 * only, and compares addresses as they are written).  Scheme, user, port, query
 * and fragment of an address do not count, and neither does case, except in a
 * path.  Entries that are addresses may be written with their scheme, hosts
 * with "*." in front; the lists of UT1 (domains, urls) can be given as they are.
 *
 * On record: url.hosts, url.addresses, url.words, url.soft, url.parts, the
 * number of entries that hit; a rule url.max_X compares each with 0, soft with
 * 1.  A document without an address is not judged. */
#ifndef DATA_URL_BAN_H
#define DATA_URL_BAN_H

#include "data/clean.h"

struct url_ban;
/* field: path of the address; NULL: url, then metadata.url. */
struct url_ban *url_ban_add(struct clean_cfg *cfg, const char *const *files, size_t n, const char *field, struct err *e);
void url_ban_free(struct url_ban *u); /* NULL is fine */

struct url_ban_counts {
    uint64_t entries, judged, without; /* documents with and without an address, of this process */
};
struct url_ban_counts url_ban_counts(const struct url_ban *u);

/* Host and path of an address, as they are compared; false when it has no host.  Both end with NUL. */
bool url_split(const char *url, size_t n, struct buf *host, struct buf *path);

#endif
