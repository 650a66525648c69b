// The attachments that are alive, by the records and by libcni's cache.

import { describe, expect, test } from "vitest";
import { PROTOCOLS } from "../../../../src/net/proto.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import {
	type CacheSource,
	liveAttachments,
	namesOf,
	takeSnapshot,
} from "../../../../src/state/liveness.ts";
import { writeRecord } from "../../../../src/state/store.ts";
import { BOOKS } from "../../../support/book.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	recordsOf,
} from "../../../support/unit/world.ts";

const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
const Q = attached("q", { ...udp, podIP: BOOKS.IPv4.Q });
const UNFINISHED = { ...P, unfinished: true };
const IN = (name: string, a: Attachment): Attachment => ({
	...a,
	netns: `/run/netns/${name}`,
});
const SOURCE: CacheSource = { dir: CACHE, protocols: [PROTOCOLS.udp] };
/** So long after its ADD, an attachment must be cached. */
const LATER = 1 + 5 * 60_000 + 1;

function contextOf(
	records: readonly Attachment[],
	cached: readonly Attachment[],
	ms = LATER,
) {
	const host = fakeHost({
		clock: { ms },
		files: {
			...recordsOf(DIR, ...records),
			...Object.assign({}, ...cached.map((a) => cachedFile(a))),
		},
	});
	return { host, dataDir: DIR, log: () => {}, event: "test" };
}
const ids = (found: readonly Attachment[]): string =>
	found.map((a) => a.containerID).join(" ");

