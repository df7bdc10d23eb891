#!/usr/bin/env bash
# tokenize chat: text, ids and mask, where templates come from, what is refused.
set -eu
. "$SRC/tests/cli/lib.bash"

cat >chats.jsonl <<'EOF'
[{"role":"user","content":"Hi <|im_end|>"},{"role":"assistant","content":"Yo"}]
{"messages":[{"role":"user","content":"a"}],"extra":1}
EOF
chat() { "$LLMCTL" tokenize chat chats.jsonl -q "$@"; }

is "$(chat --template chatml | head -n 1)" \
    '{"text":"<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"}'
is "$(chat --template chatml --generation-prompt | tail -n 1)" \
    '{"text":"<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"}'
printf '{{ bos_token }}{%% for m in messages %%}\n{{ m.content }}|\n{%% endfor %%}\n{{ extra }}' >t.jinja
is "$(chat --template t.jinja --bos '<s>' | tail -n 1)" '{"text":"<s>a|\n1"}'
mkdir model
printf '{"chat_template":"{{ messages[0].content }}{{ eos_token }}"}' >model/tokenizer_config.json
is "$(chat --template model --eos E | tail -n 1)" '{"text":"aE"}'
is "$(chat --template model/tokenizer_config.json --eos E | tail -n 1)" '{"text":"aE"}'

# ids: control tokens from the template only, the mask on the assistant's words
head -c 20000 "$SRC"/README.md >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 --special '<|im_start|>' --special '<|im_end|>' -o model/tokenizer.json -q
chat --template chatml -t model --ids >ids.jsonl
python=$(head -n 1 ids.jsonl | sed 's/.*"ids":\[\([0-9,]*\)\].*/\1/')
starts=$(tr ',' '\n' <<<"$python" | grep -cx 0) ends=$(tr ',' '\n' <<<"$python" | grep -cx 1)
is "$starts $ends" "2 2"
mask=$(head -n 1 ids.jsonl | sed 's/.*"mask":\[\([0-9,]*\)\].*/\1/')
is "$(tail -c 8 <<<"$mask" | tr -d '\n')" "1,1,1,0"
is "$(tail -n 1 ids.jsonl | grep -c '"mask":\[[0,]*\]')" 1

# a space alone is the assistant's, also where a post-processor leaves it out of its offsets
mkdir trimmed
sed 's/^"post_processor":null/"post_processor":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}/' model/tokenizer.json >trimmed/tokenizer.json
grep -q trim_offsets trimmed/tokenizer.json || fail "no post-processor"
echo '[{"role":"user","content":"q"},{"role":"assistant","content":"  a  "}]' >spaces.jsonl
for m in model trimmed; do "$LLMCTL" tokenize chat spaces.jsonl --template chatml -t $m --table >$m.table; done
same model.table trimmed.table
# ... and so is one that normalising puts between what it says ("\302\250" becomes a space and U+0308)
for i in 1 2 3 4 5 6 7 8; do echo "hello small world of ours $i and a b c d e f"; done >norm.txt
"$LLMCTL" tokenize train norm.txt --type sp-bpe --vocab-size 45 --norm nmt_nfkc -q -o norm.model
printf '{%% for m in messages %%}q{{ m.content }}q{%% endfor %%}' >q.jinja
printf '[{"role":"assistant","content":"a\302\250b"},{"role":"user","content":"a\302\250b"}]\n' >norm.jsonl
is "$("$LLMCTL" tokenize chat norm.jsonl --template q.jinja -t norm.model --table -q | cut -f2 | tr -d '\n')" 001111000000

