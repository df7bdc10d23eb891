/* The passes of Moses' tokenizer (tokenize() of sacremoses). */
#include "core/token/moses.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/uni_props.h"

bool moses_is_space(uint32_t cp)
{
    return uni_is_python_space((struct uni_char){.cp = cp, .class = uni_class(cp)});
}

unsigned moses_sets(uint32_t cp)
{
    static const uint8_t digit = MOSES_ALNUM | MOSES_NUMBER, letter = MOSES_ALNUM | MOSES_ALPHA | MOSES_LETTER;
    size_t lo = 0, hi = moses_n_spans;
    if (cp < 0x80) { /* most of many texts */
        if (cp >= 'a' && cp <= 'z') return letter | MOSES_LOWER;
        if (cp >= 'A' && cp <= 'Z') return letter;
        return cp >= '0' && cp <= '9' ? digit : cp == '$' ? MOSES_MONEY : 0;
    }
    while (lo < hi) { /* the last span that begins at or before it */
        size_t mid = (lo + hi) / 2;
        if (moses_spans[mid] >> 8 <= cp) lo = mid + 1;
        else hi = mid;
    }
    return lo ? moses_spans[lo - 1] & 0xFF : 0;
}

/* ---- passes ---- */

void moses_begin(struct moses *m)
{
    m->n_out = 0;
}

void moses_put(struct moses *m, uint32_t cp, size_t from)
{
    bool room = m->n_out < m->cap[1] || mem_room(&m->out, &m->cap[1], m->n_out + 1, sizeof *m->out);
    if (m->oom || !room) {
        m->oom = true;
        return;
    }
    m->out[m->n_out++] = (struct moses_char){cp, m->n ? m->v[from < m->n ? from : m->n - 1].at : 0};
}

void moses_put_text(struct moses *m, const char *s, size_t from)
{
    for (; *s; s++) moses_put(m, (uint8_t)*s, from);
}

void moses_end(struct moses *m)
{
    struct moses_char *v = m->v;
    size_t cap = m->cap[0];
    m->v = m->out;
    m->n = m->n_out;
    m->cap[0] = m->cap[1];
    m->out = v;
    m->cap[1] = cap;
}

void moses_free(struct moses *m)
{
    free(m->v);
    free(m->out);
}

static bool in_set(enum moses_set set, uint32_t cp)
{
    switch (set) {
    case IS_ALNUM: return moses_sets(cp) & MOSES_ALNUM;
    case IS_ALPHA: return moses_sets(cp) & MOSES_ALPHA;
    case IS_NUMBER: return moses_sets(cp) & MOSES_NUMBER;
    case IS_DIGIT: return uni_category(cp) == UNI_Nd;
    case IS_LATIN: return (cp | 32) >= 'a' && (cp | 32) <= 'z';
    case IS_S: return cp == 's';
    case IS_PAUSE: return cp < 0x80 && cp && strchr(".!:?;,", (int)cp);
    case NOT_NUMBER: return !(moses_sets(cp) & MOSES_NUMBER);
    case NOT_ALPHA: return !(moses_sets(cp) & MOSES_ALPHA);
    case NOT_ALPHA_NUMBER: return !(moses_sets(cp) & (MOSES_ALPHA | MOSES_NUMBER));
    default: return false;
    }
}

/* Not of a word, and none of the signs that later passes look at. */
static bool stands_apart(uint32_t cp)
{
    if (cp < 0x80 && cp && strchr(".'`,-", (int)cp)) return false;
    return !(moses_sets(cp) & MOSES_ALNUM) && !moses_is_space(cp);
}

static size_t decode(const char *s, uint32_t out[8])
{
    size_t k = 0, n = s ? strlen(s) : 0;
    for (unsigned len; n && k < 8; s += len, n -= len) out[k++] = uni_point((const uint8_t *)s, n, &len);
    return k;
}

