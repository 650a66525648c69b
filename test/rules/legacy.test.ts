// The nat table of legacy iptables, read by the native host out of the kernel and
// compared with the kernel itself: packets show where it sends them.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Outcome } from "../conformance/probe.ts";
import { check, commandOf } from "../conformance/run.ts";
import { flushTable, readTable } from "../support/conntrack.ts";
import { must, run } from "../support/exec.ts";
import type { Described } from "../support/legacytable.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";

/** The node sends to itself, for which the kernel takes the destination as the source. */
const V4 = { src: "203.0.113.1", dst: "203.0.113.1", elsewhere: "203.0.113.2" };
const V6 = { src: "fd03::1", dst: "fd03::1", elsewhere: "fd03::2" };
const LOCALS = [V4, V6].flatMap((v) => Object.values(v));
const PORTS = [52, 53, 54, 8000, 8080, 8124, 8125, 8126];

let ns: Namespace;
beforeAll(async () => {
	ns = await createNamespace("legacy");
	await ip(ns, [
		...[V4.dst, V4.elsewhere].map((a) => `address add ${a}/32 dev lo`),
		...[V6.dst, V6.elsewhere].map((a) => `address add ${a}/128 dev lo`),
	]);
});
afterAll(() => ns.remove());

async function outcome(
	where: Namespace,
	words: readonly string[],
): Promise<Outcome> {
	const { stdout } = await run(where.inside(words));
	return JSON.parse(stdout)[0];
}

async function linesFor(d: Described): Promise<readonly string[]> {
	const words = commandOf("native", [["legacy", JSON.stringify(d)]]);
	const got = await outcome(ns, words);
	if (!("value" in got)) throw new Error(JSON.stringify(got));
	return got.value as readonly string[];
}

async function load(
	program: string,
	...rules: readonly string[]
): Promise<void> {
	for (const rule of ["-F", "-X", ...rules])
		await must(ns.inside([program, "-w", "-t", "nat", ...rule.split(" ")]));
}

/** One rule in a chain of its own, because OUTPUT itself takes no `-i`. */
function rulesOf(match: string, { elsewhere }: typeof V4): string[] {
	const rule = `-A C ${match} -j DNAT --to-destination ${elsewhere}`;
	return ["-N C", "-A OUTPUT -j C", rule];
}

/** Sends a packet to each port and returns the ports that the kernel sends elsewhere. */
async function sentElsewhere(to: typeof V4): Promise<number[]> {
	await flushTable(ns);
	const sends = PORTS.map((p) => `echo x > /dev/udp/${to.dst}/${p}`);
	await must(ns.inside(["bash", "-c", `${sends.join("; ")}; true`]));
	const table = await readTable(ns, ["-p", "udp"]);
	const found = table.filter((e) => e.orig.dst === to.dst);
	expect(found).toHaveLength(PORTS.length);
	return found
		.filter((e) => e.reply.src === to.elsewhere)
		.map((e) => e.orig.dport)
		.sort((a, b) => a - b);
}

/** Returns the ports for which all matches of the rule say yes. */
async function saidYes(to: typeof V4): Promise<number[]> {
	const said: number[] = [];
	for (const dport of PORTS) {
		const packet = { src: to.src, dst: to.dst, dport, on: null };
		const lines = await linesFor({ ...packet, locals: LOCALS });
		const rule = lines.find((line) => line.startsWith("C 1:"));
		expect(rule).toMatch(/: (yes, |no, )*send to/);
		if (!rule?.includes("no,")) said.push(dport);
	}
	return said;
}

describe("the kernel agrees about every match that the packet decides", () => {
	test.each([
		"-p udp -m udp --dport 8125",
		"-p udp -m udp --dport 8000:8124",
		"-p udp -m udp ! --dport 8125",
		"-p udp -m multiport --dports 53,8000:8080,8126",
		"-p udp -m multiport ! --dports 53,8125",
		"-p udp -m addrtype --dst-type LOCAL",
		"-p udp -m addrtype ! --dst-type LOCAL",
		"-p udp -m addrtype --src-type LOCAL -m udp --dport 53",
		"-p udp -m addrtype --dst-type UNICAST",
		"-p udp -d 203.0.113.0/24",
		"-s 203.0.113.1",
		"! -s 203.0.113.2",
		"-p udp ! -d 203.0.113.1",
		"-p udp -d 203.0.113.2",
		"-p udp ! -s 10.0.0.0/8 -m udp --dport 8080",
		"-p udp ! -i eth0",
		"-p udp -i lo",
		"-p udp -i +",
		"! -p tcp -m comment --comment x",
		"! -p udp",
		"-p udp -f",
		"-p udp ! -f",
	])("%s", async (match) => {
		await load("iptables-legacy", ...rulesOf(match, V4));
		expect(await saidYes(V4)).toEqual(await sentElsewhere(V4));
	});

	test.each([
		"-p udp -m udp --dport 8125",
		"-p udp -m addrtype --dst-type LOCAL",
		"-p udp -m addrtype ! --dst-type LOCAL",
		"-p udp -d fd03::/64 -m multiport --dports 53,8000:8080",
		"-p udp ! -d fd03::1",
		"! -p tcp -s fd03::1",
		"! -p udp",
		"-p udp ! -i eth0",
	])("ip6tables %s", async (match) => {
		await load("ip6tables-legacy", ...rulesOf(match, V6));
		expect(await saidYes(V6)).toEqual(await sentElsewhere(V6));
	});
});

