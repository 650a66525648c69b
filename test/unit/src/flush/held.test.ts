// Who may have an address.

import { expect, test } from "vitest";
import { isHeld } from "../../../../src/flush/held.ts";
import { BOOKS } from "../../../support/book.ts";
import {
	mappingOfPod as m,
	other,
	POD,
	setUpPods,
} from "../../../support/unit/flushes.ts";
import { cachedFile } from "../../../support/unit/world.ts";

const { Q, N } = BOOKS.IPv4;
const neighbour = other("n", { mappings: [{ ...m, podIP: N }] });
const holder = other("q", { mappings: [{ ...m, podIP: Q }] });
const elsewhere = { ...neighbour, network: "another" };

test.each([
	["nobody", [], [neighbour], Q, false],
	["the pod itself", [], [neighbour], m.podIP, true],
	["a recorded pod", [holder], [neighbour], Q, true],
	[
		"a dead pod, whose record stays",
		[{ ...holder, unfinished: true }],
		[neighbour],
		Q,
		false,
	],
	["a cached pod", [], [neighbour, holder], Q, true],
	["not known, because the cache is empty", [], [], Q, true],
	[
		"not known, because the cache is another network's",
		[],
		[elsewhere],
		Q,
		true,
	],
])("%s has it", (_, records, cached, ip, want) => {
	const files = Object.assign({}, ...cached.map((c) => cachedFile(c)));
	const { context } = setUpPods([], records, { files });
	expect(isHeld(context, POD, ip)).toBe(want);
});

test.each<[string, string, string, boolean]>([
	["record names it", "/run/flush/net:x:eth0.json", `{"podIP":"${Q}"`, true],
	[
		"record names another",
		"/run/flush/net:x:eth0.json",
		'{"podIP":"192.0.2.99"',
		false,
	],
	["record names none", "/run/flush/net:x:eth0.json", "{", true],
	["file of the cache is cut", "/var/lib/cni/results/net-x-eth0", "{", true],
])("in doubt somebody has it: a broken %s", (_, path, text, want) => {
	const files = { ...cachedFile(neighbour), [path]: text };
	const { context } = setUpPods([], [], { files });
	expect(isHeld(context, POD, Q)).toBe(want);
});
