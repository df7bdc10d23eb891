/* tok_class.h - the tokenizer of a Hugging Face directory without a tokenizer.json.
 *
 * Such a directory has the files of a vocabulary, and tokenizer_config.json or
 * config.json name a class of transformers, which adds the rest: ids in another
 * order, how text is normalized and cut, special tokens and their flags, what
 * stands around a text.  Here a class is a row of a table (tok_class_table.c);
 * what it gives is written as a tokenizer.json, which tok_parse() reads.  The
 * classes are those of transformers 5. */
#ifndef CORE_TOKEN_TOK_CLASS_H
#define CORE_TOKEN_TOK_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/token/spm_model.h"
#include "core/token/tokenizer.h"
#include "core/token/vocab.h"

struct cJSON;

#define CLASS_MAX_FILE ((size_t)256 << 20) /* a larger file of a directory is refused */

enum class_name { NAME_BOS, NAME_EOS, NAME_UNK, NAME_SEP, NAME_PAD, NAME_CLS, NAME_MASK, N_NAMES };

enum class_source {
    FROM_WORDS,   /* vocab.txt */
    FROM_MERGES,  /* vocab.json and merges.txt */
    FROM_BYTES,   /* no file: the named tokens, then the 256 bytes */
    FROM_PIECES,  /* SentencePiece's pieces, looked up: tok_class_pieces.c */
    FROM_UNIGRAM, /* a SentencePiece .model */
    FROM_BPE,     /* the same, of byte pairs */
    FROM_ANY,     /* the same, as SentencePiece itself has it */
};

/* How the pieces of a .model become ids. */
enum class_layout {
    IDS_AS_THEY_ARE,
    IDS_FAIRSEQ,     /* <s> <pad> </s> <unk>, pieces from 3 on, languages, <mask> */
    IDS_CAMEMBERT,
    IDS_T5,          /* then <extra_id_99> ... <extra_id_0> */
    IDS_PEGASUS,
    IDS_NLLB,        /* <s> <pad> </s> <unk>, then the other pieces */
    IDS_SEAMLESS,    /* <pad>, then the pieces, <unk> <s> </s> first */
    IDS_BARTPHO,     /* the named tokens, then those of dict.txt, <mask> */
    IDS_PLBART,      /* the same from 4 on as pieces from 3 on, languages, <mask> */
};

/* How text is normalized and cut, and tokens become text. */
enum class_steps {
    STEPS_BERT, STEPS_BYTES, STEPS_BYTES_NFC, STEPS_QWEN2, STEPS_QWEN35, STEPS_COHERE, STEPS_CLIP, STEPS_OPENAI, STEPS_HERBERT,
    STEPS_NONE,      /* bytes, however they stand */
    STEPS_LETTERS,   /* every token is found wherever it stands */
    STEPS_WORDS,     /* SentencePiece's rules, words at white space */
    STEPS_WORDS_RAW, /* no rules */
    STEPS_SQUEEZE,   /* SentencePiece's rules, spaces to one */
    STEPS_SQUEEZE_RULES, /* the same, nothing without rules */
    STEPS_LAYOUTXLM, STEPS_SEAMLESS, STEPS_ALBERT, STEPS_REMBERT, STEPS_XLNET, STEPS_PEGASUS, STEPS_BARTHEZ, STEPS_DEBERTA, STEPS_BIGBIRD, STEPS_LLAMA, STEPS_GEMMA, STEPS_SPM,
    STEPS_PIECES,
};

enum class_flag {
    MASK_TAKES_SPACE = 1,   /* white space before it */
    MASK_NORMALIZED = 2,    /* and it is found in normalized text */
    ADDS_ALL_AGAIN = 8,     /* named and extra tokens become plain special tokens */
    MAKES_SPECIAL = 64,     /* named and extra tokens become special as they are */
    POST_GIVES_WAY = 16,    /* add_bos_token, add_eos_token in the config replace the template */
    PREFIX_BY_DEFAULT = 32, /* add_prefix_space */
    BOS_BY_DEFAULT = 128,   /* add_bos_token */
    ONLY_KNOWN = 512,       /* special tokens are those that have an id already */
    STRIPS_BOTH = 1024,     /* named tokens take white space on both sides */
    HAS_SENTINELS = 2048,   /* <extra_id_0> ... */
    STRIPS_LONG = 4096,     /* all tokens of several characters are added ones that take white space on both sides */
    ALWAYS_TRIMS = 256,     /* RobertaProcessing trims spaces from spans, whatever the config says */
};

