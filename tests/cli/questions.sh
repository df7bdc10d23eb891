#!/bin/bash
# docs/questions.md, docs/tokenizers.md: each command runs as printed and prints what stands below it;
# a line "..." stands for any lines, white space at the ends of lines does not count.
set -eu
. "$SRC/tests/cli/lib.bash"

llmctl() { "$LLMCTL" "$@"; }

# Lines of `want` in `got`, in order; next to each other where no "..." is between.
matches() {
    awk '{ sub(/[ \t]+$/, "") }
        FNR == NR { got[++n] = $0; next }
        $0 == "..." { gap = 1; next }
        { at++
          while (gap && at <= n && got[at] != $0) at++
          if (at > n || got[at] != $0) { print "not printed: " $0; bad = 1; exit }
          gap = 0 }
        END { if (!bad && !gap && at < n) { print "also printed: " got[at + 1]; bad = 1 }
              exit bad }' got want
}

check() {
    if [ -z "$command" ]; then return; fi
    eval "$command" >got 2>err || fail "$command: status $?: $(cat err)"
    matches >why || fail "$command: $(cat why)"
    n=$((n + 1))
}

page() { # FILE, how many commands it has at least
    n=0 command=
    while IFS= read -r line; do
        case $line in
        "    \$ "*) check; command=${line#    \$ }; : >want ;;
        "    "*) if [ -n "$command" ]; then printf '%s\n' "${line#    }" >>want; fi ;;
        *) check; command= ;;
        esac
    done <"$SRC/docs/$1"
    check
    [ "$n" -ge "$2" ] || fail "only $n commands were found in $1"
}
page questions.md 8
page tokenizers.md 25
