// The words of the test and the evaluator's process to each other.

import type { Outcome, Packet } from "../../../src/rules/model.ts";

/** A packet without its function. */
export type Asked = Omit<Packet, "isLocal">;

/** The packets of a round, and the node's own addresses in hexadecimal digits. */
export interface Question {
	/** The evaluator, by its place among the process's arguments. */
	readonly tree: number;
	readonly packets: readonly Asked[];
	readonly own: readonly string[];
}

/** The outcomes of each packet; without a question the process says that it is ready. */
export interface Reply {
	readonly outcomes?: readonly (readonly Outcome[])[];
	readonly error?: string;
}

export function hex(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString("hex");
}

/** Adds what a packet knows about the node. */
export function packetOf(asked: Asked, own: ReadonlySet<string>): Packet {
	return { ...asked, isLocal: (address) => own.has(hex(address)) };
}
