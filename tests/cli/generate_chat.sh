# generate --chat on a tiny model that learned to answer: templates, roles, turns, control tokens, bad input.
set -eu
. "$SRC/tests/cli/lib.bash"
# Conversations of one to three turns: "say b" is answered by "b it is".
mkdir tok
printf "{%%- for m in messages -%%}\n{{ '<|im_start|>' + m.role + '\\\\n' + m.content + '<|im_end|>\\\\n' }}\n{%%- endfor -%%}\n{%%- if add_generation_prompt -%%}{{ '<|im_start|>assistant\\\\n' }}{%%- endif -%%}" >tok/chat_template.jinja
python3 - <<'EOP'
import json, random
random.seed(1)
with open("chats.jsonl", "w") as f, open("text.txt", "w") as g:
    for i in range(600):
        m = [("system", "be kind")] if i % 3 == 0 else []
        for t in range(random.randint(1, 3)):
            c = random.choice("abcd")
            m += [("user", f"say {c}"), ("assistant", f"{c} it is")]
        text = "".join(f"<|im_start|>{r}\n{s}<|im_end|>\n" for r, s in m)
        f.write(json.dumps({"text": text}) + "\n")
        g.write(" ".join(s for _, s in m) + " user assistant system\n")
EOP
"$LLMCTL" tokenize train text.txt --vocab-size 290 --special '<|endoftext|>' --special '<|im_start|>' --special '<|im_end|>' --out tok/tokenizer.json -q
"$LLMCTL" tokenize encode chats.jsonl -t tok --allow-special --out chats.tok -q
"$LLMCTL" pretrain chats.tok --tokenizer tok --preset llama-tiny --layers 2 --width 32 --heads 2 --context 96 \
    --batch 8 --steps 160 --threads 1 --lr 1e-2 --warmup 5 --eval-every 0 --sample-every 0 --dtype f32 --out run -q

gen() { "$LLMCTL" generate "$@" --dtype f32 --threads 1 --greedy -q; }
is "$(gen run "say b" --chat)" "b it is"                     # ends at <|im_end|>
is "$(gen run "say c" --chat --template tok)" "c it is"
is "$(printf 'say d' | gen run - --chat)" "d it is"

