#!/usr/bin/env bash
# Names every #include that points up the list of layers (arrows point down
# only), and every print or exit below cmd/, by file and line.
set -u
cd "$(dirname "$0")/.." || exit 2
# Top to bottom; a file may include its own layer and those below it.
layers="cmd data core/train core/infer core/quant core/model core/token core/ckpt core/tensor core/dist core/kernels core/base"
bad=0
below=(core)
[ -d data ] && below+=(data)

while IFS=: read -r file line text; do
    inc=${text#*\"}
    inc=${inc%%\"*}
    from=-1 to=-1 i=0
    for l in $layers; do
        case $file in "$l"/*) from=$i ;; esac
        case $inc in "$l"/*) to=$i ;; esac
        i=$((i + 1))
    done
    if [ $to -lt 0 ]; then
        echo "$file:$line: \"$inc\" is not a path from the root into a layer"
        bad=1
    elif [ $to -lt $from ]; then
        echo "$file:$line: may not include $inc, a layer above it"
        bad=1
    fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' cmd "${below[@]}" --include='*.c' --include='*.h')

# log.c is the sink of all talk; sig.c ends the process on a second signal.
while IFS=: read -r file line text; do
    echo "$file:$line: prints or exits below cmd/: $text"
    bad=1
done < <(grep -rnE '(^|[^a-zA-Z0-9_])(printf|puts|putchar|exit|abort|_exit)\(|fprintf\((stdout|stderr)|fputs\([^,]*, *(stdout|stderr)\)' \
    "${below[@]}" --include='*.c' --include='*.h' | grep -vE '^core/base/(log|sig)\.c:|^[^:]*:[0-9]*:[[:space:]]*(\*|/\*|//)|format\(printf')
exit $bad