/* Where the core would begin and what comes behind the match; false: there is none at i. */
static bool matches(const struct moses *m, const struct moses_rule *r, const uint32_t *core, size_t n_core, size_t i, size_t *at, size_t *end)
{
    size_t left = i;
    i += r->left != ANY_TEXT;
    *at = i;
    if (!r->core) {
        if (i >= m->n || !stands_apart(m->v[i++].cp)) return false;
    } else {
        if (i > m->n || n_core > m->n - i) return false;
        for (size_t k = 0; k < n_core; k++)
            if (m->v[i++].cp != core[k]) return false;
    }
    if (r->left != ANY_TEXT && !in_set(r->left, m->v[left].cp)) return false; /* after what is looked up at once */
    *end = i;
    if (r->right == ANY_TEXT) return true;
    if (r->right == AT_END) return i == m->n;
    if (i == m->n || !in_set(r->right, m->v[i].cp)) return false;
    *end = i + !r->looks;
    return true;
}

/* The next place from i on where a match can begin, by the first character of the core; m->n: there is none. */
static size_t next_place(const struct moses *m, const struct moses_rule *r, const uint32_t *core, size_t i)
{
    size_t left = r->left != ANY_TEXT;
    if (!r->core) return i;
    for (; i + left < m->n; i++)
        if (m->v[i + left].cp == *core) return i;
    return m->n;
}

/* Characters that stay. */
static void keep(struct moses *m, size_t from, size_t to)
{
    if (m->oom || !mem_room(&m->out, &m->cap[1], m->n_out + to - from, sizeof *m->out)) {
        m->oom = true;
        return;
    }
    if (to > from) memcpy(m->out + m->n_out, m->v + from, (to - from) * sizeof *m->v);
    m->n_out += to - from;
}

static void apply(struct moses *m, const struct moses_rule *r)
{
    uint32_t core[8], to[8];
    size_t n_core = decode(r->core, core), n_to = decode(r->to, to), at, end, kept = 0;
    moses_begin(m);
    for (size_t i = next_place(m, r, core, 0); i < m->n; i = next_place(m, r, core, i)) {
        if (!matches(m, r, core, n_core, i, &at, &end)) {
            i++;
            continue;
        }
        keep(m, kept, i);
        if (at > i) moses_put(m, m->v[i].cp, i);
        for (size_t k = 0; k < n_to; k++) moses_put(m, to[k] == 1 ? m->v[at].cp : to[k], at);
        size_t behind = at + (r->core ? n_core : 1);
        if (end > behind) moses_put(m, m->v[behind].cp, behind);
        kept = i = end;
    }
    if (!kept) return; /* nothing is another */
    keep(m, kept, m->n);
    moses_end(m);
}

void moses_rules(struct moses *m, const struct moses_rule *rule, size_t n)
{
    for (size_t i = 0; i < n && !m->oom; i++) apply(m, &rule[i]);
}

/* White space of any kind to one space, none at the ends (strip), and without what ASCII cannot print. */
static void one_space(struct moses *m)
{
    moses_begin(m);
    bool waits = false;
    for (size_t i = 0; i < m->n; i++) {
        if (moses_is_space(m->v[i].cp)) {
            waits = m->n_out > 0;
            continue;
        }
        if (m->v[i].cp < 0x20) continue;
        if (waits) moses_put(m, ' ', i - 1);
        waits = false;
        moses_put(m, m->v[i].cp, i);
    }
    moses_end(m);
}

/* ---- several dots ---- */

static size_t run_of(const struct moses *m, size_t i, uint32_t cp)
{
    size_t n = 0;
    while (i + n < m->n && m->v[i + n].cp == cp) n++;
    return n;
}

/* "..." becomes a word for as long as the other rules are at work.  A text that has such a word gets dots, too. */
static void hide_dots(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0, n; i < m->n; i += n ? n : 1) {
        n = run_of(m, i, '.');
        if (n < 2) {
            n = 1;
            moses_put(m, m->v[i].cp, i);
            continue;
        }
        moses_put(m, ' ', i);
        for (size_t k = 0; k < n; k++) moses_put_text(m, "DOT", i + k);
        moses_put_text(m, "MULTI", i + n - 1);
        if (i + n < m->n) moses_put(m, ' ', i + n - 1);
    }
    moses_end(m);
}

