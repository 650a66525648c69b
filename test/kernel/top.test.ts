// What `top` counts in a real table is what `conntrack -L -o extended` lists.

import { join } from "node:path";
import { expect, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { random } from "../support/random.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

const EXECUTABLE = join(OUR_BIN, "conntrack-flush");

/** Entries of every protocol, family and state, in zones and not, with a few clients that have many. */
function mixture(n: number): Made[] {
	const r = random(7);
	return Array.from({ length: n }, (_, i): Made => {
		const v4 = r.chance(0.7);
		const client = r.chance(0.4) ? 1 : r.below(60);
		const [src, dst] = v4
			? [`192.0.2.${client}`, `203.0.113.${r.below(3)}`]
			: [`[fd07::${client}]`, `[fd03::${r.below(3)}]`];
		const proto = r.pick([
			"udp",
			"udp",
			"tcp",
			"sctp",
			"udplite",
			v4 ? "icmp" : "icmpv6",
		]);
		const isPing = proto.startsWith("icmp");
		const to = isPing ? (v4 ? 8 : 128) : r.pick([53, 80, 8125]);
		const from = 1024 + i;
		return {
			proto,
			orig: `${src}:${from} > ${dst}:${to}`,
			...(isPing && { reply: `${dst}:${from} > ${src}:${v4 ? 0 : 129}` }),
			status: r.pick([[], ["SEEN_REPLY"], ["SEEN_REPLY", "ASSURED"]] as const),
			...(r.chance(0.2) &&
				r.pick([{ zone: 7 }, { origZone: 7 }, { replyZone: 7 }])),
		};
	});
}

/** Counts what the tool lists, by the words that `top` has for it. */
function countsIn(text: string) {
	const by = {
		state: new Map<string, number>(),
		source: new Map<string, number>(),
		destination: new Map<string, number>(),
	};
	const add = (counts: Map<string, number>, key: string): void =>
		void counts.set(key, (counts.get(key) ?? 0) + 1);
	for (const line of text.trimEnd().split("\n")) {
		// ipv4 2 tcp 6 899 ESTABLISHED src=…
		const [, , proto = "", , , word = ""] = line.split(/\s+/);
		const value = (name: string): string =>
			new RegExp(` ${name}=(\\S+)`).exec(line)?.[1] ?? "";
		const answered = line.includes("[ASSURED]")
			? "ASSURED"
			: line.includes("[UNREPLIED]")
				? "UNREPLIED"
				: "REPLIED";
		add(by.state, `${proto} ${proto === "tcp" ? word : answered}`);
		add(by.source, value("src"));
		add(by.destination, `${proto} ${value("dst")} ${value("dport") || 0}`);
	}
	return by;
}

interface Counted {
	readonly entries: number;
}
interface Shown {
	readonly entries: number;
	readonly max: number;
	readonly counted: number;
	readonly protocols: (Counted & { proto: string; state: string })[];
	readonly sources: (Counted & { ip: string })[];
	readonly destinations: (Counted & {
		proto: string;
		ip: string;
		port: number;
	})[];
}

test("every count is the one of conntrack -L", async () => {
	const agent = await startAgent();
	await agent.create(...mixture(700));
	const argv = [EXECUTABLE, "top", "--rows", "1000", "-o", "json"];
	const { code, stdout, stderr } = await run(agent.ns.inside(argv));
	expect([code, stderr]).toEqual([0, ""]);
	const shown: Shown = JSON.parse(stdout);
	const lines = await Promise.all(
		["ipv4", "ipv6"].map((family) =>
			must(
				agent.ns.inside(["conntrack", "-L", "-o", "extended", "-f", family]),
			),
		),
	);
	const want = countsIn(lines.join(""));
	const sorted = (counts: Iterable<readonly [string, number]>) =>
		[...counts].sort();
	expect([shown.entries, shown.counted]).toEqual([700, 700]);
	expect(shown.max).toBeGreaterThan(700);
	expect(
		sorted(
			shown.protocols.map((row) => [`${row.proto} ${row.state}`, row.entries]),
		),
	).toEqual(sorted(want.state));
	expect(sorted(shown.sources.map((row) => [row.ip, row.entries]))).toEqual(
		sorted(want.source),
	);
	expect(
		sorted(
			shown.destinations.map((row) => [
				`${row.proto} ${row.ip} ${row.port}`,
				row.entries,
			]),
		),
	).toEqual(sorted(want.destination));
	expect(want.state.size).toBeGreaterThan(10);
	expect(await agent.count()).toBe(700);
});