# refusals
fails 65 "'chats.text' is no tokenizer of a known kind" bash -c 'echo To be >chats.text; "$LLMCTL" tokenize chat chats.jsonl --template chatml -t chats.text'
fails 2 "neither a file nor one of" "$LLMCTL" tokenize chat chats.jsonl --template nope
fails 2 "there is no chat template" "$LLMCTL" tokenize chat chats.jsonl
fails 2 "exclude each other" "$LLMCTL" tokenize chat chats.jsonl --template chatml --ids --table
fails 2 "needs --tokenizer" "$LLMCTL" tokenize chat chats.jsonl --template chatml --ids
cp chats.jsonl same.jsonl
fails 2 "'./same.jsonl' is the input; write to another file" "$LLMCTL" tokenize chat same.jsonl --template chatml --out ./same.jsonl
cmp chats.jsonl same.jsonl
fails 65 "stdin:2: a line of more than 256 MiB" "$LLMCTL" tokenize chat --template chatml < <(echo '[]'; head -c 270M /dev/zero)
printf 'a\n{%% if x %%}' >bad.jinja
fails 65 "bad.jinja:2:11: 'endif' is missing" "$LLMCTL" tokenize chat chats.jsonl --template bad.jinja
printf '{{ raise_exception("not this") }}' >no.jinja
fails 65 "no.jinja:1:4: the template refuses: not this" "$LLMCTL" tokenize chat chats.jsonl --template no.jinja
printf '{%% for a in range(9999) %%}{%% for b in range(9999) %%}{%% endfor %%}{%% endfor %%}' >long.jinja
fails 65 "does not end within 100000 steps" "$LLMCTL" tokenize chat chats.jsonl --template long.jinja --steps 100000
printf '{%% macro f() %%}{{ f() }}{%% endmacro %%}{{ f() }}' >deep.jinja
fails 65 "deep.jinja:1:19: nested or recursive" "$LLMCTL" tokenize chat chats.jsonl --template deep.jinja
echo '[{"role":' >cut.jsonl
fails 65 "cut.jsonl:1" "$LLMCTL" tokenize chat cut.jsonl --template chatml
fails 65 "cut.jsonl:1:[0-9]*: " "$LLMCTL" tokenize chat cut.jsonl --template chatml
# integers of more than 64 bits are written as they came, and not counted with
printf '{"messages":[],"n":[9223372036854775808,-9223372036854775808,-9223372036854775809,1000000000000000000000]}\n' >wide.jsonl
printf '{{ n }} {{ n|tojson }} {{ n|sort }} {{ n[0] is integer }} {{ n[3] > 1e20 }} {{ n[3] == 1e21 }}' >wide.jinja
is "$("$LLMCTL" tokenize chat wide.jsonl --template wide.jinja)" '{"text":"[9223372036854775808, -9223372036854775808, -9223372036854775809, 1000000000000000000000] [9223372036854775808, -9223372036854775808, -9223372036854775809, 1000000000000000000000] [-9223372036854775809, -9223372036854775808, 9223372036854775808, 1000000000000000000000] True True True"}'
printf '{{ n[0] + 1 }}' >wide.jinja
fails 65 "wide.jinja:1:5: a number is too large" "$LLMCTL" tokenize chat wide.jsonl --template wide.jinja
printf '{"messages":[],"n":00000000000000000001}\n' >wide.jsonl
fails 65 "wide.jsonl:1:20: an integer is expected" "$LLMCTL" tokenize chat wide.jsonl --template wide.jinja
printf 'Hi\n' >text.jsonl
fails 65 "text.jsonl:1:1: a JSON value is expected" "$LLMCTL" tokenize chat text.jsonl --template chatml
fails 66 "is a directory" "$LLMCTL" tokenize chat model --template chatml
fails 66 "absent.jsonl" "$LLMCTL" tokenize chat absent.jsonl --template chatml

# A conversation that goes on inside its last message: nothing behind its text, trimmed where the template trims.
echo '[{"role":"user","content":"Hi"},{"role":"assistant","content":"Once upon "}]' >open.jsonl
is "$("$LLMCTL" tokenize chat open.jsonl --template chatml --continue)" '{"text":"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nOnce upon "}'
is "$("$LLMCTL" tokenize chat open.jsonl --template llama3 --bos '' --continue | tail -c 12)" 'Once upon"}'
echo '[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image"}]}]' >parts.jsonl
printf '{%% for m in messages %%}{%% for p in m.content %%}[{{ p.text }}]{%% endfor %%}{%% endfor %%}' >parts.jinja
is "$("$LLMCTL" tokenize chat parts.jsonl --template parts.jinja --continue)" '{"text":"[a"}'
printf '{{ messages[0].role }}' >none.jinja
fails 65 'leaves out the last message' "$LLMCTL" tokenize chat open.jsonl --template none.jinja --continue
echo '[{"role":"user","content":null}]' >null.jsonl
fails 65 'null.jsonl:1: the last message has no text' "$LLMCTL" tokenize chat null.jsonl --template chatml --continue
fails 2 'exclude each other' "$LLMCTL" tokenize chat open.jsonl --template chatml --continue --generation-prompt

