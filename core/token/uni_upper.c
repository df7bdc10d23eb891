/* Capitals, as Python's str.upper() has them: some are several letters. */
#include <string.h>
#include <utf8proc.h>

#include "core/base/mem.h"
#include "core/token/uni_props.h"

enum { IOTA = 0x399, IOTA_BELOW = 0x345 };

struct longer {
    uint32_t cp, to[3];
};

static const struct longer longers[] = {
    {0xDF, {'S', 'S'}},          {0x149, {0x2BC, 'N'}},          {0x1F0, {'J', 0x30C}},           {0x390, {IOTA, 0x308, 0x301}},
    {0x3B0, {0x3A5, 0x308, 0x301}}, {0x587, {0x535, 0x552}},     {0x1E96, {'H', 0x331}},          {0x1E97, {'T', 0x308}},
    {0x1E98, {'W', 0x30A}},      {0x1E99, {'Y', 0x30A}},         {0x1E9A, {'A', 0x2BE}},          {0x1F50, {0x3A5, 0x313}},
    {0x1F52, {0x3A5, 0x313, 0x300}}, {0x1F54, {0x3A5, 0x313, 0x301}}, {0x1F56, {0x3A5, 0x313, 0x342}}, {0x1FB2, {0x1FBA, IOTA}},
    {0x1FB3, {0x391, IOTA}},     {0x1FB4, {0x386, IOTA}},        {0x1FB6, {0x391, 0x342}},        {0x1FB7, {0x391, 0x342, IOTA}},
    {0x1FBC, {0x391, IOTA}},     {0x1FC2, {0x1FCA, IOTA}},       {0x1FC3, {0x397, IOTA}},         {0x1FC4, {0x389, IOTA}},
    {0x1FC6, {0x397, 0x342}},    {0x1FC7, {0x397, 0x342, IOTA}}, {0x1FCC, {0x397, IOTA}},         {0x1FD2, {IOTA, 0x308, 0x300}},
    {0x1FD3, {IOTA, 0x308, 0x301}}, {0x1FD6, {IOTA, 0x342}},     {0x1FD7, {IOTA, 0x308, 0x342}},  {0x1FE2, {0x3A5, 0x308, 0x300}},
    {0x1FE3, {0x3A5, 0x308, 0x301}}, {0x1FE4, {0x3A1, 0x313}},   {0x1FE6, {0x3A5, 0x342}},        {0x1FE7, {0x3A5, 0x308, 0x342}},
    {0x1FF2, {0x1FFA, IOTA}},    {0x1FF3, {0x3A9, IOTA}},        {0x1FF4, {0x38F, IOTA}},         {0x1FF6, {0x3A9, 0x342}},
    {0x1FF7, {0x3A9, 0x342, IOTA}}, {0x1FFC, {0x3A9, IOTA}},     {0xFB00, {'F', 'F'}},            {0xFB01, {'F', 'I'}},
    {0xFB02, {'F', 'L'}},        {0xFB03, {'F', 'F', 'I'}},      {0xFB04, {'F', 'F', 'L'}},       {0xFB05, {'S', 'T'}},
    {0xFB06, {'S', 'T'}},        {0xFB13, {0x544, 0x546}},       {0xFB14, {0x544, 0x535}},        {0xFB15, {0x544, 0x53B}},
    {0xFB16, {0x54E, 0x546}},    {0xFB17, {0x544, 0x53D}}};

int uni_upper(uint32_t cp, bool title, uint32_t to[3])
{
    static const uint32_t blocks[] = {0x1F08, 0x1F28, 0x1F68};
    to[0] = (uint32_t)(title ? utf8proc_totitle((utf8proc_int32_t)cp) : utf8proc_toupper((utf8proc_int32_t)cp));
    if (cp < 0xDF) return 1;
    if (cp >= 0x1F80 && cp <= 0x1FAF) { /* alpha, eta, omega with a breathing and iota */
        if (title) return 1;
        to[0] = blocks[(cp - 0x1F80) / 16] + cp % 8;
        to[1] = IOTA;
        return 2;
    }
    for (size_t i = 0; i < COUNT_OF(longers); i++) {
        const struct longer *x = &longers[i];
        if (x->cp != cp) continue;
        if (title && uni_category(to[0]) == UNI_Lt) return 1; /* iota below */
        memcpy(to, x->to, sizeof x->to);
        for (int k = 1; title && cp != 0x149 && k < 3; k++)
            to[k] = to[k] == IOTA ? IOTA_BELOW : (uint32_t)utf8proc_tolower((utf8proc_int32_t)to[k]);
        return to[2] ? 3 : 2;
    }
    return 1;
}
