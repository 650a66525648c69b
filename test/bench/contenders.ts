// Who runs in a case, and how: this plugin, the C program that is its floor,
// and the peers people use for the same end.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../support/exec.ts";
import { HOST4, HOST6 } from "../support/node.ts";
import type { Node } from "./node.ts";
import { type Op, opById } from "./ops.ts";
import { reconcilePairs, reconcileWords, writeCrowd } from "./reconcile.ts";
import {
	DNS,
	environment,
	GONE4,
	GONE6,
	type Mapping,
	mappingsOf,
	POD4,
	POD6,
	pair,
	stdin,
} from "./request.ts";
import { LIST, tableWords } from "./table.ts";
import { PORTMAP_VERSION, type Tools } from "./tools.ts";

/** The newest, by the name it has in the results. */
export const PORTMAP = `portmap ${PORTMAP_VERSION}`;
/** "A quarter of a million", to which most comparisons refer. */
export const MAIN_SIZE = 262_144;

/** The same call where no entry is stale, so that no rule is read. */
export const NOTHING_STALE = "ours, nothing stale";

export interface Contender {
	readonly who: string;
	readonly kind: "ours" | "floor" | "peer";
	readonly argv: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly stdin?: string;
	/** Commands that run before every run, untimed. */
	readonly before: readonly (readonly string[])[];
	/** Gives the table back what `before` took from it, and the reverse. */
	readonly after: readonly (readonly string[])[];
	/** Fewer runs than the others have at least. */
	readonly least?: number;
	/** Once, however long it takes. */
	readonly always?: boolean;
	/** It deletes or retires the hits. */
	readonly flushes: boolean;
}

/** The ports that have stale entries: of thousands, not all. */
function portsWithStale(op: Op): Mapping[] {
	return mappingsOf(op.request).slice(0, op.stale);
}

function perPort(op: Op): number {
	return Math.ceil(op.stale / Math.max(1, portsWithStale(op).length));
}

/** Returns the number of entries that a call of the operation has to remove. */
export function staleEntries(op: Op, size: number): number {
	const families = op.request.dual ? 2 : 1;
	return size === 0 ? 0 : perPort(op) * portsWithStale(op).length * families;
}

/** The commands that bring the table into the state that a call finds, and out of it. */
interface Setting {
	readonly before: readonly (readonly string[])[];
	readonly after: readonly (readonly string[])[];
}

/**
 * Entries toward the wrong pod (ADD) or toward the dying one (DEL), made anew
 * before every run; and on port 53 the healthy ones that a peer has deleted.
 */
function setting(op: Op, size: number, tools: Tools, node: Node): Setting {
	if (size === 0 || op.request.ports === 0) return { before: [], after: [] };
	const ports = portsWithStale(op).map(pair);
	const dying = op.request.command === "DEL";
	const fill = [tools.fill, node.name];
	const hits = (verb: "hits" | "gone"): string[][] => {
		const four = [HOST4, dying ? POD4 : GONE4];
		const six = [HOST6, dying ? POD6 : GONE6];
		return (op.request.dual ? [four, six] : [four]).map((to) => [
			...fill,
			verb,
			String(perPort(op)),
			...to,
			...ports,
		]);
	};
	const healthy = op.request.dns
		? [[...fill, "table", "0", String(size), String(DNS.host)]]
		: [];
	return {
		before: [...healthy, ...hits("hits")],
		after: [...healthy, ...hits("gone")],
	};
}

function floors(op: Op, tools: Tools, set: Setting): Contender[] {
	const ports = reconcilePairs(op);
	const programs = {
		nothing: { who: "C nothing", argv: [tools.nothing], flushes: false },
		dump: {
			who: "C dump",
			argv: [tools.dump, HOST4, POD4, ...ports],
			flushes: false,
		},
		flush: {
			who: "C flush",
			argv: [tools.flush, POD4, ...ports],
			flushes: true,
		},
	};
	return op.floors.map((floor) => ({
		...programs[floor],
		...set,
		kind: "floor",
		env: {},
	}));
}

/** The state that a verb finds, saved once: that of the crowd alone, or what ADD leaves, because DEL consumes it. */
async function savedState(
	op: Op,
	plugin: string,
	node: Node,
	dir: string,
): Promise<string> {
	const saved = join(node.dir, `${op.id}-saved`);
	mkdirSync(saved, { recursive: true });
	if (op.request.command === "ADD") {
		await must(["cp", "-rT", dir, saved]);
		return saved;
	}
	const request = { ...op.request, command: "ADD", on: "both" } as const;
	await must(["ip", "netns", "exec", node.name, plugin], {
		env: environment(request, node.pod),
		input: stdin(request, dir),
	}).catch(() => ""); // a plugin without the verb yet is measured as it is
	await must(["cp", "-rT", dir, saved]).catch(() => "");
	return saved;
}

async function ours(
	op: Op,
	plugin: string,
	node: Node,
	set: Setting,
): Promise<Contender> {
	const dir = join(node.dir, op.id);
	mkdirSync(dir, { recursive: true });
	writeCrowd(op.beside ?? 0, dir);
	const before = [...set.before];
	if (op.request.ports === 0) {
		// nothing is recorded
	} else if (op.request.command === "DEL" || op.beside) {
		const saved = await savedState(op, plugin, node, dir);
		before.push(["/bin/sh", "-c", `rm -rf ${dir} && cp -rT ${saved} ${dir}`]);
	} else {
		before.push(["/bin/rm", "-rf", dir]);
	}
	const input = join(node.dir, `${op.id}.json`);
	writeFileSync(input, stdin(op.request, dir));
	const env = environment(op.request, node.pod);
	return {
		who: "ours",
		kind: "ours",
		argv: [plugin],
		env,
		stdin: input,
		before,
		after: set.after,
		flushes: true,
	};
}

