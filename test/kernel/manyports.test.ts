// Pods with as many ports as a node has, beside others with as many: what is stale goes,
// the verb ends in its time, and the record can be read again.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { attachmentIn } from "../../src/state/store.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { createNode, IPv4, IPv6, type Node, RESULT } from "./verbs.node.ts";

const HOST = "executable";
/** Longer than a verb takes with all its work; it is against a hang, and no measure. */
const LIVELY_MS = 60_000;

interface Ports {
	readonly from: number;
	readonly count: number;
	/** 2: every other port, so that no two are in a row. */
	readonly step?: number;
	readonly protocols?: readonly string[];
}

const portsIn = ({ from, count, step = 1 }: Ports): number[] =>
	Array.from({ length: count }, (_, i) => from + step * i);

const confOf = (ports: Ports, ips: readonly string[]) => ({
	on: "both",
	retireSeconds: 0,
	prevResult: {
		...RESULT,
		ips: ips.map((ip) => ({
			interface: 1,
			address: `${ip}/${ip.includes(":") ? 64 : 16}`,
		})),
	},
	runtimeConfig: {
		portMappings: portsIn(ports).flatMap((port) =>
			(ports.protocols ?? ["udp"]).map((protocol) => ({
				hostPort: port,
				containerPort: port,
				protocol,
			})),
		),
	},
});

/** Pods of other addresses with ports of as many numbers; hostPorts may overlap on other hostIPs, so nothing forbids it here. */
async function addOthers(node: Node, n: number, ports: Ports): Promise<void> {
	for (let i = 0; i < n; i++) {
		const { code } = await node.call(
			HOST,
			"ADD",
			confOf(ports, [`10.88.7.${i + 1}`]),
			{ CNI_CONTAINERID: `other${i}` },
		);
		expect(code).toBe(0);
	}
}

const leading = (port: number, n: number, to = port) => ({
	proto: "udp",
	orig: `${IPv4.C}:${n} > ${IPv4.H}:${port}`,
	reply: `${IPv4.P}:${to} > ${IPv4.C}:${n}`,
});
/** It leads to the pod, but through no mapping of it. */
const UNMAPPED = leading(9, 2, 10);

const TEN_THOUSAND = { from: 10_000, count: 10_000 };
const ALL = { from: 1, count: 65_535, protocols: ["udp", "tcp"] };

describe("a pod with many ports", () => {
	test.each<[string, Ports, number, number]>([
		["ten thousand in a row, alone", TEN_THOUSAND, 0, 20_000],
		["ten thousand in a row, beside five such pods", TEN_THOUSAND, 5, 20_000],
		[
			"ten thousand of which none are in a row, beside two such pods",
			{ ...TEN_THOUSAND, step: 2 },
			2,
			4 << 20,
		],
		["all ports of two protocols, beside such a pod", ALL, 1, 20_000],
	])(
		"%s: ADD records it, DEL removes what leads to it, gc what is left",
		async (_, ports, others, bytes) => {
			const node = await createNode();
			await addOthers(node, others, ports);
			const middle = portsIn(ports)[ports.count >> 1] as number;
			const conf = confOf(ports, [IPv4.P, IPv6.P]);
			const added = await node.call(HOST, "ADD", conf);
			expect(added.code).toBe(0);
			expect(added.stderr).not.toContain("level=warn");
			const record = `${node.dataDir}/podnet:subject:eth0.json`;
			expect(statSync(record).size).toBeLessThan(bytes);
			const recorded = attachmentIn(JSON.parse(readFileSync(record, "utf8")));
			expect(
				recorded?.mappings.reduce((sum, { count = 1 }) => sum + count, 0),
			).toBe(2 * ports.count * (ports.protocols ?? ["udp"]).length);

			await node.agent.create(leading(middle, 1), UNMAPPED);
			const deleted = await node.call(HOST, "DEL", conf);
			expect(deleted.code).toBe(0);
			expect(deleted.stderr).toMatch(/msg=flushed .* deleted=1 /);
			expect(readdirSync(node.dataDir).some((n) => n.includes("subject"))).toBe(
				false,
			);
			const [program = "", ...argv] = node.agent.ns.inside([
				join(OUR_BIN, "conntrack-flush"),
				"gc",
				"--valid",
				"-",
				"--older-than",
				"0s",
				"--data-dir",
				node.dataDir,
			]);
			const collected = spawnSync(program, argv, {
				input: "nobody\n",
				encoding: "utf8",
			});
			expect(collected.stdout).toBe(`dropped ${others}\n`);
			expect(collected.status).toBe(0);
		},
		LIVELY_MS,
	);

	test(
		"a DEL that comes without its ports finds those of the record",
		async () => {
			const node = await createNode();
			const conf = confOf(TEN_THOUSAND, [IPv4.P, IPv6.P]);
			await node.call(HOST, "ADD", conf);
			await node.agent.create(leading(15_000, 1), UNMAPPED);
			const ran = await node.call(HOST, "DEL", {
				...conf,
				runtimeConfig: {},
				prevResult: undefined,
			});
			expect(ran.stderr).toMatch(/msg=flushed .* deleted=1 /);
		},
		LIVELY_MS,
	);
});