# a line a token: the mask beside it
printf 'a b\n' >abc.txt
"$LLMCTL" tokenize train abc.txt --vocab-size 260 --special '<|im_start|>' --special '<|im_end|>' -q -o im.json
printf '[{"role":"user","content":"a<|im_end|>"},{"role":"assistant","content":"b"}]\n' >im.jsonl
"$LLMCTL" tokenize chat im.jsonl --template chatml -t im.json --table -q >im.table
is "$(grep -c '"<|im_end|>"' im.table)" 2
is "$(cut -f2 im.table | tr -d '\n' | tail -c 3)" "110"
is "$("$LLMCTL" tokenize chat im.jsonl --template chatml -t im.json --ids -q | tr ',' '\n' | wc -l)" "$((2 * ($(wc -l <im.table) - 1)))"
printf '\357\273\277[{"role":"user","content":"a"}]\n' >mark.jsonl
is "$("$LLMCTL" tokenize chat mark.jsonl --template chatml -q)" '{"text":"<|im_start|>user\na<|im_end|>\n"}'
printf '{"role":"user","content":"a"}\n' >one.jsonl
fails 65 "one.jsonl:1: there is no 'messages', a list of" "$LLMCTL" tokenize chat one.jsonl --template chatml
"$LLMCTL" tokenize train abc.txt --vocab-size 260 -q -o plain.json
"$LLMCTL" tokenize chat im.jsonl --template chatml -t plain.json --ids 2>&1 >/dev/null | shows "note: '<|im_start|>' of the template is no token"
is "$("$LLMCTL" tokenize chat im.jsonl --template chatml -t im.json --ids 2>&1 >/dev/null)" ''

expect_error 65 "alpaca:4:16: 'eos_token' is undefined; --eos says what it is, or -t a tokenizer that has one" "$LLMCTL" tokenize chat im.jsonl --template alpaca
expect_error 65 "'bos_token' is undefined; --bos says" "$LLMCTL" tokenize chat im.jsonl --template llama2

# a large object is read in its own time, and a key that comes twice in it is found
{ printf '{"messages":[]'; for i in $(seq 60); do printf ',"k%d":1' "$i"; done; } >keys
{ cat keys; echo '}'; } >keys.jsonl
{ cat keys; echo ',"k50":2}'; } >twice.jsonl
"$LLMCTL" tokenize chat --template chatml keys.jsonl >/dev/null
fails 65 "the key 'k50' appears twice" "$LLMCTL" tokenize chat --template chatml twice.jsonl

# packed chats; chats that come one by one are answered so; a signal ends the waiting
gzip -c chats.jsonl >packed.jsonl.gz
chat --template chatml >plain.text
"$LLMCTL" tokenize chat packed.jsonl.gz --template chatml -q | cmp - plain.text
head -c 40 packed.jsonl.gz >cut.jsonl.gz
fails 65 "cut.jsonl.gz': the compressed data ends early\|cut.jsonl.gz:1" "$LLMCTL" tokenize chat cut.jsonl.gz --template chatml
mkfifo chats.in chats.out
"$LLMCTL" tokenize chat --template chatml <chats.in >chats.out 2>err &
exec 3>chats.in 4<chats.out
for role in user system; do
    printf '[{"role":"%s","content":"x"}]\n' $role >&3
    read -r -t 5 line <&4 || fail "no answer to the chat of the $role"
    is "$line" '{"text":"<|im_start|>'$role'\nx<|im_end|>\n"}'
done
kill -INT $!
status=0
wait $! || status=$?
is $status 75
is "$(cat err)" 'llmctl tokenize chat: stopped by a signal'
exec 3>&- 4<&-

# what a chat has and the template leaves out is told, once; what a text says is no member
cat >more.jsonl <<'EOF'
{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"c","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}}]}],"tools": [{"x":1}]}
{"messages":[{"role":"user","content":"a"}],"tools":[{"x":1}]}
{"tools":[],"a":"tools","messages":[{"role":"user","content":"\"tools\": [1, 2], \"tool_calls\": 5"},{"role":"assistant","content":"b","reasoning_content":"","tool_calls":null}]}
EOF
"$LLMCTL" tokenize chat more.jsonl --template chatml 2>&1 >/dev/null | sed 's/^warning: //' >err
is "$(cat err)" "the template does not use 'tools', which 2 chats have: left out there; the first: more.jsonl:1
the template does not use 'tool_calls', which 1 chat has: left out there; the first: more.jsonl:1
the template does not use 'reasoning_content', which 1 chat has: left out there; the first: more.jsonl:1"
printf '{{ tools }}{%% for m in messages %%}{{ m.tool_calls }}{{ m.thinking }}{%% endfor %%}' >uses.jinja
is "$("$LLMCTL" tokenize chat more.jsonl --template uses.jinja 2>&1 >/dev/null)" ''
tail -n 1 more.jsonl >last.jsonl
is "$("$LLMCTL" tokenize chat last.jsonl --template chatml 2>&1 >/dev/null)" ''
