# llmctl - `make help` lists the targets.
CC      ?= gcc
PREFIX  ?= /usr/local
MAKEFLAGS += -r
comma   := ,
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(DEBUG),debug,release))
O       := build/$(VARIANT)

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wstrict-prototypes -Wmissing-prototypes -Wvla
WARN    += -Wno-psabi # vectors are passed to inlined functions only
WARN    += $(if $(CI),-Werror)
BASE    := -std=c11 -D_GNU_SOURCE -I. -pthread -ffp-contract=off -fno-math-errno -fPIE
HARDEN  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
SANFL   := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_C    = $(BASE) $(WARN) $(if $(SAN),,$(HARDEN)) $(SANFL) $(CFLAGS) $(ISA) $(CPPFLAGS)
LDLIBS  := -Wl,-Bstatic -lzstd -lxxhash -lutf8proc -lz -Wl,-Bdynamic -lcjson -lm
ALL_LD   = -pthread -pie -Wl,-z,relro,-z,now $(SANFL) $(LDFLAGS)

LIB_SRC  := $(wildcard core/*/*.c data/*.c)
CMD_SRC  := main.c $(wildcard cmd/*.c)
TEST_SRC := $(wildcard tests/unit/test_*.c tests/kernels/test_*.c tests/grad/test_*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$O/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$O/%.o)
GOLDEN_BIN := $(patsubst tests/%.c,$O/tests/%,$(wildcard tests/golden/golden*.c))
BENCH_BIN := $(patsubst tests/%.c,$O/tests/%,$(wildcard tests/bench/bench_*.c))
FUZZ     := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTS    := $(TEST_SRC:tests/%.c=$O/tests/%) $(FUZZ:%=$O/tests/fuzz/test_fuzz_%)

llmctl: $O/llmctl
	@ln -sf $< $@
$O/llmctl: $(CMD_OBJ) $(LIB_OBJ)
	@echo '  LD  $@'
	@$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$O/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	@$(CC) $(ALL_C) -MMD -MP -c -o $@ $<
$O/tests/fuzz/test_fuzz_%: $O/tests/fuzz/fuzz_%.o $O/tests/fuzz/replay.o $(LIB_OBJ)
	@$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$O/fuzz/%: $O/tests/fuzz/fuzz_%.o $(LIB_OBJ)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LD) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
$O/tests/%: $O/tests/%.o $(LIB_OBJ)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS) -lcmocka

$O/tests/unit/test_regex_pcre2 $O/tests/bench/bench_regex: LDLIBS += -lpcre2-8 # the reference of our matcher; llmctl goes without

# ISA by file suffix; only these files may contain such code.
$O/%_avx2.o: ISA := -mavx2 -mfma -mf16c
$O/%_avx2bmi.o: ISA := -mavx2 -mfma -mf16c -mbmi -mbmi2 -mlzcnt -mpopcnt
$O/%_avx512.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c
$O/%_avx512vbmi.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vbmi -mavx512vbmi2 -mavx2 -mfma -mbmi -mbmi2 -mlzcnt -mpopcnt
$O/%_avx512bf16.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mavx2 -mfma -mf16c
$O/%_avx512amx.o: ISA := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mamx-tile -mamx-bf16 -mavx2 -mfma -mf16c

ifneq ($(findstring fuzzer,$(SAN)),)
$O/core/kernels/%.o: SANFL :=
endif

setup:  ## install the Debian packages that are missing
	@scripts/setup.sh
test: setup  ## build and run all tests
	@$(MAKE) -s --no-print-directory $(if $(findstring j,$(MAKEFLAGS)),,-j$(shell nproc)) llmctl $(TESTS)
	@scripts/run-tests.sh $O
GOLDEN ?= ../shared/golden
$O/tests/golden/golden: $O/tests/golden/model_case.o $O/tests/golden/op_case.o $O/tests/golden/op_moe.o $O/tests/golden/op_wkv.o \
                         $O/tests/golden/rwkvcpp_case.o
golden: $(GOLDEN_BIN)  ## compare with recorded results of other programs: GOLDEN=DIR
	@scripts/golden.sh $O $(GOLDEN)
# clang builds everything once more, in a directory of its own.  Kernels go
# without sanitizers there: clang would think for minutes about each, and `make
# SAN=address,undefined test` looks at them.
FUZZ_SECONDS ?= 600
fuzz:  ## search for crashing inputs with libFuzzer: FUZZ_SECONDS=N a target, FUZZ='NAME ...'
	@$(MAKE) -s --no-print-directory CC=clang CFLAGS='-O1 -g' SAN=fuzzer-no-link,address,undefined FUZZ='$(FUZZ)' fuzz-run
fuzz-run: $(FUZZ:%=$O/fuzz/%)
	@scripts/fuzz.sh $O $(FUZZ_SECONDS) $(FUZZ)
bench: setup  ## speed, beside the peers where they are installed (PYTHON=python with torch); BENCH=data: that part only
	@$(MAKE) -s --no-print-directory llmctl $(BENCH_BIN)
	@scripts/bench.sh $O $(BENCH)
smoke: llmctl  ## the whole pipeline on 200 KB, in under a minute
	@scripts/smoke.sh
demo: setup  ## the main job on real text: CORPUS=DIR for your own, OUT=DIR for the results
	@$(MAKE) -s --no-print-directory -j$(shell nproc) llmctl
	@scripts/demo.sh
install: llmctl  ## install into PREFIX (default /usr/local): executable, manual pages, completions
	@scripts/install.sh install $O/llmctl $(DESTDIR)$(PREFIX)
uninstall:  ## remove what `make install` put into PREFIX
	@scripts/install.sh uninstall $O/llmctl $(DESTDIR)$(PREFIX)
clean:  ## remove what make made
	rm -rf build llmctl
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t16

TESTS_D := $(TESTS:=.d) $(FUZZ:%=$O/tests/fuzz/fuzz_%.d)
.PHONY: llmctl setup test bench smoke demo fuzz fuzz-run golden install uninstall clean help
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(TESTS_D) $(wildcard $O/tests/golden/*.d) $(BENCH_BIN:=.d)
