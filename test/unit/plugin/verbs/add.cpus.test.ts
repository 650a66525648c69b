// ADD with "oneCPUPerFlow": which interfaces it sets, and what the log says.

import { describe, expect, test } from "vitest";
import type { FakeHostOptions } from "../../../support/fakehost.ts";
import {
	type Called,
	CONF,
	call,
	RESULT,
} from "../../../support/unit/calls.ts";
import { maskFile, withQueues } from "../../../support/unit/cpus.ts";

const INTERFACES = [
	{ name: "cni0" },
	{ name: "veth1" },
	{ name: "eth0", sandbox: "/run/netns/x" },
];
const NODE = {
	cni0: { driver: "bridge", masks: ["0"] },
	veth1: { masks: ["0"] },
	// the node's own, whose name is that of the pod's
	eth0: { masks: ["0"] },
};
const PORTLESS = {
	...CONF,
	runtimeConfig: {},
	prevResult: { ...RESULT, interfaces: INTERFACES },
};
const WITH = { ...PORTLESS, oneCPUPerFlow: true };

function calledWith(
	conf: object,
	host: FakeHostOptions = withQueues(NODE),
	command = "ADD",
): Promise<Called> {
	return call(command, { conf, host });
}

/** The masks of the first queues by interface. */
const masksOf = ({ host }: Called): Record<string, string | undefined> =>
	Object.fromEntries(
		Object.keys(NODE).map((name) => [name, host.files.get(maskFile(name))]),
	);
const UNTOUCHED = { cni0: "0\n", veth1: "0\n", eth0: "0\n" };
const SET = { ...UNTOUCHED, veth1: "3" };

describe("the veth on the node's side gets the node's CPUs, and nothing else does", () => {
	test.each<[string, object]>([
		["of a pod without ports", WITH],
		["of a pod with ports", { ...WITH, runtimeConfig: CONF.runtimeConfig }],
		["of a plugin item that acts on ADD alone", { ...WITH, on: "add" }],
	])("%s", async (_, conf) => {
		const called = await calledWith(conf);
		expect([called.code, called.out]).toEqual([
			0,
			`${JSON.stringify(PORTLESS.prevResult)}\n`,
		]);
		expect(masksOf(called)).toEqual(SET);
	});

	test("each of its queues", async () => {
		const called = await calledWith(
			WITH,
			withQueues({ veth1: { masks: ["0", "0"] } }, { online: "0-3" }),
		);
		expect(
			[0, 1].map((i) => called.host.files.get(maskFile("veth1", i))),
		).toEqual(["f", "f"]);
	});
});

describe("nothing is set", () => {
	test.each<[string, object]>([
		["without the key", PORTLESS],
		["if it is false", { ...PORTLESS, oneCPUPerFlow: false }],
		["by a plugin item that acts on DEL alone", { ...WITH, on: "del" }],
		[
			"if the result names no interfaces",
			{ ...WITH, prevResult: { ...RESULT, interfaces: undefined } },
		],
		[
			"if what it names are none",
			{ ...WITH, prevResult: { ...RESULT, interfaces: [null, 7, []] } },
		],
		[
			"if that is no list",
			{ ...WITH, prevResult: { ...RESULT, interfaces: { name: "veth1" } } },
		],
	])("%s", async (_, conf) => {
		const called = await calledWith(conf);
		expect([called.code, masksOf(called)]).toEqual([0, UNTOUCHED]);
	});

	test.each(["CHECK", "DEL", "GC", "STATUS"])("by %s", async (command) => {
		const conf = {
			...WITH,
			cniVersion: "1.1.0",
			"cni.dev/valid-attachments": [],
		};
		const called = await calledWith(conf, withQueues(NODE), command);
		expect([called.code, masksOf(called)]).toEqual([0, UNTOUCHED]);
	});

	test("where somebody else has set it", async () => {
		const called = await calledWith(
			WITH,
			withQueues({ ...NODE, veth1: { masks: ["2"] } }),
		);
		expect(masksOf(called)).toEqual({ ...UNTOUCHED, veth1: "2\n" });
		expect(called.err).toBe("");
	});
});

describe("what fails is one line of the log, and the pod starts", () => {
	const line = (name: string, error: string): string =>
		`level=warn msg="cannot have one CPU for each flow" event=ADD network=podnet container=4f2e pod=ns/pod interface=${name} error=${error}\n`;

	test.each<[string, FakeHostOptions, string]>([
		[
			"an interface that is gone",
			withQueues({ cni0: NODE.cni0 }),
			line("veth1", '"SysError: ioctl: ENODEV"'),
		],
		[
			"a kernel without RPS",
			{ ...withQueues({}), driver: () => "veth" },
			["cni0", "veth1"]
				.map((name) =>
					line(
						name,
						`"SysError: readDir /sys/class/net/${name}/queues/: ENOENT"`,
					),
				)
				.join(""),
		],
		...["EACCES", "EROFS", "EINVAL", "EPERM"].map(
			(code): [string, FakeHostOptions, string] => [
				code,
				{
					...withQueues(NODE),
					fail: (c, path) =>
						c === "appendFile" && path === maskFile("veth1") ? code : undefined,
				},
				line("veth1", `"SysError: appendFile ${maskFile("veth1")}: ${code}"`),
			],
		),
		[
			"a host that cannot tell drivers",
			{},
			line("cni0", '"SysError: ioctl: ENOSYS"') +
				line("veth1", '"SysError: ioctl: ENOSYS"'),
		],
	])("%s", async (_, host, log) => {
		const called = await calledWith(WITH, host);
		expect([called.code, called.err]).toEqual([0, log]);
		expect(called.out).toBe(`${JSON.stringify(PORTLESS.prevResult)}\n`);
	});

	test("a name that is none becomes no path", async () => {
		const interfaces = [{ name: "veth1:/../eth0" }, { name: ".." }, {}];
		const called = await calledWith({
			...WITH,
			prevResult: { ...RESULT, interfaces },
		});
		expect(called.code).toBe(0);
		expect(called.err.match(/error=.*/g)).toEqual([
			'error="SysError: ioctl: ENODEV"',
			'error="SysError: ioctl: ENODEV"',
			'error="SysError: ioctl: ENODEV"',
		]);
		expect(masksOf(called)).toEqual(UNTOUCHED);
	});
});

test("at the level debug the log says what was written, and else nothing", async () => {
	expect((await calledWith(WITH)).err).toBe("");
	const { err } = await calledWith({ ...WITH, logLevel: "debug" });
	expect(err).toBe(
		'level=debug msg="one CPU for each flow" event=ADD network=podnet container=4f2e pod=ns/pod interface=veth1 rps_cpus=3\n',
	);
});
