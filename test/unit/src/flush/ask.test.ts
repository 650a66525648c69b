// Requests and reports as texts: what comes back, and what is refused.

import { describe, expect, test } from "vitest";
import {
	askFrom,
	reportFrom,
	textOfAsk,
	textOfReport,
} from "../../../../src/flush/ask.text.ts";
import type { Ask } from "../../../../src/flush/ask.ts";
import { emptyReport } from "../../../../src/flush/report.ts";
import type { PortRow } from "../../../../src/policy/mapping.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { POD } from "../../../support/unit/flushes.ts";

/** A process in a network namespace of this name. */
const inNamespace = (name: string) => {
	const host = fakeHost();
	return { ...host, full: () => ({ ...host, readLink: () => name }) };
};
const HERE = inNamespace("net:[4026531840]");
const ADD: Ask = { verb: "ADD", attachment: POD, action: "delete" };

describe("a request", () => {
	test.each<[string, Ask]>([
		["ADD", ADD],
		["CHECK", { ...ADD, action: "count" }],
		["DEL that deletes", { ...ADD, verb: "DEL" }],
		["DEL that retires", { ...ADD, verb: "DEL", action: { retireSeconds: 2 } }],
		[
			"DEL of an unfinished attachment with a namespace",
			{
				...ADD,
				verb: "DEL",
				attachment: { ...POD, unfinished: true, netns: "/run/netns/a" },
			},
		],
	])("comes back as it was: %s", (_, ask) =>
		expect(askFrom(HERE, textOfAsk(HERE, ask))).toEqual(ask),
	);

	test("with ports in a row comes back, but not to a verb that would see the first alone", () => {
		const [m] = POD.mappings;
		const mappings = [{ ...(m as PortRow), count: 900 }];
		const ask = { ...ADD, attachment: { ...POD, mappings } };
		expect(askFrom(HERE, textOfAsk(HERE, ask))).toEqual(ask);
		// a verb of the version before takes version 1 alone
		expect(JSON.parse(textOfAsk(HERE, ask)).version).toBe(2);
		expect(JSON.parse(textOfAsk(HERE, ADD)).version).toBe(1);
	});

	test("is refused in another network namespace", () =>
		expect(
			askFrom(inNamespace("net:[4026532000]"), textOfAsk(HERE, ADD)),
		).toBeUndefined());

	test("is refused where the own namespace is not known", () =>
		expect(askFrom(fakeHost(), textOfAsk(HERE, ADD))).toBeUndefined());

	test("is refused until it is whole", () => {
		const text = textOfAsk(HERE, ADD);
		for (let n = 0; n < text.length; n++)
			expect(askFrom(HERE, text.slice(0, n))).toBeUndefined();
	});

	const whole = JSON.parse(textOfAsk(HERE, ADD));
	test.each<[string, unknown]>([
		["null", null],
		["a list", []],
		["another version", { ...whole, version: 3 }],
		["another verb", { ...whole, verb: "GC" }],
		["no verb", { ...whole, verb: undefined }],
		["another action", { ...whole, action: "flush" }],
		["no action", { ...whole, action: undefined }],
		["a time that is none", { ...whole, action: { retireSeconds: "2" } }],
		[
			"a time of 0, which would delete",
			{ ...whole, action: { retireSeconds: 0 } },
		],
		["no attachment", { ...whole, record: undefined }],
		[
			"an attachment of another version",
			{ ...whole, record: { ...whole.record, version: 2 } },
		],
		[
			"a port that is none",
			{
				...whole,
				record: {
					...whole.record,
					mappings: [{ ...whole.record.mappings[0], hostPort: 0 }],
				},
			},
		],
	])("is refused: %s", (_, content) =>
		expect(askFrom(HERE, JSON.stringify(content))).toBeUndefined(),
	);
});

describe("a report", () => {
	test("comes back with its counts", () => {
		const report = {
			...emptyReport(),
			how: "scan" as const,
			deleted: 3,
			reasons: new Map([["dead-pod" as const, 3]]),
			verdicts: new Map([["dead-pod/17", 3]]),
			failed: new Map([[16, 1]]),
			shared: 4,
		};
		expect(reportFrom(textOfReport(report))).toEqual(report);
	});

	test.each(["", "{", "null", "3", "{}", '{"version":2}'])(
		"is none if the text is %j",
		(text) => expect(reportFrom(text)).toBeUndefined(),
	);
});
