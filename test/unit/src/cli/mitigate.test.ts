// `mitigate`: the pods that it finds, what it prints, and its exit codes.

import { describe, expect, test } from "vitest";
import type { FakeHostOptions } from "../../../support/fakehost.ts";
import { call, expectUntouched } from "../../../support/unit/calls.ts";
import {
	cachedLinks,
	maskFile,
	withQueues,
} from "../../../support/unit/cpus.ts";

const node = withQueues({
	cni0: { driver: "bridge", masks: ["0"] },
	veth1: { masks: ["0"] },
	veth2: { masks: ["2"] },
	veth3: { masks: ["3"] },
});
const PODS = {
	...cachedLinks("a", [{ name: "cni0" }, { name: "veth1" }]),
	...cachedLinks("b", [{ name: "cni0" }, { name: "veth2" }]),
	...cachedLinks("c", [{ name: "cni0" }, { name: "veth3" }]),
	...cachedLinks("d", [{ name: "cni0" }, { name: "veth4" }]),
};
const run = (argv: string[], more: FakeHostOptions = {}) =>
	call("", {
		env: { CNI_COMMAND: undefined },
		host: {
			...node,
			files: { ...node.files, ...PODS },
			...more,
			argv: ["mitigate", ...argv],
		},
	});
const LEFT = `left: veth2 of ns/b, somebody else has set it to 2
left: veth3 of ns/c, it is set already
left: veth4 of ns/d, it is gone
`;
const BRIDGE = "left: cni0, no veth, its driver is bridge\n";

describe("prints what it did with each interface, and why it left the others", () => {
	test("with those that it sets", async () => {
		const called = await run([]);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toBe(`${BRIDGE}set: veth1 of ns/a, CPUs 3\n${LEFT}`);
		expect(called.host.files.get(maskFile("veth1"))).toBe("3");
		expect(called.host.files.get(maskFile("veth2"))).toBe("2\n");
	});

	test("with --dry-run, which changes nothing", async () => {
		const called = await run(["-n"]);
		expect(called.out).toBe(
			`${BRIDGE}would be set: veth1 of ns/a, CPUs 3\n${LEFT}`,
		);
		expectUntouched(called);
	});

	test("with --undo", async () => {
		const called = await run(["--undo"]);
		expect(called.out).toBe(`${BRIDGE}left: veth1 of ns/a, nothing is set
left: veth2 of ns/b, somebody else has set it to 2
undone: veth3 of ns/c
left: veth4 of ns/d, it is gone
`);
		expect(called.host.files.get(maskFile("veth3"))).toBe("0");
		expect(called.host.files.get(maskFile("veth2"))).toBe("2\n");
	});

	test("as JSON", async () => {
		const { out } = await run(["-o", "json"]);
		expect(JSON.parse(out)).toEqual([
			{
				interface: "cni0",
				result: "left",
				reason: "no veth, its driver is bridge",
			},
			{
				interface: "veth1",
				result: "set",
				mask: "3",
				pod: "ns/a",
			},
			{
				interface: "veth2",
				result: "left",
				reason: "somebody else has set it to 2",
				pod: "ns/b",
			},
			{
				interface: "veth3",
				result: "left",
				reason: "it is set already",
				pod: "ns/c",
			},
			{ interface: "veth4", result: "left", reason: "it is gone", pod: "ns/d" },
		]);
	});
});

test("what cannot be written is named, and the exit code is 1", async () => {
	const called = await run([], {
		fail: (c) => (c === "appendFile" ? "EROFS" : undefined),
	});
	expect(called.code).toBe(1);
	expect(called.out).toContain(
		`failed: veth1 of ns/a, SysError: appendFile ${maskFile("veth1")}: EROFS\n`,
	);
});

test("without a pod it says so", async () => {
	const called = await run([], { ...node });
	expect([called.code, called.out, called.err]).toEqual([
		0,
		"",
		"/var/lib/cni names no interface of a pod\n",
	]);
});

test("a file that cannot be read is counted", async () => {
	const files = { ...node.files, ...PODS, "/var/lib/cni/results/x": "{" };
	const called = await run([], { files });
	expect(called.err).toBe(
		"files of /var/lib/cni that cannot be read, and whose pods are left out: 1\n",
	);
});
