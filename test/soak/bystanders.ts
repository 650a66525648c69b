// Entries that have nothing to do with any pod of the soak, however near they come
// to one: none may ever be touched.

import { type Entry, readTable } from "../support/conntrack.ts";
import { type Flow, flowOf, insert } from "../support/flow.ts";
import { CONTAINER_PORT, HOST, ipOf, type Node, SLOTS } from "./node.ts";

export const MARK = 77;
const LASTING = 1_000_000;
/** A hostPort that no slot has. */
const OTHER_PORT = 9999;

const NEAR = SLOTS.flatMap(({ port, families }) =>
	families.flatMap((family): Partial<Flow>[] => {
		const server = family === 4 ? "198.51.100.9" : "fd09::9";
		const pod = ipOf(110, family);
		const some = { family, dport: port };
		return [
			// a pod's own talk, and what the node forwards
			{ ...some, src: pod, dst: server, replySrc: server, replySport: port },
			{ ...some, dst: server, replySrc: server, replySport: port, zone: 7 },
			// straight to where a pod may be
			{ ...some, dst: pod, replySrc: pod, replySport: port },
			// a listener of the node itself
			{
				...some,
				proto: "tcp",
				seen: "ASSURED",
				dst: HOST[family],
				replySrc: HOST[family],
				replySport: port,
			},
			// by another hostPort
			{
				...some,
				dport: OTHER_PORT,
				dst: HOST[family],
				replySrc: pod,
				replySport: CONTAINER_PORT,
			},
		];
	}),
);

/** Makes them; there is nothing else in the table that has their mark. */
export async function insertBystanders({ ns }: Node): Promise<number> {
	const flows = NEAR.map((over, n) =>
		flowOf({
			src: over.family === 6 ? "fd07::7" : "192.0.2.7",
			sport: 1000 + n,
			mark: MARK,
			timeout: LASTING,
			...over,
		}),
	);
	await insert(ns, flows);
	return flows.length;
}

export function readBystanders({ ns }: Node): Promise<Entry[]> {
	return readTable(ns, ["-m", String(MARK)]);
}
