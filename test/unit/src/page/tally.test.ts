// The count of entries: which hostPort each belongs to, by the verdicts of `list`.

import { describe, expect, test } from "vitest";
import { protocolName } from "../../../../src/net/proto.ts";
import {
	type HostPort,
	type Tally,
	tally,
} from "../../../../src/page/tally.ts";
import type { EntrySpec } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import { call, DIR, ROUTES } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import {
	attached,
	cachedFile,
	recordsOf,
} from "../../../support/unit/world.ts";

const OURS = "udp local:8125 > 10.88.0.2:5353";
const DOCKER = "tcp 203.0.113.1:8080 > 10.88.0.5:80 docker";
const CACHE = { dir: "/var/lib/cni", protocols: [17] } as const;

/** An entry of a client of its own. */
const to = (id: number, frontend: string, target?: string): EntrySpec => ({
	id,
	orig: `192.0.2.7:${id} > ${frontend}`,
	...(target && {
		reply: `${target} > 192.0.2.7:${id}`,
		status: ["DST_NAT"] as const,
	}),
});
const tcp = (e: EntrySpec): EntrySpec => ({ ...e, proto: "tcp" });

const LIVE = to(1, "203.0.113.1:8125", "10.88.0.2:5353");
const STALE = to(2, "203.0.113.1:8125", "10.88.0.9:5353");
const BYPASSING = to(3, "203.0.113.1:8125");
/** Begun by a pod that left; its replies come to the hostPort. */
const BEGUN: EntrySpec = {
	id: 4,
	orig: "10.88.0.9:5353 > 198.51.100.9:41234",
	reply: "198.51.100.9:41234 > 203.0.113.1:8125",
	status: ["SRC_NAT"],
};
const DEPARTED = { [`${DIR}/departed`]: '[1000,"ns/q",["10.88.0.9"]]\n' };
const ENTRIES = [
	LIVE,
	STALE,
	BYPASSING,
	BEGUN,
	to(5, "198.51.100.9:8125"),
	to(6, "203.0.113.1:9999"),
	tcp(to(7, "203.0.113.1:8080", "10.88.0.5:80")),
	tcp(to(8, "203.0.113.1:8080", "10.88.0.4:80")),
	tcp(to(9, "203.0.113.1:22")),
];

interface Node {
	readonly entries?: readonly EntrySpec[];
	readonly rules?: readonly string[] | undefined;
	readonly files?: Readonly<Record<string, string>>;
	readonly showClients?: boolean;
}

async function kernelOf({ entries = ENTRIES, rules = [OURS, DOCKER] }: Node) {
	return {
		entries,
		routes: ROUTES,
		...(rules.length > 0 && { rules: natRules(...rules) }),
	};
}

async function filesOf({ files }: Node) {
	return files ?? { ...(await records("a")), ...DEPARTED };
}

/** Counts on this node. Its clock shows a minute more than the record of the pod. */
async function counted(node: Node = {}): Promise<Tally> {
	const clock = { ms: 61_000 };
	const kernel = fakeKernel({ clock, ...(await kernelOf(node)) });
	const files = await filesOf(node);
	const host = fakeHost({ clock, netlink: kernel.netlink, files });
	const context = { host, dataDir: DIR, log: () => {}, event: "page" };
	const found = await tally(context, CACHE, node.showClients ?? false);
	expect(kernel.open()).toBe(0);
	expect(kernel.left()).toHaveLength((node.entries ?? ENTRIES).length);
	return found;
}

/** `udp 8125: 4 1 3 1` for each row. */
const spelled = (rows: readonly HostPort[]): string[] =>
	rows.map(
		(r) =>
			`${protocolName(r.proto)} ${r.hostPort}: ${r.entries} ${r.live} ${r.stale} ${r.bypassing}`,
	);

/** The same of what `list` says. */
async function listed(node: Node): Promise<string[]> {
	const { out } = await call("", {
		env: { CNI_COMMAND: undefined },
		kernel: await kernelOf(node),
		host: { argv: ["list", "-o", "json"], files: await filesOf(node) },
	});
	const rows = new Map<string, number[]>();
	for (const { verdict, reason, why, proto, orig, reply } of JSON.parse(out)) {
		const port = /was begun by/.test(why) ? reply.dport : orig.dport;
		const row = rows.get(`${proto} ${port}`) ?? [0, 0, 0, 0];
		const is = [
			true,
			verdict === "live",
			verdict === "stale",
			reason === "no-dnat",
		];
		rows.set(
			`${proto} ${port}`,
			row.map((n, i) => n + Number(is[i])),
		);
	}
	return [...rows].map(([name, row]) => `${name}: ${row.join(" ")}`);
}