static bool stands_at(const struct moses *m, size_t i, const char *s)
{
    for (; *s; s++, i++)
        if (i >= m->n || m->v[i].cp != (uint8_t)*s) return false;
    return true;
}

static void show_dots(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0; i < m->n;) {
        size_t k = 0;
        while (stands_at(m, i + 3 * k, "DOT")) k++;
        if (!k || !stands_at(m, i + 3 * k, "MULTI")) {
            size_t n = k ? 3 * k : 1; /* none begins inside of these */
            for (size_t j = 0; j < n; j++) moses_put(m, m->v[i + j].cp, i + j);
            i += n;
            continue;
        }
        for (size_t j = 0; j < k; j++) moses_put(m, '.', i + 3 * j);
        i += 3 * k + 5;
    }
    moses_end(m);
}

/* ---- a dot that belongs to its word ---- */

/* Abbreviations, with a space around each. */
static const char titles[] = " Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr Ens Gen Gov Hon Hosp Insp Lt MM MR MRS MS "
                             "Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof Pvt Rep Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg v vs Nos Nr ";
static const char english[] = " Drs Hr i.e rev e.g Rs Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec ";
static const char german[] = " Mio Mrd bzw usw d.h z.B u.a etc MwSt ggf d.J D.h m.E vgl I.F z.T sogen ff u.E g.U g.g.A c.-à-d Buchst u.s.w sog u.ä Std evtl Zt "
                             "Chr u.U o.ä Ltd b.A z.Zt spp sen SA k.o jun i.H.v dgl dergl Co zzt usf s.p.a Dkr bzgl BSE No Art pp ca Ca ";
static const char russian[] = " бульв в вв г га гг гл гос д дм доп др е ед зам и инд исп Исп к кап кг кв кл км кол комн коп куб л лиц лл м макс мг мин мл млн млрд "
                              "мм н наб нач неуд ном о обл обр общ ок ост отл п пер перераб пл пос пр просп проф р ред руб с сб св см соч ср ст стр т тел Тел тех "
                              "тт туп тыс уд ул уч физ х хор ч чел шт экз э ";
static const char french[] = " A.C.N A.M art ann apr av auj lib B.P boul ca c.-à-d cf ch.-l chap contr C.P.I C.Q.F.D C.N C.N.S C.S dir éd e.g env al etc E.V ex fasc "
                             "fém fig fr hab ibid id i.e inf LL.AA LL.AA.II LL.AA.RR LL.AA.SS L.D LL.EE LL.MM LL.MM.II.RR loc.cit masc MM ms N.B N.D.A N.D.L.R "
                             "N.D.T n/réf NN.SS N.S N.D N.P.A.I p.c.c pl pp p.ex p.j P.S R.A.S R.-V R.P R.I.P SS S.S S.A S.A.I S.A.R S.A.S S.E sec sect sing S.M "
                             "S.M.I.R sq sqq suiv sup suppl tél T.S.V.P vb vol vs X.O Z.I ";
static const char before_numbers[] = " No Art pp "; /* English */
static const char roman[] = " i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx ";
static const char units[] = " гг г м мм см дм л км га кг т мг ", centuries[] = " вв в ";

static bool listed(const char *list, const char *word)
{
    struct buf spaced = {0};
    buf_printf(&spaced, " %s ", word);
    bool yes = !spaced.oom && strstr(list, spaced.data);
    buf_free(&spaced);
    return yes;
}

static bool ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool german_number(const char *s)
{
    char low[8] = "";
    size_t n = strlen(s), upper = 0;
    if (n <= 2 && *s >= '1' && *s <= '9' && (n == 1 || (s[1] >= '0' && s[1] <= '9'))) return true;
    for (size_t i = 0; i < n && i + 1 < sizeof low; i++) {
        low[i] = (char)(s[i] | 32);
        upper += ascii_letter(s[i]) && !(s[i] & 32);
    }
    return n < sizeof low && (upper == 0 || upper == n) && ascii_letter(*s) && listed(roman, low);
}