# the prompt is what tokenize chat makes of it; a user's <|im_end|> is text
echo '[{"role":"user","content":"<|im_end|> say a"}]' >c.jsonl
n=$("$LLMCTL" tokenize chat c.jsonl -t tok --ids --generation-prompt | sed 's/.*"ids":\[//; s/\].*//' | tr , '\n' | wc -l)
is "$(gen run "<|im_end|> say a" --chat --json | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/')" "$n"
m=$(gen run "say a" --chat --json | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/')
[ "$n" -gt $((m + 5)) ] || fail "the user's text became a control token"

# messages: roles, a last message of the assistant goes on, other members are the template's
cat >m.jsonl <<'EOM'
[{"role":"system","content":"be kind"},{"role":"user","content":"say a"},{"role":"assistant","content":"a it is"},{"role":"user","content":"say b"}]
{"messages":[{"role":"user","content":"say c"},{"role":"assistant","content":"c it"}],"tools":null}
{"prompt":"say d"}
EOM
gen run --chat --jsonl m.jsonl >a.jsonl
python3 - <<'EOP' || fail "messages: $(cat a.jsonl)"
import json
a, b, c = [json.loads(l) for l in open("a.jsonl")]
assert a["text"] == "b it is" and a["end"] == "eos" and len(a["messages"]) == 4, a
assert b["text"] == " is" and b["conversation"]["messages"][1]["content"] == "c it", b
assert c["text"] == "d it is" and c["messages"] == [{"role": "user", "content": "say d"}], c
EOP
is "$(gen run --chat --jsonl c.jsonl --system x 2>&1 | grep -c 'may have one of their own')" 1
with=$(gen run "say a" --chat --system "be kind" --json | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/')
[ "$with" -gt "$m" ] || fail "--system is not in the prompt"
is "$(gen run "say a" --chat --generation-prompt no --max-length 1 --json | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/')" $((m - $(printf 'assistant\n' | "$LLMCTL" tokenize count -t tok) - 1))

# turn after turn: the answers of the whole conversation at once, and only what is new is read
printf 'say b\nsay \\\nd\n\nsay a\n/clear\nsay c\n/exit\nsay a\n' | "$LLMCTL" generate run --chat --dtype f32 --greedy --stats >talk 2>err
is "$(head -n 1 talk)" "b it is"
is "$(sed -n 3p talk)" "a it is"
is "$(sed -n 4p talk)" "c it is"
is "$(wc -l <talk)" 4
for i in $(seq 12); do echo "say b"; done | "$LLMCTL" generate run --chat --dtype f32 --greedy >talk 2>err
is "$(grep -c '^b it is$' talk)" 12                           # older turns left
grep -q "no longer fits into the context of 96" err || fail "nothing said of the context"

# --session keeps the conversation: the answers of one go, and what was read is not read again
gen run "say b" --chat --system "be kind" --session s.llmz >part
gen run "say d" --chat --session s.llmz >>part
printf 'say a\nsay c\n' | gen run --chat --session s.llmz >>part
printf 'say b\nsay d\nsay a\nsay c\n' | gen run --chat --system "be kind" >whole
cmp -s part whole || fail "a conversation in parts: $(cat part)"
"$LLMCTL" verify s.llmz -q >out || fail "the session of a conversation is damaged"
gen run "say a" --chat --session t.llmz >out
n=$("$LLMCTL" generate run "say b" --chat --session t.llmz --dtype f32 --greedy --stats 2>&1 >/dev/null | sed 's/.*prompt: \([0-9]*\) tokens.*/\1/')
[ "$n" -lt $((m + 8)) ] || fail "a session's turn read $n tokens, the first $m"
expect_error 2 "has another one" "$LLMCTL" generate run "say a" --chat --session s.llmz --system other --dtype f32
expect_error 2 "holds a conversation: add --chat" "$LLMCTL" generate run "say a" --session s.llmz --dtype f32
gen run "say a" --session text.llmz --max-length 2 >out
expect_error 2 "no conversation: leave out --chat" "$LLMCTL" generate run "say a" --chat --session text.llmz --dtype f32

# a text ends at any token that generation_config.json names, in the directory and in what is made of it
"$LLMCTL" convert -q run hf
it=$(printf ' it' | "$LLMCTL" tokenize encode -t tok --ids -q) is=$(printf ' is' | "$LLMCTL" tokenize encode -t tok --ids -q)
printf '{"eos_token_id":[0,%s,99999]}' "${is##* }" >hf/generation_config.json
is "$(gen hf "say b" --chat --json | sed 's/.*"end":"\([a-z]*\)".*/\1/')" eos
short=$(gen hf "say b" --chat)
[ "${#short}" -lt 7 ] || fail "the end of generation_config.json is not one: $short"
"$LLMCTL" convert -q hf ends.llmz
is "$(gen ends.llmz "say b" --chat)" "$short"
"$LLMCTL" convert -q ends.llmz back
grep -q "\"eos_token_id\": \[0, ${is##* }\]" back/generation_config.json || fail "$(cat back/generation_config.json)"

# what is refused
printf '{{ raise_exception("never") }}' >no.jinja
expect_error 65 "never" "$LLMCTL" generate run "say a" --chat --template no.jinja
"$LLMCTL" pretrain chats.tok --tokenizer tok/tokenizer.json --preset llama-tiny --layers 1 --width 16 --heads 1 --context 16 --steps 1 --sample-every 0 --out bare -q
expect_error 2 "'bare' holds no chat template" "$LLMCTL" generate bare "say a" --chat
expect_error 2 "--system goes with --chat" "$LLMCTL" generate run "say a" --system x
expect_error 2 "--json needs a prompt" "$LLMCTL" generate run --chat --json
expect_error 2 "does not go with --json" "$LLMCTL" generate run "say a" --chat --session s.llmz --json
expect_error 2 "neither a file nor one of" "$LLMCTL" generate run "say a" --chat --template nope
expect_error 65 "not UTF-8" "$LLMCTL" generate run "$(printf 'a\377')" --chat
echo '{"messages":[{"role":"user"' >cut.jsonl
expect_error 65 "cut.jsonl:1" "$LLMCTL" generate run --chat --jsonl cut.jsonl
