// Who owns a frontend is decided by the rules alone: a Service before the hostPort, rules
// that were wiped, a rule of a pod that is gone, and an address that has another pod now.
// Healthy flows keep their entries, and people are told what is so.

import { afterEach, beforeEach, expect, test } from "vitest";
import {
	type Attachment,
	addresses,
	type Chain,
	type Step,
} from "../support/chain.ts";
import { now } from "../support/clock.ts";
import type { Arrangement } from "../support/conflist.ts";
import { readTable } from "../support/conntrack.ts";
import { must } from "../support/exec.ts";
import { exposeService } from "../support/kubeproxy.ts";
import { createNamespace } from "../support/netns.ts";
import { HOST4, HOST6 } from "../support/node.ts";
import { type Operator, operatorOf } from "../support/operator.ts";
import { checkRequirements } from "../support/requirements.ts";
import {
	attachment,
	CONTAINER_PORT,
	createScene,
	HOST_PORT,
	type Scene,
} from "../support/scene.ts";
import { undoAll } from "../support/undo.ts";
import { chainFor, mappings, WITHIN_MS } from "./setup.ts";

const HOSTS = [HOST4, HOST6];
/** Eight clients of each address. */
const clientsOf = (hosts: readonly string[], port: number, first = 0) =>
	hosts.flatMap((host, n) =>
		Array.from({ length: 8 }, (_, i) => ({
			id: first + 8 * n + i,
			from: { port: 44_000 + first + 8 * n + i },
			to: { host, port },
			everyMs: 50,
			asks: true,
		})),
	);
const CLIENTS = clientsOf(HOSTS, HOST_PORT);
const IDS = CLIENTS.map(({ id }) => id);
/** For what is no part of the assertion. */
const PATIENCE = { timeout: 10_000, interval: 20 };

const ROWS: readonly Arrangement[] = ["single", "split"];

let scene: Scene;
let operator: Operator;
/** The receivers that each client has reached. */
let heard: Map<number, Set<string>>;

// each test leaves rules and pods behind that must not reach the next
beforeEach(async () => {
	checkRequirements();
	// a station of the last test may still report to the last map
	const places = new Map<number, Set<string>>();
	heard = places;
	scene = await createScene((name, id) =>
		places.set(id, (places.get(id) ?? new Set()).add(name)),
	);
	operator = operatorOf(scene.topology);
	// without nat rules, a rule that asks for a state is why the kernel tracks at all
	const rule = "-w -A FORWARD -m conntrack --ctstate INVALID -j DROP".split(
		" ",
	);
	for (const tables of ["iptables", "ip6tables"])
		await must(scene.topology.node.inside([tables, ...rule]));
});
afterEach(undoAll);

/** Clients begin to send, and all are heard. */
async function begin(clients: typeof CLIENTS): Promise<void> {
	await scene.world.send(clients);
	await expect
		.poll(() => clients.every(({ id }) => heard.has(id)), PATIENCE)
		.toBe(true);
}

/** The entries of a port with their ids and where they lead, by the client's port. */
async function flows(port = HOST_PORT) {
	const table = await readTable(scene.topology.node, ["-p", "udp"]);
	return table
		.filter(({ orig }) => orig.dport === port)
		.map(({ id, orig, reply }) => ({ from: orig.sport, id, to: reply.src }))
		.sort((a, b) => a.from - b.from);
}

async function allHaveFlows(): Promise<void> {
	await expect.poll(() => flows(), PATIENCE).toHaveLength(CLIENTS.length);
}

const logOf = (steps: readonly Step[]): string =>
	steps.map(({ stderr }) => stderr).join("");

/** The pod's addresses as they are written before a port. */
function written(chain: Chain, pod: Attachment): string[] {
	return addresses(chain.result(pod)).map((ip) =>
		ip.includes(":") ? `[${ip}]` : ip,
	);
}

const nameOf = (pod: Attachment): string => `default/${pod.podName}`;

/** Returns what `list` says of entries that stay because the rules lead them to these addresses. */
const ledTo = (ips: readonly string[], how: string): string[] =>
	[`${HOST4}:${HOST_PORT}`, `[${HOST6}]:${HOST_PORT}`].map(
		(frontend, n) =>
			`8 other: the rules now send ${frontend} to ${ips[n]}:${CONTAINER_PORT} ${how}`,
	);

