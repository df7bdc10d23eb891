#!/bin/bash
# llmctl clean --url-ban: where documents come from.
set -eu
. "$SRC/tests/cli/lib.bash"

cat >list <<'END'
# hosts
bad.example
*.worse.example   # with everything below it
https://Shouting.example/
198.51.100.7
# addresses
mixed.example/adult
http://www.mixed.example/shop/pills/?x=1
word:casino
soft:poker
soft:bonus
part:xxxtube
END
cat >urls <<'END'
keep http://good.example/
host http://bad.example/a
host https://www.bad.example:8080/?q
host http://user@sub.BAD.example./
keep http://notbad.example/
keep http://bad.example.org/
host http://worse.example/
host http://a.b.worse.example/
host http://shouting.example/x
host http://198.51.100.7/x
address http://mixed.example/adult
address http://www.mixed.example/adult/1.html?casin
keep http://mixed.example/adults
keep http://mixed.example/Adult
address http://mixed.example/shop/pills/#top
keep http://mixed.example/shop
word http://good.example/the-CASINO_games
keep http://good.example/thecasinos
word http://casino.example/
keep http://good.example/poker
keep http://good.example/poker/poker-poker
soft_words http://good.example/poker?with=bonus
part http://good.example/xxx-Tube
part http://my.xxx.tube.example/
none not an address
none
END
awk '{ k = $1; sub(/^[a-z_]* ?/, ""); printf "{\"id\":%d,\"want\":\"%s\",\"text\":\"words\",\"url\":\"%s\"}\n", NR, k, $0 }' urls >d.jsonl
for t in 1 2 8; do "$LLMCTL" clean d.jsonl --url-ban list --threads $t -q --out o$t --removed r$t --decisions d$t || fail "status $?"; done
for t in 2 8; do for f in o r d; do cmp ${f}1 $f$t || fail "threads show"; done; done
grep -E '"want":"(keep|none)"' d.jsonl | cmp - o1 || fail "kept: $(cat o1)"
sed -n 's/.*"want":"\([a-z_]*\)".*"removed_by":"url_\([a-z_]*\)".*/\1 \2/p' r1 | awk '$1 != $2' >wrong
[ ! -s wrong ] || fail "reasons: $(cat wrong)"
[ "$(wc -l <r1)" = "$(grep -cvE '^(keep|none)' urls)" ] || fail "removed: $(cat r1)"
grep -q '"id":4,.*"banned":"bad.example"}' r1 && grep -q '"id":15,.*"banned":"mixed.example/shop/pills"}' r1 && grep -q '"id":22,.*"banned":"soft:' r1 || fail "entries: $(cat r1)"
expect 0 "$LLMCTL" clean d.jsonl --url-ban list --dry-run
grep -q 'addresses: 24 judged by 10 entries' err && grep -q '2 documents have no address' err || fail "$(cat err)"
expect 0 "$LLMCTL" clean d.jsonl --url-ban list --set url.max_soft=0 -q --out o
[ "$(wc -l <o)" = $(($(wc -l <o1) - 2)) ] || fail "one soft word is enough"
# The same in two passes, from a packed list, elsewhere in the record, from a WARC.
gzip -c list >list.gz
"$LLMCTL" clean d.jsonl --url-ban list.gz --outliers mad:1000 -q --removed r2 | cmp - o1 || fail "two passes"
grep -o '"banned":.*' r1 >b1; grep -o '"banned":[^}]*}' r2 | cmp - b1 || fail "entries in two passes: $(head -3 r2)"
sed 's/"url":\(.*\)}/"metadata":{"url":\1}}/' d.jsonl >m.jsonl
"$LLMCTL" clean m.jsonl --url-ban list -q >o && [ "$(wc -l <o)" = "$(wc -l <o1)" ] || fail "metadata.url"
sed 's/"url"/"link"/' d.jsonl | "$LLMCTL" clean --url-ban list --url-field link -q >o && [ "$(wc -l <o)" = "$(wc -l <o1)" ] || fail "--url-field"
page='WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://bad.example/\r\nContent-Length: 4\r\n\r\ntext\r\n\r\n'
printf "$page" >p.warc
expect 0 "$LLMCTL" clean p.warc --url-ban list -q --out o --removed r
[ ! -s o ] && grep -q '"removed_by":"url_host"' r || fail "WARC: $(cat r)"

# Lists that are none, and a long one.
echo 'some words' >bad && expect 65 "$LLMCTL" clean d.jsonl --url-ban list --url-ban bad
grep -q "'bad', line 1: 'some words' is neither a host" err || fail "$(cat err)"
for x in 'word:two words' 'part:' 'nohost' '/path'; do echo "$x" >bad; expect 65 "$LLMCTL" clean d.jsonl --url-ban bad; done
head -c 30 list.gz >bad.gz; expect 65 "$LLMCTL" clean d.jsonl --url-ban bad.gz
expect 66 "$LLMCTL" clean d.jsonl --url-ban none
expect 2 "$LLMCTL" clean d.jsonl --url-ban list --url-field 'a['
awk 'BEGIN { for (i = 0; i < 300000; i++) printf "host%d.example\n", i }' >long
expect 0 "$LLMCTL" clean d.jsonl --url-ban long --url-ban list -q --out o
cmp o o1 || fail "a long list"
