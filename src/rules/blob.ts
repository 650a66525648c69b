// Reads the C structs in which xtables has its rules: every length is checked before it is
// read, and integers are in host order. It knows none of the structs.

import { DecodeError, LITTLE_ENDIAN } from "../netlink/nl.ts";

/** Throws DecodeError, which names `what`, if there are fewer than `length` bytes. */
export function need(blob: DataView, length: number, what: string): void {
	if (blob.byteLength < length)
		throw new DecodeError(`${what} of ${blob.byteLength} bytes`);
}

/** Returns 16 bits in host order. */
export function u16(blob: DataView, at: number): number {
	return blob.getUint16(at, LITTLE_ENDIAN);
}

/** Returns 32 bits in host order. */
export function u32(blob: DataView, at: number): number {
	return blob.getUint32(at, LITTLE_ENDIAN);
}

/** Returns the ASCII text at `at` up to its NUL, or all of `length` bytes. */
export function textAt(bytes: Uint8Array, at: number, length: number): string {
	let found = "";
	for (let i = at; i < at + length && bytes[i]; i++)
		found += String.fromCharCode(bytes[i] ?? 0);
	return found;
}
