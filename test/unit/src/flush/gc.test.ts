// Garbage collection over records and a table in memory. The rows of the verb GC are in
// test/unit/plugin/verbs/gc.test.ts.

import { describe, expect, test } from "vitest";
import { collectGarbage, finishDels } from "../../../../src/flush/gc.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { BOOKS } from "../../../support/book.ts";
import {
	ALL,
	GAP,
	MINE,
	mappingOfPod as m,
	other,
	POD,
	RECORDS,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";

const { Q } = BOOKS.IPv4;
const DEAD = other("dead", { mappings: [{ ...m, podIP: Q }] });
const nobody = (): boolean => false;
const everybody = (): boolean => true;
const recordsIn = (host: { readonly files: ReadonlyMap<string, string> }) =>
	[...host.files.keys()]
		.filter((path) => path.endsWith(".json"))
		.map((path) => path.slice(RECORDS.length + 1).split(":")[1]);

describe("collectGarbage", () => {
	test("deletes the records of dead attachments, and the entries that lead to them", async () => {
		const { context, host, removed } = setUpPods(ALL, [POD, DEAD]);
		const isValid = (a: Attachment) => a.containerID !== "dead";
		expect(await collectGarbage(context, isValid)).toEqual({
			dropped: 1,
			errors: [],
		});
		expect(removed()).toEqual([STALE.orig]);
		expect(recordsIn(host)).toEqual(["new"]);
	});

	test("opens no socket if every attachment is valid", async () => {
		const { context, kernel } = setUpPods(ALL, [POD, DEAD]);
		expect(await collectGarbage(context, everybody)).toMatchObject({
			dropped: 0,
		});
		expect(kernel.requests).toEqual([]);
	});

	test("finishes an unfinished DEL, whoever is valid", async () => {
		const left = { ...DEAD, unfinished: true };
		const { context, host, removed } = setUpPods(ALL, [POD, left]);
		expect((await collectGarbage(context, everybody)).dropped).toBe(1);
		expect(removed()).toEqual([STALE.orig]);
		expect(recordsIn(host)).toEqual(["new"]);
	});

	test.each<[string, Attachment[], string[]]>([
		["an attachment as it was then", [DEAD], ["new"]],
		["no attachment that was not among them", [], ["new", "dead"]],
		[
			"no attachment that was recorded anew since",
			[{ ...DEAD, added: DEAD.added - 1 }],
			["new", "dead"],
		],
	])(
		"among those of an earlier moment, it drops %s",
		async (_, among, want) => {
			const { context, host } = setUpPods(ALL, [POD, DEAD]);
			await collectGarbage(context, (a) => a.containerID === "new", among);
			expect(recordsIn(host)).toEqual(want);
		},
	);

	test.each<[string, Attachment[], Attachment[], string[]]>([
		["a record", [other("s", {})], [], []],
		["none", [], [other("s", {})], []],
		[
			"none, at another address",
			[],
			[other("s", { mappings: [{ ...m, podIP: Q }] })],
			[MINE.orig],
		],
	])(
		"keeps the entries of a live attachment that took over, with %s",
		async (_, recorded, others, want) => {
			const { context, removed } = setUpPods([MINE, GAP], [POD, ...recorded]);
			const isValid = (a: Attachment) => a.containerID === "s";
			await collectGarbage(context, isValid, undefined, () => others);
			expect(removed()).toEqual(want);
		},
	);

	test("lets a DEL be that was just left to another plugin item, and is not shielded by it", async () => {
		const left = {
			...POD,
			containerID: "left",
			unfinished: true,
			deferredAt: 0,
		};
		const { context, host, removed } = setUpPods(
			[MINE, GAP],
			[{ ...POD, containerID: "dead" }, left],
		);
		expect((await collectGarbage(context, nobody)).dropped).toBe(1);
		expect(removed()).toEqual([MINE.orig]);
		expect(recordsIn(host)).toEqual(["left"]);
		host.clock.ms = 60_000;
		expect((await collectGarbage(context, everybody)).dropped).toBe(1);
	});

	test.each<[string, string, boolean]>([
		["is gone", "ghost", false],
		["is there", "alive", true],
	])(
		"an attachment with the address, whose namespace %s",
		async (_, name, isKept) => {
			const netns = `/run/netns/${name}`;
			for (const isRecorded of [true, false]) {
				const ghost = other("s", { netns });
				const { context, host, removed } = setUpPods(
					[MINE, GAP],
					[POD, ...(isRecorded ? [ghost] : [])],
				);
				host.mkdir("/run/netns", 0o755);
				host.writeFile("/run/netns/alive", "", 0o444);
				const isValid = (a: Attachment) => a.containerID === "s";
				await collectGarbage(context, isValid, undefined, () =>
					isRecorded ? [] : [ghost],
				);
				expect(removed()).toEqual(isKept ? [] : [MINE.orig]);
			}
		},
	);

	test("is not kept from an attachment by its own file in the cache", async () => {
		const { context, removed } = setUpPods([MINE, GAP], [POD]);
		await collectGarbage(context, nobody, undefined, () => [POD]);
		expect(removed()).toEqual([MINE.orig]);
	});

	test("keeps every record if the entries cannot be removed", async () => {
		const { context, host } = setUpPods(ALL, [POD, DEAD], {
			refuse: () => "EPROTONOSUPPORT",
		});
		const { dropped, errors } = await collectGarbage(context, nobody);
		expect([dropped, errors.length]).toEqual([0, 1]);
		expect(recordsIn(host)).toEqual(["new", "dead"]);
	});

	test("a record that cannot be deleted does not stop the rest", async () => {
		const { context, host } = setUpPods(ALL, [POD, DEAD], {
			fail: (call, path) =>
				call === "unlink" && path.endsWith(":new:eth0.json")
					? "EROFS"
					: undefined,
		});
		const { dropped, errors } = await collectGarbage(context, nobody);
		expect([dropped, errors.map(String).join()]).toEqual([
			1,
			expect.stringContaining("EROFS"),
		]);
		expect(recordsIn(host)).toEqual(["new"]);
	});

	test.each<[string, string, string[]]>([
		["names the address", `{"podIP":"${m.podIP}"`, []],
		["names another address", `{"podIP":"${Q}"`, [MINE.orig]],
	])(
		"a record that cannot be read and %s: it may be the address's new owner",
		async (_, text, want) => {
			const { context, host, removed } = setUpPods([MINE, GAP], [POD], {
				files: { [`${RECORDS}/net:broken:eth0.json`]: text },
			});
			expect(await collectGarbage(context, nobody)).toMatchObject({
				dropped: 1,
			});
			expect(removed()).toEqual(want);
			expect(recordsIn(host)).toEqual(["broken"]);
		},
	);

	test("gives up on records that take longer than its time", async () => {
		const { context, host } = setUpPods(ALL, [POD, DEAD]);
		const slow: typeof context = {
			...context,
			host: {
				...host,
				readFile(path) {
					host.clock.ms += 3000;
					return host.readFile(path);
				},
			},
		};
		const { dropped, errors } = await collectGarbage(slow, nobody);
		expect([dropped, errors.map(String)]).toEqual([
			0,
			["DeadlineError: gave up after 6000 ms"],
		]);
		expect(recordsIn(host)).toHaveLength(2);
	});

	describe("the record of another version of the plugin", () => {
		const FOREIGN = `${RECORDS}/net:later:eth0.json`;
		const text = (more: object): string =>
			JSON.stringify({
				version: 2,
				network: "net",
				containerID: "later",
				ifname: "eth0",
				ways: [{ podIP: Q }],
				...more,
			});
		const collect = async (
			isValid: (a: Attachment) => boolean,
			record: string,
		) => {
			const { context, host, removed } = setUpPods(ALL, [POD], {
				files: { [FOREIGN]: record },
			});
			const { dropped } = await collectGarbage(context, isValid);
			return { dropped, removed: removed(), left: recordsIn(host).sort() };
		};
		const isNew = ({ containerID }: Attachment) => containerID === "new";

		test.each<[string, (a: Attachment) => boolean, string]>([
			["is valid", everybody, text({ added: 1 })],
			[
				"does not say when it was added, which cannot be judged",
				isNew,
				text({}),
			],
			["was cut, which cannot be judged", isNew, text({ added: 1 }).slice(1)],
		])("stays if it %s", async (_, isValid, record) =>
			expect(await collect(isValid, record)).toEqual({
				dropped: 0,
				removed: [],
				left: ["later", "new"],
			}),
		);

		test.each<[string, (a: Attachment) => boolean, string]>([
			["its attachment is not valid", isNew, text({ added: 1 })],
			["its DEL is unfinished", everybody, text({ added: 1, gone: true })],
		])(
			"goes if %s, with what leads to its address",
			async (_, isValid, record) =>
				expect(await collect(isValid, record)).toEqual({
					dropped: 1,
					removed: [STALE.orig],
					left: ["new"],
				}),
		);

		test("stays if it was written anew meanwhile", async () => {
			const { context, host } = setUpPods(ALL, [POD], {
				files: { [FOREIGN]: text({ added: 1 }) },
			});
			const others = (): Attachment[] => {
				host.writeFile(FOREIGN, text({ added: 2 }), 0o600);
				return [];
			};
			const { dropped } = await collectGarbage(
				context,
				isNew,
				undefined,
				others,
			);
			expect(dropped).toBe(0);
			expect(recordsIn(host).sort()).toEqual(["later", "new"]);
		});
	});

	test("throws if the directory of records cannot be read", async () => {
		const { context } = setUpPods(ALL, [POD], {
			fail: (call) => (call === "readDir" ? "EACCES" : undefined),
		});
		await expect(collectGarbage(context, nobody)).rejects.toThrow("EACCES");
	});
});

describe("finishDels", () => {
	const LEFT = { ...DEAD, unfinished: true };

	test("does the rest of an unfinished DEL, and says no more than a flush", async () => {
		const { context, host, removed } = setUpPods(ALL, [POD, LEFT]);
		await finishDels(context);
		expect(removed()).toEqual([STALE.orig]);
		expect(recordsIn(host)).toEqual(["new"]);
		expect(host.written(2)).toMatch(/^level=info msg=flushed [^\n]*\n$/);
	});

	test("logs a failure and keeps the record for the next time", async () => {
		const { context, host } = setUpPods(ALL, [POD, LEFT], {
			refuse: () => "EPROTONOSUPPORT",
		});
		await finishDels(context);
		expect(host.written(2)).toMatch(
			/level=warn msg="cannot finish what a DEL began" .*EPROTONOSUPPORT/,
		);
		expect(recordsIn(host)).toEqual(["new", "dead"]);
	});
});
