// CHECK: it says whether entries keep traffic from the attachment, and changes nothing.

import { describe, expect, test } from "vitest";
import {
	CONF,
	call,
	errorOf,
	expectUntouched,
} from "../../../support/unit/calls.ts";

describe("CHECK", () => {
	test("is silent where nothing is stale", async () => {
		const entries = [
			{
				id: 3,
				orig: "192.0.2.7:3 > 203.0.113.1:8125",
				reply: "10.88.0.2:5353 > 192.0.2.7:3",
			},
		];
		const called = await call("CHECK", { kernel: { entries } });
		expect([called.code, called.out]).toEqual([0, ""]);
		expectUntouched(called);
	});

	test("is error 100 where something is stale, and changes nothing", async () => {
		const called = await call("CHECK");
		expect(errorOf(called)).toMatchObject({
			code: 100,
			details: "other-pod: 1, no-dnat: 1",
		});
		expectUntouched(called);
	});

	test("is error 5 where the table cannot be read", async () => {
		const called = await call("CHECK", {
			kernel: { refuse: () => "EPROTONOSUPPORT" },
		});
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
});
