// Records that cannot be read, and the pods that they may be of: beside one, DEL, GC and a
// burst remove nothing that such a pod may own.

import { describe, expect, test } from "vitest";
import type { Ask } from "../../../../src/flush/ask.ts";
import { collectGarbage } from "../../../../src/flush/gc.ts";
import { onAdd } from "../../../../src/flush/onadd.ts";
import { perform } from "../../../../src/flush/perform.ts";
import { requestOf } from "../../../../src/flush/request.ts";
import { flushTogether } from "../../../../src/flush/together.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { addressesOf } from "../../../../src/policy/mapping.ts";
import { recordsAround } from "../../../../src/state/others.ts";
import { indexed } from "../../../../src/state/recordindex.ts";
import { recordOf } from "../../../../src/state/store.ts";
import {
	HOST_IP_WORD,
	portWords,
	VAGUE_WORD,
} from "../../../../src/state/words.ts";
import { BOOKS } from "../../../support/book.ts";
import { natRules } from "../../../support/natrules.ts";
import {
	MINE,
	mappingOfPod as m,
	other,
	POD,
	RECORDS,
	setUpPods,
	THEIRS,
} from "../../../support/unit/flushes.ts";

const { H2, N, P, Q } = BOOKS.IPv4;
const FILE = `${RECORDS}/net:heir:eth0.json`;
const OURS = "udp local:8125 > 10.88.0.2:5353";
const GOING = { ...POD, containerID: "old", added: 1 };
const WHOLE = JSON.stringify(recordOf(other("heir", { added: 20 })));

function beside(
	text: string,
	code?: string,
	recorded: Parameters<typeof setUpPods>[1] = [],
) {
	return setUpPods([MINE], recorded, {
		files: { [FILE]: text },
		rules: natRules(OURS),
		fail: (call, path) =>
			call === "readFile" && path === FILE ? code : undefined,
	});
}

describe("the record of the pod that has the address now", () => {
	test.each<[string, string, string?]>([
		["is cut at its end", WHOLE.slice(0, -1)],
		["is cut before the address", WHOLE.slice(0, 40)],
		["is empty", ""],
		["is too long", WHOLE, "EFBIG"],
		["is no UTF-8", WHOLE, "EILSEQ"],
		["is on a disk that fails", WHOLE, "EIO"],
	])("%s: what its rule leads to it stays", async (_, text, code) => {
		const onDel = beside(text, code);
		await perform(onDel.context, {
			...{ verb: "DEL", attachment: GOING, action: "delete" },
		});
		expect(onDel.removed()).toEqual([]);
		const onGC = beside(text, code, [other("old", { added: 1 })]);
		await collectGarbage(onGC.context, (a) => a.containerID !== "old");
		expect(onGC.removed()).toEqual([]);
	});

	test("is a file whose name is no record's: what led to the dead pod goes", async () => {
		const { context, removed } = setUpPods([MINE], [], {
			files: { [`${RECORDS}/foreign.json`]: "{}" },
			rules: natRules(OURS),
		});
		await perform(context, {
			...{ verb: "DEL", attachment: GOING, action: "delete" },
		});
		expect(removed()).toEqual([MINE.orig]);
	});
});

test("the record of a pod with a longer address shields nothing", async () => {
	const longer = other("n", {
		mappings: [{ ...m, hostPort: 53, podIP: `${P}2` }],
	});
	const { context, removed } = beside(
		JSON.stringify(recordOf(longer)).slice(0, -1),
	);
	await perform(context, {
		...{ verb: "DEL", attachment: GOING, action: "delete" },
	});
	expect(removed()).toEqual([MINE.orig]);
});

test("an ADD without rules spares the flow of a pod whose record is cut before its hostIP", async () => {
	const theirs = other("n", { mappings: [{ ...m, hostIP: H2, podIP: N }] });
	const { context, removed } = setUpPods([THEIRS], [], {
		files: { [FILE]: JSON.stringify(recordOf(theirs)).slice(0, 60) },
	});
	await onAdd(context, POD);
	expect(removed()).toEqual([]);
});

test("in a burst such a record shields what it shields alone", async () => {
	const theirs = other("n", { mappings: [{ ...m, hostIP: H2, podIP: N }] });
	const files = { [FILE]: JSON.stringify(recordOf(theirs)).slice(0, -1) };
	const add: Ask = { verb: "ADD", attachment: POD, action: "delete" };
	const mappings = [{ ...m, podIP: Q, hostPort: 9 }];
	const del: Ask = {
		...{ verb: "DEL", attachment: other("g", { mappings }), action: "delete" },
	};
	const run = async (asks: readonly Ask[]) => {
		const { context, host, removed } = setUpPods([THEIRS], [], { files });
		const words = asks.flatMap(({ verb, attachment: a }) =>
			verb === "DEL"
				? addressesOf(a)
				: [...portWords(a.mappings), HOST_IP_WORD, VAGUE_WORD],
		);
		const records = indexed([...new Set(words)], (w) =>
			recordsAround(host, RECORDS, w),
		);
		await flushTogether(
			host,
			asks.map((ask) => requestOf({ ...context, records }, ask)),
			context.log,
			new Deadline(host, 5000),
		);
		return removed();
	};
	expect(await run([add])).toEqual([]);
	expect(await run([add, del])).toEqual([]);
});
