// Pods and containers by name and by ID: as records, libcni's cache and departures know
// them.

import { describe, expect, test } from "vitest";
import {
	addressesForList,
	addressesForRemoval,
	lazy,
	type Pods,
	readPods,
} from "../../../../src/cli/pods.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	recordsOf,
} from "../../../support/unit/world.ts";

const pod = (
	name: string,
	id: string,
	...ips: readonly string[]
): Attachment => ({
	...attached(
		id,
		...ips.map((podIP) => ({
			...mapping(podIP.includes(":") ? "IPv6" : "IPv4", "udp"),
			podIP,
		})),
	),
	pod: name,
});

const DNS = pod("kube-system/dns", "4f2e91ab3c44", "10.88.0.2", "fd88::2");
const DNS_ELSEWHERE = pod("other/dns", "4f2e00000000", "10.88.0.3");
const WEB = pod("default/web-0", "aaaaaaaaaaaa", "10.88.0.4");
const NAMELESS: Attachment = {
	...attached("bbbbbbbbbbbb", {
		...mapping("IPv4", "udp"),
		podIP: "10.88.0.5",
	}),
	pod: undefined,
};
/** A pod that only libcni's cache knows. */
const CACHED = pod("default/job", "cccccccccccc", "10.88.0.6");

const DEPARTED = [
	[1, "default/gone", ["10.88.0.20"]],
	[1, "default/taken", ["10.88.0.4"]],
	[1, "default/web-0", ["10.88.0.21", "10.88.0.2"]],
	[1, "default/half", ["10.88.0.22", "fd88::2"]],
	[1, null, ["10.88.0.23"]],
]
	.map((line) => `${JSON.stringify(line)}\n`)
	.join("");

function read(more: Readonly<Record<string, string>> = {}): Pods {
	const files = {
		...recordsOf(DIR, DNS, DNS_ELSEWHERE, WEB, NAMELESS),
		...cachedFile(DNS),
		...cachedFile(DNS_ELSEWHERE),
		...cachedFile(WEB),
		...cachedFile(CACHED),
		...cachedFile(NAMELESS),
		[`${DIR}/departed`]: DEPARTED,
		...more,
	};
	const host = fakeHost({ files, clock: { ms: 61_001 } });
	const context = { host, dataDir: DIR, log: () => {}, event: "list" };
	return readPods(context, { dir: CACHE, protocols: [IPPROTO_UDP] });
}

const find = (word: string, pods = read()) =>
	pods.find(word, "--pod: not a pod");

describe("finds", () => {
	test.each<[string, string, string[], string[]]>([
		[
			"a pod by its whole name",
			"kube-system/dns",
			["10.88.0.2", "fd88::2"],
			[],
		],
		["a pod by its name alone", "job", ["10.88.0.6"], []],
		["a container by its ID", "4f2e91ab3c44", ["10.88.0.2", "fd88::2"], []],
		["a container by the first digits", "4f2e91", ["10.88.0.2", "fd88::2"], []],
		["a container without a name", "bbbbbb", ["10.88.0.5"], []],
		["a pod that has left", "gone", [], ["10.88.0.20"]],
		[
			"a pod that was replaced under its name, with what it had",
			"web-0",
			["10.88.0.4"],
			["10.88.0.21", "10.88.0.2"],
		],
		[
			"a container alone, without what its pod had before",
			"aaaaaaa",
			["10.88.0.4"],
			[],
		],
	])("%s", (_, word, has, had) =>
		expect(find(word)).toMatchObject({ has, had }),
	);

	test("two IDs of one beginning are not one", () => {
		const twin = pod("default/twin", "aaaaaaaaaaab", "10.88.0.9");
		const pods = read(recordsOf(DIR, twin));
		expect(() => find("aaaaaa", pods)).toThrow(
			"--pod: not a pod, but several: aaaaaa (aaaaaaaaaaaa of default/web-0, aaaaaaaaaaab of default/twin)",
		);
		expect(find("aaaaaaaaaaab", pods).has).toEqual(["10.88.0.9"]);
	});
});

