// CHECK: it says whether entries keep traffic from the attachment, and changes nothing.

import { describe, expect, test } from "vitest";
import { addLines, noTotals } from "../../../../src/metrics/totals.ts";
import {
	type CallOptions,
	CONF,
	call,
	DIR,
	errorOf,
	expectUntouched,
} from "../../../support/unit/calls.ts";

const STRICT = { ...CONF, strictCheck: true };
const ABSENT: CallOptions["kernel"] = { refuse: () => "EPROTONOSUPPORT" };

describe("CHECK", () => {
	test.each<[string, object]>([
		["by default", CONF],
		["with strictCheck", STRICT],
	])("is silent where nothing is stale, %s", async (_, conf) => {
		const entries = [
			{
				id: 3,
				orig: "192.0.2.7:3 > 203.0.113.1:8125",
				reply: "10.88.0.2:5353 > 192.0.2.7:3",
			},
		];
		const called = await call("CHECK", { conf, kernel: { entries } });
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
		expectUntouched(called);
	});

	test("succeeds where something is stale, says so in one line, and changes nothing", async () => {
		const called = await call("CHECK");
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.err).toMatch(
			/^level=warn msg="conntrack entries keep traffic from this attachment" event=CHECK .*pod=ns\/pod .*deleted=0 .*reasons=other-pod:1,no-dnat:1 .*\n$/,
		);
		expect(called.deleted).toEqual([]);
	});

	test("succeeds where the table cannot be read, and says so in one line", async () => {
		const called = await call("CHECK", { kernel: ABSENT });
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.err).toMatch(
			/^level=warn msg="cannot read conntrack" event=CHECK .*EPROTONOSUPPORT.*\n$/,
		);
	});

	test.each<[string, CallOptions["kernel"], object]>([
		[
			"stale entries",
			{},
			{ stale: { "other-pod\nudp": 1, "no-dnat\nudp": 1 }, failures: {} },
		],
		[
			"a table that cannot be read",
			ABSENT,
			{ stale: {}, failures: { EPROTONOSUPPORT: 1 } },
		],
	])("tells an agent of %s", async (_, kernel = {}, counts) => {
		const journal = `${DIR}/metrics/journal`;
		const host = { directories: [DIR, `${DIR}/metrics`] };
		const called = await call("CHECK", { kernel, host });
		const totals = noTotals();
		addLines(totals, called.host.files.get(journal) ?? "");
		expect(counts).toEqual({
			stale: positive(totals.stale),
			failures: positive(totals.failures),
		});
	});

	test("with strictCheck is error 100 where something is stale, and changes nothing", async () => {
		const called = await call("CHECK", { conf: STRICT });
		expect(errorOf(called)).toMatchObject({
			code: 100,
			details: "other-pod: 1, no-dnat: 1",
		});
		expectUntouched(called);
	});

	test("with strictCheck is error 5 where the table cannot be read", async () => {
		const called = await call("CHECK", { conf: STRICT, kernel: ABSENT });
		expect(errorOf(called)).toMatchObject({
			code: 5,
			details: expect.stringContaining("EPROTONOSUPPORT"),
		});
	});

	test.each<[string, object]>([
		["on=del", { ...CONF, on: "del" }],
		["without port mappings", { ...CONF, runtimeConfig: {} }],
	])("reads nothing %s", async (_, conf) => {
		const called = await call("CHECK", { conf });
		expect([called.code, called.out, called.host.calls]).toEqual([0, "", []]);
	});

	test("a wrong key is still an error", async () => {
		const conf = { ...CONF, strictCheck: "yes" };
		expect(errorOf(await call("CHECK", { conf }))).toMatchObject({
			code: 7,
			msg: 'invalid strictCheck: "yes"',
		});
	});
});

function positive(counts: ReadonlyMap<string, number>): object {
	return Object.fromEntries([...counts].filter(([, n]) => n > 0));
}