static bool russian_measure(const char *s)
{
    return (*s >= '0' && *s <= '9' && listed(units, s + 1)) || (*s && strchr("XVILMC", *s) && listed(centuries, s + 1));
}

/* Whether a dot behind it stays there whatever follows. */
static bool abbreviation(enum moses_language l, const char *s)
{
    bool single = ascii_letter(s[0]) && !s[1], upper = single && !(s[0] & 32);
    switch (l) {
    case MOSES_DE: return single || german_number(s) || listed(titles, s) || listed(german, s);
    case MOSES_RU: return upper || (strlen(s) == 2 && strcmp(s, "А") >= 0 && strcmp(s, "Я") <= 0) || listed(russian, s) || russian_measure(s);
    case MOSES_FR: return (single && *s != 'a') || listed(french, s);
    default: return upper || listed(titles, s) || listed(english, s);
    }
}

enum { LONGEST = 64 }; /* bytes of an abbreviation, and more */

/* A word without its last dot, as UTF-8; longer ones are none. */
static void spell(const struct moses *m, size_t from, size_t to, char out[LONGEST])
{
    size_t n = 0;
    out[0] = 0;
    if (to - from > LONGEST / 4 - 1) return;
    for (; from < to; from++) n += (size_t)utf8_encode(m->v[from].cp, out + n);
    out[n] = 0;
}

/* The word v[from..to) ends in a dot; `next` is where the next one begins, or m->n. */
static bool keeps_dot(const struct moses *m, size_t from, size_t to, size_t next)
{
    char word[LONGEST];
    bool dot = false, alpha = false;
    for (size_t i = from; i + 1 < to; i++) {
        dot = dot || m->v[i].cp == '.';
        alpha = alpha || (moses_sets(m->v[i].cp) & MOSES_ALPHA);
    }
    if (dot && alpha) return true;
    spell(m, from, to - 1, word);
    if (*word && abbreviation(m->language, word)) return true;
    if (next == m->n) return false;
    if (moses_sets(m->v[next].cp) & MOSES_LOWER) return true;
    bool english_rules = m->language == MOSES_EN || m->language == MOSES_OTHER;
    return english_rules && *word && listed(before_numbers, word) && m->v[next].cp >= '0' && m->v[next].cp <= '9';
}

/* Words have one space between. */
static void split_dots(struct moses *m)
{
    moses_begin(m);
    for (size_t i = 0, end; i < m->n; i = end + 1) {
        for (end = i; end < m->n && m->v[end].cp != ' ';) end++;
        bool dot = end > i + 1 && m->v[end - 1].cp == '.' && !keeps_dot(m, i, end, end < m->n ? end + 1 : m->n);
        for (size_t k = i; k < end; k++) {
            if (dot && k + 1 == end) moses_put(m, ' ', k);
            moses_put(m, m->v[k].cp, k);
        }
        if (end < m->n) moses_put(m, ' ', end);
    }
    moses_end(m);
}

/* ".'" at the end of all. */
static void last_quote(struct moses *m)
{
    size_t n = m->n;
    if (n < 2 || m->v[n - 1].cp != '\'' || m->v[n - 2].cp != '.') return;
    moses_begin(m);
    for (size_t i = 0; i + 2 < n; i++) moses_put(m, m->v[i].cp, i);
    moses_put_text(m, " . ' ", n - 2);
    moses_end(m);
}

/* ---- the whole ---- */

static void pad_signs(struct moses *m)
{
    static const struct moses_rule apart[] = {{ANY_TEXT, NULL, ANY_TEXT, " \1 ", false}},
                                   dashes[] = {{IS_ALNUM, "-", IS_ALNUM, " @-@ ", true}};
    moses_rules(m, apart, 1);
    if (m->flags & MOSES_DASHES) moses_rules(m, dashes, 1);
    hide_dots(m);
    static const struct moses_rule commas[] = {{NOT_NUMBER, ",", ANY_TEXT, " , ", false}, {ANY_TEXT, ",", NOT_NUMBER, " , ", false},
                                               {IS_NUMBER, ",", AT_END, " , ", false}};
    moses_rules(m, commas, COUNT_OF(commas));
}

