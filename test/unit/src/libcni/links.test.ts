// The interfaces on the node's side that libcni's cache names.

import { expect, test } from "vitest";
import { nodeLinks } from "../../../../src/libcni/links.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { cachedLinks } from "../../../support/unit/cpus.ts";
import { CACHE } from "../../../support/unit/world.ts";

const SANDBOX = "/run/netns/x";

test("are those without a sandbox, of all networks and both caches, each with its pod", () => {
	const host = fakeHost({
		files: {
			...cachedLinks("a", [{ name: "cni0" }, { name: "veth1" }]),
			...cachedLinks("b", [
				{ name: "veth2", sandbox: "" },
				{ name: "cni0" },
				{ name: "eth0", sandbox: SANDBOX },
			]),
			...cachedLinks("c", [{ name: "veth3" }], `${CACHE}/multus/results`),
			[`${CACHE}/results/foreign`]: "x",
			...cachedLinks("d", [null, 7]),
			...cachedLinks("e", "veth9"),
			[`${CACHE}/results/none`]: "{}",
			[`${CACHE}/results/list`]: "[]",
		},
	});
	let unreadable = 0;
	const links = nodeLinks(host, CACHE, () => unreadable++);
	expect([...links].sort()).toEqual([
		["cni0", undefined],
		["veth1", "ns/a"],
		["veth2", "ns/b"],
		["veth3", "ns/c"],
	]);
	expect(unreadable).toBe(1);
});

test("are none where there is no cache", () =>
	expect([...nodeLinks(fakeHost(), CACHE, () => {})]).toEqual([]));
