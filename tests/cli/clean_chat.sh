#!/bin/bash
# llmctl clean on records of chats: what their turns tell, and that they are written as they came.
set -eu
. "$SRC/tests/cli/lib.bash"

ids() { sed 's/.*"id":"\([a-z0-9]*\)".*/\1/' "$1" | tr '\n' ' '; }
by() { sed -n "s/.*\"id\":\"$1\".*\"removed_by\":\"\([a-z_]*\)\".*/\1/p" r1; }

cat >c.jsonl <<'END'
{"id":"good","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is the capital of  Fran\u0063e?"},{"role":"assistant","content":"Paris."}], "x": 1.50}
{"id":"empty","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":" \n "}]}
{"id":"order","messages":[{"role":"user","content":"Hi"},{"role":"user","content":"Hello?"},{"role":"assistant","content":"Hello."}]}
{"id":"order2","messages":[{"role":"assistant","content":"Hello."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]}
{"id":"order3","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."},{"role":"system","content":"Hm"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]}
{"id":"role","messages":[{"role":"alien","content":"Hi"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]}
{"id":"open","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."},{"role":"user","content":"Hi"}]}
{"id":"noanswer","messages":[{"role":"user","content":"Hi"}]}
{"id":"nothing","messages":[]}
{"id":"refusal","messages":[{"role":"user","content":"Who won?"},{"role":"assistant","content":"As an AI language model, I cannot know."}]}
{"id":"asked","messages":[{"role":"user","content":"What does 'as an AI language model' mean?"},{"role":"assistant","content":"It is a phrase."}]}
{"id":"twice","messages":[{"role":"user","content":"Tell me about rivers, please."},{"role":"assistant","content":"They flow to the sea."},{"role":"user","content":"tell me about rivers please"},{"role":"assistant","content":"As I said."}]}
{"id":"yesyes","messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"Yes."},{"role":"user","content":"B?"},{"role":"assistant","content":"Yes."}]}
{"id":"echo","prompt":"Translate: the river flows to the sea","response":"translate: The river flows to the sea."}
{"id":"tool","messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"name":"w"}]},{"role":"tool","content":"rain"},{"role":"assistant","content":"It rains."}]}
{"id":"share","conversations":[{"from":"human","value":"2+2 is what?"},{"from":"gpt","value":"It is 4."}]}
{"id":"alpaca","instruction":"Add.","input":"2 and 3","output":"5, of course."}
{"id":"chatpair","prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"Hello."}]}
{"id":"text","text":"A plain answer."}
{"id":"parts","messages":[{"role":"user","content":[{"type":"text","text":"Look: "},{"type":"image_url","image_url":{"url":"x"}}]},{"role":"assistant","content":"A cat."}]}
{"id":"none","x":1}
{"id":"bad","messages":[{"role":"user","content":5}]}
{"id":"noobject","messages":["Hi"]}
{"id":"lone","messages":[{"role":"user","content":"\ud800"},{"role":"assistant","content":"Yes."}]}
END
for t in 1 2 8; do "$LLMCTL" clean c.jsonl --preset sft --threads $t -q --out o$t --removed r$t --decisions d$t --quarantine q$t || fail "status $?"; done
for t in 2 8; do for f in o r d q; do cmp ${f}1 $f$t || fail "threads show"; done; done
[ "$(ids o1)" = "good asked yesyes tool share alpaca chatpair text parts " ] || fail "kept: $(ids o1)"
grep -E '"id":"(good|asked|yesyes|tool|share|alpaca|chatpair|text|parts)"' c.jsonl | cmp - o1 || fail "records are not as they came"
for want in empty:sft_empty_turn order:sft_role_order order2:sft_role_order order3:sft_role_order role:sft_role_order \
    open:sft_role_order noanswer:sft_role_order nothing:sft_no_answer refusal:sft_refusal twice:sft_duplicate_turn echo:sft_echo; do
    [ "$(by ${want%:*})" = ${want#*:} ] || fail "${want%:*} goes for $(by ${want%:*}), not ${want#*:}"
done
[ "$(grep -o '"reason":"[^"]*"' q1 | tr '\n' ' ')" = '"reason":"neither text nor turns of a chat" "reason":"a message is no text" "reason":"a message is no object" "reason":"lone surrogate in a message" ' ] || fail "$(cat q1)"
"$LLMCTL" clean o1 --preset sft -q | cmp - o1 || fail "twice is not once"
"$LLMCTL" clean --replay d1 --set sft.max_duplicate_turns=1 --json -q | shows '"after":10' || fail "replay: $("$LLMCTL" clean --replay d1 --set sft.max_duplicate_turns=1 --json -q)"
expect 0 "$LLMCTL" clean c.jsonl --preset sft --set sft.max_answer_chars=14 -q --out o
[ "$(ids o)" = "good yesyes tool share alpaca chatpair text parts " ] || fail "long answers: $(ids o)"
expect 0 "$LLMCTL" clean c.jsonl --preset sft --set sft.min_answer_chars=7 -q --out o
[ "$(ids o)" = "asked tool share alpaca text " ] || fail "short answers: $(ids o)"

# Paths of one's own, also without the preset; filters behind the rules see all that was said.
echo '{"id":"deep","d":{"q":"Who wrote this long line of verse, and when was it that he did?","a":"A poet.","s":""}}' >p.jsonl
expect 0 "$LLMCTL" clean p.jsonl --chat prompt=d.q,answer=d.a,system=d.s -q --out o
cmp p.jsonl o || fail "paths"
echo '{"q":"who wrote this long line of verse, and when was it that he did"}' >eval.jsonl
expect 0 "$LLMCTL" clean p.jsonl --chat prompt=d.q,answer=d.a --decontaminate eval.jsonl -q --out o --removed r1
[ "$(by deep)" = contaminated ] && grep -q '"span":"Who wrote this long line' r1 || fail "prompts are not looked at: $(cat r1)"
expect 0 "$LLMCTL" clean c.jsonl --chat messages=messages --dry-run
grep -q 'no documents, first c.jsonl:14: neither text' err || fail "$(cat err)"
# Contradictions are found without a text field; they are no reason to judge turns.
printf '%s\n' '{"id":"a","prompt":"p","response":""}' '{"id":"b","prompt":"q","response":"x"}' '{"id":"c","prompt":"Q","response":"y"}' >amb.jsonl
expect 0 "$LLMCTL" clean amb.jsonl --ambiguity prompt=prompt,answer=response -q --out o --report rep.json
[ "$(ids o)" = "a " ] || fail "ambiguity: $(cat o)"

expect 2 "$LLMCTL" clean c.jsonl --preset sft --lower
grep -q 'prep.lower changes text, and chats are written as they came; leave it out, or say --chat none' err || fail "$(cat err)"
expect 2 "$LLMCTL" clean c.jsonl --preset c4 --chat auto
grep -q 'c4.max_word_length changes text' err || fail "$(cat err)"
expect 0 "$LLMCTL" clean c.jsonl --preset sft --pii all --chat none --dry-run
grep -q 'no documents, first c.jsonl:1: no text field' err || fail "$(cat err)"
for bad in x messages= messages=m,prompt=p prompt=p answer=a prompt=p,answer=a,x=y 'messages=m['; do expect 2 "$LLMCTL" clean c.jsonl --chat "$bad"; done

# Personal data is masked wherever it stands in a chat, and nowhere else is a byte changed.
cat >pii.jsonl <<'END'
{"id":"m@a.org", "messages": [ {"role":"system","content":"Mail boss@a.org."},{"role":"user","content":"I am\njane@b.org \u0040 home, call +49 30 1234567"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"to\":\"joe@c.org\"}"}}]},{"role":"tool","content":"8.8.8.8 answers"},{"role":"assistant","content":"Done, card 4111 1111 1111 1111."}], "x": 1.50, "url":"http://8.8.8.8/"}
{"id":"s","conversations":[{"from":"human","value":"Who is kim@d.org?"},{"from":"gpt","value":"A friend at Caf\u00e9 K."}]}
{"id":"p","prompt":"Write to lee@e.org","response":"Dear lee\u0040e.org","rejected":"lee@e.org is spam","meta":{"by":["ann@f.org"]}}
{"id":"parts","messages":[{"role":"user","content":[{"type":"text","text":"ask sue@g.org"},{"type":"image_url","image_url":{"url":"http://9.9.9.9/x"}}]},{"role":"assistant","content":"No."}]}
{"id":"t","text":"Plain text of max@h.org, who writes."}
{"id":"clean","messages":[{"role":"user","content":"10.0.0.1\/ \u00e9?"},{"role":"assistant","content":"A private address."}]}
{"id":"lone","prompt":"Hi","response":"Hello.","z":"\ud800 x@y.org"}
END
cat >want <<'END'
{"id":"m@a.org", "messages": [ {"role":"system","content":"Mail <EMAIL>."},{"role":"user","content":"I am\n<EMAIL> @ home, call <PHONE>"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"to\":\"<EMAIL>\"}"}}]},{"role":"tool","content":"<IP> answers"},{"role":"assistant","content":"Done, card <CARD>."}], "x": 1.50, "url":"http://8.8.8.8/"}
{"id":"s","conversations":[{"from":"human","value":"Who is <EMAIL>?"},{"from":"gpt","value":"A friend at Caf\u00e9 K."}]}
{"id":"p","prompt":"Write to <EMAIL>","response":"Dear <EMAIL>","rejected":"<EMAIL> is spam","meta":{"by":["<EMAIL>"]}}
{"id":"parts","messages":[{"role":"user","content":[{"type":"text","text":"ask <EMAIL>"},{"type":"image_url","image_url":{"url":"http://9.9.9.9/x"}}]},{"role":"assistant","content":"No."}]}
{"id":"t","text":"Plain text of <EMAIL>, who writes."}
{"id":"clean","messages":[{"role":"user","content":"10.0.0.1\/ \u00e9?"},{"role":"assistant","content":"A private address."}]}
END
for t in 1 2 8; do "$LLMCTL" clean pii.jsonl --preset sft --pii all --threads $t -q --out o$t --quarantine q$t --report rep.json || fail "status $?"; cmp want o$t; done
grep -q '"pii":{"documents":5,"places":13}' rep.json || fail "$(cat rep.json)"
grep -q '"reason":"lone surrogate in a string"' q8 || fail "a string that cannot be looked at: $(cat q8)"
"$LLMCTL" clean o1 --preset sft --pii all -q | cmp - o1 || fail "masking twice is not masking once"
expect 0 "$LLMCTL" clean pii.jsonl --preset sft --pii ip -q --out o
grep -q 'jane@b.org' o && grep -q '"<IP> answers"' o || fail "kinds: $(cat o)"