const rules = async (): Promise<string[]> =>
	(await operator.rules()).map(({ said }) => said);

/** Neither command of a person finds anything to delete. */
async function expectNothingStale(): Promise<void> {
	expect(await operator.flushStale()).toBe(0);
	expect(await operator.reconcile()).toBe(0);
}

test.each(ROWS)(
	"a Service's rules stand before portmap's: its flows keep their entries: %s",
	async (arrangement) => {
		const { topology, neighbour, turns } = scene;
		const chain = chainFor(topology, { arrangement });
		const first = attachment(neighbour, []);
		const endpoints = [first, attachment(turns[1], [])];
		for (const endpoint of endpoints) await chain.add(endpoint);
		await exposeService(topology.node, {
			externalIPs: HOSTS,
			port: HOST_PORT,
			endpoints: endpoints.flatMap((e) => addresses(chain.result(e))),
			podPort: CONTAINER_PORT,
		});
		await begin(CLIENTS);
		const before = await flows();
		expect(before).toHaveLength(CLIENTS.length);

		const pod = attachment(turns[0], mappings());
		const log = logOf(await chain.add(pod));
		expect(log).toContain("deleted=0");
		expect(log).toContain(`keptByRules=${CLIENTS.length}`);
		const [ip4 = "", ip6 = ""] = written(chain, first);
		const how = `(kube-proxy), or to one of 1 more; that rule stands before the one of ${nameOf(pod)}`;
		expect(await operator.list()).toEqual(ledTo([ip4, ip6], how));
		await expectNothingStale();
		expect(await rules()).toEqual([
			`warn ip nat KUBE-SEP-0-0 handle N (kube-proxy) sends NODE:${HOST_PORT} to ${ip4}:${CONTAINER_PORT} first, so ${nameOf(pod)} hears nothing there; so it is with 1 more of its ports`,
		]);
		expect(await flows()).toEqual(before);
		await chain.del(pod);
		expect(await flows()).toEqual(before);
		const sent = await scene.world.stop();
		expect(sent.filter(({ answered }) => answered === 0)).toEqual([]);
		expect(IDS.map((id) => heard.get(id)?.size)).toEqual(IDS.map(() => 1));
	},
);

/** Deletes every nat rule of the node, and the chains. */
async function wipe(): Promise<void> {
	for (const tables of ["iptables", "ip6tables"])
		for (const all of ["-F", "-X"])
			await must(scene.topology.node.inside([tables, "-w", "-t", "nat", all]));
}

test.each(ROWS)(
	"nat rules were wiped: the flows to the node's own listener keep their entries: %s",
	async (arrangement) => {
		const { topology, node, turns } = scene;
		const chain = chainFor(topology, { arrangement });
		const first = attachment(turns[0], mappings());
		await chain.add(first);
		await wipe();
		const listener = { port: HOST_PORT, answers: "at once" } as const;
		for (const host of HOSTS)
			await node.listen({ ...listener, name: host, host });
		await begin(CLIENTS);
		const before = await flows();
		expect(before.map(({ to }) => to)).toEqual(
			CLIENTS.map(({ to }) => to.host),
		);
		const said = await operator.list();
		expect(said).toHaveLength(HOSTS.length);
		for (const line of said)
			expect(line).toMatch(
				`other: ends on the node itself, as its own listeners' entries do: no rule sends `,
			);
		expect(said.join()).toContain(`anywhere, and not to ${nameOf(first)}`);
		await expectNothingStale();
		expect(await rules()).toEqual([
			`fail no rule sends udp NODE:${HOST_PORT} to ${nameOf(first)}: the nat rules were wiped (firewalld reload, iptables -t nat -F); so it is with 1 more of its ports`,
		]);

		const wiped = chainFor(topology, {
			arrangement,
			between: ({ verb, type }) =>
				verb === "ADD" && type === "portmap" ? wipe() : undefined,
		});
		const second = attachment(turns[1], mappings());
		const log = logOf(await wiped.add(second));
		expect(log).toContain("deleted=0");
		expect(log).toContain(`keptByRules=${CLIENTS.length}`);
		await expectNothingStale();
		expect(await flows()).toEqual(before);

		await chain.del(first);
		await wiped.del(second);
		expect(await flows()).toEqual(before);
		expect(IDS.map((id) => heard.get(id)?.size)).toEqual(IDS.map(() => 1));
	},
);

