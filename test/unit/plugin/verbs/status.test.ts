// STATUS: it says whether the plugin could do its work now.

import { describe, expect, test } from "vitest";
import { errorMessage } from "../../../support/entries.ts";
import {
	type CallOptions,
	call,
	errorOf,
	expectUntouched,
} from "../../../support/unit/calls.ts";

const CONF = { cniVersion: "1.1.0", name: "podnet", type: "conntrack-flush" };

describe("STATUS", () => {
	test("is silent where ctnetlink answers", async () => {
		const called = await call("STATUS", { conf: CONF });
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
		expect(called.kernel.requests).toHaveLength(1);
		expectUntouched(called);
	});

	test.each<[string, CallOptions["kernel"]]>([
		["EPROTONOSUPPORT", { refuse: () => "EPROTONOSUPPORT" }],
		["EPERM", { answer: ({ seq }) => [errorMessage(1, seq)] }],
		["EINVAL", { answer: ({ seq }) => [errorMessage(22, seq)] }],
		["gave up after", { answer: () => [] }],
	])("is error 50 where it does not: %s", async (details, kernel = {}) => {
		const called = await call("STATUS", { conf: CONF, kernel });
		expect(errorOf(called)).toMatchObject({
			code: 50,
			details: expect.stringContaining(details),
		});
	});
});
