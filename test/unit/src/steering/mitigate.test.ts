// What is done with interfaces that are there already, and how it is taken back.

import { describe, expect, test } from "vitest";
import { mitigate } from "../../../../src/steering/mitigate.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import {
	maskFile,
	type Queues,
	withQueues,
} from "../../../support/unit/cpus.ts";

const SET = { undo: false, dryRun: false };
const UNDO = { undo: true, dryRun: false };
const OURS = "ffffffff";

function once(
	queues: Queues | undefined,
	terms: typeof SET,
	more: FakeHostOptions = {},
	cpus = { online: "0-63", isolated: "32-63" },
) {
	const node = withQueues(queues ? { veth1: queues } : {}, cpus);
	const host = fakeHost({
		...node,
		...more,
		files: { ...node.files, ...more.files },
	});
	const [found] = mitigate(host, ["veth1"], terms);
	const masks = (queues?.masks ?? []).map((_, i) =>
		host.files.get(maskFile("veth1", i))?.trim(),
	);
	return { found: { ...found, interface: undefined }, masks };
}

const left = (reason: string) => ({ result: "left", reason });

describe("without --undo", () => {
	test.each<[string, Queues | undefined, object, string[]]>([
		[
			"sets every queue of a veth",
			{ masks: ["0", "00,00000000"] },
			{ result: "set", mask: OURS },
			[OURS, OURS],
		],
		[
			"leaves what it has set, however the kernel writes it",
			{ masks: ["00000000,ffffffff"] },
			left("it is set already"),
			["00000000,ffffffff"],
		],
		[
			"leaves a mask of somebody else",
			{ masks: ["ff"] },
			left("somebody else has set it to ff"),
			["ff"],
		],
		[
			"leaves a veth of which somebody else has set one queue",
			{ masks: ["0", "1"] },
			left("somebody else has set it to 0, 1"),
			["0", "1"],
		],
		[
			"leaves a bridge",
			{ driver: "bridge", masks: ["0"] },
			left("no veth, its driver is bridge"),
			["0"],
		],
		["leaves one that is gone", undefined, left("it is gone"), []],
	])("%s", (_, queues, found, masks) =>
		expect(once(queues, SET)).toEqual({ found, masks }),
	);

	test("says what could not be written", () => {
		const fail = (call: string): string | undefined =>
			call === "appendFile" ? "EROFS" : undefined;
		expect(once({ masks: ["0"] }, SET, { fail })).toEqual({
			found: {
				result: "failed",
				reason: `SysError: appendFile ${maskFile("veth1")}: EROFS`,
			},
			masks: ["0"],
		});
	});
});

describe("--undo", () => {
	test.each<[string, Queues, object, string[]]>([
		[
			"takes back exactly the mask that would be written",
			{ masks: ["00000000,ffffffff", OURS] },
			{ result: "undone", mask: "0" },
			["0", "0"],
		],
		[
			"leaves a mask of somebody else, though it has all of ours in it",
			{ masks: ["1,ffffffff"] },
			left("somebody else has set it to 1,ffffffff"),
			["1,ffffffff"],
		],
		[
			"leaves a veth of which somebody else has set one queue",
			{ masks: ["ffffffff", "1"] },
			left("somebody else has set it to ffffffff, 1"),
			["ffffffff", "1"],
		],
		[
			"leaves one without a mask",
			{ masks: ["0"] },
			left("nothing is set"),
			["0"],
		],
		[
			"leaves what is no veth, whatever its mask",
			{ driver: "bridge", masks: ["ffffffff"] },
			left("no veth, its driver is bridge"),
			["ffffffff"],
		],
	])("%s", (_, queues, found, masks) =>
		expect(once(queues, UNDO)).toEqual({ found, masks }),
	);

	test.each([
		["0-1", "left"],
		["2-3", "undone"],
		["(null)", "left"],
	])(
		"knows a mask without the CPUs of nohz_full, which the kernel takes out: %s",
		(nohz, result) => {
			const files = { "/sys/devices/system/cpu/nohz_full": `${nohz}\n` };
			const cpus = { online: "0-3", isolated: "" };
			expect(once({ masks: ["3"] }, UNDO, { files }, cpus).found).toMatchObject(
				{
					result,
				},
			);
		},
	);
});

test.each([SET, UNDO])("a dry run of %j writes nothing", ({ undo }) => {
	const before = undo ? "ffffffff" : "0";
	const result = undo ? "undone" : "set";
	const { found, masks } = once({ masks: [before] }, { undo, dryRun: true });
	expect(found).toMatchObject({ result });
	expect(masks).toEqual([before]);
});
