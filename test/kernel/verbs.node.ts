// A node with its addresses, the flows of which the tests of the verbs make its
// table, and the plugin as a runtime calls it.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { BOOKS, type Letter, spell } from "../support/book.ts";
import { must, type Ran, run } from "../support/exec.ts";
import { mapHostPorts, type RuleWriter } from "../support/hostports.ts";
import { cable, createNamespace, type Namespace } from "../support/netns.ts";
import {
	equip,
	temporaryDirectory,
	UPLINK,
	UPLINK_SECOND,
} from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { FAMILIES, mapping, PROTOS } from "../support/unit/flows.ts";
import { HEALTHY } from "../support/unit/healthyrows.ts";
import { TSX } from "../support/worker.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

const HOSTS = {
	executable: [join(OUR_BIN, "conntrack-flush")],
	"Node host": [...TSX, "plugin/host/node/main.ts"],
} as const;
type HostName = keyof typeof HOSTS;
export const NAMES = Object.keys(HOSTS) as HostName[];

export const { IPv4, IPv6 } = BOOKS;
const cidr = (address: string): string =>
	`${address}/${address.includes(":") ? 64 : 16}`;
export const RESULT = {
	cniVersion: "1.0.0",
	interfaces: [{ name: "cni0" }, { name: "eth0", sandbox: "/run/netns/pod" }],
	ips: [IPv4.P, IPv6.P].map((address) => ({
		interface: 1,
		address: cidr(address),
	})),
};

/** Flows that ADD of pod P on port 8125 must remove, in every protocol. */
const STALE: readonly (readonly [orig: string, reply: string])[] = [
	["C:101 > H:8125", "Q:5353 > C:101"],
	["N:102 > H:8125", "Q:5353 > G:102"],
	["H:103 > H:8125", "Q:5353 > H:103"],
	["C:104 > H:8125", "P:53 > C:104"],
];

export interface Node {
	readonly agent: Agent;
	readonly dataDir: string;
	/** Every entry: its id and what it is, as the conntrack tool shows it. */
	entries(): Promise<Map<string, string>>;
	call(
		host: HostName,
		verb: string,
		conf?: object,
		env?: object,
		wrap?: readonly string[],
	): Promise<Ran>;
}

export async function createNode(): Promise<Node> {
	const agent = await startAgent("node");
	const world = await createNamespace("world");
	await cable([agent.ns, "eth0"], [world, "eth0"]);
	const whole = (ips: readonly string[]): string[] =>
		ips.map((a) => `${a}/${a.includes(":") ? 128 : 32}`);
	await equip(agent.ns, {
		made: ["cni0", "kube-ipvs0"],
		addresses: {
			eth0: [...UPLINK, ...UPLINK_SECOND],
			cni0: whole([IPv4.G, IPv6.G]),
			"kube-ipvs0": whole([IPv4.I, IPv6.I]),
		},
	});
	const dataDir = temporaryDirectory("verbs");
	onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
	return {
		agent,
		dataDir,
		entries: () => entriesOf(agent.ns),
		call: (host, verb, conf, env, wrap = []) =>
			run(agent.ns.inside([...wrap, ...HOSTS[host]]), {
				input: JSON.stringify({ ...CONF, dataDir, ...conf }),
				env: {
					PATH: process.env.PATH ?? "",
					CNI_COMMAND: verb,
					// one that exists, or the pod would be dead
					CNI_NETNS: agent.ns.path,
					...ENV,
					...env,
				},
			}),
	};
}

const ENV = {
	CNI_CONTAINERID: "subject",
	CNI_IFNAME: "eth0",
	CNI_PATH: "/opt/cni/bin",
};
export const mapped = (hostIP?: string) =>
	PROTOS.map((protocol) => ({
		hostPort: 8125,
		containerPort: 5353,
		protocol,
		...(hostIP && { hostIP }),
	}));

/** Makes the rules that portmap makes of the mappings: of `hostIP`, to the pod. */
export async function addRules(
	{ agent }: Node,
	hostIP?: Letter,
	pod: Letter = "P",
	writer?: RuleWriter,
): Promise<void> {
	const mappings = FAMILIES.flatMap((family) =>
		PROTOS.map((proto) => ({
			...mapping(family, proto, hostIP),
			podIP: BOOKS[family][pod],
		})),
	);
	await mapHostPorts(agent.ns, mappings, writer);
}

