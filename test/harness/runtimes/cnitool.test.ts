// cnitool over every file of conflist-examples: libcni itself runs the chain, with
// the real bridge, host-local and portmap, while clients send without pause.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { must } from "../../support/exec.ts";
import { flowOf, insert } from "../../support/flow.ts";
import { HOST4 } from "../../support/node.ts";
import {
	type Cnitool,
	createCnitool,
	type LosablePod,
} from "../../support/runtimes/cnitool.ts";
import {
	configure,
	conflistOf,
	DROP_IN,
	EXAMPLES,
	type Example,
	exampleOf,
	readExample,
	withKeys,
	withNftables,
	withoutUs,
	withStandIn,
} from "../../support/runtimes/examples.ts";
import {
	CONTAINER_PORT,
	countLeadingTo,
	createNode,
	installPlugins,
	KINDS,
	MAPPINGS,
	type Node,
	withoutOwnFlush,
} from "../../support/runtimes/node.ts";
import { undoAll } from "../../support/undo.ts";
import { complaints, FAULTS, mend, overheard, STATE } from "./faults.ts";
import { PROOFS } from "./proofs.ts";
import { CNITOOL_RUNS, type CnitoolRun, pluginsVersion } from "./runs.ts";
import {
	ALL_WELL,
	exchange,
	late,
	leftBehind,
	runPod,
	sendersOf,
} from "./scenarios.ts";

const PUBLISHING = EXAMPLES.filter(({ file }) => file !== "cri-o.conflist");

let node: Node;
beforeAll(async () => {
	node = await createNode();
	await node.startClients(KINDS);
}, 60_000);
afterAll(undoAll, 60_000);

describe.each(
	CNITOOL_RUNS.map((run): [string, CnitoolRun] => [describeRun(run), run]),
)("%s", (_, run) => {
	beforeAll(async () => {
		await installPlugins(node, run.plugins);
		if (run.backend === "iptables") await withoutOwnFlush(node);
	});

	const examples = PUBLISHING.filter(
		({ file }) => run.files?.includes(file) ?? true,
	);
	describe.each(examples)("$file", (example) => {
		let cnitool: Cnitool;
		beforeAll(async () => {
			cnitool = await configured(example, run);
		});

		test(PROOFS.exchange, async () => {
			expect(await exchange(node, cnitool, example, 1)).toEqual(ALL_WELL);
		});
	});
});

test(PROOFS.dropIn, async () => {
	await installPlugins(node, "Debian's");
	await withoutOwnFlush(node);
	const example = exampleOf("containerd.conflist");
	const list = withoutUs(conflistOf(example));
	await configure(node, example.installedAs, list, readExample(DROP_IN));
	const cnitool = createCnitool(node, "CNI", list.name);
	expect(await exchange(node, cnitool, example, 1)).toEqual(ALL_WELL);
});

describe(PROOFS.control, () => {
	const example = exampleOf("containerd.conflist");
	let cnitool: Cnitool;
	beforeAll(async () => {
		await installPlugins(node, "Debian's");
		const list = withoutUs(conflistOf(example));
		await configure(node, example.installedAs, list);
		cnitool = createCnitool(node, "CNI", list.name);
	});

	test("to the host's listener", async () => {
		const { late, lost } = await exchange(node, cnitool, example, 0);
		expect(late).toEqual([]); // portmap's own flush
		expect(lost).toHaveLength(sendersOf(example));
	});

	test("to any pod, if portmap does not flush itself", async () => {
		await withoutOwnFlush(node);
		const { late } = await exchange(node, cnitool, example, 1);
		// not the first one either: their entries are older than its rules
		expect(late).toHaveLength(2 * sendersOf(example));
	});
});

