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

/** Reads the files; those that `more` names are added, or taken away. */
function read(more: Readonly<Record<string, string | undefined>> = {}): Pods {
	const files: Record<string, string | undefined> = {
		...recordsOf(DIR, DNS, DNS_ELSEWHERE, WEB, NAMELESS),
		...cachedFile(DNS),
		...cachedFile(DNS_ELSEWHERE),
		...cachedFile(WEB),
		...cachedFile(CACHED),
		...cachedFile(NAMELESS),
		[`${DIR}/departed`]: DEPARTED,
		...more,
	};
	const present = Object.entries(files).filter(
		(file): file is [string, string] => file[1] !== undefined,
	);
	const host = fakeHost({
		files: Object.fromEntries(present),
		clock: { ms: 61_001 },
	});
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

	test("an address of a pod that has none", () => {
		const bare = pod("default/bare", "dddddddddddd");
		expect(() => find("bare", read(cachedFile(bare)))).toThrow(
			"default/bare has no address that this node knows",
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
	expect(pods.nameFor("10.88.0.6")).toBe("default/job");
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
		expect(addressesForRemoval(find(word, pods), pods).ips).toEqual(want);
	});

	test("a replaced pod, and says what it leaves out", () => {
		const pods = read();
		expect(addressesForRemoval(find("web-0", pods), pods).notes).toEqual([
			"default/web-0 had 10.88.0.2, which kube-system/dns has now: what leads there is left out",
		]);
	});

	test("no address that two pods seem to have, because one of them is gone", () => {
		const late = pod("default/late", "ffffffffffff", "10.88.0.3", "fd88::4");
		const pods = read(recordsOf(DIR, late));
		expect(refusal("other/dns", pods)).toMatchObject({
			message: "other/dns has 10.88.0.3, which default/late seems to have too",
			commands: ["flush --stale", "flush --leads-to 10.88.0.3"],
		});
		expect(addressesForRemoval(find("late", pods), pods)).toEqual({
			ips: ["fd88::4"],
			notes: [
				"default/late has 10.88.0.3, which other/dns seems to have too: what leads there is left out",
			],
		});
	});

	test.each<[string, string, string]>([
		[
			"nothing if another pod has the address now",
			"taken",
			"default/taken has left this node, and had 10.88.0.4, which default/web-0 has now",
		],
		[
			"nothing if another pod has one of the addresses",
			"half",
			"default/half has left this node, and had fd88::2, which kube-system/dns has now",
		],
	])("%s", (_, word, message) =>
		expect(refusal(word, read())).toMatchObject({
			message,
			commands: ["flush --stale"],
		}),
	);

	test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
		[
			"a file of the cache cannot be read",
			{ [`${CACHE}/results/net-x-eth0`]: "{" },
			"a file of libcni's cache cannot be read",
		],
		[
			"a record cannot be read",
			{ [`${DIR}/net:eeeeeeeeeeee:eth0.json`]: "" },
			"a record cannot be read",
		],
		[
			"there is no cache",
			Object.fromEntries(
				[DNS, DNS_ELSEWHERE, WEB, CACHED, NAMELESS].flatMap((a) =>
					Object.keys(cachedFile(a)).map((path) => [path, undefined]),
				),
			),
			"no pod is in libcni's cache in /var/lib/cni",
		],
	])("nothing of a pod that has left if %s", (_, files, why) => {
		const pods = read(files);
		expect(refusal("gone", pods)).toMatchObject({
			message: `default/gone has left this node, and had 10.88.0.20, which another pod may have now, because ${why}`,
			commands: ["flush --stale", "flush --leads-to 10.88.0.20"],
		});
		expect(addressesForRemoval(find("web-0", pods), pods).ips).toEqual([
			"10.88.0.4",
		]);
	});
});

function refusal(word: string, pods: Pods): unknown {
	try {
		addressesForRemoval(find(word, pods), pods);
	} catch (e) {
		expect(e).toBeInstanceOf(UsageError);
		return e;
	}
	return expect.fail("not refused");
}

test("a list shows all, and says what is another's now", () => {
	const pods = read();
	expect(addressesForList(find("taken", pods), pods)).toEqual({
		ips: ["10.88.0.4"],
		notes: ["default/taken had 10.88.0.4, which default/web-0 has now"],
	});
	expect(addressesForList(find("gone", pods), pods).notes).toEqual([]);
});

test("what is lazy is made once, when it is asked for", () => {
	let made = 0;
	const get = lazy(() => ++made);
	expect(made).toBe(0);
	expect([get(), get()]).toEqual([1, 1]);
});
