/* fuzz.h - a fuzz target is a file fuzz_NAME.c with this one function: any
 * bytes may come in, and nothing but a return may come out.  Seeds and found
 * inputs lie in corpus/NAME/; `make fuzz` searches with libFuzzer, `make test`
 * replays the corpora (replay.c). */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer's: an optional hook for formats with checksums, and what it may
 * call (absent in replay builds). */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));

#endif