describe(PROOFS.check, () => {
	const CHECKED = ["containerd.conflist", "containerd-split.conflist"];
	test.each(CHECKED)("%s", async (file) => {
		await installPlugins(node, "newest");
		const example = exampleOf(file);
		const cnitool = await configured(example, CNITOOL_RUNS[2]);
		const pod = await runPod(cnitool, "checked");
		expect(await late(node, pod, example.kinds)).toEqual([]);
		const write = (strictCheck: boolean): Promise<void> =>
			node.machine.write(
				`/etc/cni/net.d/${example.installedAs}`,
				JSON.stringify(withKeys(conflistOf(example), { strictCheck })),
			);
		await write(true);
		await cnitool.check(pod);
		// to a pod that is gone
		await insert(node.topology.node, [
			flowOf({ src: "203.0.113.77", dst: HOST4, replySrc: "10.88.99.99" }),
		]);
		await expect(cnitool.check(pod)).rejects.toThrow(
			/conntrack entries keep traffic from this attachment/,
		);
		await write(false);
		await cnitool.check(pod);
		await pod.remove();
	});
});

/** A conflist of these versions, and of these keys of our own. */
async function speaking(versions: object, keys = {}): Promise<Cnitool> {
	await installPlugins(node, "newest");
	const example = exampleOf("containerd.conflist");
	const list = { ...withKeys(conflistOf(example), keys), ...versions };
	await configure(node, example.installedAs, list);
	return createCnitool(node, "CNI", list.name);
}

/** The records of the node, finished or not. */
async function records(): Promise<string[]> {
	const said = await node.machine.run(["ls", STATE]);
	return said.stdout.split("\n").filter((name) => name.includes(".json"));
}

test.each([
	[["0.3.1", "0.4.0", "1.0.0"], "1.0.0"],
	[["0.4.0", "1.1.0"], "1.1.0"],
	[["0.4.0", "1.1.0", "9.9.0"], "1.1.0"],
])(`${PROOFS.versions}: %j`, async (cniVersions, spoken) => {
	const cnitool = await speaking({ cniVersion: "0.3.1", cniVersions });
	const { log, unwrap } = await overheard(node.machine);
	try {
		const pod = await runPod(cnitool, "versions");
		await cnitool.check(pod);
		await cnitool.status();
		await pod.remove();
	} finally {
		await unwrap();
	}
	const heard = await log();
	// libcni calls STATUS from 1.1.0 on only
	const verbs = [
		"ADD",
		"CHECK",
		...(spoken === "1.1.0" ? ["STATUS"] : []),
		"DEL",
	];
	expect(heard).toEqual(verbs.map((verb) => `${verb} ${spoken}`));
	expect(await leftBehind(node, cnitool)).toEqual([]);
});

test(PROOFS.status, async () => {
	for (const isStrict of [false, true]) {
		const keys = { strictStatus: isStrict };
		const cnitool = await speaking({ cniVersion: "1.1.0" }, keys);
		await cnitool.status();
		const [fault] = FAULTS.filter(({ name }) => name.includes("CAP_NET_ADMIN"));
		await fault?.make(node.machine);
		try {
			if (!isStrict) await cnitool.status();
			else
				await expect(cnitool.status()).rejects.toThrow(
					/cannot use conntrack over netlink/,
				);
		} finally {
			await fault?.undo(node.machine);
		}
		const unusable = ["test", "-e", `${STATE}/unusable`];
		expect((await node.machine.run(unusable)).code).toBe(0);
		await cnitool.status();
		expect((await node.machine.run(unusable)).code).toBe(1);
	}
});

