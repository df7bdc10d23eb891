#!/usr/bin/env bash
# tokenize encode with offsets, pairs and limits.
set -eu
. "$SRC/tests/cli/lib.bash"

printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nsize\n##s\nle\n##t\n\xc3\xa9\n' >vocab.txt
encode() { "$LLMCTL" tokenize encode -t vocab.txt -q "$@"; }

# bytes and characters of the original text
printf 'the \xc3\x89 sizes' >t.txt
is "$(encode t.txt --offsets)" "4	0	3	0	3	0	\"the\"
1	4	6	4	5	0	\"[UNK]\"
5	7	11	6	10	0	\"size\"
6	11	12	10	11	0	\"##s\""
is "$(encode t.txt --jsonl)" \
    '{"ids":[4,1,5,6],"type_ids":[0,0,0,0],"tokens":["the","[UNK]","size","##s"],"offsets":[[0,3],[4,5],[6,10],[10,11]],"byte_offsets":[[0,3],[4,6],[7,11],[11,12]],"sequence_ids":[0,0,0,0],"attention_mask":[1,1,1,1]}'

# two texts
printf '{"text":"the size","text_pair":"the\\u00c9 sizes"}\n{"text":"size"}\n{"text":"the","text_pair":null}\n' >p.jsonl
is "$(encode p.jsonl --ids --template --pair-field text_pair)" "2 4 5 3 1 5 6 3
2 5 3
2 4 3"
is "$(encode p.jsonl --jsonl --template --pair-field text_pair | head -n 1 | grep -o '"type_ids":[^"]*')" '"type_ids":[0,0,0,0,1,1,1,1],'
is "$(encode p.jsonl --jsonl --template --pair-field text_pair | head -n 1 | grep -o '"sequence_ids":[^"]*')" '"sequence_ids":[null,0,0,null,1,1,1,null],'
is "$(encode p.jsonl --ids --template --pair-field text_pair --max-length 5 | head -n 1)" "2 4 3 1 3"
is "$(encode p.jsonl --ids --template --pair-field text_pair --max-length 5 --keep-end | head -n 1)" "2 5 3 6 3"
for n in 1 3; do encode p.jsonl --jsonl --template --pair-field text_pair --threads $n --out $n.jsonl; done
cmp 1.jsonl 3.jsonl

"$LLMCTL" tokenize encode p.jsonl -t vocab.txt --ids --pair-field pair 2>err | cmp - <("$LLMCTL" tokenize encode p.jsonl -t vocab.txt --ids -q)
grep -q "^warning: no document has a second text 'pair' (--pair-field)" err || fail "$(cat err)"
"$LLMCTL" tokenize encode p.jsonl -t vocab.txt --ids --pair-field text_pair 2>&1 | shows 'no document has' && fail "one has a second text"

# refusals
fails 65 'p2.jsonl:1: the second text is not a string' bash -c \
    'echo "{\"text\":\"a\",\"text_pair\":3}" >p2.jsonl; "$LLMCTL" tokenize encode p2.jsonl -t vocab.txt --ids --pair-field text_pair --strict'
fails 2 'template alone has 2 tokens' "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --template --max-length 1
is "$(encode t.txt --ids --template --max-length 2)" '2 3'
fails 2 'exclude each other' "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --jsonl
fails 2 'a shard always marks' "$LLMCTL" tokenize encode t.txt -t vocab.txt --out t.tok --max-length 3
fails 2 'needs --max-length' "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --keep-end

