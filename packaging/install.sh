#!/bin/sh
# Installs surge @VERSION@ into ~/.local/bin, or into the folder SURGE_BIN, after a check of its sum.
#
#   curl -fsSL @REPOSITORY@/releases/download/v@VERSION@/install.sh | sh
#
# SURGE_DOWNLOAD replaces the address of the release, for a mirror.
set -eu

version=@VERSION@
from=${SURGE_DOWNLOAD:-@REPOSITORY@/releases/download/v$version}
to=${SURGE_BIN:-$HOME/.local/bin}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

# The sums are part of this script, so a changed archive on the server is refused.
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) target=x86_64-unknown-linux-musl sum=@SHA256_x86_64-unknown-linux-musl@ ;;
Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl sum=@SHA256_aarch64-unknown-linux-musl@ ;;
Darwin-x86_64) target=x86_64-apple-darwin sum=@SHA256_x86_64-apple-darwin@ ;;
Darwin-arm64) target=aarch64-apple-darwin sum=@SHA256_aarch64-apple-darwin@ ;;
*) fail "there is no archive for $(uname -s) on $(uname -m); build it with: cargo install --path tui" ;;
esac

if command -v sha256sum >/dev/null; then
  sum_of() { sha256sum "$1" | cut -d ' ' -f 1; }
elif command -v shasum >/dev/null; then
  sum_of() { shasum -a 256 "$1" | cut -d ' ' -f 1; }
else
  fail "neither sha256sum nor shasum is installed"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
name=surge-v$version-$target
case $from in
https://* | http://*)
  command -v curl >/dev/null || fail "curl is not installed"
  curl -fsSL --retry 3 -o "$folder/archive.tar.gz" "$from/$name.tar.gz" || fail "downloading $from/$name.tar.gz failed"
  ;;
*) cp "$from/$name.tar.gz" "$folder/archive.tar.gz" || fail "reading $from/$name.tar.gz failed" ;;
esac
found=$(sum_of "$folder/archive.tar.gz")
[ "$found" = "$sum" ] || fail "$name.tar.gz has the sum $found instead of $sum; nothing was installed"
tar -xzf "$folder/archive.tar.gz" -C "$folder"
mkdir -p "$to"
# A running surge keeps its file.
mv -f "$folder/$name/surge" "$to/surge.new" && mv -f "$to/surge.new" "$to/surge"
printf 'surge %s is in %s\n' "$version" "$to"
case ":$PATH:" in
*":$to:"*) ;;
*) printf 'add it to PATH: export PATH="%s:$PATH"\n' "$to" ;;
esac
