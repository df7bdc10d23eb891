/* Boilerplate lines of web pages: menus, share buttons, cookie and copyright
 * notices.  A line is compared in lower case and without punctuation; it goes
 * when it is one of a set, or short and holds a phrase that only such lines
 * have.  Sentences of prose that mention cookies stay. */
#include <string.h>

#include "core/base/mem.h"
#include "data/prep.h"

enum { SHORT_LINE = 90 }; /* bytes; longer ones are prose */

static const char *const whole[] = {
    "home", "menu", "search", "login", "log in", "sign in", "sign up", "register", "subscribe", "share", "share this",
    "tweet", "print", "print this page", "email this", "back to top", "top of page", "skip to content",
    "skip to main content", "skip to navigation", "read more", "continue reading", "learn more", "load more", "show more",
    "view all", "see all", "next", "previous", "previous post", "next post", "newer posts", "older posts", "comments",
    "leave a comment", "leave a reply", "add a comment", "post a comment", "no comments", "related posts",
    "related articles", "you may also like", "advertisement", "advertisements", "sponsored", "contact us", "about us",
    "contact", "about", "faq", "help", "sitemap", "site map", "privacy policy", "cookie policy", "terms of use",
    "terms of service", "terms and conditions", "follow us", "follow us on twitter", "follow us on facebook",
    "like us on facebook", "categories", "archives", "tags", "recent posts", "recent comments", "navigation",
    "toggle navigation", "close", "accept", "accept all", "accept cookies", "reject all", "cookie settings", "powered by wordpress",
    "startseite", "impressum", "datenschutz", "kontakt", "anmelden", "suche", "teilen", "weiterlesen", "nach oben",
    "accueil", "rechercher", "se connecter", "partager", "lire la suite", "mentions légales", "inicio", "buscar",
    "iniciar sesión", "compartir", "leer más", "aviso legal",
};

static const char *const phrases[] = {
    "all rights reserved", "alle rechte vorbehalten", "tous droits réservés", "todos los derechos reservados",
    "tutti i diritti riservati", "this site uses cookies", "this website uses cookies", "we use cookies",
    "by continuing to use this site", "accept our use of cookies", "sign up for our newsletter", "subscribe to our newsletter",
    "join our newsletter", "click here to", "share on facebook", "share on twitter", "share this on", "share this article", "share this post",
    "log in to post", "sign in to comment", "you must be logged in", "javascript is disabled", "please enable javascript",
    "your browser does not support", "powered by wordpress", "add to cart", "items in cart", "proudly powered by",
};

static bool is_boilerplate(const char *s, size_t n)
{
    if (n > SHORT_LINE) return false;
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (strlen(whole[i]) == n && memcmp(whole[i], s, n) == 0) return true;
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (memmem(s, n, phrases[i], strlen(phrases[i]))) return true;
    return false;
}

static void trim(const char **s, size_t *n)
{
    while (*n && (**s == ' ' || **s == '\t'))
        (*s)++, (*n)--;
    while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t' || (*s)[*n - 1] == '\r'))
        (*n)--;
}

uint64_t prep_boilerplate(const char *s, size_t n, const struct prep_words *more, struct buf *word, struct buf *out)
{
    struct buf flat = {0};
    uint64_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        const char *nl = memchr(s + i, '\n', n - i);
        size_t next = nl ? (size_t)(nl - s) + 1 : n;
        const char *line = s + i;
        size_t len = next - i - (nl != NULL);
        trim(&line, &len);
        bool hit = false;
        if (len && (len <= 2 * SHORT_LINE || more)) {
            buf_clear(word);
            buf_clear(&flat);
            if (prep_lower(line, len, word)) line = buf_text(word), len = word->len;
            if (prep_punct(line, len, &flat)) line = buf_text(&flat), len = flat.len;
            trim(&line, &len);
            hit = is_boilerplate(line, len) || (more && prep_words_has(more, line, len));
        }
        if (hit) {
            buf_add(out, s + from, i - from);
            from = next;
            count++;
        }
        i = next;
    }
    out->oom |= flat.oom;
    buf_free(&flat);
    if (count) buf_add(out, s + from, n - from);
    return count;
}
