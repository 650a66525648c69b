// podman with its CNI backend: containers that publish UDP ports, also on one
// address of the node only, are replaced and removed while clients outside send.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	configure,
	conflistOf,
	exampleOf,
	withoutUs,
} from "../../support/runtimes/examples.ts";
import {
	createNode,
	installPlugins,
	type Node,
	withoutOwnFlush,
} from "../../support/runtimes/node.ts";
import { createPodman } from "../../support/runtimes/podman.ts";
import type { Runtime } from "../../support/runtimes/runtime.ts";
import { version } from "../../support/runtimes/tools.ts";
import { undoAll } from "../../support/undo.ts";
import { complaints, FAULTS, mend } from "./faults.ts";
import { PROOFS } from "./proofs.ts";
import { PODMAN_RUN } from "./runs.ts";
import { ALL_WELL, exchange, sendersOf, withoutRecords } from "./scenarios.ts";

const EXAMPLE = exampleOf("podman.conflist");

let node: Node;
let podman: Runtime;
beforeAll(async () => {
	node = await createNode();
	await installPlugins(node, PODMAN_RUN.plugins);
	await configure(node, EXAMPLE.installedAs, conflistOf(EXAMPLE));
	podman = await createPodman(node);
	await node.startClients(EXAMPLE.kinds);
}, 60_000);
afterAll(undoAll, 60_000);

test("it is the version that the documents name", async () => {
	expect(podman.version).toBe(`podman ${version("DEBIAN_PODMAN")}`);
	expect(await node.machine.must(["runc", "--version"])).toContain(
		`runc version ${version("DEBIAN_RUNC")}`,
	);
});

test(PROOFS.exchange, async () => {
	expect(await exchange(node, podman, EXAMPLE, 1)).toEqual(ALL_WELL);
});

test(`${PROOFS.control}: to the host's`, async () => {
	await configure(node, EXAMPLE.installedAs, withoutUs(conflistOf(EXAMPLE)));
	const { late, lost } = await exchange(node, podman, EXAMPLE, 0);
	await configure(node, EXAMPLE.installedAs, conflistOf(EXAMPLE));
	expect(late).toEqual([]); // portmap's own flush
	expect(lost).toHaveLength(sendersOf(EXAMPLE));
});

describe.each(FAULTS)("$name", ({ make, undo, helps }) => {
	beforeAll(() => make(node.machine));
	afterAll(() => mend(node.machine, undo));

	test(PROOFS.faults, async () => {
		const { late, left, lost } = await exchange(node, podman, EXAMPLE, 1);
		expect({ late, left: withoutRecords(left) }).toEqual({
			late: [],
			left: [],
		});
		expect(lost).toHaveLength(helps ? 0 : sendersOf(EXAMPLE));
		expect(await complaints(node.machine)).not.toEqual([]);
	});
});

describe("portmap's own flush taken away", () => {
	beforeAll(() => withoutOwnFlush(node));

	test(PROOFS.exchange, async () => {
		expect(await exchange(node, podman, EXAMPLE)).toEqual(ALL_WELL);
	});

	test(`${PROOFS.control}: to any container`, async () => {
		await configure(node, EXAMPLE.installedAs, withoutUs(conflistOf(EXAMPLE)));
		const { late } = await exchange(node, podman, EXAMPLE, 1);
		expect(late).toHaveLength(2 * sendersOf(EXAMPLE));
	});
});
