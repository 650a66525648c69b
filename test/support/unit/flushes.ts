// Helpers for the tests of the flush: a table with a request and its report, and a node
// with records whose pods come and go.

import { expect } from "vitest";
import type { Entry } from "../../../src/conntrack/entry.ts";
import type { FlushFilter } from "../../../src/conntrack/messages.ts";
import type { Context } from "../../../src/context.ts";
import type { Leaves } from "../../../src/flush/find.ts";
import { flush } from "../../../src/flush/flush.ts";
import type { Request, Search } from "../../../src/flush/search.ts";
import { logger } from "../../../src/log.ts";
import { AF_INET } from "../../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../../src/net/proto.ts";
import { Deadline } from "../../../src/netlink/deadline.ts";
import type { Attachment } from "../../../src/policy/mapping.ts";
import { writeRecord } from "../../../src/state/store.ts";
import { BOOKS, spell } from "../book.ts";
import type { EntrySpec } from "../entries.ts";
import { type FakeHostOptions, fakeHost } from "../fakehost.ts";
import { type FakeKernelOptions, fakeKernel } from "../fakekernel.ts";
import { DNAT, mapping } from "./flows.ts";
import { flows } from "./tables.ts";

export const GET = 0x0101;
export const GET_STATS = 0x0105;
export const PORT = {
	family: AF_INET,
	proto: IPPROTO_UDP,
	hostPort: 8125,
} as const;
export const FILTER: FlushFilter = {
	proto: IPPROTO_UDP,
	origDport: 8125,
	origDst: undefined,
	replySrc: "10.88.0.9",
	replySport: 5353,
};

/** Every entry that leads to 10.88.0.9 is stale. */
export const judge = (e: Entry) =>
	e.reply.src === "10.88.0.9" ? "dead-pod" : undefined;

export async function run(
	kernelOptions: FakeKernelOptions,
	given: Partial<Request & Search> & {
		readonly deadlineMs?: number;
		readonly leaves?: Leaves;
	} = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, ...kernelOptions });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const search: Search = { ports: [PORT], judge, ...given };
	const request: Request = {
		prepare: () => search,
		action: "delete",
		...given,
	};
	const logged: string[] = [];
	const report = await flush(
		host,
		request,
		(_, msg) => logged.push(msg),
		new Deadline(host, given.deadlineMs ?? 5000),
		given.leaves,
	);
	expect(kernel.open(), "sockets left open").toBe(0);
	const types = kernel.requests.map((r) => r.type);
	return { kernel, report, types, clock, error: report.error };
}

export const healthy = flows(3, { reply: "10.88.0.2:5353 > 192.0.2.7:1" });

/** The directory of records. */
export const RECORDS = "/run/flush";
const { H, H2 } = BOOKS.IPv4;
const ROUTES = ["127.0.0.0/8", `${H}/32`, `${H2}/32`, "fd03::1/128"].map(
	(prefix) => ({ prefix }),
);

/** hostPort 8125 of any address of the node, to the pod of POD. */
export const mappingOfPod = mapping("IPv4", "udp");
export const POD: Attachment = {
	network: "net",
	containerID: "new",
	ifname: "eth0",
	pod: "ns/new",
	added: 10,
	mappings: [mappingOfPod],
	podTargets: [],
};
export const other = (
	containerID: string,
	change: Partial<Attachment>,
): Attachment => ({ ...POD, containerID, pod: `ns/${containerID}`, ...change });

interface Flow {
	readonly orig: string;
	readonly reply?: string;
}
let ids = 0;
export const flow = (f: Flow): EntrySpec => ({
	id: ++ids,
	orig: spell("IPv4", f.orig),
	...(f.reply && { reply: spell("IPv4", f.reply), status: DNAT }),
});

/** A table, records and a context. `removed` returns the original tuples of the entries that were deleted. */
export function setUpPods(
	entries: readonly EntrySpec[],
	records: readonly Attachment[] = [],
	options: FakeKernelOptions &
		Pick<FakeHostOptions, "fail" | "directoryMode" | "files"> = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, entries, routes: ROUTES, ...options });
	const host = fakeHost({
		clock,
		netlink: kernel.netlink,
		...(options.fail && { fail: options.fail }),
		...(options.files && { files: options.files }),
		...(options.directoryMode !== undefined && {
			directories: [RECORDS],
			directoryMode: options.directoryMode,
		}),
	});
	const context: Context = {
		host,
		dataDir: RECORDS,
		log: logger(host, "info", undefined, {}),
		event: "DEL",
	};
	for (const a of records) writeRecord(host, RECORDS, a);
	const removed = (): string[] =>
		entries
			.filter((e) => !kernel.left().includes(e.id ?? 1))
			.map((e) => e.orig);
	return { kernel, host, context, removed };
}

export const STALE = flow({ orig: "C:1 > H:8125", reply: "Q:5353 > C:1" });
export const GAP = flow({ orig: "C:2 > H:8125" });
export const MINE = flow({ orig: "C:3 > H:8125", reply: "P:5353 > C:3" });
export const THEIRS = flow({ orig: "C:4 > H2:8125", reply: "N:5353 > C:4" });
export const AWAY = flow({ orig: "N:5 > S:8125" });
export const ALL = [STALE, GAP, MINE, THEIRS, AWAY];
