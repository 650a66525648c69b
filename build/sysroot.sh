#!/bin/sh
# Fetches Debian's C library of an architecture and the kernel's headers, and unpacks them
# to a directory that a compiler takes for the root of such a machine:
#
#	sysroot.sh ARCH DIRECTORY
#
# DIRECTORY/glibc then holds the release of Debian and the version of the library. Debian's
# cross compilers have a C library beside them, but without any of its security updates, and
# a release would need another source for it (LGPL, build/release/sources.sh).
set -eu

# shellcheck source=build/apt.sh
. "$(dirname "$0")/apt.sh"
suite=$codename
case $1 in
armv7) deb=armhf ;;
ppc64le) deb=ppc64el ;;
riscv64) deb=riscv64 suite=trixie ;; # Debian 12 is not made for it
*) deb=$1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lists "$work" "$suite" "$deb"
mkdir "$work/packages" "$work/root"
(cd "$work/packages" && $apt download libc6-dev linux-libc-dev)
for package in "$work"/packages/*.deb; do
	dpkg-deb --extract "$package" "$work/root"
done
version=$(dpkg-deb --field "$work"/packages/libc6-dev_*.deb Version)
echo "$suite $version" >"$work/root/glibc"
rm -rf "$2"
mkdir -p "$(dirname "$2")"
cp -r "$work/root" "$2"