test.each(ROWS)(
	"a rule of a pod that is gone stands before the live pod's: %s",
	async (arrangement) => {
		const { topology, ledger, turns } = scene;
		const chain = chainFor(topology, { arrangement });
		const netns = await createNamespace("gone");
		const gone = attachment({ ...turns[1], netns }, mappings());
		await chain.add(gone);
		netns.remove();
		await scene.world.send(CLIENTS); // nobody hears them
		await allHaveFlows();

		const pod = attachment(turns[0], mappings());
		await chain.add(pod);
		await allHaveFlows();
		const [ip4 = "", ip6 = ""] = written(chain, gone);
		const how = `(portmap); that rule stands before the one of ${nameOf(pod)}`;
		expect(await operator.list()).toEqual(ledTo([ip4, ip6], how));
		await expectNothingStale();
		expect(await rules()).toEqual(
			[ip4, ip6].map(
				(ip, n) =>
					`fail ${n === 0 ? "ip" : "ip6"} nat CNI-DN-X handle N (portmap) sends NODE:${HOST_PORT} to ${ip}:${CONTAINER_PORT} first, so ${nameOf(pod)} hears nothing there; no pod has that address`,
			),
		);
		for (const { advice } of await operator.rules())
			await must(topology.node.inside(advice.split(" ")));
		expect(await rules()).toEqual([expect.stringMatching(/^ok /)]);
		const since = now();
		const deleted =
			arrangement === "single"
				? await operator.flushStale()
				: await operator.reconcile();
		expect(deleted).toBe(CLIENTS.length);
		const { receiver } = turns[0];
		const { late } = await ledger.recovery(receiver, IDS, since, WITHIN_MS);
		expect(late).toEqual([]);
	},
);

test.each(ROWS)(
	"an entry leads to an old address that another live pod has now: %s",
	async (arrangement) => {
		const { topology, ledger, neighbour, turns } = scene;
		const [a, b] = turns;
		const old = attachment(a, mappings());
		const successor = attachment(b, mappings());
		const next = attachment(neighbour, []);
		const oneAddress = { arrangement, oneAddress: true };
		const chain = chainFor(topology, oneAddress);
		const others = chainFor(topology, { arrangement });
		await chain.add(old);
		await begin(CLIENTS);
		await others.add(successor);
		await allHaveFlows();
		// a DEL that may not delete entries, and so leaves them
		const powerless = ["setpriv", "--bounding-set=-net_admin"];
		await chainFor(topology, {
			...oneAddress,
			wrap: { "conntrack-flush": [...powerless, "--inh-caps=-net_admin"] },
		}).del(old);
		await chain.add(next);
		operator.cache(successor, others.result(successor));
		operator.cache(next, chain.result(next));
		await must(topology.node.inside(["ip", "neigh", "flush", "dev", "cni0"]));
		const to = addresses(others.result(successor));
		const targets = addresses(chain.result(next));
		expect(await operator.list()).toEqual(
			targets.map(
				(ip, n) =>
					`8 stale: sends to ${ip}, which is ${nameOf(next)}; the live pod is ${nameOf(successor)} at ${to[n]}, for N s`,
			),
		);
		// the pod that has the address now has clients of its own
		await begin(clientsOf(targets, CONTAINER_PORT, 100));
		const healthy = await flows(CONTAINER_PORT);
		expect(healthy).toHaveLength(CLIENTS.length);
		const since = now();
		expect(await operator.flushStale()).toBe(CLIENTS.length);
		const { late } = await ledger.recovery(b.receiver, IDS, since, WITHIN_MS);
		expect(late).toEqual([]);
		expect(await flows(CONTAINER_PORT)).toEqual(healthy);
	},
);
