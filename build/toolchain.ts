// What compiles and links the executable of an architecture: this machine's Rust and C
// compiler, or Debian's for others (build/cross.sh). The library of each is inside the
// executable, so its version and its licence matter.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Toolchain {
	readonly rust: string;
	/** The GNU C Library that is linked in. */
	readonly glibc: string;
	readonly gcc: string;
	/** Libraries of gcc's that are linked in. */
	readonly gccLibraries: readonly string[];
	/** The texts of the licences of Rust's library; HTML if they are Rust's own. */
	readonly rustNotices: readonly string[];
	/** The texts that glibc's authors and Debian ship with it. */
	readonly glibcNotices: readonly string[];
	/** The exception that lifts what the GPL would ask of a program that gcc compiled. */
	readonly gccNotices: readonly string[];
}

/** The names that Debian's compilers have for an architecture. */
const CROSS: Readonly<Record<string, string>> = {
	arm64: "aarch64-linux-gnu",
	armv7: "arm-linux-gnueabihf",
	ppc64le: "powerpc64le-linux-gnu",
	riscv64: "riscv64-linux-gnu",
	s390x: "s390x-linux-gnu",
};

/** The architecture whose executable is built by this machine's own toolchain. */
export const OWN = "amd64";

const COPYRIGHT = "/usr/share/doc/libc6-dev/copyright";
const LGPL = "/usr/share/common-licenses/LGPL-2.1";

function output(file: string, ...args: readonly string[]): string {
	return execFileSync(file, args, { encoding: "utf8" }).trim();
}

function read(path: string): string {
	return readFileSync(path, "utf8");
}

/** Returns the version that `rustc --version` prints. */
const versionOf = (rustc: string): string =>
	output(rustc, "--version").split(" ")[1] ?? "";

/** Returns the toolchain for an architecture. Throws if it is not there. */
export function toolchainFor(arch: string): Toolchain {
	const docs = join(output("rustc", "--print=sysroot"), "share/doc/rust");
	const gccNotices = [read(join(docs, "licenses/GCC-exception-3.1.txt"))];
	if (arch === OWN) {
		return {
			rust: versionOf("rustc"),
			glibc: output("getconf", "GNU_LIBC_VERSION").split(" ")[1] ?? "",
			gcc: output("gcc", "-dumpfullversion"),
			gccLibraries: ["libgcc"],
			rustNotices: [
				read(join(docs, "COPYRIGHT-library.html")),
				read(join(docs, "licenses/Unicode-3.0.txt")),
			],
			glibcNotices: [read(COPYRIGHT), read(LGPL)],
			gccNotices,
		};
	}
	const gnu = CROSS[arch];
	if (!gnu) throw new Error(`unknown ARCH: ${arch}`);
	const sysroot = `build/out/arch/sysroot/${arch}`;
	return {
		rust: versionOf("/usr/bin/rustc"),
		// "trixie 2.41-12+deb13u5" is glibc 2.41
		glibc: / ([\d.]+)/.exec(read(join(sysroot, "glibc")))?.[1] ?? "",
		gcc: output(`${gnu}-gcc`, "-dumpfullversion"),
		// riscv64 has no atomics of a byte
		gccLibraries: ["libgcc", ...(arch === "riscv64" ? ["libatomic"] : [])],
		rustNotices: [read("/usr/share/doc/rust-web-src/copyright")],
		glibcNotices: [read(join(sysroot, COPYRIGHT)), read(LGPL)],
		gccNotices,
	};
}
