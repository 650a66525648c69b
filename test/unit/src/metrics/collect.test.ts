// Collecting: when the agent reads what verbs append, and that it reads it once.

import { expect, test } from "vitest";
import { collect } from "../../../../src/metrics/collect.ts";
import { noTotals, type Totals } from "../../../../src/metrics/totals.ts";
import {
	type FakeHostOptions,
	fakeHost,
	sysError,
} from "../../../support/fakehost.ts";
import { DIR, SPOOL, spool, spooled } from "../../../support/unit/spooling.ts";

const CLOSED = `${SPOOL}.1`;
const deleted = (totals: Totals): number | undefined =>
	totals.entries.get("deleted");

/** A host that tells when the lock is given back. */
function lockedHost(options: FakeHostOptions) {
	const host = fakeHost(options);
	const seen: string[] = [];
	const flock = (path: string) => {
		seen.push(`lock ${path}`);
		return () => void seen.push("unlock");
	};
	return { host: { ...host, flock }, seen };
}

test("the spool is read one collection after verbs have stopped to write to it", () => {
	const host = fakeHost({ directories: [`${DIR}/metrics`] });
	const totals = noTotals();
	const seen: (number | undefined)[] = [];
	for (const n of [1, 10, 100, 0, 0]) {
		spool(host, { deleted: n });
		collect(host, DIR, totals);
		seen.push(deleted(totals));
	}
	expect(seen).toEqual([0, 1, 11, 111, 111]);
});

test("the spool of an agent before this one is counted at once", () => {
	const host = fakeHost({ files: { [CLOSED]: spooled({ deleted: 7 }) } });
	const totals = noTotals();
	collect(host, DIR, totals);
	expect(deleted(totals)).toBe(7);
	expect([...host.files]).toEqual([]);
});

test("verbs append from the first collection on", () => {
	const host = fakeHost();
	spool(host);
	expect([...host.files]).toEqual([]);
	collect(host, DIR, noTotals());
	spool(host);
	expect([...host.files.keys()]).toEqual([SPOOL]);
});

test("a file that is no text counts nothing, and goes", () => {
	const host = fakeHost({
		files: { [CLOSED]: spooled({ deleted: 7 }) },
		fail: (call) => (call === "readFile" ? "EILSEQ" : undefined),
	});
	const totals = noTotals();
	collect(host, DIR, totals);
	expect(deleted(totals)).toBe(0);
	expect([...host.files]).toEqual([]);
});

test.each<[string, FakeHostOptions]>([
	["after a collection", {}],
	[
		"after one that failed, which is thrown",
		{
			files: { [CLOSED]: "" },
			fail: (call) => (call === "unlink" ? "EROFS" : undefined),
		},
	],
])("the lock is given back %s", (_, options) => {
	const { host, seen } = lockedHost(options);
	const run = () => collect(host, DIR, noTotals());
	if (options.fail) expect(run).toThrow(sysError("EROFS", "unlink", CLOSED));
	else run();
	expect(seen).toEqual([`lock ${DIR}/metrics/lock`, "unlock"]);
});
