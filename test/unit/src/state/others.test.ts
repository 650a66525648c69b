// The attachments that shield entries: the recorded ones, without those whose pods are gone.

import { describe, expect, test } from "vitest";
import { othersThan } from "../../../../src/state/others.ts";
import { other, POD, setUpPods } from "../../../support/unit/flushes.ts";

describe("othersThan", () => {
	test("gives all records but its own", () => {
		const { context } = setUpPods(
			[],
			[POD, other("a", {}), other("b", { ifname: "eth1" })],
		);
		expect(
			othersThan(context, POD, [""])
				.map((a) => a.containerID)
				.sort(),
		).toEqual(["a", "b"]);
	});

	test("takes what cannot be read for absent, and says so", () => {
		const { context, host } = setUpPods([], [POD], {
			fail: (c) => (c === "readDir" ? "EIO" : undefined),
		});
		expect(othersThan(context, POD, [""])).toEqual([]);
		expect(host.written(2)).toMatch(
			/^level=warn msg="cannot read the attachments" .*EIO/,
		);
	});

	test.each<[string, string[]]>([
		["is gone: it is no other", ["a"]],
		["is there: it is one", ["a", "b"]],
	])("of one whose namespace %s", (_, want) => {
		const { context, host } = setUpPods(
			[],
			[
				POD,
				other("a", { netns: "/run/netns/a" }),
				other("b", { netns: "/run/netns/b" }),
			],
		);
		host.mkdir("/run/netns", 0o755);
		for (const id of want) host.writeFile(`/run/netns/${id}`, "", 0o444);
		expect(othersThan(context, POD, [""]).map((a) => a.containerID)).toEqual(
			want,
		);
	});

	test("looks at no namespace of a record without the words", () => {
		const { context, host } = setUpPods(
			[],
			[POD, other("a", { netns: "/run/netns/a" })],
		);
		expect(othersThan(context, POD, ["192.0.2.99"])).toEqual([]);
		expect(host.calls.filter((c) => c.includes("netns"))).toEqual([]);
	});
});
