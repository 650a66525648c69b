// How an interface is steered, and the mask of the node's CPUs.

import { describe, expect, test } from "vitest";
import { maskOfCPUs, steeringOf } from "../../../../src/steering/steering.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { maskFile, withQueues } from "../../../support/unit/cpus.ts";

describe("the mask of the CPUs", () => {
	test.each([
		["two CPUs", "0-1", "", "00000003"],
		["one CPU", "0", "", "00000001"],
		["CPUs that are offline", "0,2-3,7", "", "0000008d"],
		["isolated CPUs are left out", "0-7", "2-3,6", "000000b3"],
		["an isolated CPU that is offline", "0-3", "4-7", "0000000f"],
		["all 32 of a group", "0-31", "", "ffffffff"],
		["more than 32, the highest group first", "0-39", "", "000000ff,ffffffff"],
		["a range over a group's border", "30-33", "", "00000003,c0000000"],
		["a group without a CPU", "0,64", "", "00000001,00000000,00000001"],
		["isolated ones in two groups", "0-63", "1-62", "80000000,00000001"],
		[
			"a group that is isolated as a whole",
			"0-63",
			"32-63",
			"00000000,ffffffff",
		],
		["128 CPUs", "0-127", "", "ffffffff,ffffffff,ffffffff,ffffffff"],
		["all are isolated", "0-3", "0-3", "00000000"],
	])("%s", (_, online, isolated, want) =>
		expect(maskOfCPUs(fakeHost(withQueues({}, { online, isolated })))).toBe(
			want,
		),
	);
});

describe("an interface", () => {
	test.each<[string, string[], boolean]>([
		["with one queue and no CPU", ["0"], true],
		["with groups of zeros", ["00,00000000,00000000"], true],
		["with a CPU", ["3"], false],
		["with a CPU in the highest group alone", ["80000000,00000000"], false],
		["with a second queue that has a CPU", ["0", "1"], false],
		["with two queues and no CPU", ["0", "0"], true],
		["of very many CPUs", [Array(64).fill("ffffffff").join(",")], false],
	])("%s", (_, masks, isUnset) => {
		const host = fakeHost(withQueues({ veth1: { masks } }));
		expect(steeringOf(host, "veth1")).toEqual({
			driver: "veth",
			files: masks.map((_, i) => maskFile("veth1", i)),
			masks: masks.map((mask) => `${mask}\n`),
			isUnset,
		});
	});

	test("is a veth if its driver says so, whatever its name", () => {
		const host = fakeHost(
			withQueues({ veth0: { driver: "bridge", masks: ["0"] } }),
		);
		expect(steeringOf(host, "veth0").driver).toBe("bridge");
	});

	test.each([
		["veth9", "ENODEV"],
		["", "ENODEV"],
		["..", "ENODEV"],
		["veth1:/../eth0", "not an interface: veth1:/../eth0"],
		["../../../etc", "not an interface: ../../../etc"],
	])("that does not exist, or cannot: %j", (name, error) => {
		const host = fakeHost(withQueues({ veth1: { masks: ["0"] } }));
		expect(() => steeringOf(host, name)).toThrow(error);
		expect(host.calls).toEqual([]);
	});
});
