#!/bin/bash
# llmctl clean: text preprocessing, alone and together, with what it did on record.
set -eu
. "$SRC/tests/cli/lib.bash"

clean() { printf '{"text":"%s"}\n' "$1" | "$LLMCTL" clean -q "${@:2}"; }
want() { local text=$1 result=$2; shift 2; local got; got=$(clean "$text" "$@"); [ "$got" = "{\"text\":\"$result\"}" ] || fail "$* gave $got"; }

want '<p>a &amp; <b>b</b></p><script>x()</script>' 'a & b' --html
want 'cafÃ© itâ€™s\nIRMÃ”' 'café it’s\nIRMÃ”' --fix-unicode
want 'jane@example.org 8.8.8.8 10.0.0.1 4111 1111 1111 1111' '<EMAIL> <IP> 10.0.0.1 <CARD>' --pii all
want 'jane@example.org 8.8.8.8' 'jane@example.org <IP>' --pii ip
want 'Home\nText stays.\nAll rights reserved' 'Text stays.\n' --boilerplate
want 'The Cat and 42, dogs!' 'cat 00 dogs' --lower --digits zero --strip-punct --stop-words en
want '  a \t b\n\n\n\nc ' 'a b\n\nc' --squeeze
printf 'Katze\nHUND\n' >own.txt
want 'katze und Hund' 'und' --stop-words ./own.txt
printf 'Page 1 of 2\n' >lines.txt
want 'x\nPage 1 of 2\ny' 'x\ny' --boilerplate-lines lines.txt

refused() { printf '{"text":"x"}\n' | fails "$1" "" "$LLMCTL" clean "${@:2}"; } # STATUS ARGS...
refused 2 --pii email,fax
refused 2 --stop-words xx
refused 66 --stop-words ./nowhere.txt
refused 66 --boilerplate-lines nowhere.txt
refused 2 --digits none

# The rules judge what is left; the values are on record; the same bytes for any number of threads.
for i in $(seq 3000); do echo "{\"id\":$i,\"text\":\"<p>Mail a$i@example.org, cafÃ© $i and the rest.</p>\"}"; done >many.jsonl
for t in 1 2 8; do
    "$LLMCTL" clean -q many.jsonl --html --fix-unicode --pii email --lower --threads $t -o o$t.jsonl --decisions d$t.jsonl --report r.json
done
cmp o1.jsonl o2.jsonl
cmp o1.jsonl o8.jsonl
cmp d1.jsonl d2.jsonl
cmp d1.jsonl d8.jsonl
grep -q '"id":7,"text":"mail <email>, café 7 and the rest."' o1.jsonl || fail "$(head -8 o1.jsonl | tail -1)"
grep -q '"preprocessing":{"html":{"documents":3000,"places":3000},"mojibake":{"documents":3000,"places":3000},"pii":{"documents":3000,"places":3000},"lower"' r.json || fail "$(cat r.json)"
grep -q '"prep.pii"' d1.jsonl && grep -q '^{"id":1,.*,1,1,1,6\]}' d1.jsonl || fail "decisions: $(sed -n 2p d1.jsonl)"
"$LLMCTL" clean -q o1.jsonl --html --fix-unicode --pii email --lower -o again.jsonl
cmp o1.jsonl again.jsonl || fail "cleaning what is clean changes it"
# What a later step leaves is looked at by the earlier ones: cleaning twice is cleaning once.
printf '{"text":"4111/1111/1111/1111 I\\nprint the\\nThe river."}\n' >twice.jsonl
steps="--pii all --boilerplate --strip-punct --stop-words en -q"
"$LLMCTL" clean twice.jsonl $steps --out once.jsonl
[ "$(cat once.jsonl)" = '{"text":"CARD\nriver"}' ] || fail "steps that meet: $(cat once.jsonl)"
"$LLMCTL" clean once.jsonl $steps | cmp - once.jsonl || fail "steps that meet, twice"
# A small letter composes with the mark behind it where the capital does not; so do characters
# that a digit parted.
want 'T\u0308' 'ẗ' --lower
want 'せ1\u3099' 'ぜ' --digits drop
# What line rules leave is preprocessed once more: two blanks around what they cut are one.
want 'It is [1] so.' 'It is so.' --squeeze --preset none --set c4.citations=on
want 'It is [1] so.' 'It is  so.' --preset none --set c4.citations=on
want 'One.\n\n3 likes\n\nTwo lines.' 'One.\n\nTwo lines.' --squeeze --set refinedweb.counters=on