function portmap(
	who: string,
	file: string,
	op: Op,
	node: Node,
	set: Setting,
): Contender {
	const env = environment(op.request, node.pod);
	const rules = (verb: string): string[] => [
		"/usr/bin/env",
		`CNI_COMMAND=${verb}`,
		file,
	];
	const before = op.request.ports === 0 ? [] : [...set.before, rules("DEL")];
	if (op.request.command === "DEL" && op.request.ports > 0)
		before.push(rules("ADD"));
	return {
		who,
		kind: "peer",
		argv: [file],
		env,
		stdin: join(node.dir, `${op.id}.json`),
		before,
		after: op.request.ports === 0 ? [] : [rules("DEL"), ...set.after],
		flushes: op.request.command === "ADD",
	};
}

/** The budget of a verb without a port is set against the cheapest call that portmap has. */
function portmapVersion(file: string, op: Op, node: Node): Contender[] {
	if (op.request.ports > 0 || op.request.command === "VERSION") return [];
	const request = { ...op.request, command: "VERSION" } as const;
	const input = join(node.dir, "portmap-version.json");
	writeFileSync(input, stdin(request, ""));
	return [
		{
			who: `${PORTMAP} VERSION`,
			kind: "peer",
			argv: [file],
			env: environment(request, node.pod),
			stdin: input,
			before: [],
			after: [],
			flushes: false,
		},
	];
}

function conntrack(file: string, op: Op, set: Setting): Contender[] {
	// One call for each port and family; only the simple case is compared.
	const { ports, dual, command, on } = op.request;
	if (ports !== 1 || dual || (command === "DEL" && on === "both")) return [];
	const port = String(mappingsOf(op.request)[0]?.host);
	const argv = [file, "-D", "-p", "udp", "--orig-port-dst", port];
	if (command === "DEL") argv.push("--reply-src", POD4);
	return [
		{ who: "conntrack -D", kind: "peer", argv, env: {}, ...set, flushes: true },
	];
}

/** The whole table, as people look at it. */
function listing(file: string, set: Setting): Contender {
	const argv = [file, "-L", "-o", "extended"];
	return { who: LIST, kind: "peer", argv, env: {}, ...set, flushes: false };
}

/**
 * portmap's DEL flushes nothing: it is there once, to compare the rest. What
 * our DEL is set against is portmap's one flush, on ADD.
 */
function portmaps(
	op: Op,
	size: number,
	tools: Tools,
	node: Node,
	set: Setting,
): Contender[] {
	const list: Contender[] = [];
	if (op.beside !== undefined) return list;
	if (op.request.command === "DEL" && size > 0) {
		if (op.id !== "del-1" || tools.portmapNew === undefined) return [];
		const add = { ...op, request: { ...op.request, command: "ADD" } } as const;
		return [portmap(`${PORTMAP} ADD`, tools.portmapNew, add, node, set)];
	}
	if (tools.portmapDistro !== undefined)
		list.push(portmap("portmap (Debian)", tools.portmapDistro, op, node, set));
	if (tools.portmapNew !== undefined) {
		// Minutes, which the comparison is about.
		const always =
			size === MAIN_SIZE && /^add-(16|100)$/.test(op.id)
				? { always: true }
				: {};
		list.push({
			...portmap(PORTMAP, tools.portmapNew, op, node, set),
			...always,
		});
		list.push(...portmapVersion(tools.portmapNew, op, node));
	}
	return list;
}

export async function contenders(
	op: Op,
	size: number,
	tools: Tools,
	node: Node,
): Promise<Contender[]> {
	const set = setting(op, size, tools, node);
	if (op.request.command === "RECONCILE") {
		const argv = [tools.plugin, ...reconcileWords(op, node)];
		const own = { who: "ours", kind: "ours", argv, env: {}, ...set } as const;
		return [{ ...own, flushes: true }, ...floors(op, tools, set)];
	}
	if (op.request.command === "TABLE") {
		const argv = [tools.plugin, ...tableWords(op, node)];
		const more = { kind: "ours", env: {}, ...set } as const;
		const own = {
			who: "ours",
			argv,
			flushes: op.id === "flush-stale",
			...more,
		};
		return tools.conntrack === undefined
			? [own]
			: [own, listing(tools.conntrack, set)];
	}
	// First, because the peers read the same document.
	const list = [await ours(op, tools.plugin, node, set)];
	if (op.one !== undefined) {
		const one = opById(op.one);
		const single = setting(one, size, tools, node);
		const own = await ours(one, tools.plugin, node, single);
		list.push({ ...own, who: "ours, 1 port", flushes: false });
	}
	if (op.services !== undefined) {
		const idle = { before: [], after: [] };
		const own = await ours(op, tools.plugin, node, idle);
		return [...list, { ...own, who: NOTHING_STALE }];
	}
	list.push(...floors(op, tools, set), ...portmaps(op, size, tools, node, set));
	if (tools.conntrack !== undefined)
		list.push(...conntrack(tools.conntrack, op, set));
	return list;
}
