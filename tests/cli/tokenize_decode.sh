#!/usr/bin/env bash
# tokenize decode: where ids come from, texts one by one, and what comes slowly.
set -eu
. "$SRC/tests/cli/lib.bash"

decode() { "$LLMCTL" tokenize decode -q "$@"; }
{ printf 'one 日本 line\ntwo é\n\nthree 😀 lines\n'; } >lines.txt
cat lines.txt "$SRC/README.md" >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 400 -q -o t.json
"$LLMCTL" tokenize train text.txt --type sp-bpe --vocab-size 400 --norm identity --keep-spaces --byte-fallback --coverage 0.98 -q -o s.model
printf '{"text":"a\\nb"}\n{"text":"\\u00e9 \\"q\\""}\n' >docs.jsonl

# texts one by one, from everything that encode and chat write
for t in t.json s.model; do
    "$LLMCTL" tokenize encode lines.txt --documents line -t $t --ids -q >lines.ids
    sed '/^$/d' lines.txt >full.txt # a blank line is no document
    decode lines.ids -t $t --lines >back.txt
    same full.txt back.txt
    "$LLMCTL" tokenize encode lines.txt --documents line -t $t --jsonl -q >lines.jsonl
    decode lines.jsonl -t $t --lines | cmp - full.txt
    "$LLMCTL" tokenize encode lines.txt --documents line -t $t --out lines.tok -q
    decode lines.tok --lines | cmp - full.txt
    "$LLMCTL" tokenize encode docs.jsonl -t $t --out docs.tok -q
    decode docs.tok --jsonl >back.jsonl
    is "$(cat back.jsonl)" '{"text":"a\nb"}
{"text":"é \"q\""}'
    "$LLMCTL" tokenize encode docs.jsonl -t $t --ids -q | decode -t $t --jsonl | cmp - back.jsonl
done
is "$(printf '[{"role":"user","content":"a\\nb"}]' | "$LLMCTL" tokenize chat --template chatml -t t.json --ids -q | decode -t t.json --lines)" \
    "$(printf '<|im_start|>user\na\nb<|im_end|>\n\n')"
is "$(printf '{"input_ids": [1, 2],"x":"y"}\n' | decode -t t.json | cksum)" "$(printf '1 2' | decode -t t.json | cksum)"
is "$(printf '\xef\xbb\xbf{"ids": [1, 2]}\r\n' | decode -t t.json | cksum)" "$(printf '\xef\xbb\xbf1 2\r\n' | decode -t t.json | cksum)"
is "$(printf '7\n\n8' | decode -t t.json --lines | wc -l)" 3
is "$(printf '' | decode -t t.json --lines)" ''
is "$(printf 'a\xffb\xe6' | "$LLMCTL" tokenize encode -t t.json --ids -q | decode -t t.json --lossy --lines)" 'a�b�'

# NumPy's arrays: a row a text
npy() { # TYPE SHAPE, the numbers are the input
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
    cat
}
printf '\x01\x00\x02\x00\x03\x00' | npy '<u2' '(3,)' >a.npy
is "$(decode a.npy -t t.json)" "$(decode -t t.json <<<'1 2 3')"
printf '\x25\0\0\0\x26\0\0\0\x27\0\0\0\x28\0\0\0' | npy '<i4' '(2, 2)' >b.npy
is "$(decode b.npy -t t.json --lines)" "$(printf '37 38\n39 40\n' | decode -t t.json --lines)"
gzip -k b.npy
is "$(decode b.npy.gz -t t.json --lines | cksum)" "$(decode b.npy -t t.json --lines | cksum)"
printf '\x01\x00\x02' | npy '<u2' '(2,)' >cut.npy
fails 65 "cut.npy' ends within its 2 numbers" "$LLMCTL" tokenize decode cut.npy -t t.json
printf '\xff\xff\xff\xff' | npy '<i4' '(1,)' >minus.npy
fails 65 "minus.npy': the number at position 0 is not a token id" "$LLMCTL" tokenize decode minus.npy -t t.json
printf '\0\0\0\0' | npy '<f4' '(1,)' >float.npy
fails 65 "wanted as integers, little-endian, but the array has '<f4'" "$LLMCTL" tokenize decode float.npy -t t.json
is "$("$LLMCTL" tokenize decode float.npy -t t.json 2>&1 || true)" "llmctl tokenize decode: 'float.npy': ids are wanted as integers, little-endian, but the array has '<f4'"
printf '' | npy '<i4' '(1, 2, 3)' >cube.npy
fails 65 "one or two dimensions" "$LLMCTL" tokenize decode cube.npy -t t.json
head -c 50 a.npy >head.npy
fails 65 "ends within the header" "$LLMCTL" tokenize decode head.npy -t t.json

