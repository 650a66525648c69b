// The architectures that a run is about beside this machine's, and what runs their
// programs here: Debian's qemu-user-static, named in argv, because a machine may have no
// binfmt_misc.

import { type Arch, MACHINES } from "./elf.ts";

export const EMULATORS: Readonly<Record<Arch, readonly string[]>> = {
	amd64: [],
	arm64: ["qemu-aarch64-static"],
	armv7: ["qemu-arm-static"],
	ppc64le: ["qemu-ppc64le-static"],
	riscv64: ["qemu-riscv64-static"],
	s390x: ["qemu-s390x-static"],
};

/** What ARCHES names; without it arm64. */
export const OTHER_ARCHES: readonly Arch[] = (process.env.ARCHES ?? "arm64")
	.split(" ")
	.map((name): Arch => {
		if (Object.hasOwn(MACHINES, name)) return name as Arch;
		throw new Error(`no such architecture: ${name}`);
	});
