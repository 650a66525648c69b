// The conntrack table of a namespace as the `conntrack` tool shows it: another
// pair of eyes than our own code. For assertions and for making entries.

import { must, run } from "./exec.ts";
import type { Namespace } from "./netns.ts";

export interface Tuple {
	readonly src: string;
	readonly dst: string;
	readonly sport: number;
	readonly dport: number;
}

export interface Entry {
	readonly family: 4 | 6;
	readonly proto: string;
	/** Seconds left. */
	readonly timeout: number;
	readonly orig: Tuple;
	readonly reply: Tuple;
	readonly id: string;
	readonly text: string;
}

/** Entries with ports, of both families; `only` are options of the tool that choose some. */
export async function readTable(
	ns: Namespace,
	only: readonly string[] = [],
): Promise<Entry[]> {
	const entries: Entry[] = [];
	for (const family of [4, 6] as const) {
		const text = await must(
			ns.inside(["conntrack", "-L", "-f", `ipv${family}`, "-o", "id", ...only]),
		);
		for (const line of text.split("\n")) {
			const entry = parseEntry(line, family);
			if (entry !== undefined) entries.push(entry);
		}
	}
	return entries;
}

/** `udp 17 29 src=… dst=… sport=… dport=… [UNREPLIED] src=… … id=…` */
export function parseEntry(line: string, family: 4 | 6): Entry | undefined {
	const [proto = "", , timeout = ""] = line.split(/\s+/, 3);
	const fields = [...line.matchAll(/\b(src|dst|sport|dport|id)=(\S+)/g)];
	const nth = (name: string, n: number): string =>
		fields.filter((f) => f[1] === name)[n]?.[2] ?? "";
	if (nth("dport", 1) === "") return undefined;
	const tuple = (n: number): Tuple => ({
		src: nth("src", n),
		dst: nth("dst", n),
		sport: Number(nth("sport", n)),
		dport: Number(nth("dport", n)),
	});
	return {
		family,
		proto,
		timeout: Number(timeout),
		orig: tuple(0),
		reply: tuple(1),
		id: nth("id", 0),
		text: line,
	};
}

/** Empties the table of the namespace. */
export async function flushTable(ns: Namespace): Promise<void> {
	await run(ns.inside(["conntrack", "-F"]));
}