# text that is not UTF-8: byte level loses nothing, others read U+FFFD, --strict names the place
head -c 30000 "$SRC"/README.md >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 -o bpe.json -q
printf 'ab\xff\xc3(\xe2\x82 z\0' >inv.txt
"$LLMCTL" tokenize encode inv.txt -t bpe.json --ids -q | "$LLMCTL" tokenize decode -t bpe.json >back.txt
cmp inv.txt back.txt
printf 'the \xe2\x82 size' >inv2.txt
is "$(encode inv2.txt --ids)" "4 5"
is "$(encode inv2.txt --jsonl | grep -o '"offsets":.*"byte_offsets":[^"]*')" '"offsets":[[0,3],[6,10]],"byte_offsets":[[0,3],[7,11]],'
fails 65 'inv.txt:1: invalid UTF-8 at byte offset 2' "$LLMCTL" tokenize encode inv.txt -t bpe.json --ids --strict -q
printf '{"text":"a\xffb"}\n' >inv.jsonl
fails 65 'inv.jsonl:1: invalid UTF-8' "$LLMCTL" tokenize encode inv.jsonl -t bpe.json --ids --strict -q
printf '{"text":"a\\ud800b"}\n' >lone.jsonl
fails 65 'lone.jsonl:1: lone surrogate' "$LLMCTL" tokenize encode lone.jsonl -t bpe.json --ids --strict -q
fails 65 'id -1\|is not a token id' bash -c 'echo 1 -1 | "$LLMCTL" tokenize decode -t bpe.json'

# A ByteLevel post-processor trims spaces and what spells them, also of what unigram does not know.
cat >uni.json <<'J'
{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"decoder":null,
"post_processor":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
"model":{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0],["a",-1],["b",-2]]}}
J
printf 'a\xc4\xa0b' >trim.txt
is "$("$LLMCTL" tokenize encode trim.txt -t uni.json --jsonl -q | grep -o '"offsets":.*"byte_offsets"')" '"offsets":[[0,1],[2,2],[2,3]],"byte_offsets"'
# ... as normalization left it: U+200B became a space, "x" two and a letter.
sed -i 's/"normalizer":null/"normalizer":{"type":"Sequence","normalizers":[{"type":"Nmt"},{"type":"Replace","pattern":{"String":"x"},"content":"  y"}]}/' uni.json
printf 'ab\xe2\x80\x8bbx' >trim.txt
is "$("$LLMCTL" tokenize encode trim.txt -t uni.json --jsonl -q | grep -o '"offsets":.*"byte_offsets"')" '"offsets":[[0,1],[1,2],[3,3],[3,4],[5,5]],"byte_offsets"'

# tokens as they are spelled; those that would tear the line are JSON
is "$(encode t.txt --pieces)" "the [UNK] size ##s"
is "$(encode p.jsonl --pieces --template --pair-field text_pair | head -n 1)" "[CLS] the size [SEP] [UNK] size ##s [SEP]"
printf 'one  two\nthree\n' >two.txt
is "$("$LLMCTL" tokenize encode two.txt -t bpe.json --pieces --documents line -q | wc -l)" 2
is "$("$LLMCTL" tokenize encode two.txt -t bpe.json --pieces -q | tr -d ' \n' | sed 's/Ġ/ /g; s/Ċ/\n/g')" "$(cat two.txt)"
printf '{"added_tokens":[{"id":1,"content":"a b","special":false,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false},'$(
    )'{"id":2,"content":"\\"","special":false,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false}],'$(
    )'"model":{"vocab":{"c":0},"merges":[]}}' >added.json
is "$(printf 'ca b"c' | "$LLMCTL" tokenize encode -t added.json --pieces -q)" 'c "a b" "\"" c'

# filled up to a length
is "$(encode t.txt --ids --max-length 6 --pad '[PAD]')" "4 1 5 6 0 0"
is "$(encode t.txt --ids --template --max-length 8 --pad 0 --pad-left)" "0 0 2 4 1 5 6 3"
is "$(encode t.txt --ids --max-length 3 --pad '[PAD]')" "4 1 5"
is "$(encode t.txt --jsonl --max-length 5 --pad '[PAD]' | grep -o '"sequence_ids".*')" '"sequence_ids":[0,0,0,0,null],"attention_mask":[1,1,1,1,0]}'
fails 2 "no token of this tokenizer" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --max-length 5 --pad nope
fails 2 "no id of this tokenizer" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --max-length 5 --pad 10
fails 2 "pad needs --max-length" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --pad '[PAD]'
fails 2 "pad-left needs --pad" "$LLMCTL" tokenize encode t.txt -t vocab.txt --ids --pad-left
fails 66 "a text itself comes from stdin" "$LLMCTL" tokenize encode -t vocab.txt --ids "the size"

