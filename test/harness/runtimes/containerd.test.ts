// containerd with runc, through its CRI: pods with hostPorts, also on one address
// of the node only, are replaced and deleted while clients outside send; its
// configuration changes under it, and it restarts between ADD and DEL.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flushTable } from "../../support/conntrack.ts";
import {
	type Containerd,
	startContainerd,
} from "../../support/runtimes/containerd.ts";
import { untilReady } from "../../support/runtimes/cri.ts";
import {
	configure,
	conflistOf,
	DROP_IN,
	exampleOf,
	readExample,
	withoutUs,
} from "../../support/runtimes/examples.ts";
import {
	countLeadingTo,
	createNode,
	installPlugins,
	type Node,
	withoutOwnFlush,
} from "../../support/runtimes/node.ts";
import type { Pod } from "../../support/runtimes/runtime.ts";
import { undoAll } from "../../support/undo.ts";
import { complaints, FAULTS, mend } from "./faults.ts";
import { PROOFS } from "./proofs.ts";
import { CONTAINERD_RUNS, containerdVersion } from "./runs.ts";
import {
	ALL_WELL,
	exchange,
	late,
	leftBehind,
	runPod,
	sendersOf,
	withoutRecords,
} from "./scenarios.ts";

const ONE = exampleOf("containerd.conflist");
const TWO = exampleOf("containerd-split.conflist");
const { installedAs } = ONE;
const WITHOUT = withoutUs(conflistOf(ONE));
const OURS = `/etc/cni/net.d/${installedAs}`;

describe.each(CONTAINERD_RUNS)("$release containerd", (run) => {
	let node: Node;
	let containerd: Containerd;
	beforeAll(async () => {
		node = await createNode();
		await installPlugins(node, run.plugins);
		await configure(node, installedAs, conflistOf(ONE));
		containerd = await startContainerd(node, run.release, WITHOUT.name);
		await node.startClients(ONE.kinds);
	}, 60_000);
	afterAll(undoAll, 60_000);

	test("it is the version that the documents name", () => {
		const number = containerdVersion(run.release);
		expect(containerd.version.replace(/~.*/, "")).toBe(`containerd ${number}`);
	});

	test(PROOFS.exchange, async () => {
		expect(await exchange(node, containerd, ONE, 1)).toEqual(ALL_WELL);
	});

	test(PROOFS.reload, async () => {
		await configure(node, installedAs, WITHOUT);
		await containerd.loaded(["portmap"], ["conntrack-flush"]);
		await flushTable(node.topology.node);
		const pod = await runPod(containerd, "early");
		expect(await late(node, pod, ONE.kinds)).toEqual([]);
		await node.machine.write(OURS, readExample(TWO.file));
		await containerd.loaded(["conntrack-flush"]);
		await deletedForGood(pod);
	});

	test(PROOFS.restart, async () => {
		await node.machine.write(OURS, readExample(TWO.file));
		await containerd.loaded(["conntrack-flush"]);
		const pod = await runPod(containerd, "survivor");
		expect(await late(node, pod, TWO.kinds)).toEqual([]);
		await containerd.restart();
		await deletedForGood(pod);
	});

	describe.each(FAULTS)("$name", ({ make, undo, helps }) => {
		beforeAll(async () => {
			// with this version a runtime calls STATUS, if its libcni knows it
			const newest = { ...conflistOf(TWO), cniVersion: "1.1.0" };
			await configure(
				node,
				installedAs,
				run.dropIns ? newest : conflistOf(TWO),
			);
			await containerd.loaded(["conntrack-flush"]);
			await make(node.machine);
		});
		afterAll(() => mend(node.machine, undo));

		if (run.dropIns) test(PROOFS.ready, () => untilReady(containerd.cri));

		test(PROOFS.faults, async () => {
			const { late, left, lost } = await exchange(node, containerd, TWO, 1);
			expect({ late, left: withoutRecords(left) }).toEqual({
				late: [],
				left: [],
			});
			expect(lost).toHaveLength(helps ? 0 : sendersOf(TWO));
			expect(await complaints(node.machine)).not.toEqual([]);
		});
	});

	describe("portmap's own flush taken away", () => {
		beforeAll(() => withoutOwnFlush(node));

		test.each([ONE, TWO])(`$file: ${PROOFS.exchange}`, async (example) => {
			await configure(node, installedAs, conflistOf(example));
			await containerd.loaded(["conntrack-flush"]);
			expect(await exchange(node, containerd, example, 1)).toEqual(ALL_WELL);
		});

		if (run.dropIns)
			test(PROOFS.dropIn, async () => {
				await configure(node, installedAs, WITHOUT);
				await containerd.loaded(["portmap"], ["conntrack-flush"]);
				await node.machine.write(
					`/etc/cni/net.d/${WITHOUT.name}/90-conntrack-flush.conf`,
					readExample(DROP_IN),
				);
				// it does not watch sub-directories
				const nudge = "cd /etc/cni/net.d; touch nudge; rm nudge";
				await node.machine.must(["sh", "-c", nudge]);
				await containerd.loaded(["conntrack-flush"]);
				expect(await exchange(node, containerd, ONE, 1)).toEqual(ALL_WELL);
			});

		test(`${PROOFS.control}: to any pod`, async () => {
			await configure(node, installedAs, WITHOUT);
			await containerd.loaded(["portmap"], ["conntrack-flush"]);
			const { late } = await exchange(node, containerd, ONE, 0);
			expect(late).toHaveLength(sendersOf(ONE));
		});
	});

	/** The pod's end leaves nothing, and no sender's entry leads to it. */
	async function deletedForGood(pod: Pod): Promise<void> {
		expect(await countLeadingTo(node, pod.address)).toBeGreaterThan(0);
		await pod.remove();
		expect(await countLeadingTo(node, pod.address)).toBe(0);
		expect(await leftBehind(node, containerd)).toEqual([]);
	}
});