/** Makes the rules of a Service with the same port and the same pod, at an address of no interface. */
export async function addService({ agent }: Node): Promise<void> {
	for (const family of FAMILIES) {
		const { V, P } = BOOKS[family];
		const [tool, to] =
			family === "IPv4"
				? ["iptables", `${P}:5353`]
				: ["ip6tables", `[${P}]:5353`];
		for (const proto of PROTOS)
			await must(
				agent.ns.inside(
					`${tool} -w -t nat -A PREROUTING -d ${V} -p ${proto} --dport 8125 -j DNAT --to-destination ${to}`.split(
						" ",
					),
				),
			);
	}
}

const CONF = {
	cniVersion: "1.0.0",
	name: "podnet",
	type: "conntrack-flush",
	protocols: PROTOS,
	prevResult: RESULT,
	runtimeConfig: { portMappings: mapped() },
};

async function entriesOf(ns: Namespace): Promise<Map<string, string>> {
	const found = new Map<string, string>();
	for (const family of ["ipv4", "ipv6"]) {
		const text = await must(
			ns.inside(["conntrack", "-L", "-f", family, "-o", "id"]),
		);
		for (const line of text.split("\n")) {
			const id = /\bid=(\d+)/.exec(line)?.[1];
			// the timer runs down
			if (id)
				found.set(
					id,
					line.replace(/\s+/g, " ").replace(/^(\w+ \d+) \d+/, "$1"),
				);
		}
	}
	return found;
}

/** Returns a line for each entry that is gone and for each that is new. */
export function changes(
	before: Map<string, string>,
	after: Map<string, string>,
): string[] {
	const missing = (
		from: Map<string, string>,
		word: string,
		to: Map<string, string>,
	) =>
		[...from]
			.filter(([id]) => !to.has(id))
			.map(([, line]) => `${word}: ${line}`);
	return [...missing(before, "gone", after), ...missing(after, "new", before)];
}

/** The healthy flows that are healthy beside a mapping of `hostIP`; with a port of its own each. */
export function healthy(
	hostIP: Letter | undefined,
	ours: boolean | undefined,
): Made[] {
	let port = 20_000;
	return FAMILIES.flatMap((family) =>
		PROTOS.flatMap((proto) =>
			HEALTHY.filter((row) => row.hostIP === hostIP)
				.filter(
					(row) =>
						(row.only ?? family) === family &&
						(row.protos ?? PROTOS).includes(proto),
				)
				.filter((row) => ours === undefined || Boolean(row.ours) === ours)
				// another protocol than the mapping's: once is enough
				.filter(({ flow }) => flow.proto === undefined || proto === "udp")
				.map(({ flow }): Made => {
					port++;
					const own = (text: string) =>
						spell(family, text.replaceAll("6000", String(port)));
					return {
						proto: flow.proto ?? proto,
						orig: own(flow.orig),
						...(flow.reply && { reply: own(flow.reply) }),
						status: (flow.status ?? []).filter(
							(bit) => bit === "SEEN_REPLY" || bit === "ASSURED",
						),
					};
				}),
		),
	);
}

export function stale(): Made[] {
	return FAMILIES.flatMap((family) =>
		PROTOS.flatMap((proto) =>
			STALE.map(
				([orig, reply]): Made => ({
					proto,
					orig: spell(family, orig),
					reply: spell(family, reply),
				}),
			),
		),
	);
}

/** Creates what is not there yet: some rows differ only in what a mapping has to do with them. */
export async function createAll(
	agent: Agent,
	all: readonly Made[],
): Promise<void> {
	const distinct = new Map(
		all.map((made) => [`${made.proto} ${made.orig}`, made]),
	);
	await agent.create(...distinct.values());
}

/** Another pod that is there already, with the port on the second address. */
export async function addNeighbour(
	node: Node,
	host: HostName,
	writer?: RuleWriter,
): Promise<void> {
	await addRules(node, "H2", "N", writer);
	const prevResult = {
		...RESULT,
		ips: [IPv4.N, IPv6.N].map((a) => ({ interface: 1, address: cidr(a) })),
	};
	const portMappings = [...mapped(IPv4.H2), ...mapped(IPv6.H2)];
	const { code } = await node.call(
		host,
		"ADD",
		{ prevResult, runtimeConfig: { portMappings } },
		{ CNI_CONTAINERID: "neighbour" },
	);
	expect(code).toBe(0);
}

export function expectQuiet({ code, stderr }: Ran): void {
	expect(code).toBe(0);
	expect(stderr).toMatch(/^level=info msg=flushed .*\n$/);
	expect(stderr.match(/\n/g)).toHaveLength(1);
}
