/* The classes of tokenizers of transformers 5, and which class goes with which model. */
#include <string.h>

#include "core/base/mem.h"
#include "core/token/tok_class.h"

static const char *const mbart[] = {
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR",
    "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN", NULL};
static const char *const mbart50[] = {
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR",
    "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN", "af_ZA", "az_AZ", "bn_IN",
    "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE",
    "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI", NULL};

#define SPIECE "spiece.model"
#define SPM_BPE "sentencepiece.bpe.model"
#define TOKENIZER "tokenizer.model"
#define ANGLES {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}
#define BERT_NAMES {NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}
#define BERT_ROW(name)                                                                                     \
    {name, FROM_WORDS, IDS_AS_THEY_ARE, STEPS_BERT, "vocab.txt", BERT_NAMES, 0, "c A s", "c A s B1 s1", 0, NULL}
#define BERT_ENDS "c A s", "c A s B1 s1"
#define DOUBLED "b A e", "b A e e B e"
#define EOT "<|endoftext|>"

// clang-format off
static const struct tok_class classes[] = {
    BERT_ROW("BertTokenizer"), BERT_ROW("DistilBertTokenizer"), BERT_ROW("ConvBertTokenizer"), BERT_ROW("ElectraTokenizer"),
    BERT_ROW("SqueezeBertTokenizer"), BERT_ROW("MobileBertTokenizer"), BERT_ROW("LxmertTokenizer"), BERT_ROW("LayoutLMTokenizer"),
    BERT_ROW("DPRQuestionEncoderTokenizer"), BERT_ROW("DPRContextEncoderTokenizer"), BERT_ROW("LayoutLMv2Tokenizer"),
    {"SplinterTokenizer", FROM_WORDS, IDS_AS_THEY_ARE, STEPS_BERT, "vocab.txt", BERT_NAMES, 0, "c A s", "c A W X s B1 s1", 0, NULL},
    {"MPNetTokenizer", FROM_WORDS, IDS_AS_THEY_ARE, STEPS_BERT, "vocab.txt", {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"}, 0,
     "R", NULL, MASK_TAKES_SPACE, NULL},
    {"FunnelTokenizer", FROM_WORDS, IDS_AS_THEY_ARE, STEPS_BERT, "vocab.txt", {"<s>", "</s>", "<unk>", "<sep>", "<pad>", "<cls>", "<mask>"}, 0,
     "c2 A s", "c2 A s B1 s1", 0, NULL},
    {"EsmTokenizer", FROM_WORDS, IDS_AS_THEY_ARE, STEPS_LETTERS, "vocab.txt", {NULL, "<eos>", "<unk>", NULL, "<pad>", "<cls>", "<mask>"}, 0,
     "c A e", "c A e B1 e1", 0, NULL},
    {"GPT2Tokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", {EOT, EOT, EOT, NULL, NULL, NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"CodeGenTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", {EOT, EOT, EOT, NULL, NULL, NULL, NULL}, 0, "Y", NULL, POST_GIVES_WAY, NULL},
    {"GPTNeoXTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES_NFC, "vocab.json", {EOT, EOT, EOT, NULL, "<|padding|>", NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"RobertaTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, 0, NULL},
    {"BartTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, 0, NULL},
    {"LongformerTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, 0, NULL},
    {"LEDTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, 0, NULL},
    {"MvpTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, 0, NULL},
    {"LayoutLMv3Tokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, PREFIX_BY_DEFAULT | ALWAYS_TRIMS, NULL},
    {"LukeTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "R", NULL, ALWAYS_TRIMS, NULL},
    {"MarkupLMTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, "c A s", "c A s B s", MASK_TAKES_SPACE, NULL},
    {"BlenderbotTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", ANGLES, 0, NULL, NULL, PREFIX_BY_DEFAULT | MASK_TAKES_SPACE, NULL},
    {"WhisperTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", {EOT, EOT, EOT, NULL, NULL, NULL, NULL}, 0, "W", NULL, 0, NULL},
    {"DebertaTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_BYTES, "vocab.json", {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}, 0,
     "c A s", "c A s s B s", 0, NULL},
    {"Qwen2Tokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_QWEN2, "vocab.json", {NULL, EOT, EOT, NULL, EOT, NULL, NULL}, 0, NULL, NULL, ADDS_ALL_AGAIN, NULL},
    {"Qwen3_5Tokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_QWEN35, "vocab.json", {NULL, EOT, EOT, NULL, EOT, NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"CohereTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_COHERE, "vocab.json",
     {"<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<UNK>", "<SEP>", "<PAD>", "<CLS>", "<MASK_TOKEN>"}, 0, NULL, NULL, MAKES_SPECIAL, NULL},
    {"CLIPTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_CLIP, "vocab.json", {"<|startoftext|>", EOT, EOT, NULL, EOT, NULL, NULL}, 0, "C", NULL, 0, NULL},
    {"OpenAIGPTTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_OPENAI, "vocab.json", {NULL, NULL, "<unk>", NULL, NULL, NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"HerbertTokenizer", FROM_MERGES, IDS_AS_THEY_ARE, STEPS_HERBERT, "vocab.json", {NULL, NULL, "<unk>", "</s>", "<pad>", "<s>", "<mask>"}, 0, "H", NULL, 0, NULL},
    {"ByT5Tokenizer", FROM_BYTES, IDS_AS_THEY_ARE, STEPS_NONE, "tokenizer_config.json", {NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}, 0, "A e", "A e B e",
     STRIPS_BOTH | HAS_SENTINELS, NULL},
    {"PerceiverTokenizer", FROM_BYTES, IDS_AS_THEY_ARE, STEPS_NONE, "tokenizer_config.json", {"[BOS]", "[EOS]", NULL, "[SEP]", "[PAD]", "[CLS]", "[MASK]"}, 0,
     "c A s", "c A s B s", 0, NULL},
    {"AlbertTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_ALBERT, SPIECE, {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}, 1,
     BERT_ENDS, POST_GIVES_WAY | PREFIX_BY_DEFAULT, NULL},
    {"FNetTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_ALBERT, SPIECE, {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}, 1,
     BERT_ENDS, POST_GIVES_WAY | PREFIX_BY_DEFAULT, NULL},
    {"RemBertTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_REMBERT, "sentencepiece.model", {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}, 2,
     NULL, NULL, PREFIX_BY_DEFAULT | MAKES_SPECIAL, NULL},
    {"XLMRobertaTokenizer", FROM_UNIGRAM, IDS_FAIRSEQ, STEPS_WORDS, SPM_BPE, ANGLES, 3, DOUBLED, PREFIX_BY_DEFAULT, NULL},
    {"CamembertTokenizer", FROM_UNIGRAM, IDS_CAMEMBERT, STEPS_WORDS, SPM_BPE, ANGLES, UNK_BY_NAME, DOUBLED, PREFIX_BY_DEFAULT | MASK_TAKES_SPACE, NULL},
    {"BarthezTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_BARTHEZ, SPM_BPE, ANGLES, 3, NULL, NULL, PREFIX_BY_DEFAULT | MASK_TAKES_SPACE, NULL},
    {"MBartTokenizer", FROM_UNIGRAM, IDS_FAIRSEQ, STEPS_WORDS_RAW, SPM_BPE, ANGLES, 3, "A e L", "A B e L", MASK_TAKES_SPACE, mbart},
    {"MBart50Tokenizer", FROM_UNIGRAM, IDS_FAIRSEQ, STEPS_SQUEEZE, SPM_BPE, {NULL, "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}, 3, "L A e", "L A B e",
     MASK_TAKES_SPACE, mbart50},
    {"NllbTokenizer", FROM_BPE, IDS_NLLB, STEPS_SQUEEZE_RULES, SPM_BPE, ANGLES, 3, "L A e", "L A B e", MASK_TAKES_SPACE | MASK_NORMALIZED, NULL},
    {"LayoutXLMTokenizer", FROM_UNIGRAM, IDS_FAIRSEQ, STEPS_LAYOUTXLM, SPM_BPE, ANGLES, 3, "c A s", "c A s s B s",
     PREFIX_BY_DEFAULT | MASK_TAKES_SPACE, NULL},
    {"UdopTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_WORDS_RAW, SPIECE, {NULL, "</s>", "<unk>", "</s>", "<pad>", NULL, NULL}, UNK_BY_NAME, "A e", "A e B e", 0, NULL},
    {"T5Tokenizer", FROM_UNIGRAM, IDS_T5, STEPS_WORDS, SPIECE, {NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}, 2, "A e", "A e B e", 0, NULL},
    {"PegasusTokenizer", FROM_UNIGRAM, IDS_PEGASUS, STEPS_PEGASUS, SPIECE, {NULL, "</s>", "<unk>", NULL, "<pad>", NULL, "<mask_2>"}, UNK_BY_NAME, "A e", "A B e", 0, NULL},
    {"DebertaV2Tokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_DEBERTA, "spm.model", {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}, UNK_BY_NAME,
     BERT_ENDS, PREFIX_BY_DEFAULT, NULL},
    {"BigBirdTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_BIGBIRD, SPIECE, {"<s>", "</s>", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}, UNK_BY_NAME,
     BERT_ENDS, PREFIX_BY_DEFAULT | MASK_TAKES_SPACE, NULL},
    {"XLNetTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_XLNET, SPIECE, {"<s>", "</s>", "<unk>", "<sep>", "<pad>", "<cls>", "<mask>"}, UNK_OF_MODEL,
     "A s c2", "A s B1 s1 c2", MASK_TAKES_SPACE, NULL},
    {"XGLMTokenizer", FROM_UNIGRAM, IDS_AS_THEY_ARE, STEPS_SQUEEZE, TOKENIZER, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", NULL}, 3, "e A", "e A e e B", PREFIX_BY_DEFAULT, NULL},
    {"ReformerTokenizer", FROM_BPE, IDS_AS_THEY_ARE, STEPS_SQUEEZE_RULES, SPIECE, {NULL, "</s>", "<unk>", NULL, NULL, NULL, NULL}, 0, NULL, NULL, MAKES_SPECIAL, NULL},
    {"SeamlessM4TTokenizer", FROM_BPE, IDS_SEAMLESS, STEPS_SEAMLESS, SPM_BPE, {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", NULL}, 0, "X A e", "X A B e", 0, NULL},
    {"LlamaTokenizer", FROM_BPE, IDS_AS_THEY_ARE, STEPS_LLAMA, TOKENIZER, {"<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"Phi3Tokenizer", FROM_BPE, IDS_AS_THEY_ARE, STEPS_LLAMA, TOKENIZER, {"<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"CodeLlamaTokenizer", FROM_BPE, IDS_AS_THEY_ARE, STEPS_LLAMA, TOKENIZER, {"<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL}, 0, NULL, NULL, BOS_BY_DEFAULT, NULL},
    {"GemmaTokenizer", FROM_BPE, IDS_AS_THEY_ARE, STEPS_GEMMA, TOKENIZER, {"<bos>", "<eos>", "<unk>", NULL, "<pad>", NULL, "<mask>"}, 0, NULL, NULL, 0, NULL},
    {"MarianTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}, 0, "A e", "A B e", 0, NULL},
    {"M2M100Tokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"<s>", "</s>", "<unk>", "</s>", "<pad>", NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"Speech2TextTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"<s>", "</s>", "<unk>", NULL, "<pad>", NULL, NULL}, 0, "A e", "A B e", 0, NULL},
    {"SpeechT5Tokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "spm_char.model", {"<s>", "</s>", "<unk>", NULL, "<pad>", NULL, NULL}, 0, "A e", "A B e", 0, NULL},
    {"BertGenerationTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, SPIECE, {"<s>", "</s>", "<unk>", "<::::>", "<pad>", NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"GPTSw3Tokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, SPIECE, {"<s>", EOT, "<unk>", NULL, "<pad>", NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"SiglipTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, SPIECE, {NULL, "</s>", "<unk>", NULL, "</s>", NULL, NULL}, 0, "A e", "A e B e", 0, NULL},
    {"PLBartTokenizer", FROM_PIECES, IDS_PLBART, STEPS_PIECES, SPM_BPE, ANGLES, 0, NULL, NULL, ONLY_KNOWN, NULL},
    {"BartphoTokenizer", FROM_PIECES, IDS_BARTPHO, STEPS_PIECES, "dict.txt", ANGLES, 0, "c A s", "c A s s B s", ONLY_KNOWN, NULL},
    {"PhobertTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.txt", ANGLES, 0, "c A s", "c A s s B s", 0, NULL},
    {"BertweetTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.txt", ANGLES, 0, "c A s", "c A s s B s", 0, NULL},
    {"CTRLTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {NULL, NULL, "<unk>", NULL, NULL, NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"XLMTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"<s>", NULL, "<unk>", "</s>", "<pad>", "</s>", "<special1>"}, 0, "b A s", "b A s B1 s1", 0, NULL},
    {"FlaubertTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"<s>", NULL, "<unk>", "</s>", "<pad>", "</s>", "<special1>"}, 0, "b A s", "b A s B1 s1", 0, NULL},
    {"FSMTTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab-src.json", {"<s>", NULL, "<unk>", "</s>", "<pad>", NULL, NULL}, 0, "A s", "A s B s", 0, NULL},
    {"BioGptTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"<s>", "</s>", "<unk>", "</s>", "<pad>", NULL, NULL}, 0, "s A", "s A s B", 0, NULL},
    {"BlenderbotSmallTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"__start__", "__end__", "__unk__", NULL, "__null__", NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"ProphetNetTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "prophetnet.tokenizer", {NULL, NULL, "[UNK]", "[SEP]", "[PAD]", NULL, "[MASK]"}, 0, "A s", "A s B s", 0, NULL},
    {"RoCBertTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.txt", BERT_NAMES, 0, BERT_ENDS, 0, NULL},
    {"BertJapaneseTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.txt", BERT_NAMES, 0, BERT_ENDS, 0, NULL},
    {"MgpstrTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"[GO]", "[s]", "[GO]", NULL, "[GO]", NULL, NULL}, 0, NULL, NULL, 0, NULL},
    {"Wav2Vec2CTCTokenizer", FROM_PIECES, IDS_AS_THEY_ARE, STEPS_PIECES, "vocab.json", {"<s>", "</s>", "<unk>", NULL, "<pad>", NULL, NULL}, 0, NULL, NULL, STRIPS_LONG, NULL},
    {"TokenizersBackend", FROM_ANY, IDS_AS_THEY_ARE, STEPS_SPM, TOKENIZER, {NULL}, UNK_OF_MODEL, NULL, NULL, 0, NULL},
};
// clang-format on

const struct tok_class *tok_class_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (strcmp(classes[i].name, name) == 0) return &classes[i];
    return NULL;
}

/* ---- models ---- */

// clang-format off
static const struct {
    const char *class, *models; /* with a space between */
} models[] = {
    {"AlbertTokenizer", "albert yoso"},
    {"BartTokenizer", "florence2"},
    {"BarthezTokenizer", "barthez"},
    {"BartphoTokenizer", "bartpho"},
    {"BertGenerationTokenizer", "bert-generation"},
    {"BertJapaneseTokenizer", "bert-japanese"},
    {"BertTokenizer", "align bark bert blip bros chinese_clip convbert distilbert electra ernie flava git grounding-dino "
     "layoutlm megatron-bert mm-grounding-dino nezha nomic_bert qdqbert realm retribert squeezebert tvp "
     "vilt visual_bert"},
    {"BertweetTokenizer", "bertweet"},
    {"BigBirdTokenizer", "big_bird"},
    {"BioGptTokenizer", "biogpt"},
    {"BlenderbotSmallTokenizer", "blenderbot-small"},
    {"BlenderbotTokenizer", "blenderbot"},
    {"ByT5Tokenizer", "byt5"},
    {"CLIPTokenizer", "aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit sam3 sam3_video xclip"},
    {"CTRLTokenizer", "ctrl"},
    {"CamembertTokenizer", "camembert"},
    {"CanineTokenizer", "canine"},
    {"ClvpTokenizer", "clvp"},
    {"CodeLlamaTokenizer", "code_llama"},
    {"CohereTokenizer", "aya_vision cohere cohere2"},
    {"CpmAntTokenizer", "cpmant"},
    {"CpmTokenizer", "cpm"},
    {"DPRQuestionEncoderTokenizer", "dpr"},
    {"DebertaTokenizer", "deberta"},
    {"DebertaV2Tokenizer", "deberta-v2"},
    {"DiaTokenizer", "dia"},
    {"EsmTokenizer", "esm"},
    {"EsmcTokenizer", "esmc esmfold2"},
    {"FNetTokenizer", "fnet"},
    {"FSMTTokenizer", "fsmt"},
    {"FlaubertTokenizer", "flaubert"},
    {"FunnelTokenizer", "funnel"},
    {"GPT2Tokenizer", "blip-2 codegen dbrx emu3 gpt2 gpt_neo gptj hyperclovax_vision_v2 instructblip instructblipvideo "
     "jais2 opt phi starcoder2"},
    {"GPTNeoXJapaneseTokenizer", "gpt_neox_japanese"},
    {"GPTNeoXTokenizer", "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmoe rwkv xlstm"},
    {"GPTSw3Tokenizer", "gpt-sw3"},
    {"GemmaTokenizer", "diffusion_gemma gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 "
     "t5gemma zaya"},
    {"HerbertTokenizer", "herbert"},
    {"LEDTokenizer", "led"},
    {"LasrTokenizer", "lasr_ctc lasr_encoder"},
    {"LayoutLMv2Tokenizer", "layoutlmv2"},
    {"LayoutLMv3Tokenizer", "layoutlmv3"},
    {"LayoutXLMTokenizer", "layoutxlm"},
    {"LlamaTokenizer", "idefics idefics2"},
    {"LukeTokenizer", "luke"},
    {"LxmertTokenizer", "lxmert"},
    {"M2M100Tokenizer", "m2m_100"},
    {"MBart50Tokenizer", "mbart50"},
    {"MBartTokenizer", "mbart"},
    {"MLukeTokenizer", "mluke"},
    {"MPNetTokenizer", "mpnet"},
    {"MarianTokenizer", "marian"},
    {"MarkupLMTokenizer", "markuplm"},
    {"MgpstrTokenizer", "mgp-str"},
    {"MobileBertTokenizer", "mobilebert"},
    {"MvpTokenizer", "mvp"},
    {"MyT5Tokenizer", "myt5"},
    {"NllbTokenizer", "nllb nllb-moe"},
    {"NougatTokenizer", "nougat pp_formulanet"},
    {"OpenAIGPTTokenizer", "openai-gpt"},
    {"PLBartTokenizer", "plbart"},
    {"ParakeetTokenizer", "granite_speech5_ctc nemotron3_5_asr nemotron_asr_streaming omniasr_ctc parakeet_ctc parakeet_rnnt "
     "parakeet_tdt"},
    {"PegasusTokenizer", "pegasus"},
    {"PerceiverTokenizer", "perceiver"},
    {"PhobertTokenizer", "phobert"},
    {"ProphetNetTokenizer", "prophetnet"},
    {"Qwen2Tokenizer", "audioflamingo3 colqwen2 cosmos3_omni dots3_note fun_asr_nano hunyuan_vl internvl lighton_ocr "
     "moss_transcribe_diarize ovis2 qianfan_ocr qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe "
     "qwen2_vl qwen3 qwen3_asr qwen3_moe qwen3_next qwen3_omni_moe qwen3_vl qwen3_vl_moe vibevoice"},
    {"Qwen3_5Tokenizer", "qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen4_exp"},
    {"RagTokenizer", "rag"},
    {"ReformerTokenizer", "reformer"},
    {"RemBertTokenizer", "rembert"},
    {"RoCBertTokenizer", "roc_bert"},
    {"RoFormerTokenizer", "roformer"},
    {"RobertaTokenizer", "bart bridgetower clap data2vec-text ibert lilt longformer mega mra roberta roberta-prelayernorm"},
    {"SeamlessM4TTokenizer", "seamless_m4t seamless_m4t_v2"},
    {"Siglip2Tokenizer", "siglip2"},
    {"SiglipTokenizer", "siglip"},
    {"Speech2TextTokenizer", "speech_to_text"},
    {"SpeechT5Tokenizer", "speecht5"},
    {"SplinterTokenizer", "splinter"},
    {"T5Tokenizer", "mt5 musicgen musicgen_melody switch_transformers t5"},
    {"TapasTokenizer", "tapas"},
    {"Tipsv2Tokenizer", "tipsv2"},
    {"TokenizersBackend", "EvollaModel aria beam bigbird_pegasus canary flex_olmo glm glm4 glm4_moe glm4_moe_lite glm4v "
     "glm4v_moe glm_image glmasr got_ocr2 gpt_bigcode gradium_phonon_tts granite granitemoe "
     "granitemoehybrid granitemoeshared kimi_k25 kimi_linear kosmos-2 mimo_v2_flash minicpm_ocr "
     "minicpmv4_6 minicpmv4_7 ministral ministral3 mistral mistral3 mistral_large4 mixtral nemo_speechlm "
     "nystromformer olmo2 olmo3 olmo_hybrid omniasr pegasus_x persimmon pix2struct pixtral pocket_tts "
     "stablelm umt5 voxtral voxtral_realtime xlm-roberta-xl jamba llava_next step3_vl molmo minicpmv "
     "llava internlm3 minicpm3 modernbert modernbert-decoder paddleocr_vl openvla nemotron arctic opencua "
     "smolvlm hyperclovax vipllava cohere_asr ernie4_5 phimoe ernie4_5_moe phi3 minimax_m2 h2ovl_chat "
     "hyperclovax_vlm camembertv2-base molmo2 internlm2 fuyu phi3_v chatlm iquestcoder nvfp4"},
    {"UdopTokenizer", "udop"},
    {"VideoPrismTokenizer", "videoprism"},
    {"VitsTokenizer", "vits"},
    {"Wav2Vec2CTCTokenizer", "data2vec-audio hubert unispeech unispeech-sat wav2vec2 wav2vec2-bert wav2vec2-conformer"},
    {"Wav2Vec2PhonemeCTCTokenizer", "wav2vec2_phoneme"},
    {"WhisperTokenizer", "whisper"},
    {"XGLMTokenizer", "xglm"},
    {"XLMRobertaTokenizer", "gte jina_embeddings_v3 metaclip_2 trocr xlm-roberta xmod"},
    {"XLMTokenizer", "xlm"},
    {"XLNetTokenizer", "xlnet"},
};

/* Models whose tokenizer_config.json names a wrong class. */
static const char wrong_classes[] =
    "arctic camembertv2-base chatlm cohere_asr ernie4_5 ernie4_5_moe fuyu h2ovl_chat hyperclovax "
    "hyperclovax_vision_v2 hyperclovax_vlm internlm2 internlm3 iquestcoder jamba llava llava_next "
    "minicpm3 minicpmv minimax_m2 modernbert modernbert-decoder molmo molmo2 nemotron nvfp4 opencua "
    "openvla paddleocr_vl phi3 phi3_v phimoe qwen2 qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen4_exp "
    "siglip2 smolvlm step3_vl vipllava";
/* Models that config.json can name, but transformers has no configuration of. */
static const char only_named[] =
    "arctic barthez bartpho bert-japanese bertweet byt5 camembertv2-base chatlm code_llama cpm h2ovl_chat herbert "
    "hyperclovax_vlm internlm2 mbart50 mega minicpmv mluke molmo myt5 nezha nllb nvfp4 opencua openvla phi3_v phobert "
    "qdqbert realm retribert step3_vl wav2vec2_phoneme";
// clang-format on

#define ITS_FILE "give the file of the vocabulary itself, if that is all you need"
#define CUT_FIRST "let it cut the texts first, and give the file of the vocabulary itself"
#define ITS_JSON "fetch the tokenizer.json"

// clang-format off
/* Classes that nothing in a tokenizer.json can say, and what to do. */
static const struct {
    const char *classes, *why, *hint;
} code[] = {
    {"MLukeTokenizer", "transformers 5 numbers its pieces as the file does, but its models learned them in fairseq's order",
     "name XLMRobertaTokenizer as tokenizer_class, for texts without entities"},
    {"RoFormerTokenizer CpmTokenizer CpmAntTokenizer", "jieba cuts a text into words", CUT_FIRST},
    {"ClvpTokenizer", "its Python code spells out numbers, sums of money and abbreviations in English before a text is cut", ITS_FILE},
    {"GPTNeoXJapaneseTokenizer", "its Python code replaces addresses, dates and prices in a text, and cuts it by a table of emoji", ITS_FILE},
    {"TapasTokenizer", "it gives ids of a table and a question about it, not of texts", "give vocab.txt itself for BERT's ids of a text"},
    {"MyT5Tokenizer", "its Python code rewrites bytes by rules of its own", "name ByT5Tokenizer as tokenizer_class for the bytes as they are"},
    {"DiaTokenizer", "three of its ids are bytes and tokens at once", "name ByT5Tokenizer as tokenizer_class for bytes with ids of their own"},
    {"CanineTokenizer", "the numbers of all characters are its ids, there is no vocabulary to read", "name ByT5Tokenizer as tokenizer_class for ids of bytes"},
    {"Wav2Vec2PhonemeCTCTokenizer", "espeak makes phonemes of a text", ITS_FILE},
    {"VitsTokenizer", "it spells texts for speech, with a blank between all characters", ITS_FILE},
    {"LasrTokenizer ParakeetTokenizer", "its Python code makes text of ids that a speech model repeats",
     "save a tokenizer.json with transformers, which gives the same ids, and text of each id"},
    {"EsmcTokenizer NougatTokenizer Siglip2Tokenizer", "it has no other file", ITS_JSON},
    {"RagTokenizer", "it is two tokenizers", "give one of the directories in it, question_encoder_tokenizer or generator_tokenizer"},
};
// clang-format on

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; n && (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n])) return true;
    return false;
}

bool tok_class_exists(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(models); i++)
        if (strcmp(models[i].class, name) == 0) return true;
    return tok_class_named(name) != NULL;
}

const char *tok_class_why_not(const char *name, const char **hint)
{
    for (size_t i = 0; i < COUNT_OF(code); i++) {
        if (!has_word(code[i].classes, name)) continue;
        *hint = code[i].hint;
        return code[i].why;
    }
    *hint = "save one with transformers, or give the file of the vocabulary itself";
    return NULL;
}

bool tok_class_only_named(const char *model_type)
{
    return has_word(only_named, model_type);
}

const char *tok_class_of_model(const char *model_type, bool *wrong)
{
    *wrong = has_word(wrong_classes, model_type);
    for (size_t i = 0; i < COUNT_OF(models); i++)
        if (has_word(models[i].models, model_type)) return models[i].class;
    return NULL;
}
