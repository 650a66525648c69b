// `mitigate` and "oneCPUPerFlow" on this kernel: the veths are those of the real bridge
// plugin. Whatever they write can be undone, what somebody else has written stays, and the
// entries of flows that run are the same ones before and after.

import { writeFileSync } from "node:fs";
import { afterEach, beforeAll, expect, test } from "vitest";
import { must } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { equip, temporaryDirectory } from "../support/node.ts";
import { checkRequirements, OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";
import { type Attached, attach } from "./meeting.ts";

const EXECUTABLE = `${OUR_BIN}/conntrack-flush`;
const EVERY_MASK = "/sys/class/net/*/queues/rx-*/rps_cpus";

let node: Namespace;
beforeAll(checkRequirements);
afterEach(undoAll);

const sh = (line: string): Promise<string> =>
	must(node.inside(["sh", "-c", line]));

/** Returns the masks of all queues, one a line, as they are. */
const masks = (): Promise<string> => sh(`grep . ${EVERY_MASK}`);

/** Returns the name of a pod's interface on the node's side. */
function vethOf({ result }: Attached): string {
	const { interfaces } = result as {
		readonly interfaces: readonly { name: string; sandbox?: string }[];
	};
	const found = interfaces.find((i) => !i.sandbox && i.name !== "cni0");
	return found?.name ?? expect.fail("the result names no veth");
}

const maskOf = async (pod: Attached): Promise<number> =>
	Number(
		`0x${(await sh(`cat /sys/class/net/${vethOf(pod)}/queues/rx-0/rps_cpus`)).trim()}`,
	);

/** Returns the mask of this machine's CPUs, of which none is isolated. */
const allCPUs = async (): Promise<number> =>
	2 ** Number(await must(["nproc", "--all"])) - 1;

/** Returns the ids of the entries, each with its tuple. */
async function entries(): Promise<string[]> {
	const table = await sh("conntrack -L -p udp --dport 53 -o id 2>/dev/null");
	return [...table.matchAll(/src=(\S+) .*id=(\d+)/g)]
		.map(([, src, id]) => `${src} ${id}`)
		.sort();
}

/** Sends from the pod, and from the same port each time. */
const send = ({ pod }: Attached): Promise<string> =>
	must(
		pod.inside([
			"python3",
			"-c",
			"import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 4000)); s.sendto(b'x', ('203.0.113.9', 53))",
		]),
	);

test("mitigate sets the veths of running pods, --undo leaves no trace, and no entry is another one", async () => {
	node = await createNamespace("node");
	await equip(node, { addresses: {}, forwards: true });
	await sh(
		"ip link add out type veth peer name in && ip link set out up && ip link set in up",
	);
	await sh("ip route add 203.0.113.0/24 dev out");
	await sh(
		"nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c oifname out masquerade'",
	);
	await sh("ip address add 198.51.100.1/32 dev out");
	const dataDir = temporaryDirectory("mitigate");
	const cache = temporaryDirectory("cache");
	await must(["mkdir", "-p", `${cache}/results`]);
	const mine = await attach(node, "pod-a", dataDir, {});
	const other = await attach(node, "pod-b", dataDir, {});
	for (const { pod, result } of [mine, other])
		writeFileSync(
			`${cache}/results/podnet-${pod.name}-eth0`,
			JSON.stringify({
				kind: "cniCacheV1",
				containerId: pod.name,
				networkName: "podnet",
				ifName: "eth0",
				result,
			}),
		);
	await sh(`echo 2 >/sys/class/net/${vethOf(other)}/queues/rx-0/rps_cpus`);
	await send(mine);
	await send(other);
	const before = { masks: await masks(), entries: await entries() };
	expect(before.entries).toHaveLength(2);

	const mitigate = (...flags: string[]): Promise<string> =>
		must(
			node.inside([EXECUTABLE, "mitigate", "--cni-cache-dir", cache, ...flags]),
		);
	expect(await mitigate("-n")).toContain(`would be set: ${vethOf(mine)}`);
	expect(await masks()).toBe(before.masks);

	const said = await mitigate();
	expect(said).toContain(`set: ${vethOf(mine)}`);
	expect(said).toContain(`left: ${vethOf(other)}`);
	expect(said).toContain("left: cni0, no veth, its driver is bridge");
	expect([await maskOf(mine), await maskOf(other)]).toEqual([
		await allCPUs(),
		2,
	]);
	await send(mine);
	await send(other);
	expect(await entries()).toEqual(before.entries);
	expect(await mitigate()).toContain(
		`left: ${vethOf(mine)}, it is set already`,
	);

	expect(await mitigate("--undo")).toContain(`undone: ${vethOf(mine)}`);
	expect(await masks()).toBe(before.masks);
	await send(mine);
	expect(await entries()).toEqual(before.entries);
});

test("ADD sets the veth that the bridge plugin made, and the bridge stays as it is", async () => {
	node = await createNamespace("node");
	const pod = await attach(node, "pod-a", temporaryDirectory("cpus"), {
		oneCPU: true,
	});
	expect(await maskOf(pod)).toBe(await allCPUs());
	const set = (await masks())
		.trim()
		.split("\n")
		.filter((line) => !/:[0,]*$/.test(line));
	expect(set).toHaveLength(1);
});
