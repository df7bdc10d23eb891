#!/usr/bin/env bash
# Installs the Debian packages that llmctl is built and tested with, if any is
# missing.  Says what it installs; does nothing when all is there.
#   scripts/setup.sh          what `make`, `make test` and `make demo` need
#   scripts/setup.sh dev      also what `make fuzz` needs
set -eu

packages="gcc make libc6-dev libcjson-dev libzstd-dev libxxhash-dev libutf8proc-dev zlib1g-dev libcmocka-dev libpcre2-dev zstd mandoc python3"
[ "${1-}" = dev ] && packages="$packages clang libclang-rt-14-dev"

if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not Debian; install the equivalents of: $packages" >&2
    exit 0
fi
missing=""
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: as root, run: apt-get install$missing" >&2; exit 1; }
    sudo=sudo
fi
echo "setup: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # the list is meant to split
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