static void apostrophes(struct moses *m)
{
    static const struct moses_rule english_rules[] = {{NOT_ALPHA, "'", NOT_ALPHA, " ' ", false}, {NOT_ALPHA_NUMBER, "'", IS_ALPHA, " ' ", false},
                                                      {IS_ALPHA, "'", NOT_ALPHA, " ' ", false},  {IS_ALPHA, "'", IS_ALPHA, " '", false},
                                                      {IS_NUMBER, "'", IS_S, " '", false}},
                                   french_rules[] = {{NOT_ALPHA, "'", NOT_ALPHA, " ' ", false}, {NOT_ALPHA, "'", IS_ALPHA, " ' ", false},
                                                     {IS_ALPHA, "'", NOT_ALPHA, " ' ", false},  {IS_ALPHA, "'", IS_ALPHA, "' ", false}},
                                   others[] = {{ANY_TEXT, "'", ANY_TEXT, " ' ", false}};
    if (m->language == MOSES_EN) moses_rules(m, english_rules, COUNT_OF(english_rules));
    else if (m->language == MOSES_FR) moses_rules(m, french_rules, COUNT_OF(french_rules));
    else moses_rules(m, others, 1);
}

static void escape(struct moses *m)
{
    static const struct moses_rule rules[] = {
        {ANY_TEXT, "&", ANY_TEXT, "&amp;", false},  {ANY_TEXT, "|", ANY_TEXT, "&#124;", false}, {ANY_TEXT, "<", ANY_TEXT, "&lt;", false},
        {ANY_TEXT, ">", ANY_TEXT, "&gt;", false},   {ANY_TEXT, "'", ANY_TEXT, "&apos;", false}, {ANY_TEXT, "\"", ANY_TEXT, "&quot;", false},
        {ANY_TEXT, "[", ANY_TEXT, "&#91;", false},  {ANY_TEXT, "]", ANY_TEXT, "&#93;", false}};
    moses_rules(m, rules, COUNT_OF(rules));
}

static int read_text(struct moses *m, const char *text, size_t n, struct err *e)
{
    m->n = m->n_out = 0;
    if (n > UINT32_MAX) return err_set(e, ERR_DATA, "a text of more than 4 GiB, which Moses' rules cannot take");
    for (size_t i = 0; i < n && !m->oom;) {
        struct uni_char c = uni_next((const uint8_t *)text + i, n - i);
        if (!mem_room(&m->v, &m->cap[0], m->n + 1, sizeof *m->v)) m->oom = true;
        else m->v[m->n++] = (struct moses_char){c.cp == UNI_BAD ? 0xFFFD : c.cp, (uint32_t)i};
        i += c.len;
    }
    return 0;
}

int moses_words(struct moses *m, const char *text, size_t n, struct err *e)
{
    if (read_text(m, text, n, e)) return -1;
    if (m->flags & MOSES_PUNCT) moses_punct(m);
    one_space(m);
    pad_signs(m);
    apostrophes(m);
    one_space(m);
    split_dots(m);
    last_quote(m);
    show_dots(m);
    if (m->flags & MOSES_ESCAPE) escape(m);
    one_space(m);
    return m->oom ? err_oom(e, m->n * sizeof *m->v, "words") : 0;
}

bool moses_language(const char *code, bool target, enum moses_language *out)
{
    static const char *const known[] = {"en", "de", "ru", "fr"};
    static const char ours_not[] = " as bn ca cs el es et fi ga gu hi hu is it kn lt lv ml mni mr nl or pa pl pt ro sk sl sv ta te tdt yue zh ja ko cjk ",
                      joined_otherwise[] = " fr it ga cs fi ko ";
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(code, known[i]) == 0) return *out = (enum moses_language)i, i != MOSES_FR || !target;
    *out = MOSES_OTHER;
    return !listed(target ? joined_otherwise : ours_not, code);
}
