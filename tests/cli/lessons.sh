#!/bin/bash
# What `llmctl help clean` and `llmctl help dedup` show is what the program prints: every example is
# run, every rule has one.
set -eu
. "$SRC/tests/cli/lib.bash"

mkdir bin
ln -s "$LLMCTL" bin/llmctl
export PATH=$PWD/bin:$PATH

# Lines "  $ COMMAND" and those that go on behind | or \, then what is typed in (cat > FILE) or printed.
examples() {
    local lines i=0 n=0 cmd text got
    mapfile -t lines < <(llmctl help "$1")
    while [ $i -lt ${#lines[@]} ]; do
        cmd=${lines[i]}
        i=$((i + 1))
        [[ $cmd == "  \$ "* ]] || continue
        cmd=${cmd#"  \$ "}
        while [[ $cmd == *"|" || $cmd == *"\\" ]]; do
            cmd+=$'\n'${lines[i]}
            i=$((i + 1))
        done
        text=
        while [[ ${lines[i]-} == "  "* && ${lines[i]} != "  \$ "* ]]; do
            text+=${lines[i]#"  "}$'\n'
            i=$((i + 1))
        done
        n=$((n + 1))
        if [[ $cmd == "cat > "* ]]; then
            printf '%s' "$text" | bash -c "$cmd"
            continue
        fi
        got=$(bash -c "set -o pipefail; $cmd" 2>err && echo .) || fail "$1: status $?: $cmd: $(cat err)"
        [ "${got%.}" = "$text" ] || fail "$1: $cmd"$'\n'"prints: ${got%.}"$'\n'"the help says: $text"
    done
    [ $n -ge "$2" ] || fail "$1: only $n examples"
}

# Lines "  RULE[=LIMIT]  TEXT  VALUE < LIMIT" or "... TEXT  ->  WHAT IS LEFT".
rules() {
    local line key text want got set value
    while IFS= read -r line; do
        key=${line#"  "}
        key=${key%% *}
        text=$(sed 's/^  [^ ]*  *//; s/  [^ ]* [<>] [^ ]*$//; s/  ->  .*//' <<<"$line")
        [ "$text" != "(nothing)" ] || text=
        set=(--set "$key=on")
        [[ $key != *=* ]] || set=(--set "$key")
        [ "$key" != fineweb.short_line=4 ] || set+=(--set fineweb.max_short_lines=on)
        [ "$key" != refinedweb.max_removed_words ] || set+=(--set refinedweb.counters=on)
        printf '{"text":"%s"}\n' "$text" | llmctl clean -q "${set[@]}" --out out --removed removed
        if [[ $line == *"  ->  "* ]]; then
            [ "$(cat out)" = "{\"text\":\"${line##*  ->  }\"}" ] || fail "$line: $(cat out removed)"
            continue
        fi
        value=$(sed -n "s/.*\"rule\":\"${key%=*}\",\"value\":\([^,]*\),\"limit\":.*/\1/p" removed)
        [ -n "$value" ] || fail "$line: it stays"
        value=$(printf '%.3g' "$value")
        got="$value $(sed 's/.* \([<>]\) [^ ]*$/\1/' <<<"$line") $(sed 's/.*"limit":\([^,}]*\).*/\1/' removed)"
        want=$(grep -o '[^ ]* [<>] [^ ]*$' <<<"$line")
        [ "$got" = "$want" ] || fail "$line: $got"
    done
}

examples clean 40
examples dedup 15
llmctl help clean | grep -E '^  (repetition|gopher|c4|fineweb|refinedweb|sft)\.[a-z_0-9]+(=[0-9]+)?  ' >listed
sed 's/^  //; s/[= ].*//' listed | sort >have
llmctl clean --rules | sed 's/ .*//' | sort | cmp - have || fail "a rule has no example, or one that is no rule has"
rules <listed
