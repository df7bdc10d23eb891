/* Stop words: the frequent words that carry grammar, not topic.  Sets of words
 * and of lines, for the steps that remove either. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/token/unicode.h"
#include "data/prep.h"

static const struct {
    const char *lang, *words;
} lists[] = {
    {"en", "a about above after again against all am an and any are as at be because been before being below between both but "
           "by can could did do does doing down during each few for from further had has have having he her here hers herself "
           "him himself his how i if in into is it its itself just me more most my myself no nor not now of off on once only "
           "or other our ours ourselves out over own same she should so some such than that the their theirs them themselves "
           "then there these they this those through to too under until up very was we were what when where which while who "
           "whom why will with would you your yours yourself yourselves"},
    {"de", "aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei bin bis bist da damit dann "
           "das dass daß dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch "
           "ein eine einem einen einer eines er es etwas euch euer eure für gegen hab habe haben hat hatte hatten hier hin "
           "hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder jedes jene jener "
           "kann kein keine keinem keinen keiner können man mein meine meinem meinen mich mir mit muss nach nicht nichts noch "
           "nun nur ob oder ohne sehr sein seine seinem seinen seiner seit selbst sich sie sind so solche soll sondern über um "
           "und uns unser unsere unter viel vom von vor war waren warst was weil weiter welche welcher wenn wer werde werden "
           "wie wieder will wir wird wirst wo wollen würde würden zu zum zur zwar zwischen"},
    {"fr", "à au aucun aussi autre aux avec avait avant avoir c ce ceci cela ces cet cette ceux chaque comme d dans de des du "
           "elle elles en encore entre est et étaient était être eu eux fait il ils j je l la le les leur leurs lui m ma mais "
           "me même mes moi mon n ne ni nos notre nous on ont ou où par pas pendant peu plus pour qu quand que quel quelle qui "
           "s sa sans se sera ses si son sont sous sur t ta te tes toi ton tous tout toute toutes très tu un une vos votre vous y"},
    {"es", "a al algo ante antes aquel aunque así cada como con contra cual cuando de del desde donde dos durante e el ella "
           "ellas ellos en entre era eran es esa ese eso esta está están estar este esto estos fue fueron ha había hace hacia "
           "han hasta hay he la las le les lo los más me mi mientras muy nada ni no nos nosotros o os otra otro para pero poco "
           "por porque pues que qué quien se sea según ser si sí sido sin sobre son su sus también tan tanto te tiene todo "
           "todos tu un una uno unos y ya yo"},
    {"it", "a ad agli ai al alla alle allo anche avere c che chi ci come con contro cui da dagli dai dal dalla dalle dallo de "
           "degli dei del dell della delle dello di dove e è ed era erano essere fra gli ha hanno ho i il in io l la le lei li "
           "lo loro lui ma me mi mia mio ne negli nei nel nella nelle nello noi non nostra nostro o ogni per perché più può "
           "quale quando quanto quella quelle quelli quello questa queste questi questo se sei si sia sono sta stato su sua "
           "sugli sui sul sulla sulle suo suoi ti tra tu tua tuo tutti tutto un una uno vi voi"},
    {"pt", "a à ao aos aquela aquele aquilo as às até com como da das de dela dele deles depois do dos e é ela elas ele eles em "
           "entre era eram essa esse esta está estão estar este eu foi foram há isso isto já lhe mais mas me mesmo meu minha "
           "muito na não nas nem no nos nós nossa nosso num numa o os ou para pela pelas pelo pelos por qual quando que quem "
           "se seja sem ser será seu seus só são sua suas também te tem têm ter tu um uma umas uns você vos"},
    {"nl", "aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een en er ge geen geweest "
           "haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan kon kunnen maar me meer men met "
           "mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over reeds te tegen toch toen tot u uit uw van "
           "veel voor want waren was wat werd wezen wie wil worden wordt zal ze zelf zich zij zijn zo zonder zou"},
    {"sv", "alla allt alltså än att av blev bli blir de dem den denna deras dess det detta dig din dina ditt du där då efter ej "
           "eller en er era ett från för ha hade han hans har henne hennes hon honom hur här i icke ingen inom inte jag ju kan "
           "kunde man med mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på samma sedan sig sin "
           "sina själv skulle som så till under upp ut utan vad var vara varför vem vi vid vilken åt över"},
    {"pl", "a aby albo ale ani bardzo bez bo być był była było były będzie ci co coś czy dla do gdy gdyż gdzie go i ich ile im "
           "inne iż ja jak jako je jednak jego jej jest jestem jeszcze jeśli jeżeli już każdy kiedy która które którego której "
           "który których lub ma mają mi mnie może można my na nad nam nas nawet nic nich nie niego niej nim niż no o od on ona "
           "one oni oraz po pod przed przez przy są się swoje ta tak także tam te tego tej ten też to tu tych tylko tym u w we "
           "więc z za ze że"},
    {"ru", "а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее если есть "
           "еще ещё же за здесь и из или им их к как какая какой когда кто ли лучше между меня мне много можно мой мы на над надо "
           "нас не него нее ней нет ни них но ну о об один он она они от перед по под после потом потому почти при про раз с сам "
           "своей свою себе себя сейчас со так такой там тебя тем теперь то тогда того тоже той только том тот ту ты у уже хоть "
           "хотя чего чем через что чтобы эти этого этой этом этот эту я"},
    {"tr", "acaba ama aslında az bana bazı belki ben beni benim bir biri birkaç birçok biz bize bizi bizim bu bunda bunu bunun "
           "çok çünkü da daha de defa diye en gibi hem hep hepsi her hiç için ile ise kez ki kim mı mi mu mü nasıl ne neden "
           "nerde nerede niçin niye o olan olarak oldu olduğu onlar onu onun sanki sen seni senin siz sizi sizin şey şu tüm ve "
           "veya ya yani"},
    {"da", "ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter eller "
           "en end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvis hvor i ikke ind jeg jer jo kunne "
           "man mange med meget men mig min mine mit mod ned noget nogle nu når og også om op os over på selv sig sin sine sit "
           "skal skulle som sådan til ud under var vi vil ville vor være været"},
};

struct prep_words {
    char *text; /* the words' bytes */
    struct slot {
        uint32_t at, len; /* len 0 = empty */
    } *slot;
    size_t mask;
};