enum { UNK_OF_MODEL = -1, UNK_BY_NAME = -2 };

struct tok_class {
    const char *name;
    enum class_source source;
    enum class_layout layout;
    enum class_steps steps;
    const char *file;            /* of the vocabulary */
    const char *names[N_NAMES];  /* special tokens where the files do not say; NULL = none */
    int unk;                     /* unigram's unknown id, or UNK_ */
    /* What stands around a text and two: letters of named tokens (b e u s p c m), L = language, W X Y Z = the class's own,
     * A, B = the texts; "R" RobertaProcessing of cls and sep, "C" of bos and eos, "H" BertProcessing, "Y" ByteLevel, "W"
     * Whisper's prompt; NULL what add_bos_token and add_eos_token say.  A digit is a type. */
    const char *single, *pair;
    unsigned flags;
    const char *const *languages; /* NULL-terminated, or NULL */
};

/* The row of a class; NULL if it is none of the table. */
const struct tok_class *tok_class_named(const char *name);
bool tok_class_exists(const char *name); /* in transformers */
/* The class that transformers takes for a config.json's model_type; NULL: it has none.  *wrong: it takes it whatever
 * tokenizer_config.json says. */
const char *tok_class_of_model(const char *model_type, bool *wrong);
/* Why a class has no row, if it is because of what its code does; else NULL.  *hint: what to do. */
const char *tok_class_why_not(const char *name, const char **hint);
/* Only by a tokenizer_config.json: transformers has no such configuration. */
bool tok_class_only_named(const char *model_type);

/* A token as the files describe it. */
struct class_token {
    const char *text;
    bool object;            /* with flags of its own; else plain special text */
    bool single_word, lstrip, rstrip, special;
    bool unsaid, normalized; /* unsaid: normalized unless special */
    bool shown;             /* FROM_PIECES: special, but decoding does not leave it out */
    int id;                 /* -1: not yet known */
};

/* What is being put together. */
struct class_build {
    const struct tok_class *c;
    const char *dir;
    const struct cJSON *config, *map, *added;   /* the three files, or NULL */
    char *file;                                 /* of the vocabulary */
    struct spm_model spm;                       /* FROM_UNIGRAM and further */
    bool ranks;                                 /* the file is a .tiktoken */
    struct vocab vocab;                         /* ids of the model */
    struct vocab spoken;                        /* FROM_PIECES: ids of what is decoded, where these are others */
    int n_file;                                 /* FROM_PIECES: of them without the class's own */
    double *score;                              /* unigram */
    size_t cap_score;
    int unk_id;
    struct buf model, rest;                     /* JSON: the model; FROM_PIECES: the bytes of both models */
    struct buf merges;                          /* FROM_MERGES: the text of merges.txt, which the JSON leaves out */
    char *merges_file;
    struct class_token name[N_NAMES];
    struct class_token *extra, *add;            /* [n_extra]; [n_add] in order */
    size_t n_extra, cap_extra, n_add, cap_add;
    bool says_extra;                            /* the config lists extra ones, or says that there are none */
    struct class_token *more;                   /* [n_more]: named by the config alone */
    size_t n_more, cap_more;
    const char *own[4];                         /* W X Y Z of templates */
    char **kept;                                /* texts that are ours */
    size_t n_kept, cap_kept;
};

/* tok_class_model.c: reads the file, fills vocab and model; another file of the directory, which the class needs: *path is the
 * caller's, also after an error. */
int class_model(struct class_build *b, struct err *e);
int class_read_file(const struct class_build *b, const char *name, char **path, struct buf *out, struct err *e);
/* tok_class_added.c: named and extra tokens, then all that are added with their ids. */
int class_names(struct class_build *b, struct err *e);
int class_add(struct class_build *b, struct err *e);
int class_add_extra(struct class_build *b, struct class_token t, struct err *e);
/* Into b->add the tokens that the files name beside a tokenizer.json of this vocabulary, in transformers' order; those with an id it
 * may have already. */
