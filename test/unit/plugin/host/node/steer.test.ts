// How an interface is steered by the Node host and by the fake one, which has the same
// code. test/conformance/steer.test.ts compares it with the executable.

import { describe, expect, test } from "vitest";
import { fakeHost } from "../../../../support/fakehost.ts";
import { CPUS, maskFile, withQueues } from "../../../../support/unit/cpus.ts";

test.each(CPUS)("the mask of the CPUs: $name", ({ mask, nohz, ...lists }) => {
	const node = withQueues({ veth1: { masks: ["f0"] } }, lists);
	const files = {
		...node.files,
		...(nohz && { "/sys/devices/system/cpu/nohz_full": `${nohz}\n` }),
	};
	const { cpus } = fakeHost({ ...node, files }).steering("veth1", false, true);
	expect(cpus).toBe(mask);
});

describe("an interface", () => {
	test.each<[string, string[], string[], boolean]>([
		["with one queue and no CPU", ["0"], ["0"], true],
		["with groups of zeros", ["00,00000000,00000000"], ["0"], true],
		["with a CPU", ["1"], ["1"], false],
		[
			"with a CPU in the highest group alone",
			["80000000,00000000"],
			["80000000,00000000"],
			false,
		],
		["with zeros before its CPUs", ["00,000000f0"], ["f0"], false],
		["with a second queue that has a CPU", ["0", "1"], ["0", "1"], false],
		["with two queues and no CPU", ["0", "0"], ["0", "0"], true],
	])("%s", (_, before, masks, isWritten) => {
		const host = fakeHost(withQueues({ veth1: { masks: before } }));
		const found = { driver: "veth", masks, cpus: "3", isWritten };
		expect(host.steering("veth1", false, true)).toEqual(found);
		const text = (i: number) => host.files.get(maskFile("veth1", i));
		for (const [i, mask] of before.entries()) expect(text(i)).toBe(`${mask}\n`);
		expect(host.steering("veth1", false, false)).toEqual(found);
		for (const [i, mask] of before.entries())
			expect(text(i)).toBe(isWritten ? "3" : `${mask}\n`);
	});

	test("is a veth if its driver says so, whatever its name", () => {
		const host = fakeHost(
			withQueues({ veth0: { driver: "bridge", masks: ["0"] } }),
		);
		expect(host.steering("veth0", false, false)).toEqual({
			driver: "bridge",
			masks: [],
			cpus: "",
			isWritten: false,
		});
	});

	test.each(["veth9", "", "..", "veth1:/../eth0", "../../../etc"])(
		"that does not exist, or cannot: %j",
		(name) => {
			const host = fakeHost(withQueues({ veth1: { masks: ["0"] } }));
			expect(() => host.steer(name)).toThrow("ENODEV");
			expect(host.calls).toEqual([]);
		},
	);
});