# refusals name the line
fails 65 "'stdin':2: 'x' at offset 4 is not a token id" "$LLMCTL" tokenize decode -t t.json <<<$'1 2\nx 3'
fails 65 "'stdin':2: there is no list of ids in it" "$LLMCTL" tokenize decode -t t.json <<<$'{"ids":[1]}\n{"id":1}'
fails 65 "'stdin':1: '1.5' at offset 0" "$LLMCTL" tokenize decode -t t.json <<<'1.5'
fails 65 "'stdin':1: '\"a\"\\]}' at offset 8" "$LLMCTL" tokenize decode -t t.json <<<'{"ids":["a"]}'
fails 65 "'stdin':2: '\"a\"\]}' at offset 20" "$LLMCTL" tokenize decode -t t.json <<<$'{"ids":[1]}\n{"ids":["a"]}'
fails 65 "'stdin':2: token id 400 at position 2 is out of range" "$LLMCTL" tokenize decode -t t.json <<<$'{"ids":[1,2]}\n{"ids":[400]}'
fails 65 "'stdin': token id 400 at position 1 is out of range" "$LLMCTL" tokenize decode -t s.model <<<'5 400'
fails 65 "'stdin':3: token id 400 at position 2 is out of range" "$LLMCTL" tokenize decode -t t.json --lines <<<$'5\n\n6 400\n7'
fails 65 "'stdin':2: token id 401 at position 1 is out of range" "$LLMCTL" tokenize decode -t t.json --jsonl < <(printf '5\n401')
fails 65 "it is an llmctl token shard; give it as a file whose name ends in .tok" "$LLMCTL" tokenize decode -t t.json <lines.tok
fails 65 "holds no ids, it is a zip archive" "$LLMCTL" tokenize decode -t t.json < <(printf 'PK\3\4rest')
fails 2 "exclude each other" "$LLMCTL" tokenize decode -t t.json --lines --jsonl
fails 66 "opening '39': No such file or directory; ids themselves come from stdin" "$LLMCTL" tokenize decode -t t.json 39 72
fails 2 "tokenizer is required" "$LLMCTL" tokenize decode </dev/null

# Ids that come slowly: text goes out at once, in whole characters.
slowly() { # TOKENIZER TEXT PART...: what has come behind each id, by its number of bytes
    local ids id got all='' t=$1 text=$2
    shift 2
    ids=$(printf %s "$text" | "$LLMCTL" tokenize encode -t "$t" --ids -q)
    rm -f in out
    mkfifo in out
    "$LLMCTL" tokenize decode -t "$t" <in >out &
    exec 3>in 4<out
    for id in $ids; do
        printf '%s ' "$id" >&3
        got=''
        while [ "$1" -gt 0 ] && IFS= read -r -t 5 -d '' -N 1 -u 4 c; do
            got=$got$c
            [ "${#got}" -lt "$1" ] || break
        done
        [ "${#got}" -eq "$1" ] || fail "behind id $id of '$text': '$got', not $1 characters"
        all=$all$got
        shift
    done
    exec 3>&-
    got=$(cat <&4)
    exec 4<&-
    wait $!
    is "$all$got" "$text"
}
export LC_ALL=C.UTF-8
"$LLMCTL" tokenize train <(printf 'one') --vocab-size 256 --no-special-tokens --format text -q -o bytes.json
slowly bytes.json 'a日é' 1 0 0 1 0 1
"$LLMCTL" tokenize train <(printf 'ab ab\n') --type sp-bpe --vocab-size 263 --norm identity --byte-fallback -q -o few.model
slowly few.model 'ab é b' 0 2 1 0 0 2 1
