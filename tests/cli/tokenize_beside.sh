#!/usr/bin/env bash
# Tokens that stand beside a directory's tokenizer.json alone.  What comes out is what PreTrainedTokenizerFast of
# transformers 5.24 has.
set -eu
. "$SRC/tests/cli/lib.bash"

token() { printf '{"content":"%s","lstrip":%s,"rstrip":false,"normalized":%s,"single_word":false,"special":%s}' "$@"; } # TEXT LSTRIP NORMALIZED SPECIAL
listed() { local t=$(token "${@:2}"); printf '{"id":%d,%s' "$1" "${t#?}"; }                                                # ID and the same
fresh() { # CONFIG: a directory with <s> and <pl> added to a, b, <unk>
    rm -rf d
    mkdir d
    cat >d/tokenizer.json <<END
{"version":"1.0","truncation":null,"padding":null,"added_tokens":[$(listed 3 '<s>' false false true),$(listed 4 '<pl>' false true false)],
"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
"model":{"type":"WordLevel","vocab":{"a":0,"b":1,"<unk>":2,"<s>":3},"unk_token":"<unk>"}}
END
    printf '%s' "$1" >d/tokenizer_config.json
}
added() { # each as ID TEXT and of S special, L lstrip, N normalized
    rm -f out.json
    "$LLMCTL" tokenize convert d -o out.json -q
    grep -o '{"id".*special":[a-z]*}' out.json | tr -d ' ' |
        sed -E 's/"(single_word|rstrip)":false,//g; s/"special":true/S/; s/"lstrip":true,/L/; s/"normalized":true,/N/; s/"[a-z]*":false,?//g; s/\{"id":([0-9]*),"content":"([^"]*)",/\1\2/; s/[,}]//g' | paste -sd' '
}

fresh '{"added_tokens_decoder":{"3":'"$(token '<s>' false false true)"',"4":'"$(token '<pl>' false true false)"',"6":'"$(token '<plain>' false true false)"',"5":'"$(token '<new>' true false true)"'}}'
is "$(added)" "3<s>S 4<pl>N 5<new>LS 6<plain>N"
is "$(printf 'a <new> b<plain>' | "$LLMCTL" tokenize encode -t d --ids --allow-special -q)" "0 5 1 6"
is "$("$LLMCTL" tokenize decode -t d --skip-special -q <<<'0 5 1 6')" "a b <plain>"
is "$(printf 'a <new>' | "$LLMCTL" tokenize encode -t d --ids -q)" "0 2 2 2" # a user's text is no special token
is "$(printf 'a <new> b' | "$LLMCTL" tokenize encode -t d/tokenizer.json --ids --allow-special -q)" "0 2 2 2 1" # of the file alone there is none
fresh '{"added_tokens_decoder":{"3":'"$(token '<s>' true false false)"',"4":'"$(token '<pl>' false false true)"'}}'
is "$(added)" "3<s>L 4<pl>S"
fresh '{"unk_token":"<unk>","pad_token":"<pad>","bos_token":"<s>","eos_token":"","mask_token":{"__type":"AddedToken","content":"<mask>","lstrip":true,"normalized":true,"rstrip":false,"single_word":false},"foo_token":"a"}'
is "$(added)" "0aS 2<unk>S 3<s>S 4<pl>N 5<pad>S 6<mask>LNS"
fresh '{"additional_special_tokens":["<x>"],"extra_special_tokens":["<y>"]}'
is "$(added)" "3<s>S 4<pl>N 5<y>S"
fresh '{"extra_special_tokens":{"image_token":"<img>"}}'
is "$(added)" "3<s>S 4<pl>N 5<img>S"
fresh '{}'
is "$(added)" "3<s>S 4<pl>N"
echo '{"<q>":5,"<r>":6}' >d/added_tokens.json
echo '{"pad_token":"<r>","additional_special_tokens":["<x>"]}' >d/special_tokens_map.json
is "$(added)" "3<s>S 4<pl>N 5<q>N 6<r>S 7<x>S"
fresh '{"added_tokens_decoder":{"3":'"$(token '<s>' false false true)"'}}'
echo '{"pad_token":"<pad>","additional_special_tokens":["<x>"]}' >d/special_tokens_map.json # counts no more where the config lists all
is "$(added)" "3<s>S 4<pl>N"
fresh '{"added_tokens_decoder":{"7":'"$(token '<seven>' false false true)"'}}'
is "$(added)" "3<s>S 4<pl>N 5<seven>S"
"$LLMCTL" tokenize inspect d -q | shows "^note: .* gives added tokens other ids than they get" || fail "no note about other ids"
"$LLMCTL" tokenize inspect d/tokenizer.json -q | shows "^note:" && fail "a note where nothing is added"
true
