#!/bin/sh
# Fetches Debian's source of the glibc that is linked into the executables, into the
# directory that is its argument: the LGPL asks that who gets the executable can get it too.
# apt checks it against Debian's signature. The machine's own lists are left alone.
set -eu

version=$(dpkg-query --show --showformat '${source:Version}' libc6-dev)
dir=$1
[ "$(cat "$dir.version" 2>/dev/null)" != "$version" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. /etc/os-release
cat >"$work/sources.list" <<END
deb-src http://deb.debian.org/debian $VERSION_CODENAME main
deb-src http://deb.debian.org/debian $VERSION_CODENAME-updates main
deb-src http://deb.debian.org/debian-security $VERSION_CODENAME-security main
END
mkdir -p "$work/lists/partial" "$work/sources"
apt="apt-get -qq -o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=-
	-o Dir::State::Lists=$work/lists -o APT::Sandbox::User=root"
$apt update
(cd "$work/sources" && $apt source --download-only "glibc=$version")
rm -rf "$dir"
mkdir -p "$(dirname "$dir")"
cp -r "$work/sources" "$dir"
echo "$version" >"$dir.version"
