// Entries that contradict the rules, whoever made these. Nothing is recorded here.

import { describe, expect, test } from "vitest";
import {
	contradiction,
	type RuleScope,
	targetsIn,
} from "../../../../src/policy/published.ts";
import { isOfOthers } from "../../../../src/policy/ruling.ts";
import type { Reason } from "../../../../src/policy/stale.ts";
import { spell } from "../../../support/book.ts";
import { type EntrySpec, entry } from "../../../support/entries.ts";
import { DNAT, FAMILIES, PROTOS } from "../../../support/unit/flows.ts";
import { prospectOf } from "../../../support/unit/outcomes.ts";

type Shape = Partial<EntrySpec> & { readonly to?: string };

function shaped(
	family: (typeof FAMILIES)[number],
	{ to, ...spec }: Shape,
	orig = "C:1 > H:8125",
) {
	return entry({
		proto: "udp",
		orig: spell(family, orig),
		...(to && { reply: spell(family, `${to} > C:1`), status: DNAT }),
		...spec,
	});
}

const BEFORE: Shape = { to: "Q:5353" };

describe.each(FAMILIES)("%s", (family) => {
	test.each<[string, string, RuleScope, Reason | undefined]>([
		["portmap", "P:5353 portmap", "engines", "other-pod"],
		["netavark", "P:5353 netavark", "engines", "other-pod"],
		["Docker", "P:5353 docker", "engines", "other-pod"],
		["CRI-O", "P:5353 cri-o", "engines", "other-pod"],
		["Incus", "P:5353 incus", "engines", "other-pod"],
		[
			"firewalld, unless all are meant",
			"P:5353 firewalld",
			"engines",
			undefined,
		],
		["firewalld, if all are meant", "P:5353 firewalld", "all", "other-pod"],
		["a person, unless all are meant", "P:5353 hand", "engines", undefined],
		["a person, if all are meant", "P:5353 hand", "all", "other-pod"],
		["kube-proxy: never", "P:5353 kube-proxy", "engines", undefined],
		["kube-proxy: not of all either", "P:5353 kube-proxy", "all", undefined],
	])("the rule of %s", (_, outcome, scope, want) => {
		const e = shaped(family, BEFORE);
		expect(contradiction(prospectOf(family, e, outcome), e, scope)).toBe(want);
	});

	test.each<[string, Shape, readonly string[], Reason | undefined]>([
		["to the target", { to: "P:5353" }, ["P:5353 docker"], undefined],
		["to another place", BEFORE, ["P:5353 docker"], "other-pod"],
		["to another port of it", { to: "P:53" }, ["P:5353 docker"], "other-port"],
		["to nowhere", {}, ["P:5353 docker"], "no-dnat"],
		[
			"to nowhere, and a rule may pass it",
			{},
			["P:5353 docker", "none"],
			undefined,
		],
		[
			"to another place, and a rule may pass it",
			BEFORE,
			["P:5353 docker", "none"],
			"other-pod",
		],
		["to a second target", BEFORE, ["P:5353", "Q:5353 docker"], undefined],
		["inside a range", { to: "N:5353" }, ["P-Q:5353 docker"], undefined],
		[
			"to another port inside a range of addresses",
			{ to: "N:53" },
			["P-Q:5353 docker"],
			"other-port",
		],
		["that no rule decides about", BEFORE, ["none"], undefined],
		["that is dropped", BEFORE, ["drop"], undefined],
		[
			"that a rule which is not understood may decide about",
			BEFORE,
			["P:5353", "?"],
			undefined,
		],
		[
			"that kube-proxy may decide about as well",
			BEFORE,
			["P:5353", "N:5353 kube-proxy"],
			undefined,
		],
		["in a zone", { ...BEFORE, zone: 7 }, ["P:5353"], undefined],
		[
			"with a zone of the original direction alone",
			{ ...BEFORE, origZone: 7 },
			["P:5353"],
			undefined,
		],
		[
			"with a zone of replies",
			{ ...BEFORE, replyZone: 7 },
			["P:5353"],
			undefined,
		],
		[
			"translated without the bit, as IPVS does",
			{ ...BEFORE, status: [] },
			["P:5353"],
			undefined,
		],
	])("an entry %s", (_, shape, outcomes, want) => {
		const e = shaped(family, shape);
		const prospect = prospectOf(family, e, ...outcomes);
		expect(contradiction(prospect, e, "all")).toBe(want);
	});
});

test.each([
	["an expected one, such as FTP's data", 1 << 0],
	["one with a helper", 1 << 13],
])("%s is of others", (_, bit) => {
	const e = shaped("IPv4", BEFORE);
	expect(isOfOthers(e)).toBe(false);
	expect(isOfOthers({ ...e, status: e.status | bit })).toBe(true);
});

test.each(PROTOS)(
	"a connection of the node's own listener stays: %s",
	(proto) => {
		const own = shaped("IPv4", { proto, status: ["SEEN_REPLY", "ASSURED"] });
		const prospect = prospectOf("IPv4", own, "P:5353");
		expect(contradiction(prospect, own, "engines")).toBe(
			proto === "udp" ? "no-dnat" : undefined,
		);
	},
);

test("the targets of a scope are all of the rules', or none", () => {
	const e = shaped("IPv4", BEFORE);
	const count = (scope: RuleScope, ...outcomes: readonly string[]): number =>
		targetsIn(prospectOf("IPv4", e, ...outcomes), scope).length;
	expect(count("engines", "P:5353", "N:53 docker", "none")).toBe(2);
	expect(count("engines", "P:5353", "N:53 hand")).toBe(0);
	expect(count("all", "P:5353", "N:53 hand")).toBe(2);
	expect(count("all", "none")).toBe(0);
});
