// Reconciliation on a real table: the rows of kube-proxy's tests of its conntrack
// cleanup. `conntrack -L` is the second pair of eyes.

import { describe, expect, test } from "vitest";
import { run } from "../support/exec.ts";
import { FAMILIES } from "../support/unit/flows.ts";
import type { Agent } from "./agent.ts";
import type { Made } from "./creation.ts";
import {
	EXECUTABLE,
	ON_NODE,
	present,
	reconcile,
	spelt,
	startNode,
} from "./reconcile.node.ts";
import {
	FRONTENDS,
	type Group,
	ourRows,
	SERVING,
	theirRows,
	VIPS,
} from "./reconcile.table.ts";

const kept = (groups: readonly Group[]): Made[] =>
	groups.filter((g) => !g.deleted).flatMap((g) => g.flows);

describe("kube-proxy's table of stale entries, in both families", () => {
	const theirs = FAMILIES.flatMap(theirRows);
	const groups = [...theirs, ...FAMILIES.flatMap(ourRows)];
	const all = groups.flatMap((g) => g.flows);

	test("is as large as theirs", () => {
		const entries = theirs.flatMap((g) => g.flows).length;
		expect([entries, kept(theirs).length]).toEqual([2 * 72, 2 * 58]);
	});

	test.each([
		["executable", EXECUTABLE],
		["Node host", ON_NODE],
	])(
		"the %s leaves what theirs leaves, by the counter and by the table, and finds nothing the second time",
		async (_, host) => {
			const agent = await startNode();
			await agent.create(...all);
			const before = await agent.count();
			expect(before).toBe(all.length);

			const dry = await reconcile(agent, FRONTENDS, ["--dry-run"], host);
			const expected = before - kept(groups).length;
			expect(dry.stdout.split("\n")).toHaveLength(expected + 2);
			expect(await agent.count()).toBe(before);

			const ran = await reconcile(agent, FRONTENDS, [], host);
			expect([ran.code, ran.stderr]).toEqual([
				0,
				"6 destinations of tcp, 8 of sctp are left out; see --proto\n",
			]);
			expect(await present(agent)).toEqual(spelt(kept(groups)));
			const deleted = /^deleted (\d+) .*gone before 0, /.exec(ran.stdout)?.[1];
			expect(Number(deleted)).toBe(before - (await agent.count()));

			const again = await reconcile(agent, FRONTENDS, [], host);
			expect(again.stdout).toMatch(/^deleted 0, /);
		},
	);

	test("of TCP and SCTP what leads to another goes too, if they are asked for", async () => {
		const agent = await startNode();
		await agent.create(...all);
		const protos = ["--proto", "tcp", "--proto", "sctp"];
		const { stdout } = await reconcile(agent, FRONTENDS, protos);
		// N and G of: 3 VIPs of TCP, 3 VIPs and the nodePort of SCTP; of each family
		expect(stdout).toMatch(/^deleted 28 \(28 no-endpoint\), /);
		const left = await present(agent);
		expect(left.filter((e) => e.startsWith("udp "))).toHaveLength(
			all.filter((e) => e.proto === "udp").length,
		);
	});
});

