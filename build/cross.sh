#!/bin/sh
# Builds the executable for another architecture, by Debian's compilers:
#   cross.sh arm64 | armv7 | ppc64le | riscv64 | s390x
# It comes to build/out/arch/ARCH/conntrack-flush. The bundle must be there.
#
# rustup's toolchain has Rust's library for this machine alone, so Debian's builds it
# from source (-Zbuild-std, which asks for RUSTC_BOOTSTRAP). Built so, it has no code
# that prints the frames of a panic, which are 190 kB.
set -eu

case $1 in
arm64) target=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu ;;
armv7) target=armv7-unknown-linux-gnueabihf gnu=arm-linux-gnueabihf ;;
ppc64le) target=powerpc64le-unknown-linux-gnu gnu=powerpc64le-linux-gnu ;;
riscv64) target=riscv64gc-unknown-linux-gnu gnu=riscv64-linux-gnu ;;
s390x) target=s390x-unknown-linux-gnu gnu=s390x-linux-gnu ;;
*) echo "no such architecture: $1" >&2 && exit 1 ;;
esac

# Debian's archive keeps only the newest package, so no older one can be asked for by its
# version. Another version makes other bytes: it is refused until somebody has tried it.
rust=1.96.0 gcc=12.2.0
case $(/usr/bin/rustc --version) in
"rustc $rust "*) ;;
*) echo "Debian's rustc-web is not $rust: $(/usr/bin/rustc --version)" >&2 && exit 1 ;;
esac
[ "$("$gnu-gcc" -dumpfullversion)" = $gcc ] || {
	echo "$gnu-gcc is not $gcc: $("$gnu-gcc" -dumpfullversion)" >&2 && exit 1
}

root=$(cd "$(dirname "$0")/.." && pwd)
native=$root/plugin/host/native
work=$root/build/out/arch
# Cargo's home is the build's own, because a file is added to a crate in it.
export CARGO_HOME="$work/cargo" CARGO_TARGET_DIR="$work/target"
export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
linker=CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_LINKER
export "$linker=$gnu-gcc"

sysroot=$work/sysroot/$1
[ -e "$sysroot/glibc" ] || sh "$root/build/sysroot.sh" "$1" "$sysroot"
export "CC_$(echo "$target" | tr - _)=$gnu-gcc --sysroot=$sysroot"
flags="'--remap-path-prefix=$CARGO_HOME=/cargo','--remap-path-prefix=$root=/src'"
flags="$flags,'-Clink-arg=--sysroot=$sysroot'"
if [ "$1" = riscv64 ]; then
	# There the engine's atomics of one byte are calls of a library.
	flags="$flags,'-Clink-arg=-l:libatomic.a'"
	# Its C library is newer than binutils' linker, which crashes on it.
	mkdir -p "$work/lld"
	ln -sf "$(command -v ld.lld-19)" "$work/lld/ld"
	flags="$flags,'-Clink-arg=-B$work/lld'"
fi

cd "$native"
/usr/bin/cargo fetch --quiet --locked
# The engine's crate has a file of declarations for each target, but for two of ours.
# Those for 64-bit Linux are all the same, byte for byte.
for bindings in "$CARGO_HOME"/registry/src/*/rquickjs-sys-*/src/bindings; do
	[ -f "$bindings/$target.rs" ] ||
		cp "$bindings/x86_64-unknown-linux-gnu.rs" "$bindings/$target.rs"
done

# Built for speed, as elsewhere, the engine is half a megabyte larger on POWER.
engine=3
[ "$1" != ppc64le ] || engine='"s"'

build() {
	/usr/bin/cargo build --release --locked --quiet --target "$target" \
		-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size \
		--config "target.'cfg(all())'.rustflags=[$flags]" \
		--config "profile.release.package.rquickjs-sys.opt-level=$engine" "$@"
}

# Bytecode is bound to the byte order of the engine that wrote it, so an engine for that
# processor, in an emulator, compiles the chunks.
if [ "$1" = s390x ]; then
	build --bin chunks --features chunks
	rm -rf "$work/chunks"
	mkdir -p "$work/chunks"
	CARGO_MANIFEST_DIR=$native OUT_DIR=$work/chunks \
		"qemu-$1-static" "$CARGO_TARGET_DIR/$target/release/chunks" >/dev/null
	export CHUNKS="$work/chunks"
fi
build --bin conntrack-flush
install -D "$CARGO_TARGET_DIR/$target/release/conntrack-flush" \
	"$work/$1/conntrack-flush"
