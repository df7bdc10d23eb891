# What the tests of the command line share:  . "$SRC/tests/cli/lib.bash"
set -o pipefail # a command that ends badly fails the test, whatever reads its output; so not "yes | head" but "head <(yes)"
fail() {
    echo "FAIL: $*" >&2
    exit 1
}
is() { [ "$1" = "$2" ] || fail "got '$1', want '$2'"; }
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
# ... | shows [-F|-E] PATTERN: it is in the input, which is read to its end.
shows() {
    local input
    input=$(cat) && grep -q "$@" <<<"$input"
}

# expect STATUS COMMAND...: the command ends with that status; what it wrote is in out and err.
expect() {
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ "$got" -eq "$want" ] || fail "$*: status $got, wanted $want: $(cat err)"
}
# fails STATUS PATTERN COMMAND...: the command ends with that status and says one
# line, in which the pattern is; what it wrote is in out and err.  Its input is
# that of the call.
fails() {
    local want=$1 pattern=$2
    shift 2
    expect "$want" "$@"
    [ "$(wc -l <err)" -eq 1 ] || fail "$*: not one line: $(cat err)"
    grep -q -- "$pattern" err || fail "$*: '$pattern' is not in: $(cat err)"
}
# The same with a text instead of a pattern, and no input; nothing is written to stdout.
expect_error() {
    local want=$1 text=$2
    shift 2
    fails "$want" "" "$@" </dev/null
    [ ! -s out ] || fail "$*: writes '$(head -c 200 out)' nevertheless"
    grep -qF -- "$text" err || fail "$*: '$text' is not in: $(cat err)"
}
