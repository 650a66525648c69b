// Which CPUs handle what comes from an interface: of the kinds that a node has, and with
// lists of CPUs and masks of nodes that are larger than this one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { fakeHost } from "../support/fakehost.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import { CPUS, withQueues } from "../support/unit/cpus.ts";
import type { Call, Outcome } from "./probe.ts";
import { check, commandOf, HOSTS, outcomesInFake, type Want } from "./run.ts";

const LONGEST = "fifteen-letters";
const LISTS = "/sys/devices/system/cpu";
const MASK = `/sys/class/net/${LONGEST}/queues/rx-0/rps_cpus`;
type Lists = Omit<(typeof CPUS)[number], "name" | "mask">;

const NO_VETH = { masks: [], cpus: "", isWritten: false };
const NODEV: Want = ["ENODEV", "ioctl"];

const rows: readonly (readonly [name: string, call: Call, want: Want])[] = [
	[
		"a bridge",
		["steer", "bridge"],
		{ value: { driver: "bridge", ...NO_VETH } },
	],
	["one that has no driver", ["steer", "lo"], ["EOPNOTSUPP", "ioctl"]],
	["no interface", ["steer", "nothing"], NODEV],
	["no name", ["steer", ""], NODEV],
	["a name that is too long", ["steer", `${LONGEST}!`], ["EINVAL", "ioctl"]],
	["a path", ["steer", "../net/left"], NODEV],
	["the directory above", ["steer", ".."], NODEV],
	["the directory itself", ["steer", "."], NODEV],
	["a path behind a name", ["steer", "left:/../lo"], NODEV],
	["a label behind a name", ["steer", "left:1"], NODEV],
];

let ns: Namespace;
beforeAll(async () => {
	ns = await createNamespace("steer");
	for (const words of [
		`link add left numrxqueues 2 type veth peer name ${LONGEST} numrxqueues 1`,
		"link add bridge type bridge",
	])
		await must(ns.inside(["ip", ...words.split(" ")]));
});
afterAll(() => ns.remove());

describe.each(HOSTS)("%s", (host) => {
	/** The calls' outcomes behind a line of shell, which may cover files of /sys in the mounts of its own. */
	async function behind(
		line: string,
		calls: readonly Call[],
	): Promise<readonly Outcome[]> {
		const command = ["sh", "-ec", `${line}\nexec "$@"`, "sh"];
		const { stdout, stderr } = await run(
			ns.inside([...command, ...commandOf(host, calls)]),
		);
		expect(stderr).toBe("");
		return JSON.parse(stdout);
	}

	let results: readonly Outcome[] = [];
	beforeAll(async () => {
		results = await behind(
			"",
			rows.map(([, call]) => call),
		);
	});

	test.each(rows.map(([name, , want], i) => [name, want, i] as const))(
		"%s",
		(_, want, i) => check(results[i], want),
	);

	test("a veth is set, is left as it is, and is set back; a dry run writes nothing", async () => {
		const cover = withCPUs({ online: "0" });
		const sh = (line: string) => must(ns.inside(["sh", "-c", line]));
		const [first, second] = [0, 1].map(
			(i) => `/sys/class/net/left/queues/rx-${i}/rps_cpus`,
		);
		const step = async (...words: string[]) => [
			...(await behind(cover, [["steer", "left", ...words]])),
			(await sh(`cat ${first} ${second}`)).replace(/^0*(?=.)/gm, ""),
		];
		const found = (mask: string, isWritten: boolean) => ({
			value: { driver: "veth", masks: [mask, mask], cpus: "1", isWritten },
		});
		expect(await step("dry")).toEqual([found("0", true), "0\n0\n"]);
		expect(await step("undo")).toEqual([found("0", false), "0\n0\n"]);
		expect(await step()).toEqual([found("0", true), "1\n1\n"]);
		expect(await step()).toEqual([found("1", false), "1\n1\n"]);
		expect(await step("undo", "dry")).toEqual([found("1", true), "1\n1\n"]);
		expect(await step("undo")).toEqual([found("1", true), "0\n0\n"]);
		await sh(`echo 1 >${second}`);
		const [other, left] = await step();
		expect(other).toMatchObject({
			// in the order of the directory
			value: {
				masks: expect.toBeOneOf([
					["0", "1"],
					["1", "0"],
				]),
				isWritten: false,
			},
		});
		expect(left).toBe("0\n1\n");
		await sh(`echo 0 >${second}`);
	});

	test.each(CPUS)("the mask of the CPUs: $name", async ({ mask, ...lists }) => {
		const isAny = mask !== "0";
		const text = isAny ? `00000000,${mask.padStart(8, "0")}` : "5";
		const cover = [
			withCPUs(lists),
			`echo ${text} >${LISTS}/mask`,
			`mount --bind ${LISTS}/mask ${MASK}`,
		].join("\n");
		const [got] = await behind(cover, [["steer", LONGEST, "undo", "dry"]]);
		const masks = [isAny ? mask : "5"];
		check(got, {
			value: { driver: "veth", masks, cpus: mask, isWritten: isAny },
		});
	});

	test("a list that cannot be read", async () => {
		const cover = `mount -t tmpfs none ${LISTS}`;
		const [got] = await behind(cover, [["steer", LONGEST]]);
		check(got, ["ENOENT", "open", `${LISTS}/online`]);
	});
});

/** Returns lines of shell that give the node these CPUs. */
function withCPUs({ online, isolated = "", nohz }: Lists): string {
	return [
		`mount -t tmpfs none ${LISTS}`,
		`echo "${online}" >${LISTS}/online`,
		`echo "${isolated}" >${LISTS}/isolated`,
		...(nohz ? [`echo "${nohz}" >${LISTS}/nohz_full`] : []),
	].join("\n");
}

test("the fake host knows the interfaces of its test, and without any no such call", async () => {
	const calls: Call[] = [
		["steer", "left"],
		["steer", "nothing"],
	];
	const knowing = fakeHost(withQueues({ left: { masks: ["0"] } }));
	const [veth, nothing] = await outcomesInFake(knowing, calls);
	const value = { driver: "veth", masks: ["0"], cpus: "3", isWritten: true };
	check(veth, { value }, "fake");
	check(nothing, NODEV, "fake");
	const [got] = await outcomesInFake(fakeHost(), calls);
	check(got, ["ENOSYS", "ioctl"], "fake");
});
