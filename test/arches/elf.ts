// What the header of an executable says (elf(5)): for which machine it is, and whether
// it needs anything of the machine that it runs on.

/** e_machine, by the architecture's name. */
export const MACHINES = {
	amd64: 62,
	arm64: 183,
	armv7: 40,
	ppc64le: 21,
	riscv64: 243,
	s390x: 22,
} as const;

export type Arch = keyof typeof MACHINES;

const ELFCLASS64 = 2;
const ELFDATA2MSB = 2;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;

export interface Elf {
	readonly bits: 32 | 64;
	readonly bigEndian: boolean;
	readonly machine: number;
	/** Neither a loader nor a library is asked for. */
	readonly isStatic: boolean;
}

/** Returns what the header says; throws a RangeError if the file is shorter than one. */
export function readElf(file: Uint8Array): Elf {
	const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
	const is64 = view.getUint8(4) === ELFCLASS64;
	const little = view.getUint8(5) !== ELFDATA2MSB;
	const u16 = (at: number): number => view.getUint16(at, little);
	const u32 = (at: number): number => view.getUint32(at, little);
	const start = is64 ? Number(view.getBigUint64(32, little)) : u32(28);
	const [size, count] = [u16(is64 ? 54 : 42), u16(is64 ? 56 : 44)];
	const types = Array.from({ length: count }, (_, i) => u32(start + i * size));
	return {
		bits: is64 ? 64 : 32,
		bigEndian: !little,
		machine: u16(18),
		isStatic: !types.includes(PT_INTERP) && !types.includes(PT_DYNAMIC),
	};
}
