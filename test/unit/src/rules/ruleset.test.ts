// The rules as they are read: which requests are sent, what a change of the rules does, and
// what is refused. The kernel in memory has recorded rules.

import { describe, expect, test } from "vitest";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { NetlinkError } from "../../../../src/netlink/nl.ts";
import type { Packet } from "../../../../src/rules/model.ts";
import {
	NatRules,
	UnsettledRulesError,
} from "../../../../src/rules/ruleset.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernel,
	fakeKernel,
	type Reply,
	type Request,
} from "../../../support/fakekernel.ts";
import { EVERYTHING, interestIn } from "../../../support/legacytable.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import {
	answersOf,
	outcomesInWords,
	packetIn,
} from "../../../support/unit/rulesets.ts";

const NAMES: ReadonlyMap<number, string> = new Map([
	[0x0a10, "generation"],
	[0x0a04, "chains"],
	[0x0a07, "rules"],
	[0x0a0a, "set"],
	[0x0a0d, "elements"],
]);

interface Scene {
	readonly rules: NatRules;
	readonly kernel: FakeKernel;
	/** The requests since the last call, in words. */
	asked(): string;
	outcomes(p: Packet): Promise<string>;
}

function scene(
	answer: (r: Request) => readonly Reply[] | undefined,
	interest = EVERYTHING,
): Scene {
	const kernel = fakeKernel({ answer });
	const host = fakeHost({ netlink: kernel.netlink });
	const rules = new NatRules(host, new Deadline(host, 1000), interest);
	let seen = 0;
	return {
		rules,
		kernel,
		asked() {
			const words = kernel.requests
				.slice(seen)
				.map(({ type }) => NAMES.get(type) ?? `${type}`);
			seen = kernel.requests.length;
			return words.join(" ");
		},
		outcomes: async (p) => outcomesInWords((await rules.outcomes(p)).all),
	};
}

/** A recorded table of legacy iptables: struct ipt_getinfo and the entries. */
function legacyTable(): [Uint8Array, Uint8Array] {
	const recorded = new Map(
		readRecorded("legacy.hex").map((r) => [r.name, r.message]),
	);
	const [info, entries] = [recorded.get("info4"), recorded.get("entries4")];
	if (!info || !entries) throw new Error("not recorded");
	return [info, entries];
}

const PORTMAP = packetIn("udp 192.0.2.7 > 203.0.113.1:8125");

describe("what is asked", () => {
	test("the chains that the packet may come through, once", async () => {
		const s = scene(answersOf("portmap"));
		expect(await s.outcomes(PORTMAP)).toBe("10.88.0.2:5353");
		// prerouting, and the two chains that it calls
		expect(s.asked()).toBe("generation chains rules rules rules generation");
		expect(await s.outcomes(PORTMAP)).toBe("10.88.0.2:5353");
		expect(s.asked()).toBe("");
		expect(await s.outcomes(packetIn("udp 192.0.2.9 > 203.0.113.10:53"))).toBe(
			"10.88.0.3:53",
		);
		expect(s.asked()).toBe("");
	});
	test("one element of a map, and the one for all other keys if there is none", async () => {
		const s = scene(answersOf("cri-o"));
		expect(await s.outcomes(PORTMAP)).toBe("10.85.0.2:5353");
		expect(s.asked()).toBe(
			"generation chains rules rules set set elements elements elements generation",
		);
	});
	test("all elements of intervals", async () => {
		const s = scene(
			answersOf("sets"),
			interestIn(packetIn("udp 192.0.2.7 > 203.0.113.1:20")),
		);
		expect(await s.outcomes(packetIn("udp 192.0.2.7 > 203.0.113.1:20"))).toBe(
			"10.0.0.20",
		);
		expect(await s.outcomes(packetIn("udp 192.0.2.200 > 203.0.113.1:20"))).toBe(
			"none",
		);
	});
	test("all of it again after the interest has grown", async () => {
		const s = scene(answersOf("portmap"));
		await s.outcomes(PORTMAP);
		s.asked();
		s.rules.drop();
		expect(await s.outcomes(PORTMAP)).toBe("10.88.0.2:5353");
		expect(s.asked()).toBe("generation chains rules rules rules generation");
	});
	test("nothing is left open", async () => {
		const s = scene(answersOf("portmap"));
		await s.outcomes(PORTMAP);
		s.rules.close();
		expect(s.kernel.open()).toBe(0);
	});
});