# nothing has no tokens; a shard of nothing is a mistake
for how in --ids --pieces --offsets --jsonl; do is "$(printf '' | encode $how)" ''; done
is "$(printf '' | "$LLMCTL" tokenize count -t vocab.txt)" 0
is "$(printf '' | "$LLMCTL" tokenize truncate -t vocab.txt -n 3 -q)" ''
fails 65 "no documents" "$LLMCTL" tokenize encode -t vocab.txt --out none.tok </dev/null
fails 65 "no text field; --text-field names" "$LLMCTL" tokenize count -t vocab.txt --text-field x p.jsonl

# A pipe is answered as it comes, a line or an object at a time; a signal ends the waiting.
live() { # what the first line is, what comes of it, the second, then options
    local first=$1 want=$2 second=$3 then=$4 line status=0
    shift 4
    rm -f in out
    mkfifo in out
    "$LLMCTL" tokenize "$@" -t vocab.txt <in >out 2>err &
    exec 3>in 4<out
    printf '%s\n' "$first" >&3
    read -r -t 5 line <&4 || fail "no answer to '$first' by $*"
    is "$line" "$want"
    printf '%s\n' "$second" >&3
    read -r -t 5 line <&4 || fail "no answer to '$second' by $*"
    is "$line" "$then"
    kill -INT $!
    wait $! || status=$?
    is $status 75
    is "$(cat err)" "llmctl tokenize $1: stopped by a signal"
    exec 3>&- 4<&-
}
live 'the size' '4 5' 'sizes' '5 6' encode --ids --documents line
live 'the' 'the' 'size' 'size' encode --pieces --documents line --threads 3
live '{"text":"the size"}' '4 5' '{"text":"the"}' '4' encode --ids
live 'the size sizes' 'the size' 'the' 'the' truncate -n 2 --documents line
for n in 1 3; do
    is "$({ printf '\n'; sleep 0.1; printf ' {"text"'; sleep 0.1; printf ':"the"}\n{"text":"size"}'; } | encode --ids --threads $n)" "4
5"
    is "$({ printf '\xef'; sleep 0.1; printf '\xbb\xbf'; sleep 0.1; printf 'the\n\nsize'; } | encode --ids --documents line --threads $n)" "4
5"
done
rm -f in out

# Windows: what was cut off follows, from either end, with the template around each; of two texts one is cut.
echo 'the size the sizes' >w.txt
is "$(encode w.txt --ids --windows --max-length 3)" "4 5 4
5 6"
is "$(encode w.txt --ids --windows --max-length 3 --stride 2)" "4 5 4
5 4 5
4 5 6"
is "$(encode w.txt --ids --windows --max-length 3 --stride 1 --keep-end)" "4 5 6
4 5 4"
is "$(encode w.txt --pieces --windows --max-length 4 --template --pad '[PAD]')" "[CLS] the size [SEP]
[CLS] the size [SEP]
[CLS] ##s [SEP] [PAD]"
is "$(encode w.txt --ids --windows --max-length 5)" "4 5 4 5 6"
is "$(encode w.txt --jsonl --windows --max-length 3 --stride 1 | grep -o '"offsets":[^"]*\|"window":.' | tr '\n' ' ')" \
    '"offsets":[[0,3],[4,8],[9,12]], "window":0 "offsets":[[9,12],[13,17],[17,18]], "window":1 '
echo '{"text":"size","b":"the size the"}' >w2.jsonl
is "$(encode w2.jsonl --ids --windows --max-length 3 --pair-field b --cut second --stride 1)" "5 4 5
5 5 4"
expect_error 65 "both texts are too long, and windows are of one of them" "$LLMCTL" tokenize encode w2.jsonl -t vocab.txt --ids --windows --max-length 1 --pair-field b
expect_error 65 "a window has no room for the text" "$LLMCTL" tokenize encode w.txt -t vocab.txt --ids --windows --max-length 2 --template
expect_error 2 "--windows needs --max-length, or --limits" "$LLMCTL" tokenize encode w.txt -t vocab.txt --ids --windows
expect_error 2 "--stride needs --windows and --max-length" "$LLMCTL" tokenize encode w.txt -t vocab.txt --ids --stride 1 --max-length 4
expect_error 2 "--stride 4: windows of 4 tokens would not move on" "$LLMCTL" tokenize encode w.txt -t vocab.txt --ids --stride 4 --max-length 4 --windows
expect_error 2 "--cut needs --max-length and --pair-field" "$LLMCTL" tokenize encode w.txt -t vocab.txt --ids --cut first
expect_error 2 "--windows goes with --ids" "$LLMCTL" tokenize encode w.txt -t vocab.txt --out w.tok --windows