describe("a Service of UDP port 8000", () => {
	const [, UDP] = FRONTENDS;
	const service = (change: object): object => ({
		...FRONTENDS[0],
		...UDP,
		protocol: "udp",
		...change,
	});
	const EXTERNAL = "192.168.99.100";
	let next = 20_000;
	const to = (pod: string, dst = `${EXTERNAL}:8000`): Made => {
		const client = `192.0.2.7:${++next}`;
		return {
			proto: "udp",
			orig: `${client} > ${dst}`,
			reply: `${pod} > ${client}`,
		};
	};
	const S = "10.240.0.4";
	const G = "10.240.2.6:9090";
	const bare: Made = { proto: "udp", orig: `192.0.2.7:5 > ${EXTERNAL}:8000` };
	const everywhere = (pod: string): Made[] =>
		[...VIPS.filter((ip) => ip.includes("."))]
			.map((ip) => to(pod, `${ip}:8000`))
			.concat(to(pod, "203.0.113.1:32000"));

	let agent: Agent;
	const flush = () => run(agent.ns.inside(["conntrack", "-F"]));

	// one namespace for all rows: each begins and ends with an empty table
	const rows: [string, object[], Made[], Made[]][] = [
		[
			"without endpoints loses all its entries",
			[service({ endpoints: [] })],
			[to(`${S}:9090`), to(G), bare],
			[],
		],
		[
			"whose only endpoints are another Service's loses all its entries, the other keeps its own",
			[
				service({ endpoints: [] }),
				{ ips: ["172.30.1.2"], port: 8000, endpoints: [SERVING] },
			],
			[to(`${S}:9090`), to(G)],
			[to(`${S}:9090`, "172.30.1.2:8000")],
		],
		[
			"that was deleted and made again keeps what leads to its endpoints now",
			[service({ endpoints: [] }), service({ endpoints: [SERVING] })],
			[to(G)],
			[to(`${S}:9090`)],
		],
		[
			"of which one address is deleted loses the entries of that address alone",
			[{ ips: ["172.30.99.99"], port: 8000, endpoints: [] }],
			[to(`${S}:9090`, "172.30.99.99:8000")],
			everywhere(G),
		],
		[
			"that has lost an endpoint loses that one's entries, of all addresses and the nodePort",
			[service({ endpoints: [SERVING] })],
			everywhere(`${S}:5300`),
			everywhere(`${S}:9090`),
		],
		[
			"that has its first endpoint loses the entries without DNAT",
			[service({ endpoints: [SERVING] })],
			[
				bare,
				{ proto: "udp", orig: "192.0.2.7:6 > 203.0.113.1:32000" },
				{ proto: "udp", orig: "192.0.2.7:7 > 1.2.3.4:8000" },
			],
			[],
		],
		[
			"that is not in the document keeps all",
			[{ ips: ["172.30.1.2"], port: 8000, endpoints: [] }],
			[],
			[...everywhere(G), bare],
		],
	];

	test("is judged as kube-proxy does since it counts endpoints, row by row", async () => {
		agent = await startNode();
		for (const [name, frontends, gone, stay] of rows) {
			await flush();
			await agent.create(...gone, ...stay);
			const { code, stdout } = await reconcile(agent, frontends);
			expect([name, code, await present(agent)]).toEqual([
				name,
				0,
				spelt(stay),
			]);
			expect(stdout, name).toMatch(new RegExp(`^deleted ${gone.length}\\b`));
		}
	});

	test("among 20 000 entries of other ports loses two, in one pass", async () => {
		agent = await startNode();
		const others = Array.from(
			{ length: 20_000 },
			(_, i): Made => ({
				proto: "udp",
				orig: `10.0.${i >> 8}.${i & 255}:9 > ${EXTERNAL}:${10_000 + i}`,
				reply: `${G} > 10.0.${i >> 8}.${i & 255}:9`,
			}),
		);
		await agent.create(...others, to(`${S}:9090`), to(G), to(G));
		const { stdout } = await reconcile(agent, [service({})]);
		expect(stdout).toBe(
			"deleted 2 (2 no-endpoint), gone before 0, kept 1, looked at 20003\n",
		);
		expect(await agent.count()).toBe(20_001);
		await flush();
	});
});

/** kube-proxy's TestConntracker_DeleteEntries. */
test("of a TCP, a UDP and an SCTP entry, those named are deleted, and what is not there is no failure", async () => {
	const agent = await startNode();
	const flows = (["tcp", "udp", "sctp"] as const).map(
		(proto, i): Made => ({
			proto,
			orig: `192.0.2.7:${i + 1} > 1.2.3.4:80`,
			reply: `10.240.0.4:80 > 192.0.2.7:${i + 1}`,
		}),
	);
	const ports = ([6, 17, 132] as const).map((proto) => ({
		family: 2 as const,
		proto,
		hostPort: 80,
	}));
	for (const [named, deleted] of [
		[[0], 1],
		[[0, 1], 2],
		[[], 0],
		[[0, 1, 2], 3],
	] as const) {
		await run(agent.ns.inside(["conntrack", "-F"]));
		await agent.create(...flows);
		const { hits } = await agent.scan(ports);
		const keys = hits
			.filter((e) => named.some((i) => e.orig.sport === i + 1))
			.map((e) => e.key);
		expect(await agent.remove(keys)).toMatchObject({
			done: deleted,
			expired: 0,
		});
		expect(await agent.count()).toBe(3 - deleted);
		expect(await agent.remove(keys)).toMatchObject({
			done: 0,
			expired: deleted,
		});
		expect(await agent.count()).toBe(3 - deleted);
	}
});
