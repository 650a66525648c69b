// What can be told of a record that this version cannot read.

import { describe, expect, test } from "vitest";
import {
	findAny,
	foreignAttachment,
	otherVersion,
} from "../../../../src/state/foreign.ts";
import { recordOf, writeRecord } from "../../../../src/state/store.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached } from "../../../support/unit/world.ts";

const POD = {
	...attached("4f2e", mapping("IPv4", "udp")),
	added: 77.5,
	netns: "/run/netns/x",
};
const NAME = "net:4f2e:eth0.json";
/** The record as a later version may write it: the promised members, and a shape of its own. */
const later = (more: object = {}): string => {
	const { mappings, pods: _, ...rest } = recordOf(POD);
	const ways = { v4: [mappings.map(({ podIP }) => ({ podIP }))] };
	return JSON.stringify({ ...rest, version: 2, ways, ...more });
};

test.each<[string, string | undefined, number | undefined]>([
	["a later version", later(), 2],
	["an earlier version", later({ version: 0 }), 0],
	["this version", JSON.stringify(recordOf(POD)), undefined],
	["a version that is no number", later({ version: "2" }), undefined],
	["no version", "{}", undefined],
	["a list", "[2]", undefined],
	["half a text", later().slice(0, -1), undefined],
	["a text that cannot be had", undefined, undefined],
])("otherVersion of %s", (_, text, want) =>
	expect(otherVersion(text)).toBe(want),
);

describe("foreignAttachment", () => {
	const VAGUE = {
		network: "net",
		containerID: "4f2e",
		ifname: "eth0",
		pod: undefined,
		added: Number.POSITIVE_INFINITY,
		mappings: [],
		podTargets: [{ family: 2, proto: 17, podIP: "10.88.0.2" }],
		vague: true,
	};
	const KNOWN = {
		...VAGUE,
		pod: "ns/4f2e",
		added: 77.5,
		netns: "/run/netns/x",
	};
	test.each<[string, string | undefined, object]>([
		["of a later version: what every version writes", later(), KNOWN],
		[
			"whose DEL has come: it is unfinished",
			later({ gone: true, deferredAt: 9 }),
			{ ...KNOWN, unfinished: true, deferredAt: 9 },
		],
		[
			"with members of other types: they are not known",
			later({ added: "1", netns: 5, pod: null, gone: 1 }),
			VAGUE,
		],
		[
			"of another attachment's: only what stands in the text",
			later({ containerID: "77aa" }),
			VAGUE,
		],
		["that names none", later({ network: undefined }), VAGUE],
		["that was cut: only what stands in the text", later().slice(0, -1), VAGUE],
		[
			"that is not there: the name alone",
			undefined,
			{ ...VAGUE, podTargets: [] },
		],
		[
			"without an address that is one",
			later({ ways: [{ podIP: "10.88.0" }] }),
			{ ...KNOWN, podTargets: [] },
		],
	])("gives, of a record %s", (_, text, want) =>
		expect(foreignAttachment(NAME, text)).toEqual(want),
	);

	test.each([
		["half an escape", "net:%4:eth0.json", "net:%4:eth0.json"],
		["an escape", "a%2Fb:4f2e:eth0.json", "a/b"],
	])("of a name with %s it takes the parts that it can", (_, name, network) =>
		expect(foreignAttachment(name, "{")).toMatchObject({ network }),
	);

	test("of half a surrogate pair there is no name", () =>
		expect(foreignAttachment(NAME, later({ network: "\ud800" }))).toEqual(
			VAGUE,
		));
});

describe("findAny", () => {
	const DIR = "/run/x";
	test("finds a record", () => {
		const host = fakeHost();
		writeRecord(host, DIR, POD);
		expect(findAny(host, DIR, POD)).toEqual(POD);
	});
	test("finds a foreign one", () => {
		const host = fakeHost({ files: { [`${DIR}/${NAME}`]: later() } });
		expect(findAny(host, DIR, POD)).toMatchObject({ vague: true, added: 77.5 });
	});
	test("finds none", () =>
		expect(findAny(fakeHost(), DIR, POD)).toBeUndefined());
});