test("jumps, gotos and the ends of chains are those of the commands", async () => {
	await load(
		"iptables-legacy",
		"-N A",
		"-N B",
		"-N EMPTY",
		"-A PREROUTING -j A",
		"-A PREROUTING -g B",
		"-A PREROUTING -j EMPTY",
		"-A A -j B",
		"-A A -j RETURN",
		"-A B -p udp -j LOG",
		"-A B -p udp",
		"-A B -p udp -j REDIRECT --to-ports 99",
		"-A B -j ACCEPT",
		"-A OUTPUT -p udp -j DNAT --to-destination 203.0.113.2:53-99",
		"-A POSTROUTING -j MASQUERADE",
		"-A INPUT -j SNAT --to-source 203.0.113.2",
	);
	expect(await linesFor({ ...V4, dport: 53, on: "eth0" })).toEqual([
		"PREROUTING: prerouting -100 accept",
		"OUTPUT: output -100 accept",
		"PREROUTING 1: jump A",
		"PREROUTING 2: goto B",
		"PREROUTING 3: jump EMPTY",
		"OUTPUT 1: yes, send to 203.0.113.2 port 53 to 99",
		"A 1: jump B",
		"A 2: return",
		"A 3: return",
		"B 3: yes, send to itself port 99",
		"B 4: accept",
		"B 5: return",
		"EMPTY 1: return",
	]);
});

test("many rules are read, and only those of interest are kept", async () => {
	const rules = Array.from(
		{ length: 20_000 },
		(_, i) =>
			`-A OUTPUT -p udp -m udp --dport ${i + 1} -j DNAT --to-destination 203.0.113.2:99`,
	);
	const input = `*nat\n${rules.join("\n")}\nCOMMIT\n`;
	await must(ns.inside(["iptables-legacy-restore", "-w"]), { input });
	const packet = { ...V4, dport: 8125, on: null, isScreened: true };
	expect(await linesFor(packet)).toEqual([
		"PREROUTING: prerouting -100 accept",
		"OUTPUT: output -100 accept",
		"OUTPUT 8125: yes, yes, send to 203.0.113.2 port 99",
	]);
});

test("a table that is too large is not read", async () => {
	// a comment takes 288 bytes
	const rules = Array.from(
		{ length: 20_000 },
		(_, i) => `-A OUTPUT -p udp -m comment --comment ${i} -j RETURN`,
	);
	const input = `*nat\n${rules.join("\n")}\nCOMMIT\n`;
	await must(ns.inside(["iptables-legacy-restore", "-w"]), { input });
	await expect(linesFor({ ...V4, dport: 8125 })).rejects.toThrow(
		/table nat of legacy iptables: \d+ bytes/,
	);
});

describe("without the table", () => {
	const packet = JSON.stringify({ ...V4, dport: 8125 });
	const words = commandOf("native", [["legacy", packet]]);

	test("nothing is read, and the kernel loads none", async () => {
		const bare = await createNamespace("bare");
		expect(await outcome(bare, words)).toEqual({ value: null });
		expect(await outcome(bare, words)).toEqual({ value: null });
		bare.remove();
	});

	test("CAP_NET_ADMIN alone is enough to read it, and without it there is an error", async () => {
		await load("iptables-legacy");
		const all = ["--inh-caps", "-all", "--bounding-set"];
		const only = ["setpriv", ...all, "-all,+net_admin", ...words];
		const others = ["setpriv", "--bounding-set", "-net_admin", ...words];
		expect(await outcome(ns, only)).toHaveProperty("value");
		check(await outcome(ns, others), ["EPERM", "getsockopt"]);
	});
});
