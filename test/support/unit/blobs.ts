// The recorded parts of rules of legacy iptables, by the names that the recorder gave.

import { readRecorded } from "./fixtures.ts";

/** A match or target. */
export interface Blob {
	readonly name: string;
	readonly revision: number;
	readonly blob: DataView;
}

export function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Reads test/fixtures/xtables.hex. */
export function readBlobs(): (name: string) => Blob {
	const blobs = new Map<string, Blob>();
	for (const recorded of readRecorded("xtables.hex")) {
		const [label = "", name = "", revision] = recorded.name.split(" ");
		const blob = viewOf(recorded.message);
		blobs.set(label, { name, revision: Number(revision), blob });
	}
	return (label) => {
		const found = blobs.get(label);
		if (!found) throw new Error(`not recorded: ${label}`);
		return found;
	};
}
