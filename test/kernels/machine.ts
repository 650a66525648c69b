// The machines that qemu plays, by Debian's name of their architecture: all that
// differs between them.

export interface Machine {
	readonly arch: "amd64" | "arm64" | "s390x";
	readonly bigEndian: boolean;
	/** The flavours of Debian's kernels, the smallest first. */
	readonly flavours: readonly string[];
	/** The emulator's command line, and the package that has it. */
	readonly qemu: string;
	readonly package: string;
	/** Parameters of the kernel: first of all, where its console is. */
	readonly parameters: string;
	/** The C compiler for it, with what it is told first. */
	readonly compiler: readonly string[];
}

/** Two CPUs that run at the same time, because packets of one flow meet on no less. */
const TWO_CPUS = "-accel tcg,thread=multi -smp 2";

/** Debian's compiler, with the C library that the executable for it was linked with (build/sysroot.sh). */
function crossCompiler(arch: string, gnu: string): readonly string[] {
	return [`${gnu}-gcc`, `--sysroot=build/out/arch/sysroot/${arch}`];
}

export const AMD64: Machine = {
	arch: "amd64",
	bigEndian: false,
	flavours: ["cloud-amd64", "amd64"],
	// qemu 7.2 spoils the flags of cmpxchg16b, which Linux 6.12 uses.
	qemu: `qemu-system-x86_64 -machine q35 ${TWO_CPUS} -cpu qemu64,-cx16`,
	package: "qemu-system-x86",
	// 6.12 finds the clocks of two emulated CPUs apart, and then takes a slow one.
	parameters: "console=ttyS0 tsc=reliable",
	compiler: ["cc"],
};

const MACHINES: readonly Machine[] = [
	AMD64,
	{
		arch: "arm64",
		bigEndian: false,
		flavours: ["cloud-arm64", "arm64"],
		qemu: `qemu-system-aarch64 -machine virt ${TWO_CPUS} -cpu cortex-a57`,
		package: "qemu-system-arm",
		parameters: "console=ttyAMA0",
		compiler: crossCompiler("arm64", "aarch64-linux-gnu"),
	},
	{
		arch: "s390x",
		bigEndian: true,
		flavours: ["s390x"],
		qemu: `qemu-system-s390x -machine s390-ccw-virtio ${TWO_CPUS} -cpu max`,
		package: "qemu-system-misc",
		parameters: "console=ttysclp0",
		compiler: crossCompiler("s390x", "s390x-linux-gnu"),
	},
];

/** Throws if there is no machine of that architecture. */
export function machineOf(arch: string): Machine {
	const machine = MACHINES.find((m) => m.arch === arch);
	if (machine) return machine;
	const names = MACHINES.map((m) => m.arch).join(", ");
	throw new Error(`no machine of ${arch}, but of ${names}`);
}
