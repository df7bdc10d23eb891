#!/usr/bin/env bash
# Puts real English text into DIR/text, a file a document: prose and manuals of
# a few Debian documentation packages, fetched with apt-get download and
# unpacked without root.  Without apt or network: text already on the machine.
# usage: scripts/get-corpus.sh DIR
set -eu
dir=$1
packages="perl-doc git-doc debian-policy debian-faq debian-reference-en developers-reference bible-kjv-text miscfiles base-files"
[ -e "$dir/text.done" ] && exit 0
rm -rf "$dir/text" "$dir/unpacked"
mkdir -p "$dir/text" "$dir/deb" "$dir/unpacked"

fetch() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    # shellcheck disable=SC2086  # the list is meant to split
    (cd "$dir/deb" && apt-get download -qq $packages >/dev/null 2>&1) && return 0
    [ "$(id -u)" -eq 0 ] && apt-get update -qq >/dev/null 2>&1
    # shellcheck disable=SC2086
    (cd "$dir/deb" && apt-get download -qq $packages >/dev/null 2>&1)
}

if ls "$dir"/deb/*.deb >/dev/null 2>&1 || fetch; then
    for deb in "$dir"/deb/*.deb; do dpkg-deb -x "$deb" "$dir/unpacked"; done
    roots=$dir/unpacked
    echo "corpus: text of the Debian packages $packages" >&2
else
    roots="/usr/share/doc /usr/share/perl /usr/share/common-licenses /usr/lib/python3"
    echo "corpus: no packages to be had; taking text under $roots" >&2
fi

# Text files under names of their own; .gz is unpacked; links are left out.
# shellcheck disable=SC2086
find $roots -type f \( -name '*.txt' -o -name '*.txt.gz' -o -name '*.pod' -o -name '*.rst' -o -name '*.md' -o -name '*.rawtext*' \
    -o -name 'README*' -o -name 'NEWS*' -o -name 'copyright' -o -path '*/common-licenses/*' \) -size +1k -size -8M 2>/dev/null |
    LC_ALL=C sort | while read -r f; do
        name=$(tr -c 'A-Za-z0-9.\n' '_' <<<"${f#"$dir"/unpacked/}")
        case $f in
        *.gz) gzip -dc "$f" >"$dir/text/${name%.gz}.txt" ;;
        *) cp "$f" "$dir/text/$name.txt" ;;
        esac
    done
rm -rf "$dir/unpacked"
n=$(find "$dir/text" -type f | wc -l)
[ "$n" -gt 0 ] || { echo "corpus: no text found; give your own: make demo CORPUS=DIR" >&2; exit 66; }
echo "corpus: $n files, $(du -sh "$dir/text" | cut -f1)" >&2
touch "$dir/text.done"