describe("it says what `list` says", () => {
	test.each<[string, Node, string[]]>([
		[
			"of a pod's hostPort and of one that Docker publishes",
			{},
			["udp 8125: 4 1 2 1", "tcp 8080: 2 1 1 0"],
		],
		[
			"with libcni's cache, which says what a pod that left has begun",
			{
				files: {
					...DEPARTED,
					...cachedFile({
						...attached("a", mapping("IPv4", "udp")),
						network: "podnet",
					}),
					"/var/run/netns/x": "",
				},
				entries: [BEGUN, LIVE],
			},
			["udp 8125: 2 1 1 0"],
		],
		["where no rule can be read", { rules: [] }, ["udp 8125: 4 1 2 1"]],
	])("%s", async (_, node, want) => {
		const rows = spelled((await counted(node)).hostPorts);
		expect(rows).toEqual(want);
		expect(rows.toSorted()).toEqual((await listed(node)).toSorted());
	});
});

describe("the rows", () => {
	test("a hostPort without entries is one, with its pod and since when", async () => {
		const { hostPorts } = await counted({ entries: [] });
		expect(hostPorts).toMatchObject([
			{
				hostPort: 8125,
				hostIP: null,
				attachment: { pod: "ns/pod" },
				heldMs: 60_000,
				entries: 0,
			},
		]);
	});

	test("no pod and no entry: none", async () =>
		expect(await counted({ entries: [], files: {} })).toMatchObject({
			hostPorts: [],
			portsLeftOut: 0,
			withoutRules: undefined,
		}));

	test("both families of a hostPort are one", async () => {
		const pod = attached("a", mapping("IPv4", "udp"), mapping("IPv6", "udp"));
		const { hostPorts } = await counted({
			entries: [],
			files: recordsOf(DIR, pod),
		});
		expect(hostPorts).toHaveLength(1);
	});

	test("hostPorts in a row are one, and so are their entries", async () => {
		const m = {
			...mapping("IPv4", "udp"),
			hostPort: 8000,
			containerPort: 8000,
			count: 200,
		};
		const { hostPorts } = await counted({
			files: recordsOf(DIR, attached("a", m)),
			entries: [
				to(1, "203.0.113.1:8000", "10.88.0.9:8000"),
				to(2, "203.0.113.1:8199", "10.88.0.9:8199"),
				to(3, "203.0.113.1:8200", "10.88.0.9:8200"),
			],
			rules: [],
		});
		expect(hostPorts).toMatchObject([{ hostPort: 8000, count: 200, stale: 2 }]);
	});

	test("a port of another program says where the rules send it", async () => {
		const { hostPorts } = await counted();
		expect(hostPorts[1]).toMatchObject({
			attachment: undefined,
			heldMs: undefined,
			target: "10.88.0.5:80",
		});
	});

	test("so many at most, and the entries of the others are counted together", async () => {
		const mappings = Array.from({ length: 5000 }, (_, i) => ({
			...mapping("IPv4", "udp"),
			hostPort: 10_000 + 2 * i,
		}));
		const found = await counted({
			files: recordsOf(DIR, attached("a", ...mappings)),
			entries: [to(1, "203.0.113.1:19998"), to(2, "203.0.113.1:10000")],
			rules: [],
		});
		expect(found.hostPorts).toHaveLength(4096);
		expect(found.hostPorts[0]).toMatchObject({ entries: 1, stale: 1 });
		expect(found).toMatchObject({
			portsLeftOut: 904,
			others: { entries: 1, stale: 1, bypassing: 1 },
		});
	});
});

describe("clients", () => {
	const many = Array.from({ length: 9 }, (_, i) => ({
		...STALE,
		...to(10 + i, "203.0.113.1:8125"),
	}));

	test("are named nowhere", async () =>
		expect(JSON.stringify(await counted())).not.toMatch(
			/192\.0\.2\.7|198\.51/,
		));

	test("are named if that is asked for: some of the stale ones", async () => {
		const { hostPorts } = await counted({
			entries: [LIVE, ...many],
			showClients: true,
		});
		expect(hostPorts[0]?.examples).toHaveLength(3);
		expect(hostPorts[0]?.examples[0]).toMatch(
			/^192\.0\.2\.7:10 sends to 10\.88\.0\.9, which left/,
		);
	});
});

test("without rules it says why", async () =>
	expect((await counted({ rules: [] })).withoutRules).toBe(
		"Error: this kernel shows no nat rules",
	));
