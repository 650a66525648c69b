// Changes the table of its namespace as fast as it can: makes entries and
// deletes them again, in batches, until its parent ends. Before that it fills
// the table with entries that stay.

import { nodeHost } from "../../plugin/host/node.ts";
import { creation, type Made } from "../kernel/creation.ts";
import {
	datagram,
	message,
	nest,
	nfgenmsg,
	protoNumber,
	tuple,
	tupleBytes,
} from "../support/entries.ts";
import { FILLER, FILLER_MARK, type Rate } from "./churn.ts";

/** Refusals come for each message; the socket holds 256. */
const BATCH = 200;
const BATCHES = 100;
/** So many of them are in the table at a time. */
const ALIVE = BATCHES / 2;

const socket = nodeHost([]).netlink(12, 10_000);
const into = new Uint8Array(65_536);

function fillerAt(n: number): Made {
	const source = `198.18.${n >> 8}.${n & 0xff}`;
	return {
		orig: `${source}:6000 > 203.0.113.1:${9000 + (n % 7)}`,
		reply: `10.88.0.7:5353 > ${source}:6000`,
		mark: FILLER_MARK,
	};
}

/** Returns an entry of another port, of the pod that comes, or of one that is gone. */
function churnAt(n: number): Made {
	const source = n % 3 === 0 ? "[fd12::7]" : "198.19.0.7";
	const [host, pod, old] =
		n % 3 === 0
			? ["[fd03::1]", "[fd88::2]", "[fd88::9]"]
			: ["203.0.113.1", "10.88.0.2", "10.88.0.9"];
	const client = `${source}:${10_000 + n}`;
	return {
		orig: `${client} > ${host}:${n % 2 === 0 ? 8125 : 9125}`,
		reply: `${n % 4 === 0 ? pod : old}:5353 > ${client}`,
	};
}

/** IPCTNL_MSG_CT_DELETE of one complete original tuple; ACK if an answer to success is wanted too. */
function deletion({ orig }: Made, seq: number, ack: boolean): Uint8Array {
	const t = tuple(orig);
	return message(
		{ type: 0x0102, flags: ack ? 5 : 1, seq },
		nfgenmsg(t.src.includes(":") ? 10 : 2),
		nest(1, tupleBytes(t, protoNumber("udp"))),
	);
}

function batchOf(
	specs: readonly Made[],
	write: (spec: Made, seq: number, ack: boolean) => Uint8Array,
): Uint8Array {
	const { length } = specs;
	return datagram(...specs.map((s, i) => write(s, i + 1, i === length - 1)));
}

/** Sends a batch, and returns how many of it the kernel did. */
async function done(batch: Uint8Array, count: number): Promise<number> {
	await socket.send(batch);
	let refused = 0;
	for (;;) {
		const length = await socket.recv(into);
		const view = new DataView(into.buffer, 0, length);
		for (let at = 0; at + 20 <= length; ) {
			if (view.getInt32(at + 16, true) !== 0) refused++;
			if (view.getUint32(at + 8, true) === count) return count - refused;
			at += (view.getUint32(at, true) + 3) & ~3;
		}
	}
}

for (let from = 0; from < FILLER; from += BATCH) {
	const some = Array.from({ length: BATCH }, (_, n) => fillerAt(from + n));
	await done(batchOf(some, creation), BATCH);
}
const batches = Array.from({ length: BATCHES }, (_, b) => {
	const some = Array.from({ length: BATCH }, (_, n) => churnAt(b * BATCH + n));
	return { make: batchOf(some, creation), remove: batchOf(some, deletion) };
});

let changes = 0;
let since = performance.now();
process.on("message", () => {
	const now = performance.now();
	process.send?.({ changes, ms: now - since } satisfies Rate);
	[changes, since] = [0, now];
});
process.on("disconnect", () => process.exit());
process.on("SIGINT", () => {}); // the parent decides
process.send?.({ changes: 0, ms: 0 } satisfies Rate);
for (let n = 0; ; n++) {
	const [come, go] = [batches[n % BATCHES], batches[(n + ALIVE) % BATCHES]];
	if (come) changes += await done(come.make, BATCH);
	if (go) changes += await done(go.remove, BATCH);
	// for the parent's messages
	await new Promise<void>((resolve) => setImmediate(resolve));
}