# Words cut at random: by seed and place, not by threads; into shards, too.
for i in $(seq 3000); do echo "the size sizes size $i"; done >random.txt
"$LLMCTL" tokenize train random.txt --vocab-size 300 -q -o random.json
"$LLMCTL" tokenize train random.txt --type unigram --vocab-size 40 -q -o random.model
draw() { "$LLMCTL" tokenize encode random.txt -q --documents line -t "$@"; }
for how in 'random.json --dropout 0.4' 'random.model --alpha 0.05' 'random.model --alpha 0.05 --nbest 4'; do
    draw $how --ids --threads 1 >one # shellcheck disable=SC2086
    draw $how --ids --threads 3 | cmp - one # shellcheck disable=SC2086
    draw $how --ids --seed 1 >other # shellcheck disable=SC2086
    ! cmp -s one other || fail "$how: --seed changes nothing"
    [ "$(cut -d' ' -f1-9 one | sort -u | wc -l)" -gt 2 ] || fail "$how: all lines alike"
    draw $how -o random.tok # shellcheck disable=SC2086
    "$LLMCTL" tokenize decode random.tok --lines --skip-special | cmp - random.txt
done
expect_error 2 "--dropout is for byte pairs; unigram is cut at random by --alpha" "$LLMCTL" tokenize encode -t random.model --ids --dropout 0.5
expect_error 2 "--alpha and --nbest are for unigram; byte pairs are cut at random by --dropout" "$LLMCTL" tokenize encode -t random.json --ids --alpha 0.5
expect_error 2 "not by this kind of tokenizer" "$LLMCTL" tokenize encode -t vocab.txt --ids --dropout 0.5
expect_error 2 "--nbest needs --alpha" "$LLMCTL" tokenize encode -t random.model --ids --nbest 5
expect_error 2 "--seed goes with --dropout or --alpha" "$LLMCTL" tokenize encode -t random.model --ids --seed 5

# A number is an id, also where a token is spelled so.
grep -q '"0":' random.json || fail "no token is spelled 0"
is "$(echo the | "$LLMCTL" tokenize encode -t random.json --ids -q --max-length 9 --pad 0 | grep -o ' 0 0$')" " 0 0"
expect_error 2 "--pad '900' is no id of this tokenizer" "$LLMCTL" tokenize encode -t random.json --ids --max-length 9 --pad 900

# A file's own dropout is kept, and said; encoding is not random unless it is told to be.
sed 's/"dropout":null/"dropout":0.25/' random.json >dropout.json
same <("$LLMCTL" tokenize encode random.txt -t dropout.json --ids 2>err) <("$LLMCTL" tokenize encode random.txt -t random.json --ids -q)
grep -q "note: the file says dropout" err || fail "nothing is said of the file's dropout"
"$LLMCTL" tokenize convert dropout.json --out kept.json -q
grep -q '"dropout":0.25,' kept.json || fail "dropout is lost"
expect_error 65 "dropout has no place in such a file" "$LLMCTL" tokenize convert dropout.json --out lost.gguf -q
same <(draw dropout.json --ids --dropout 0.3) <(draw random.json --ids --dropout 0.3)

# Neither is a pipe waited for that nobody opens.
mkfifo nobody
ends_at_once() { # the signal comes when it is caught (bit 14 is SIGTERM) and the pipe is opened
    local n status=0
    "$LLMCTL" tokenize "$@" nobody -t vocab.txt >/dev/null 2>err &
    for n in $(seq 200); do
        (( 0x0$(sed -n 's/^SigCgt:[[:space:]]*//p' /proc/$!/status) & 1 << 14 )) && break
        sleep 0.05
    done
    sleep 0.2
    kill -TERM $!
    for n in $(seq 100); do
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL $! 2>/dev/null || true
    wait $! || status=$?
    is $status 75
    grep -q 'stopped by a signal' err || fail "$*: $(cat err)"
}
ends_at_once encode --ids
ends_at_once count
