// The input of `reconcile`: a document of frontends, or records of attachments,
// for the host ports of the benchmark; and the records of other pods.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeHost } from "../../plugin/host/node.ts";
import { AF_INET } from "../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../src/net/proto.ts";
import type { PortRow } from "../../src/policy/mapping.ts";
import { writeRecord } from "../../src/state/store.ts";
import { HOST4 } from "../support/node.ts";
import type { Node } from "./node.ts";
import type { Op } from "./ops.ts";
import { DNS, mappings, mappingsOf, POD4, pair } from "./request.ts";

/** The words after the executable's name; what they name is written. */
export function reconcileWords(op: Op, node: Node): string[] {
	const path = join(node.dir, op.id);
	if (op.id === "reconcile-hostports") {
		mkdirSync(path, { recursive: true });
		writeRecords(op.request.ports, path);
		return ["reconcile", "--data-dir", path];
	}
	const frontends: object[] = mappings(op.request.ports).map((m, i) => ({
		name: `default/service-${i}:udp`,
		ips: [HOST4],
		port: m.host,
		endpoints: [`${POD4}:${m.container}`],
	}));
	if (op.id === "reconcile-dns") frontends.push(...dnsFrontends());
	writeFileSync(path, JSON.stringify({ frontends }));
	return ["reconcile", "--frontends", path];
}

/** The ports as the C programs take them. */
export function reconcilePairs(op: Op): string[] {
	const pairs = mappingsOf(op.request).map(pair);
	return op.id === "reconcile-dns" ? [...pairs, pair(DNS)] : pairs;
}

/** The services of port 53 in the mixture of floor/fill.c: five, with fifty endpoints a family. */
function dnsFrontends(): object[] {
	return Array.from({ length: 5 }, (_, kind) => {
		const last = (10 + kind).toString(16);
		const numbers = Array.from({ length: 50 }, (_, i) => 20 * i + kind);
		return {
			name: `kube-system/dns-${kind}:udp`,
			ips: [`10.96.0.${10 + kind}`, `fd00:2::a60:${last}`],
			port: 53,
			endpoints: numbers.flatMap((n) => [
				`10.245.${n >> 8}.${n & 255}:5353`,
				`[fd00:3::af5:${n.toString(16)}]:5353`,
			]),
		};
	});
}

/** Writes the records of pods of other addresses and other ports: each has a hundred, half of them in a row. */
export function writeCrowd(pods: number, dataDir: string): void {
	const host = nodeHost([]);
	for (let pod = 0; pod < pods; pod++) {
		const first = 1 + 180 * pod;
		const at = (hostPort: number): PortRow => ({
			family: AF_INET,
			proto: IPPROTO_UDP,
			podIP: `10.89.${pod >> 8}.${pod & 255}`,
			hostPort,
			hostIP: null,
			containerPort: hostPort,
		});
		writeRecord(host, dataDir, {
			network: "podnet",
			containerID: pod.toString(16).padStart(64, "f"),
			ifname: "eth0",
			pod: `default/other-${pod}`,
			added: pod,
			mappings: [
				{ ...at(first), count: 50 },
				...Array.from({ length: 50 }, (_, i) => at(first + 51 + 2 * i)),
			],
			podTargets: [],
		});
	}
}

/** Writes a record for each of so many hostPorts. */
export function writeRecords(count: number, dataDir: string): void {
	const host = nodeHost([]);
	for (const [i, m] of mappings(count).entries()) {
		writeRecord(host, dataDir, {
			network: "podnet",
			containerID: i.toString(16).padStart(64, "0"),
			ifname: "eth0",
			pod: `default/statsd-${i}`,
			added: i,
			mappings: [
				{
					family: AF_INET,
					proto: IPPROTO_UDP,
					podIP: POD4,
					hostPort: m.host,
					hostIP: null,
					containerPort: m.container,
				},
			],
			podTargets: [],
		});
	}
}