static size_t place(const struct prep_words *w, const char *s, size_t n)
{
    size_t i = hash64(s, n) & w->mask;
    while (w->slot[i].len && (w->slot[i].len != n || memcmp(w->text + w->slot[i].at, s, n) != 0))
        i = (i + 1) & w->mask;
    return i;
}

bool prep_words_has(const struct prep_words *w, const char *s, size_t n)
{
    return n && w->slot[place(w, s, n)].len != 0;
}

void prep_words_close(struct prep_words *w)
{
    if (!w) return;
    free(w->text);
    free(w->slot);
    free(w);
}

/* Cuts the text at any of `seps`; takes its memory. */
static int make(struct prep_words **out, struct buf *text, const char *seps, struct err *e)
{
    struct prep_words *w = mem_zalloc(1, sizeof *w);
    size_t n = text->len, slots = 64;
    while (slots < n) /* twice as many as there can be words of two bytes and a separator */
        slots *= 2;
    if (w) w->slot = mem_zalloc(slots, sizeof *w->slot);
    if (!w || !w->slot || text->oom || !(w->text = buf_steal(text))) {
        prep_words_close(w);
        buf_free(text);
        return err_oom(e, slots * sizeof *w->slot, "a list of words");
    }
    w->mask = slots - 1;
    for (size_t i = 0; i < n;) {
        size_t len = strcspn(w->text + i, seps);
        if (len) w->slot[place(w, w->text + i, len)] = (struct slot){(uint32_t)i, (uint32_t)len};
        i += len + 1;
    }
    *out = w;
    return 0;
}

