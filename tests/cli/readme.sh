# README.md, ARCHITECTURE.md, CONTRIBUTING.md: commands have their options, files and options are there.
set -eu
. "$SRC/tests/cli/lib.bash"

mkdir bin
ln -s "$LLMCTL" bin/llmctl
PATH=$PWD/bin:$PATH
pages=("$SRC"/README.md "$SRC"/ARCHITECTURE.md "$SRC"/CONTRIBUTING.md "$SRC"/docs/*.md)

run=0
grep -hoE '^    llmctl .*' "$SRC"/README.md >commands
while IFS= read -r line; do
    bash -c "${line%%  #*} --dump-config" >out 2>err </dev/null || fail "'$line': $(cat err)"
    run=$((run + 1))
done <commands
[ $run -ge 11 ] || fail "only $run commands in README.md"

# The commands of its tokenizers run as they stand where README.md is.
mkdir tokenizers
cp -r "$SRC"/README.md "$SRC"/docs tokenizers
sed -n '/^## Tokenizers/,/^## Dup/s/^    //p' "$SRC"/README.md >tokenizers/commands
[ "$(wc -l <tokenizers/commands)" -ge 7 ] || fail "the tokenizers' commands are not found"
(cd tokenizers && bash -euo pipefail commands) >out 2>err || fail "tokenizers: $(cat err)"
shows '^words cut at other places: [1-9]' <out || fail "WordPiece and BPE do not differ"
shows -P '^\d+\t1\t"H"' <out || fail "what the assistant says is not learned: $(tail -30 out)"

# Names in `quotes`: of files, with or without a directory, perhaps a pattern.
grep -hoE '`[^` ]+`' "${pages[@]}" | tr -d '`' | sort -u >quoted
grep -E '^[A-Za-z0-9*/][A-Za-z0-9_*/.-]*\.(c|h|sh|py)$' quoted | grep -v NAME >files
[ "$(wc -l <files)" -ge 150 ] || fail "only $(wc -l <files) files"
while IFS= read -r name; do
    found=$(cd "$SRC" && compgen -G "$name" || (shopt -s nullglob; compgen -G "*/$name" || compgen -G "*/*/$name") || true)
    [ -n "$found" ] || echo "$name"
done <files >absent
[ ! -s absent ] || fail "there is no $(tr '\n' ' ' <absent)"

# Options.
for c in $(llmctl help | sed -n 's/^  \([a-z]*\)  .*/\1/p') 'tokenize train' 'tokenize encode' 'tokenize decode' 'tokenize count' \
    'tokenize truncate' 'tokenize inspect' 'tokenize convert' 'tokenize chat' 'explain attention'; do
    llmctl help $c 2>/dev/null || true
done >help
grep -hoE '`--[a-z-]+' "${pages[@]}" | tr -d '`' | sort -u >options
while IFS= read -r option; do
    grep -qE -- "$option($|[^a-z-])" help || grep -rqE -- "(^|[^a-z-])$option($|[^a-z-])" "$SRC"/scripts "$SRC"/tests/bench || echo "$option"
done <options >absent
[ ! -s absent ] || fail "there is no option $(tr '\n' ' ' <absent)"