describe("a snapshot", () => {
	test.each<
		[
			string,
			{
				records?: Attachment[];
				cached?: Attachment[];
				source?: CacheSource;
				ms?: number;
				/** The names of the network namespaces. */
				there?: string[];
			},
			string,
			string,
		]
	>([
		[
			"a namespace that is gone",
			{ records: [IN("p", P), IN("q", Q)], there: ["q"] },
			"q",
			"p",
		],
		[
			"a namespace that is gone, five minutes after ADD: its DEL may be under way",
			{ records: [IN("p", P), IN("q", Q)], there: ["q"], ms: LATER - 1 },
			"q",
			"",
		],
		[
			"a namespace that is gone, of an attachment that is still cached: its network was renamed",
			{
				records: [IN("p", P)],
				cached: [IN("p", P), IN("q", Q)],
				source: SOURCE,
				there: ["q"],
			},
			"q",
			"p",
		],
		[
			"a namespace that is gone, of an attachment that is cached alone",
			{ cached: [IN("p", P), IN("q", Q)], source: SOURCE, there: ["q"] },
			"q",
			"",
		],
		[
			"no namespace at all: the directory may be another's",
			{ records: [IN("p", P)], there: [] },
			"p",
			"",
		],
		[
			"a DEL that was left to another plugin item a minute ago",
			{ records: [{ ...UNFINISHED, deferredAt: LATER - 60_000 }] },
			"",
			"p",
		],
		[
			"the same, whose turn may still come, and which is still cached",
			{
				records: [{ ...UNFINISHED, deferredAt: LATER - 59_999 }],
				cached: [P],
				source: SOURCE,
			},
			"",
			"",
		],
		["recorded, without a cache", { records: [P] }, "p", ""],
		[
			"recorded and cached: it counts once",
			{ records: [P], cached: [P], source: SOURCE },
			"p",
			"",
		],
		[
			"cached alone: it came while the plugin was not in the chain",
			{ records: [P], cached: [P, Q], source: SOURCE },
			"p q",
			"",
		],
		[
			"recorded alone, in a network that is cached: it left unseen",
			{ records: [P, Q], cached: [Q], source: SOURCE },
			"q",
			"p",
		],
		[
			"the same, five minutes after its ADD: the chain may not have returned",
			{ records: [P, Q], cached: [Q], source: SOURCE, ms: LATER - 1 },
			"p q",
			"",
		],
		[
			"recorded alone, in a network that nobody caches: its runtime keeps its cache elsewhere",
			{ records: [P], cached: [{ ...Q, network: "other" }], source: SOURCE },
			"p q",
			"",
		],
		["an unfinished DEL, without a cache", { records: [UNFINISHED] }, "", "p"],
		[
			"an unfinished DEL whose cached file another plugin's failure left",
			{ records: [UNFINISHED], cached: [P, Q], source: SOURCE },
			"q",
			"p",
		],
	])(
		"%s",
		(_, { records = [], cached = [], source, ms, there }, live, dead) => {
			const context = contextOf(records, cached, ms);
			if (there) context.host.mkdir("/run/netns", 0o755);
			for (const name of there ?? [])
				context.host.writeFile(`/run/netns/${name}`, "", 0o444);
			const snapshot = takeSnapshot(context, source);
			expect([ids(snapshot.live), ids(snapshot.dead)]).toEqual([live, dead]);
			if (source)
				expect(liveAttachments(context, source)).toEqual(snapshot.live);
		},
	);

	test("is dated by the monotonic clock", () =>
		expect(takeSnapshot(contextOf([P], [], 77), undefined).at).toBe(77));

	test("has only the mappings of the wanted protocols of a cached attachment, and all of a recorded one", () => {
		const tcp = mapping("IPv4", "tcp");
		const both = { ...P, mappings: [udp, tcp] };
		const of = (records: Attachment[]) =>
			takeSnapshot(contextOf(records, [both]), SOURCE).live.flatMap((a) =>
				a.mappings.map((m) => m.proto),
			);
		expect(of([])).toEqual([17]);
		expect(of([both])).toEqual([17, 6]);
	});

	test.each<[string, Attachment[], string, boolean]>([
		["is of a pod that may live", [], "broken", true],
		["of one that is cached says less than the cache", [P], "p", false],
	])("a record that cannot be read %s", (_, cached, id, isVague) => {
		const { host, ...context } = contextOf([], cached);
		host.mkdir(DIR, 0o700);
		host.writeFile(`${DIR}/net:${id}:eth0.json`, "{", 0o600);
		const { live, dead, isCutShort } = takeSnapshot(
			{ ...context, host },
			SOURCE,
		);
		expect(live.map((a) => [a.containerID, a.vague ?? false])).toEqual([
			[id, isVague],
		]);
		expect([dead, isCutShort]).toEqual([[], false]);
	});

	test("says that a file of the cache cannot be read", () => {
		const { host, ...context } = contextOf([P], [P]);
		host.writeFile(`${CACHE}/results/net-x-eth0`, "{", 0o600);
		const found = takeSnapshot({ ...context, host }, SOURCE);
		expect([ids(found.live), found.isCutShort]).toEqual(["p", true]);
	});

	test("throws if the directory of records cannot be read", () => {
		const context = contextOf([P], []);
		const host = fakeHost({
			files: Object.fromEntries(context.host.files),
			fail: (call) => (call === "readDir" ? "EACCES" : undefined),
		});
		expect(() => takeSnapshot({ ...context, host }, undefined)).toThrow(
			"EACCES",
		);
	});
});

describe("the names", () => {
	test("change when a record comes or goes, and not when it is written again", () => {
		const context = contextOf([P], []);
		const before = namesOf(context, undefined);
		writeRecord(context.host, DIR, { ...P, added: 9 });
		expect(namesOf(context, undefined)).toBe(before);
		writeRecord(context.host, DIR, Q);
		expect(namesOf(context, undefined)).not.toBe(before);
	});

	test("change when a cached file comes, if the cache is a source", () => {
		const names = (cached: Attachment[], source?: CacheSource): string =>
			namesOf(contextOf([P], cached), source);
		expect(names([P, Q], SOURCE)).not.toBe(names([P], SOURCE));
		expect(names([P, Q])).toBe(names([P]));
	});
});
