// What CRI-O and containerd do with an error of ours: their own libraries (ocicni and
// go-cni) make the calls that they make, over the real bridge, host-local and portmap, on
// a node where conntrack-flush cannot work, or where entries bypass the pod.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { flushTable } from "../../support/conntrack.ts";
import { flowOf, insert, nameOfFlow, readNames } from "../../support/flow.ts";
import { HOST4 } from "../../support/node.ts";
import {
	configure,
	conflistOf,
	exampleOf,
	withKeys,
} from "../../support/runtimes/examples.ts";
import {
	type Library,
	type LibraryCall,
	openLibrary,
} from "../../support/runtimes/library.ts";
import {
	createNode,
	installPlugins,
	type Node,
} from "../../support/runtimes/node.ts";
import { undoAll } from "../../support/undo.ts";
import { complaints, FAULTS, type Fault } from "./faults.ts";
import { PROOFS } from "./proofs.ts";

const EXAMPLE = exampleOf("containerd.conflist");
/** CRI-O: STATUS until it succeeds, GC once, and then for each pod ADD and at once CHECK. */
const CRIO = ["status", "gc", "setup", "check", "status"] as const;
/** containerd: STATUS every five seconds; never CHECK or GC. */
const CONTAINERD = ["status", "setup", "status"] as const;

let node: Node;
let undo: () => Promise<void>;
let pods = 0;
beforeAll(async () => {
	node = await createNode();
}, 60_000);
afterEach(() => undo());
afterAll(undoAll, 60_000);

/** The node with a fault, and the library of its runtime for a new pod. */
async function broken(
	runtime: "cri-o" | "containerd",
	keys: object,
	fault: Fault | undefined,
): Promise<Library> {
	await installPlugins(node, "newest");
	await flushTable(node.topology.node);
	const list = { ...withKeys(conflistOf(EXAMPLE), keys), cniVersion: "1.1.0" };
	await configure(node, EXAMPLE.installedAs, list);
	const netns = `library-${++pods}`;
	await node.machine.must(["ip", "netns", "add", netns]);
	await fault?.make(node.machine);
	const library = openLibrary(node, runtime, netns);
	undo = async () => {
		const { error } = await library.call("teardown");
		await library.close();
		await fault?.undo(node.machine);
		await node.machine.must(["ip", "netns", "del", netns]);
		// a DEL of ours never fails either
		expect(error).toBeUndefined();
	};
	return library;
}

/** Makes the calls; returns the errors by the call. */
async function errorsOf(
	library: Library,
	calls: readonly LibraryCall[],
): Promise<Readonly<Record<string, string>>> {
	const errors: Record<string, string> = {};
	for (const name of calls) {
		const { error, addresses } = await library.call(name);
		if (error !== undefined) errors[name] = error;
		else if (name === "setup" || name === "check")
			expect(addresses, name).toContainEqual(
				expect.stringMatching(/^10\.88\.0\.\d+$/),
			);
	}
	return errors;
}

const RUNTIMES = [
	["cri-o", CRIO],
	["containerd", CONTAINERD],
] as const;

test.each(
	FAULTS.flatMap((fault) =>
		RUNTIMES.map(([runtime, calls]) => ({
			...{ fault, runtime, calls, name: fault.name },
		})),
	),
)(`$runtime, $name: ${PROOFS.library}`, async ({ fault, runtime, calls }) => {
	const library = await broken(runtime, {}, fault);
	expect(await errorsOf(library, calls)).toEqual({});
	expect(await complaints(node.machine)).not.toEqual([]);
});

/** An entry that leads past the pod, to one that is gone. */
const STALE = flowOf({
	src: "203.0.113.77",
	dst: HOST4,
	replySrc: "10.88.99.99",
});

test(`cri-o, a stale entry: ${PROOFS.library}`, async () => {
	const logFile = "/run/stale.log";
	const library = await broken("cri-o", { logFile }, undefined);
	expect(await errorsOf(library, ["status", "gc", "setup"])).toEqual({});
	// between ADD and CHECK
	await insert(node.topology.node, [STALE]);
	expect(await errorsOf(library, ["check", "status"])).toEqual({});
	expect(await node.machine.read(logFile)).toMatch(
		/level=warn msg="conntrack entries keep traffic .* event=CHECK .*pod=ns\/pod /,
	);
	expect((await readNames(node.topology.node)).has(nameOfFlow(STALE))).toBe(
		true,
	);
});

test("GC of a pod that is gone, without CAP_NET_ADMIN: no error, and the record stays for the next one", async () => {
	const [fault] = FAULTS;
	const library = await broken("cri-o", {}, undefined);
	expect(await errorsOf(library, ["setup"])).toEqual({});
	// libcni knows it no more, so that GC is what removes it
	await node.machine.must(["sh", "-c", "rm -rf /var/lib/cni/results"]);
	await insert(node.topology.node, [STALE]);
	const records = "ls /run/cni/conntrack-flush | grep -c json";
	await fault?.make(node.machine);
	expect(await errorsOf(library, ["gc"])).toEqual({});
	expect((await complaints(node.machine)).join()).toMatch(/event=GC .*EPERM/);
	expect(await node.machine.must(["sh", "-c", records])).toBe("1\n");
	await fault?.undo(node.machine);
	expect(await errorsOf(library, ["gc"])).toEqual({});
	expect((await node.machine.run(["sh", "-c", records])).stdout).toBe("0\n");
});

// the control: what the runtimes would make of the errors
test.each([
	["cri-o", ["status", "setup", "check"], ["status", "check"]],
	["containerd", ["status", "setup"], ["status"]],
] as const)(
	"%s without CAP_NET_ADMIN: an error of STATUS or CHECK reaches it if the keys ask for it",
	async (runtime, calls, failing) => {
		const keys = { strictStatus: true, strictCheck: true };
		const library = await broken(runtime, keys, FAULTS[0]);
		const errors = await errorsOf(library, calls);
		expect(Object.keys(errors)).toEqual(failing);
		expect(errors.status).toContain("cannot use conntrack over netlink");
		if (runtime === "cri-o")
			expect(errors.check).toContain("cannot read conntrack");
	},
);