describe("the parts of a packet that rules ask for", () => {
	const asks = async (name: string, text: string): Promise<string> => {
		const p = packetIn(text);
		const { asks } = await scene(answersOf(name), interestIn(p)).rules.outcomes(
			p,
		);
		return [...asks].sort().join(" ");
	};
	test.each([
		["portmap", "udp 192.0.2.7 > 203.0.113.1:8125", ""],
		["docker", "udp 192.0.2.7 > 203.0.113.1:8125", "interface"],
		["docker", "udp 192.0.2.7 > 203.0.113.1:8125 by the node", ""],
		["sets", "udp 192.0.2.7 > 203.0.113.1:20", "source"],
	])("%s: %s", async (name, text, want) =>
		expect(await asks(name, text)).toBe(want),
	);

	test("another source has outcomes of its own only if rules ask for it", async () => {
		const s = scene(answersOf("sets"));
		expect(await s.outcomes(packetIn("udp 192.0.2.7 > 203.0.113.1:21"))).toBe(
			"none",
		);
		expect(await s.outcomes(packetIn("udp 192.0.2.200 > 203.0.113.1:21"))).toBe(
			"10.0.0.21",
		);
	});
});

describe("rules that change", () => {
	test("while they are read: they are read again", async () => {
		// the generation at each request for it
		const generations = [1, 2, 2, 2];
		const s = scene(answersOf("portmap", () => generations.shift() ?? 9));
		expect(await s.outcomes(PORTMAP)).toBe("10.88.0.2:5353");
		expect(s.asked()).toBe(
			"generation chains rules rules rules generation generation chains rules rules rules generation",
		);
	});
	test("after they were read: the outcomes count no more", async () => {
		let generation = 1;
		const s = scene(answersOf("portmap", () => generation));
		await s.outcomes(PORTMAP);
		expect(await s.rules.isCurrent()).toBe(true);
		const { reading } = s.rules;
		generation = 2;
		expect(await s.rules.isCurrent()).toBe(false);
		expect(s.rules.reading).toBe(reading + 1);
		s.asked();
		expect(await s.rules.isCurrent()).toBe(true);
		expect(s.asked()).toBe("");
		await s.outcomes(PORTMAP);
		expect(s.asked()).toContain("chains");
		expect(s.rules.reading).toBe(reading + 1);
		expect(await s.rules.isCurrent()).toBe(true);
	});
	test("all the time", async () => {
		let generation = 1;
		const s = scene(answersOf("portmap", () => generation++));
		await expect(s.outcomes(PORTMAP)).rejects.toThrow(UnsettledRulesError);
	});
	test.each([
		["a chain has gone", 0x0a07],
		["a set has gone", 0x0a0a],
	])("%s: all is read again", async (_, type) => {
		const usual = answersOf("cri-o");
		const s = scene((r) =>
			r.type === type && r.nth === 0 ? [errorMessage(2, r.seq)] : usual(r),
		);
		expect(await s.outcomes(PORTMAP)).toBe("10.85.0.2:5353");
		expect(s.asked().match(/chains/g)).toHaveLength(2);
	});
	test("of legacy iptables, which have no generation", async () => {
		const [info, entries] = legacyTable();
		const host = fakeHost({
			netlink: fakeKernel({ answer: (r) => [errorMessage(22, r.seq)] }).netlink,
			files: { "/proc/net/ip_tables_names": "nat\n" },
			getsockopt: (_domain, _level, name, value) => {
				if (name === 64) value.set(info);
				else value.set(entries, 40);
				return value.length;
			},
		});
		const rules = new NatRules(host, new Deadline(host, 1000), EVERYTHING);
		await rules.outcomes(PORTMAP);
		expect(await rules.isCurrent()).toBe(true);
		// a counter of the first rule (struct xt_counters), and then its network
		entries[96] = (entries[96] ?? 0) + 1;
		expect(await rules.isCurrent()).toBe(true);
		entries[0] = (entries[0] ?? 0) + 1;
		expect(await rules.isCurrent()).toBe(false);
	});
	test("a dump that the kernel interrupts is asked for again", async () => {
		const usual = answersOf("portmap");
		const s = scene((r) =>
			r.type === 0x0a07 && r.nth === 1
				? [...(usual(r) ?? []).slice(0, -1), "EINTR"]
				: usual(r),
		);
		expect(await s.outcomes(PORTMAP)).toBe("10.88.0.2:5353");
		expect(s.asked()).toBe(
			"generation chains rules rules rules rules generation",
		);
	});
});

describe("what is refused", () => {
	test("a kernel without any rules to show", async () =>
		expect(
			scene((r) => [errorMessage(22, r.seq)]).outcomes(PORTMAP),
		).rejects.toThrow("this kernel shows no nat rules"));
	test("a request that the kernel refuses", async () => {
		const usual = answersOf("portmap");
		const s = scene((r) =>
			r.type === 0x0a07 ? [errorMessage(1, r.seq)] : usual(r),
		);
		await expect(s.outcomes(PORTMAP)).rejects.toThrow(NetlinkError);
	});
});
