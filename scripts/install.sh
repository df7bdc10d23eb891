#!/usr/bin/env bash
# Puts the executable, its manual pages and its completions below a directory,
# or takes them away again; `make install PREFIX=DIR` and `make uninstall`.
#   scripts/install.sh install|uninstall EXECUTABLE DIR
set -eu
what=$1 exe=$2 dir=$3
man=$dir/share/man/man1
bash=$dir/share/bash-completion/completions/llmctl
zsh=$dir/share/zsh/site-functions/_llmctl
fish=$dir/share/fish/vendor_completions.d/llmctl.fish

if [ "$what" = uninstall ]; then
    rm -f "$dir/bin/llmctl" "$man/llmctl.1" "$man"/llmctl-*.1 "$bash" "$zsh" "$fish"
    exit 0
fi
install -D -m 755 "$exe" "$dir/bin/llmctl"
mkdir -p "$man"
"$exe" man >"$man/llmctl.1"
"$exe" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | while read -r command; do
    "$exe" man "$command" >"$man/llmctl-$command.1"
    "$exe" help "$command" | sed -n "/^Subcommands:/,/^\$/s/^  $command \([a-z]*\) .*/\1/p" | while read -r sub; do
        "$exe" man "$command" "$sub" >"$man/llmctl-$command-$sub.1"
    done
done
mkdir -p "${bash%/*}" "${zsh%/*}" "${fish%/*}"
"$exe" completion bash >"$bash"
"$exe" completion zsh >"$zsh"
"$exe" completion fish >"$fish"
