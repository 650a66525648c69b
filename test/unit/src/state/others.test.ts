// The attachments that shield entries: the recorded ones, without those whose pods are gone.

import { describe, expect, test } from "vitest";
import { Deadline, DeadlineError } from "../../../../src/netlink/deadline.ts";
import { othersThan } from "../../../../src/state/others.ts";
import { recordOf } from "../../../../src/state/store.ts";
import {
	other,
	POD,
	RECORDS,
	setUpPods,
} from "../../../support/unit/flushes.ts";

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

	describe("of a record that cannot be read", () => {
		const FILE = `${RECORDS}/net:broken:eth0.json`;
		const [m] = POD.mappings;
		const found = (text: string, words: readonly string[], code?: string) => {
			const { context } = setUpPods([], [POD], {
				files: { [FILE]: text },
				fail: (call, path) =>
					call === "readFile" && path === FILE ? code : undefined,
			});
			return othersThan(context, POD, words);
		};
		const cut = JSON.stringify(recordOf(POD)).slice(0, -1);

		test("gives what its name and its text say", () => {
			expect(found(cut, [m?.podIP ?? "", "192.0.2.99"])).toMatchObject([
				{
					network: "net",
					containerID: "broken",
					ifname: "eth0",
					mappings: [],
					podTargets: [{ podIP: m?.podIP }],
					vague: true,
				},
			]);
		});

		test("counts as younger than every attachment", () =>
			expect(found(cut, [""])[0]?.added).toBe(Number.POSITIVE_INFINITY));

		test("takes no address for a longer one that begins with it", () => {
			const longer = cut.replaceAll(m?.podIP ?? "", `${m?.podIP}9`);
			expect(found(longer, [m?.podIP ?? ""])).toEqual([]);
		});

		test("passes over one whose text has none of the words", () =>
			expect(found(cut, ["192.0.2.99"])).toEqual([]));

		test.each(["EIO", "EACCES", "EFBIG", "EILSEQ"])(
			"gives one whose text cannot be had (%s), whatever is asked for",
			(code) =>
				expect(found(cut, ["192.0.2.99"], code)).toMatchObject([
					{ containerID: "broken", podTargets: [], vague: true },
				]),
		);

		test("gives one of a later version", () =>
			expect(
				found(JSON.stringify({ ...recordOf(POD), version: 2 }), [""]),
			).toMatchObject([{ containerID: "broken", vague: true }]));

		test("passes over its own", () => {
			const own = `${RECORDS}/net:new:eth0.json`;
			const { context } = setUpPods([], [], { files: { [own]: cut } });
			expect(othersThan(context, POD, [""])).toEqual([]);
		});

		test("looks at the words of many, though it reads every record", () => {
			const words = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`);
			expect(found(cut, words)).toEqual([]);
			expect(found(cut, [...words, m?.podIP ?? ""])).toMatchObject([
				{ podTargets: [{ podIP: m?.podIP }] },
			]);
		});
	});

	test("lets the end of the time through, which is no trouble with records", () => {
		const { context, host } = setUpPods([], [POD, other("a", {})]);
		const deadline = new Deadline(host, 5);
		host.clock.ms = 6;
		expect(() => othersThan({ ...context, deadline }, POD, [""])).toThrow(
			DeadlineError,
		);
		expect(host.written(2)).toBe("");
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
