#!/usr/bin/env bash
# tokenize encode --bos, --eos: around texts, of a tokenizer without a template.
set -eu
. "$SRC/tests/cli/lib.bash"

head -n 60 "$SRC"/README.md >in.txt
printf 'new lower newer lowest\n' >>in.txt
encode() { "$LLMCTL" tokenize encode --documents line -q "$@"; }
"$LLMCTL" tokenize train in.txt --type unigram --vocab-size 400 -o s.model -q

# what spm_encode --extra_options=bos:eos puts around a text
is "$(printf 'new\n' | encode -t s.model --pieces --bos --eos)" "<s> $(printf 'new\n' | encode -t s.model --pieces) </s>"
is "$(printf 'new lower lowest\n' | encode -t s.model --ids --eos --max-length 3 | awk '{ print NF, $NF }')" "3 2"
"$LLMCTL" tokenize train in.txt --vocab-size 300 -o gpt.json -q
is "$(printf 'a\nb\n' | encode -t gpt.json --pieces --eos)" "a <|endoftext|>
b <|endoftext|>"
printf '[UNK]\n[CLS]\n[SEP]\na\n' >vocab.txt
fails 2 "has a template" "$LLMCTL" tokenize encode -t vocab.txt --ids --eos in.txt
"$LLMCTL" tokenize train in.txt --type unigram --vocab-size 300 --bos-id -1 -o none.model -q
fails 2 "no token that begins a text" "$LLMCTL" tokenize encode -t none.model --ids --bos in.txt