describe(PROOFS.gc, () => {
	/** Two pods, one of which is gone without DEL, also from libcni's cache. */
	async function lossy(): Promise<[Cnitool, LosablePod, LosablePod]> {
		const cnitool = await speaking({ cniVersion: "1.1.0" });
		const lost = await cnitool.run({ name: `lost-${++pods}` }, MAPPINGS);
		expect(await late(node, lost, KINDS)).toEqual([]);
		await lost.lose();
		await node.machine.must(["sh", "-c", "rm -rf /var/lib/cni/results"]);
		const kept = await cnitool.run({ name: `kept-${++pods}` }, [
			{ hostPort: 9000, containerPort: CONTAINER_PORT, protocol: "udp" },
		]);
		expect(await records()).toHaveLength(2);
		expect(await countLeadingTo(node, lost.address)).toBeGreaterThan(0);
		return [cnitool, lost, kept];
	}
	let pods = 0;

	/** portmap has no GC of its own: the rules of a lost pod stay, and would lead to it. */
	const withoutRules = (): Promise<string> =>
		node.machine.must(["sh", "-c", "iptables -t nat -F; ip6tables -t nat -F"]);
	afterEach(withoutRules);

	test("with libcni's list", async () => {
		const [cnitool, lost, kept] = await lossy();
		await withoutRules();
		await cnitool.gc([lost, kept]);
		expect(await records()).toHaveLength(2);
		await cnitool.gc([kept]);
		expect(await records()).toHaveLength(1);
		expect(await countLeadingTo(node, lost.address)).toBe(0);
		await kept.remove();
		expect(await records()).toEqual([]);
	});

	test("not with cnitool's own gc, which sends no list", async () => {
		const [cnitool, , kept] = await lossy();
		await expect(cnitool.gcWithoutList()).rejects.toThrow(
			/missing cni.dev\/valid-attachments/,
		);
		// libcni has deleted what is in its cache, which is the other pod
		expect(await records()).toHaveLength(1);
		await kept.lose();
		await cnitool.gc([]);
		expect(await records()).toEqual([]);
	});
});

// CRI-O makes the rules of its hostPorts itself, after ADD, and takes them away
// before DEL; it passes no port mappings. The rule here is what it would make.
test(`cri-o.conflist, ${PROOFS.scope}`, async () => {
	await installPlugins(node, "newest");
	const cnitool = await configured(
		exampleOf("cri-o.conflist"),
		CNITOOL_RUNS[0],
	);
	const pod = await cnitool.run({ name: "crio" }, []);
	const rule = (verb: string): Promise<string> =>
		must(
			node.topology.node.inside(
				`iptables -w -t nat ${verb} PREROUTING -d ${HOST4} -p udp --dport 8125 -j DNAT --to-destination ${pod.address}:${CONTAINER_PORT}`.split(
					" ",
				),
			),
		);
	await rule("-I");
	// CRI-O does the same
	await node.machine.run("conntrack -D -p udp --orig-port-dst 8125".split(" "));
	expect(await late(node, pod, KINDS.slice(0, 1), 2000)).toEqual([]);
	expect(await countLeadingTo(node, pod.address)).toBeGreaterThan(0);
	await rule("-D");
	await pod.remove();
	expect(await countLeadingTo(node, pod.address)).toBe(0);
	expect(await leftBehind(node, cnitool)).toEqual([]);
});

test.each(FAULTS)(
	"$name: ADD and DEL succeed and say so, and the address is free again",
	async ({ make, undo }) => {
		await installPlugins(node, "Debian's");
		const cnitool = await configured(exampleOf("podman.conflist"), undefined);
		await make(node.machine);
		try {
			const pod = await runPod(cnitool, "faulty");
			expect(await complaints(node.machine)).not.toEqual([]);
			await pod.remove();
		} finally {
			await mend(node.machine, undo);
		}
		expect(await leftBehind(node, cnitool)).toEqual([]);
	},
);

test("a full disk leaves no unfinished record", async () => {
	await installPlugins(node, "Debian's");
	const cnitool = await configured(exampleOf("podman.conflist"), undefined);
	const full = FAULTS.find(({ name }) => name.includes("full"));
	await full?.make(node.machine);
	const pod = await runPod(cnitool, "unrecorded");
	await pod.remove();
	const there = await records();
	await full?.undo(node.machine);
	expect(there).toEqual([]);
});

async function configured(
	example: Example,
	run: CnitoolRun | undefined,
): Promise<Cnitool> {
	let list = conflistOf(example);
	if (example.standIn) list = withStandIn(list);
	if (run?.backend === "nftables") list = withNftables(list);
	await configure(node, example.installedAs, list);
	return createCnitool(node, run?.release ?? "CNI", list.name);
}

function describeRun({ release, plugins, backend }: CnitoolRun): string {
	return `${release === "CNI" ? "newest" : "old"} cnitool, plugins ${pluginsVersion(plugins)}, ${backend}`;
}
