#!/bin/bash
# Documents out of CSV, TSV, WARC and WET: what is sound comes through, what is not costs only itself.
set -eu
. "$SRC/tests/cli/lib.bash"

same() { printf '%s\n' "$1" | diff - "$2" >&2 || fail "$3"; }

# CSV: quoted fields, doubled quotes, line ends inside, CRLF, a mark at the start.
printf '\xef\xbb\xbfid,text,"a ""b"""\r\n1,plain,x\r\n2,"two\nlines, ""said""",\r\n3,"",z\n' >a.csv
expect 0 "$LLMCTL" clean -q a.csv
same '{"id":"1","text":"plain","a \"b\"":"x"}
{"id":"2","text":"two\nlines, \"said\"","a \"b\"":""}
{"id":"3","text":"","a \"b\"":"z"}' out "csv"
# The same bytes through a pipe one at a time, packed, and as TSV.
expect 0 "$LLMCTL" clean -q a.csv -o whole.jsonl
(while IFS= read -r -n1 -d '' c; do printf '%s' "$c"; [ -n "$c" ] || printf '\0'; done <a.csv) | "$LLMCTL" clean -q --format csv -o slow.jsonl
cmp whole.jsonl slow.jsonl
gzip -c a.csv >b.csv.gz
expect 0 "$LLMCTL" clean -q b.csv.gz -o packed.jsonl
cmp whole.jsonl packed.jsonl
printf 'text\tn\na, b\t1\n' >c.tsv
expect 0 "$LLMCTL" clean -q c.tsv
same '{"text":"a, b","n":"1"}' out "tsv"

# Bad rows: reason, line and offset; the next row is not lost.
printf 'text,n\ngood,1\nshort\nlong,1,2\n"x"y,1\nbad \xff,1\n"open,1\nlast,9\n' >bad.csv
expect 0 "$LLMCTL" clean bad.csv -o out --quarantine q.jsonl
same '{"text":"good","n":"1"}
{"text":"last","n":"9"}' out "rows between bad ones"
grep -q 'in 7 = out 2 + removed 0 + quarantined 5' err || fail "$(cat err)"
grep -q '"line":3,"offset":14,"bytes":6,"reason":"the row has too few fields","raw":"short' q.jsonl || fail "$(cat q.jsonl)"
grep -q '"line":7,.*"reason":"a quoted field does not end"' q.jsonl || fail "$(cat q.jsonl)"
grep -q '"reason":"invalid UTF-8","raw":"bad \\\\xff,1' q.jsonl || fail "$(cat q.jsonl)"
expect 65 "$LLMCTL" clean a.csv --text-field body
grep -q "no column 'body', only id, text, a" err || fail "$(cat err)"
printf 'text,text\n' >twice.csv
expect 65 "$LLMCTL" clean twice.csv
: >empty.csv
expect 65 "$LLMCTL" clean empty.csv
# A stray quote in each of many lines does not make rows wait for one another.
{ echo text; for i in $(seq 3000); do echo "\"open $i"; done; } >runaway.csv
expect 0 "$LLMCTL" clean runaway.csv --dry-run

# WARC: responses lose their HTTP header, other types are passed over.
record() { # TYPE URI BODY
    printf 'WARC/1.0\r\nWARC-Type: %s\r\nWARC-Record-ID: <urn:%s>\r\nWARC-Target-URI: %s\r\nWARC-Date: 2020-01-01T00:00:00Z\r\nContent-Length: %d\r\n\r\n' \
        "$1" "$2" "$2" "$(printf "$3" | wc -c)"
    printf "$3"
    printf '\r\n\r\n'
}
{
    record warcinfo i 'software: x'
    record response h 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>One &amp; two</p>'
    record request h 'GET / HTTP/1.1\r\n\r\n'
    record response l 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=ISO-8859-1\r\n\r\n<p>caf\xe9 \x93x\x94</p>'
    record response g 'HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nxx'
    record conversion w 'plain text\n'
} >a.warc
expect 0 "$LLMCTL" clean a.warc --quarantine q.jsonl
same '{"id":"<urn:h>","url":"h","date":"2020-01-01T00:00:00Z","text":"<p>One &amp; two</p>"}
{"id":"<urn:l>","url":"l","date":"2020-01-01T00:00:00Z","text":"<p>café “x”</p>"}
{"id":"<urn:w>","url":"w","date":"2020-01-01T00:00:00Z","text":"plain text\n"}' out "warc"
grep -q '"reason":"the HTTP body is compressed in a way that is not supported"' q.jsonl || fail "$(cat q.jsonl)"
# A member a record, as web archives are kept; recognised by content on stdin.
gzip -c a.warc | "$LLMCTL" clean -q >piped
cmp out piped
# Bodies in chunks, packed, in other encodings; what crawlers undid but left in the header.
packed=$(printf '<p>zipped</p>' | gzip -nc | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g')
{
    record response c 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>he\r\n6;x=y\r\nllo</p\r\n1\r\n>\r\n0\r\n\r\n'
    record response d 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive joined\n'
    record response g "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n$packed"
    record response u 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nunpacked'
    record response r 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<meta charset="windows-1251"><p>\xcf\xf0\xe8\xb8</p>'
    record response m 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=ISO-8859-1\r\n\r\ncaf\xc3\xa9'
    record response p 'HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG'
    record response s 'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=Shift_JIS\r\n\r\n\x93\xfa\x96\x7b'
    record response z 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8bxx'
} >http.warc
expect 0 "$LLMCTL" clean http.warc --html --quarantine q.jsonl
[ "$(sed 's/.*"text":"//' out | tr '\n' ' ')" = 'hello"} five joined\n"} zipped"} unpacked"} Приё"} café"} ' ] || fail "http: $(cat out)"
[ "$(grep -c 'no text\|cannot be unpacked\|neither in UTF-8' q.jsonl)" = 3 ] || fail "$(cat q.jsonl)"
# Rubbish between records, and an end that comes early.
{ record conversion a one; echo 'no record at all'; record conversion b two; head -c 200 <(record conversion c "three $(seq -s" " 40)"); } >torn.warc
expect 0 "$LLMCTL" clean torn.warc --quarantine q.jsonl
[ "$(grep -c text out)" = 2 ] || fail "torn: $(cat out)"
grep -q '"reason":"not a WARC record","raw":"no record' q.jsonl && grep -q '"reason":"cut off' q.jsonl || fail "$(cat q.jsonl)"