/* Reads a list; lower case, one item a line. */
static int read_list(const char *path, struct buf *out, struct err *e)
{
    struct buf raw = {0};
    if (file_read_all(path, (size_t)16 << 20, &raw, e)) return -1;
    int ret = 0;
    size_t good = utf8_valid_prefix(buf_text(&raw), raw.len);
    if (good < raw.len)
        ret = err_set(e, ERR_DATA, "'%s': invalid UTF-8 at byte %zu", path, good);
    else if (raw.len && memchr(raw.data, 0, raw.len))
        ret = err_set(e, ERR_DATA, "'%s': a NUL byte; a list is plain text", path);
    else if (raw.len && !prep_lower(raw.data, raw.len, out))
        buf_add(out, raw.data, raw.len);
    buf_addc(out, '\n');
    buf_free(&raw);
    return ret;
}

static int add_language(const char *name, size_t n, struct buf *out, struct err *e)
{
    struct buf known = {0};
    for (size_t k = 0; k < COUNT_OF(lists); k++) {
        if (strlen(lists[k].lang) == n && memcmp(lists[k].lang, name, n) == 0) {
            buf_adds(out, lists[k].words);
            buf_addc(out, ' ');
            buf_free(&known);
            return 0;
        }
        buf_printf(&known, "%s%s", k ? "," : "", lists[k].lang);
    }
    err_set(e, ERR_USAGE, "--stop-words '%.*s': there are lists for %s; a file is named with a '.' or '/'", (int)n, name,
            buf_text(&known));
    buf_free(&known);
    return -1;
}

int prep_stop_open(struct prep_words **w, const char *list, struct err *e)
{
    struct buf text = {0};
    for (const char *s = list; *s;) {
        size_t n = strcspn(s, ",");
        int ret;
        if (memchr(s, '.', n) || memchr(s, '/', n)) {
            char *path = mem_strndup(s, n);
            ret = path ? read_list(path, &text, e) : err_oom(e, n, "a path");
            free(path);
        } else {
            ret = add_language(s, n, &text, e);
        }
        if (ret) {
            buf_free(&text);
            return -1;
        }
        s += n + (s[n] == ',');
    }
    return make(w, &text, " \t\r\n", e);
}

int prep_lines_open(struct prep_words **w, const char *path, struct err *e)
{
    struct buf text = {0}, flat = {0};
    if (read_list(path, &text, e)) {
        buf_free(&text);
        return -1;
    }
    if (prep_punct(text.data, text.len, &flat)) { /* as prep_boilerplate() looks at lines */
        buf_free(&text);
        text = flat;
    } else {
        buf_free(&flat);
    }
    return make(w, &text, "\r\n", e);
}

/* A word: letters, marks and digits, with single apostrophes or hyphens inside. */
static size_t word_end(const char *s, size_t n, size_t i)
{
    size_t end = i;
    while (i < n) {
        struct uni_char c = uni_next((const uint8_t *)s + i, n - i);
        if (c.class & (UNI_L | UNI_N | UNI_M)) end = i + c.len;
        else if (end != i || (c.cp != '\'' && c.cp != '-' && c.cp != 0x2019)) break;
        i += c.len;
    }
    return end;
}

uint64_t prep_stop(const char *s, size_t n, const struct prep_words *stop, struct buf *word, struct buf *out)
{
    uint64_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        size_t end = word_end(s, n, i);
        if (end == i) {
            i += uni_next((const uint8_t *)s + i, n - i).len;
            continue;
        }
        buf_clear(word);
        bool hit = prep_lower(s + i, end - i, word) ? !word->oom && prep_words_has(stop, word->data, word->len)
                                                    : prep_words_has(stop, s + i, end - i);
        if (hit) { /* with the blank behind it, else the one before */
            size_t begin = i;
            if (end < n && s[end] == ' ') end++;
            else if (begin > from && s[begin - 1] == ' ') begin--;
            buf_add(out, s + from, begin - from);
            from = end;
            count++;
        }
        i = end;
    }
    if (count) buf_add(out, s + from, n - from);
    return count;
}
