// The kernel's dump of the recorded rules that translate source addresses (snat.hex).

import { doneMessage, errorMessage } from "../entries.ts";
import type { Reply, Request } from "../fakekernel.ts";
import { readRecorded } from "./fixtures.ts";

/** Returns an answer to the request for all rules: those of these recordings. */
export function answerAllRules(
	...names: readonly string[]
): (r: Request) => Reply[] | undefined {
	return (r) => {
		if (r.protocol !== 12) return undefined;
		if (r.type !== 0x0a07) return [errorMessage(22, r.seq)];
		const dumps = readRecorded("snat.hex")
			.filter(({ name }) => names.includes(name))
			.map(({ message }) => withSeq(message.slice(), r.seq));
		return [...dumps, doneMessage(r.seq)];
	};
}

/** Each message ends at its length, and the next one follows at once. */
function withSeq(messages: Uint8Array, seq: number): Uint8Array {
	const view = new DataView(messages.buffer);
	for (let at = 0; at < messages.length; at += view.getUint32(at, true))
		view.setUint32(at + 8, seq, true);
	return messages;
}