int class_beside(struct class_build *b, const struct vocab *v, struct err *e);
const char *class_keep(struct class_build *b, const char *text, size_t n); /* a copy; NULL without memory */
/* Id of a text among added tokens and the model's, or -1. */
int class_id(const struct class_build *b, const char *text);
bool class_flag(const struct class_build *b, const char *key, bool otherwise); /* of the config; null is false */
bool class_says(const struct class_build *b, const char *key);                 /* the config has it, null too */
int64_t class_number(const struct class_build *b, const char *key, int64_t otherwise); /* of the config, up to 100,000 */
const char *class_unk(const struct class_build *b); /* the text of unk_token; "<unk>" where there is none */
/* A string, or an object with "content"; false: neither. */
bool class_token_from(const struct cJSON *j, struct class_token *t);
int class_add_more(struct class_build *b, struct class_token t, struct err *e);
/* tok_class_own.c: tokens that a class names itself; Whisper's prompt, as a template of 16 characters at most. */
int class_own_names(struct class_build *b, struct err *e);
int class_whisper(struct class_build *b, char *single, char *pair, struct err *e);
/* tok_class_steps.c: appends "normalizer", "pre_tokenizer", "decoder", "post_processor". */
int class_steps_json(struct class_build *b, struct buf *out, struct err *e);
/* A step of a list in JSON: what separates it from the one before, all of one without settings, a Replace (kind: "String" or "Regex"). */
void class_next_step(struct buf *out);
void class_step(struct buf *out, const char *type);
void class_step_replace(struct buf *out, const char *kind, const char *pattern, const char *by);
/* The member `key`: a TemplateProcessing of such templates as tok_class has. */
int class_template(const struct class_build *b, struct buf *out, const char *key, const char *single, const char *pair, struct err *e);
/* tok_class_pieces.c: the same for classes FROM_PIECES, and all members but added tokens. */
int class_pieces_model(struct class_build *b, struct err *e);
int class_pieces_extra(struct class_build *b, struct err *e); /* special tokens that the class adds by itself */
int class_pieces_json(struct class_build *b, struct buf *out, struct err *e);
const char *class_pieces_note(const struct class_build *b); /* tok_note() of what comes out */

/* tok_class_words.c: the vocabulary of "token count" lines behind the named tokens, and merges of a file as b->model, a tokenizer.json. */
int class_words_counted(struct class_build *b, const char *text, size_t size, struct err *e);
/* "token count" and pieces "piece@@", a header and the same, symbols as they are with "</w>" at the end of words;
 * no byte pairs but the vocabulary itself, as WordPiece cuts words (vocab.txt) or characters (vocab.json). */
enum class_words { NO_WORDS, WORDS_COUNTED, WORDS_LISTED, WORDS_SUFFIXED, WORDS_PIECES, WORDS_CHARACTERS };
int class_wordpiece_model(struct class_build *b, enum class_words kind, struct err *e);
int class_words_model(struct class_build *b, const char *name, enum class_words kind, struct err *e);
/* tok_class_python.c: what is done to texts before, and what asks for more than there is; the language of what is decoded, or NULL. */
void class_python_steps(const struct class_build *b, struct buf *out);
int class_python_check(const struct class_build *b, struct err *e);
const char *class_spoken_language(const struct class_build *b);
bool class_by_characters(const struct class_build *b); /* BertJapanese: words of one character */
bool class_by_mecab(const struct class_build *b);
extern const char class_delimiter[]; /* Wav2Vec2: what stands for a space */

/* tok_class.c: 0 with *out = the tokenizer, 1: the directory names no class, and files speak for themselves. */
int tok_from_class(const char *dir, struct tokenizer **out, struct err *e);
/* *t, of the tokenizer.json in dir, becomes one with the tokens that are named beside it alone. */
int tok_add_beside(struct tokenizer **t, const char *dir, struct err *e);

#endif