describe("does not find", () => {
	test.each<[string, string, string, string | undefined]>([
		[
			"a name that two namespaces have, and lists them",
			"dns",
			"--pod: not a pod, but several: dns (kube-system/dns, other/dns)",
			undefined,
		],
		["a slip, and says what is near", "default/web-1", "", "default/web-0"],
		["a slip without the namespace", "gome", "", "gone"],
		["an ID's beginning that is too short", "4f2e9", "", undefined],
		["a part of a name", "web", "", undefined],
		["nothing at all", "", "", undefined],
	])("%s", (_, word, message, near) => {
		let error: unknown;
		try {
			find(word);
		} catch (e) {
			error = e;
		}
		expect(error).toBeInstanceOf(UsageError);
		const { message: said, instead } = error as UsageError;
		expect(said).toBe(
			message ||
				`--pod: not a pod or container that this node knows: ${word} (it knows kube-system/dns, other/dns, default/web-0, bbbbbbbbbbbb, default/job, default/gone, default/taken, default/half)`,
		);
		if (near !== undefined) expect(instead).toBe(near);
	});

	test("anything where nothing is known", () => {
		const host = fakeHost({ directories: [DIR] });
		const context = { host, dataDir: DIR, log: () => {}, event: "list" };
		const pods = readPods(context, { dir: CACHE, protocols: [] });
		expect(() => find("web", pods)).toThrow(
			"that this node knows: web (it knows none)",
		);
	});

	test("more names than are listed", () => {
		const many = Array.from({ length: 4 }, (_, i) =>
			pod(`default/p${i}`, `${i}`.repeat(12), `10.88.1.${i}`),
		);
		expect(() => find("zzz", read(recordsOf(DIR, ...many)))).toThrow(
			/\(it knows (\S+, ){8}and 4 more\)$/,
		);
	});
});

test.each([
	["dns", true],
	["bbbbbb", true],
	["8125", false],
])("knows %s: %s", (word, want) => expect(read().knows(word)).toBe(want));

test("tells whose an address is", () => {
	const pods = read();
	expect(pods.ownerOf("10.88.0.6")).toBe("default/job");
	expect(pods.ownerOf("10.88.0.20")).toBeUndefined();
	expect(pods.nameFor("10.88.0.5")).toBe("container bbbbbbbbbbbb");
	expect(pods.nameFor("10.88.0.20")).toBe(
		"default/gone, which left this node 1 min ago",
	);
	expect(pods.nameFor("10.88.0.23")).toBeUndefined();
});

describe("a removal takes what leads to", () => {
	test.each<[string, string, string[]]>([
		["a live pod", "kube-system/dns", ["10.88.0.2", "fd88::2"]],
		["a pod that has left", "gone", ["10.88.0.20"]],
		[
			"a replaced pod, but not an address that another has now",
			"web-0",
			["10.88.0.4", "10.88.0.21"],
		],
	])("%s", (_, word, want) => {
		const pods = read();
		expect(addressesForRemoval(find(word, pods), pods)).toEqual(want);
	});

	test.each<[string, string, string]>([
		[
			"nothing if another pod has the address now",
			"taken",
			"default/taken had 10.88.0.4, but default/web-0 has it now, so nothing is removed",
		],
		[
			"nothing if another pod has one of the addresses",
			"half",
			"default/half had fd88::2, but kube-system/dns has it now, so nothing is removed",
		],
	])("%s", (_, word, message) => {
		const pods = read();
		const take = () => addressesForRemoval(find(word, pods), pods);
		expect(take).toThrow(UsageError);
		expect(take).toThrow(message);
	});

	test("nothing of a pod that has left, if the cache cannot be read whole", () => {
		const pods = read({ [`${CACHE}/results/net-x-eth0`]: "{" });
		expect(() => addressesForRemoval(find("gone", pods), pods)).toThrow(
			"default/gone has left this node, and a file of libcni's cache cannot be read, so another pod may have its address now",
		);
		expect(addressesForRemoval(find("web-0", pods), pods)).toEqual([
			"10.88.0.4",
		]);
	});
});

test("a list shows all, and says what is another's now", () => {
	const pods = read();
	expect(addressesForList(find("taken", pods), pods)).toEqual({
		ips: ["10.88.0.4"],
		notes: ["default/taken had 10.88.0.4, but default/web-0 has it now"],
	});
	expect(addressesForList(find("gone", pods), pods).notes).toEqual([]);
});

test("what is lazy is made once, when it is asked for", () => {
	let made = 0;
	const get = lazy(() => ++made);
	expect(made).toBe(0);
	expect([get(), get()]).toEqual([1, 1]);
});
