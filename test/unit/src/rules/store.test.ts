// What is held of the rules, and how much of it.

import { expect, test } from "vitest";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { Exchange } from "../../../../src/netlink/exchange.ts";
import type { ChainID } from "../../../../src/rules/model.ts";
import { Store } from "../../../../src/rules/store.ts";
import {
	attr,
	be32,
	concat,
	doneMessage,
	errorMessage,
	message,
	nest,
	nfgenmsg,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	fakeKernel,
	type Reply,
	type Request,
} from "../../../support/fakekernel.ts";
import { EVERYTHING } from "../../../support/legacytable.ts";
import {
	expressionOf,
	ruleOf,
	verdictOf,
} from "../../../support/unit/nftexpressions.ts";

const CHAIN: ChainID = { backend: "nft", family: 2, table: "t", chain: "c" };
const ACCEPT = expressionOf("immediate", { 1: 0, 2: verdictOf(1) });

async function readAll(
	store: Store,
	answer: (r: Request) => Reply[],
): Promise<number> {
	const kernel = fakeKernel({ answer });
	const host = fakeHost({ netlink: kernel.netlink });
	const requests = new Exchange(host, 12, new Deadline(host, 1000));
	for (const read of store.takeMissing()) await read(requests);
	return kernel.open();
}

/** So many copies of a message, in datagrams of 50. */
function copies(r: Request, n: number, m: Uint8Array): Reply[] {
	new DataView(m.buffer).setUint32(8, r.seq, true);
	const datagrams = Array.from({ length: n / 50 }, () =>
		concat(...Array<Uint8Array>(50).fill(m)),
	);
	return [...datagrams, doneMessage(r.seq)];
}

test("what is asked for and not known is missing, once", () => {
	const store = new Store(EVERYTHING, 1, []);
	expect(store.rules(CHAIN)).toBeUndefined();
	expect(store.rules(CHAIN)).toBeUndefined();
	expect(store.shape(CHAIN, "s")).toBeUndefined();
	expect(store.takeMissing()).toHaveLength(2);
	expect(store.takeMissing()).toEqual([]);
});

test("what was read is known", async () => {
	const store = new Store(EVERYTHING, 1, []);
	store.rules(CHAIN);
	await readAll(store, (r) => copies(r, 50, ruleOf(2, ACCEPT)));
	expect(store.size).toBe(1);
	expect(store.rules(CHAIN)).toHaveLength(50);
	expect(store.takeMissing()).toEqual([]);
});

test("a dump that began anew is held once", async () => {
	const store = new Store(EVERYTHING, 1, []);
	store.rules(CHAIN);
	await readAll(store, (r) =>
		r.nth === 0
			? [...copies(r, 50, ruleOf(2, ACCEPT)).slice(0, -1), "ENOBUFS"]
			: copies(r, 100, ruleOf(2, ACCEPT)),
	);
	expect(store.rules(CHAIN)).toHaveLength(100);
});

test("more rules than memory may hold are refused", async () => {
	const store = new Store(EVERYTHING, 1, []);
	store.rules(CHAIN);
	await expect(
		readAll(store, (r) => copies(r, 8200, ruleOf(2, ACCEPT))),
	).rejects.toThrow("more than 8192 nat rules");
});

test("a set that is too large to hold counts as one that packets change", async () => {
	const store = new Store(EVERYTHING, 1, []);
	const set = message(
		{ type: 0x0a09 },
		nfgenmsg(2),
		attr(3, be32(4)),
		attr(5, be32(4)),
	);
	store.shape(CHAIN, "s");
	await readAll(store, (r) => copies(r, 50, set).slice(0, 1));
	expect(store.shape(CHAIN, "s")).toMatchObject({
		changes: false,
		grows: false,
	});
	store.elements(CHAIN, "s");
	const element = nest(1, nest(1, attr(1, be32(1))));
	const elements = message(
		{ type: 0x0a0c },
		nfgenmsg(2),
		nest(3, ...Array<Uint8Array>(10).fill(element)),
	);
	// the rest of the dump must not stand before the next answer
	expect(await readAll(store, (r) => copies(r, 1700, elements))).toBe(0);
	expect(store.elements(CHAIN, "s")).toEqual([]);
	expect(store.shape(CHAIN, "s")).toMatchObject({ changes: true, grows: true });
});

test.each([
	["no element has the key", 2, Uint8Array.of(1)],
	["no element stands for all others", 2, undefined],
	["the kernel knows no element for all others", 22, undefined],
])("%s", async (_, errno, key) => {
	const store = new Store(EVERYTHING, 1, []);
	store.element(CHAIN, "s", key);
	await readAll(store, (r) => [errorMessage(errno, r.seq)]);
	expect(store.element(CHAIN, "s", key)).toBeNull();
});

test("a key that the kernel does not take is an error", async () => {
	const store = new Store(EVERYTHING, 1, []);
	store.element(CHAIN, "s", Uint8Array.of(1));
	await expect(
		readAll(store, (r) => [errorMessage(22, r.seq)]),
	).rejects.toThrow("EINVAL");
});
