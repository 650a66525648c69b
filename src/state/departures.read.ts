// What departed.ts has written down of those who have left, for people.

import type { Host } from "../host.ts";
import { type IP, parseIP } from "../net/ip.ts";
import { departedIn, type Line } from "./departures.ts";

export interface Departure {
	/** `namespace/name`, if the runtime had said. */
	readonly pod: string | undefined;
	/** When, on the monotonic clock, as attachments are dated. */
	readonly at: number;
}

/** The last departure from each address, as far as it is remembered. Never throws. */
export function departed(
	host: Host,
	dataDir: string,
): ReadonlyMap<IP, Departure> {
	const found = new Map<IP, Departure>();
	for (const path of departedIn(dataDir).toReversed()) {
		for (const text of linesOf(host, path)) {
			const line = parse(text);
			if (!line) continue;
			const [at, pod, ips] = line;
			for (const ip of ips) found.set(ip, { pod: pod ?? undefined, at });
		}
	}
	return found;
}

function linesOf(host: Host, path: string): string[] {
	try {
		return host.readFile(path).split("\n");
	} catch {
		return [];
	}
}

/** The line, if it is one: the last may be cut, and the file may be somebody's else. */
function parse(text: string): Line | undefined {
	try {
		const line: unknown = JSON.parse(text);
		return Array.isArray(line) &&
			typeof line[0] === "number" &&
			(line[1] === null || typeof line[1] === "string") &&
			Array.isArray(line[2]) &&
			line[2].every((ip) => typeof ip === "string" && parseIP(ip) === ip)
			? (line as unknown as Line)
			: undefined;
	} catch {
		return undefined;
	}
}
