# The command line itself: help, man pages, completion, configuration, errors.
set -eu
. "$SRC/tests/cli/lib.bash"

expect_error 2 "did you mean 'completion'" "$LLMCTL" completoin
expect_error 2 "did you mean --json" "$LLMCTL" version --jsno
expect_error 2 "did you mean --dump-config" "$LLMCTL" version --dump
expect_error 2 "did you mean --quiet" "$LLMCTL" version --QUIET
expect_error 2 "is not one of auto|always|never" "$LLMCTL" version --color=red
expect_error 2 "between 0 and 256" "$LLMCTL" version --threads 257
expect_error 2 "is not an integer" "$LLMCTL" version --threads 1.5
expect_error 2 "is not an integer" "$LLMCTL" version --threads 0x10
expect_error 2 "needs a value" "$LLMCTL" version --threads
expect_error 2 "not supported yet" "$LLMCTL" quantize
expect_error 2 "bash, zsh or fish" "$LLMCTL" completion
expect_error 2 "no completion for shell" "$LLMCTL" completion tcsh
expect_error 66 "No such file" "$LLMCTL" version --config absent.json
expect_error 78 "is not one of ref" env LLMCTL_ISA=sse9 "$LLMCTL" version
LLMCTL_ISA=ref "$LLMCTL" version | shows 'kernels ref' || fail "LLMCTL_ISA"

# Precedence: command line > environment > file > default.
echo '{ // a comment
  "threads": 3, "quiet": true, }' >c.json
threads() { sed -n 's/.*"threads": \([0-9]*\).*/\1/p' out; }
"$LLMCTL" version --dump-config >out; [ "$(threads)" = 0 ] || fail default
"$LLMCTL" version --config c.json --dump-config >out; [ "$(threads)" = 3 ] || fail file
LLMCTL_THREADS=4 "$LLMCTL" version --config c.json --dump-config >out; [ "$(threads)" = 4 ] || fail environment
LLMCTL_THREADS=4 "$LLMCTL" version --config c.json --threads=5 --dump-config >out; [ "$(threads)" = 5 ] || fail line
expect_error 78 "is not an integer" env LLMCTL_THREADS=x "$LLMCTL" version
echo '{"thread": 3}' >c.json
expect_error 78 "did you mean threads" "$LLMCTL" version --config c.json
echo '{"threads": "many"}' >c.json
expect_error 78 "is not an integer" "$LLMCTL" version --config c.json
echo '{"threads": 1,, }' >c.json
expect_error 78 "c.json:1:17: expected a key" "$LLMCTL" version --config c.json

# Every command: help within 80 columns with examples first, a clean man page.
commands=$("$LLMCTL" help | sed -n '/^Commands:/,/^$/p' | awk '/^  /{print $1}')
[ -n "$commands" ] || fail "no commands listed"
check_command() {
    "$LLMCTL" help "$@" >help
    sed -n 3p help | shows '^Examples:' || fail "$*: examples do not come first"
    [ "$(awk 'length > 80' help | wc -l)" -eq 0 ] || fail "$*: help wider than 80 columns"
    "$LLMCTL" man "$@" >page
    if command -v mandoc >/dev/null; then
        mandoc -Tlint -W style page >lint || fail "$*: $(cat lint)"
    fi
}
# What a command prints as its configuration is a file that it reads, and that changes nothing.
check_dump() {
    "$LLMCTL" "$@" --dump-config >dump
    "$LLMCTL" "$@" --config dump --dump-config | cmp - dump || fail "$*: --dump-config does not round-trip"
}
for c in $commands; do
    check_command "$c"
    if ! grep -q '^Subcommands:' help; then
        check_dump "$c"
        continue
    fi
    for s in $(sed -n "s/^  $c \([a-z]*\) .*/\1/p" help); do
        check_command "$c" "$s"
        check_dump "$c" "$s"
    done
done
"$LLMCTL" man >page
grep -q '^.It Cm pretrain' page || fail "man: no list of commands"
if command -v mandoc >/dev/null; then mandoc -Tlint -W style page || fail "man"; fi
expect_error 2 "not supported yet" "$LLMCTL" man sft
expect_error 2 "did you mean 'pretrain'" "$LLMCTL" help pretrian
expect_error 2 "did you mean 'train'" "$LLMCTL" man tokenize trian
expect_error 2 "takes no operand" "$LLMCTL" version now

# Completion scripts parse, and bash completes a command and an enum.
"$LLMCTL" completion bash >comp.bash
bash -n comp.bash
bash -c '. ./comp.bash; COMP_WORDS=(llmctl vers); COMP_CWORD=1; _llmctl; [ "${COMPREPLY[*]}" = version ]' || fail "bash: command"
bash -c '. ./comp.bash; COMP_WORDS=(llmctl version --color al); COMP_CWORD=3; _llmctl; [ "${COMPREPLY[*]}" = always ]' || fail "bash: enum"
bash -c '. ./comp.bash; COMP_WORDS=(llmctl version --color = al); COMP_CWORD=4; _llmctl; [ "${COMPREPLY[*]}" = always ]' || fail "bash: --name=value"
bash -c '. ./comp.bash; COMP_WORDS=(llmctl man verif); COMP_CWORD=2; _llmctl; [ "${COMPREPLY[*]}" = verify ]' || fail "bash: operand"
bash -c '. ./comp.bash; COMP_WORDS=(llmctl sf); COMP_CWORD=1; _llmctl; [ -z "${COMPREPLY[*]}" ]' || fail "bash: what is not built"
for shell in zsh fish; do "$LLMCTL" completion $shell | shows -- llmctl || fail $shell; done

# A closed pipe is no error of ours.
set +e
"$LLMCTL" help pipe </dev/null >/dev/null 2>&1
(trap '' PIPE; "$LLMCTL" man version 2>err; echo $? >rc) | true
[ ! -s err ] || fail "closed pipe: $(cat err)"
"$LLMCTL" clean -qh | shows '^Examples:' || fail "-h among other letters is not seen"

# Colour is for terminals, and for those who want it; here is a terminal.
on_terminal() { # what the command says on stderr when that is one
    timeout 20 python3 -c 'import os, pty, subprocess, sys
master, slave = pty.openpty()
with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave) as p:
    os.close(slave)
    try:
        while data := os.read(master, 4096): sys.stdout.buffer.write(data)
    except OSError: pass' "$@"
}
warns() { on_terminal env TERM=xterm "$@" "$LLMCTL" pretrain --preset llama-nano --momentum 0.5 --plan; }
escape=$(printf '\033[33m')
warns NO_COLOR= | shows -F "${escape}warning: " || fail "no colour on a terminal"
for setting in NO_COLOR=1 LLMCTL_COLOR=never; do
    warns $setting >out
    grep -qF "warning: " out || fail "no warning with $setting"
    if grep -qF "$escape" out; then fail "$setting is not honoured"; fi
done
LLMCTL_COLOR=always "$LLMCTL" pretrain --preset llama-nano --momentum 0.5 --plan 2>&1 >out | shows -F "$escape" || fail "--color always"
