// Reads the lines of departures.ts, for commands that name the pod an entry led to.

import type { Host } from "../host.ts";
import { type IP, parseIP } from "../net/ip.ts";
import type { Departure } from "../policy/judge.ts";
import { type DepartureLine, departureFiles } from "./departures.ts";

/** Returns the latest departure from each address, as far as it is remembered. Never throws. */
export function readDepartures(
	host: Host,
	dataDir: string,
): ReadonlyMap<IP, Departure> {
	const found = new Map<IP, Departure>();
	for (const path of departureFiles(dataDir).toReversed()) {
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

/** Returns the line, or undefined: the last line may be cut, and the file may be foreign. */
function parse(text: string): DepartureLine | undefined {
	try {
		const line: unknown = JSON.parse(text);
		return Array.isArray(line) &&
			typeof line[0] === "number" &&
			(line[1] === null || typeof line[1] === "string") &&
			Array.isArray(line[2]) &&
			line[2].every((ip) => typeof ip === "string" && parseIP(ip) === ip)
			? (line as unknown as DepartureLine)
			: undefined;
	} catch {
		return undefined;
	}
}
