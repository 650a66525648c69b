// Every message that our encoder writes, byte for byte, sent to the kernel: what
// it answers and what is left. The traps stay shut if each removes what it means
// and nothing else, and if a kernel that cannot do it refuses.

import {
	deleteFiltered,
	deleteOne,
	type FlushFilter,
	getAll,
	getFill,
	getFiltered,
	type Key,
	probeKernelFlush,
	retireOne,
} from "../../../src/conntrack/messages.ts";
import { Writer } from "../../../src/netlink/nl.ts";
import {
	be16,
	halfOf,
	protoNumber,
	statusOf,
	tuple,
	tupleBytes,
	words,
} from "../../support/entries.ts";
import {
	ALL,
	CONTAINER_PORT,
	except,
	factsOf,
	HOST,
	HOST_PORT,
	type Name,
	POD,
	retired,
	SCENE,
	where,
} from "../scene.ts";
import type { Case } from "../script.ts";
import {
	fill,
	PATIENCE,
	send,
	sendWithID,
	since,
	table,
	within,
} from "../script.ts";

const TCP = 6;
const UDP = 17;
const SCTP = 132;

export function bytes(write: (w: Writer) => void): Uint8Array {
	const w = new Writer();
	write(w);
	return w.bytes().slice();
}

/** Returns the key of an entry as a dump shows it; the guest puts the id in. */
function keyOf(line: string): Key {
	const e = factsOf(line);
	const zone = e.value("zone");
	return {
		family: e.v6 ? 10 : 2,
		reply: words(
			tupleBytes(tuple(e.reply), protoNumber(e.proto), e.value("zone-reply")),
		),
		id: 0,
		zone: zone === undefined ? undefined : halfOf(be16(zone)),
	};
}

const reads: readonly Case[] = [
	{
		name: "message: count",
		steps: (k) => [
			fill(ALL),
			send(
				k,
				bytes((w) => getFill(w, 1)),
				"ok",
				["message of type 0105"],
			),
			table(ALL),
		],
	},
	{
		name: "message: all entries",
		steps: (k) => [
			fill(ALL),
			send(
				k,
				bytes((w) => getAll(w, 1)),
				"ok",
				ALL,
			),
			table(ALL),
		],
	},
	...[
		{ family: 2, proto: UDP, name: "udp" } as const,
		{ family: 2, proto: TCP, name: "tcp" } as const,
		{ family: 2, proto: SCTP, name: "sctp" } as const,
		{ family: 10, proto: UDP, name: "udp" } as const,
		{ family: 10, proto: TCP, name: "tcp" } as const,
		{ family: 10, proto: SCTP, name: "sctp" } as const,
	].map(({ name, ...filter }): Case => {
		const v6 = filter.family === 10;
		const filtered = bytes((w) =>
			getFiltered(w, 1, { ...filter, hostPort: HOST_PORT }),
		);
		return {
			name: `message: filtered dump, ${name}${v6 ? " IPv6" : ""}`,
			steps: (k) => [
				fill(ALL),
				send(
					k,
					filtered,
					"ok",
					where(
						(e) =>
							e.proto === name &&
							e.v6 === v6 &&
							(filter.proto === SCTP || e.dport === HOST_PORT),
					),
				),
				table(ALL),
			],
		};
	}),
];

const begunDumps: readonly Case[] = ([2, 10] as const).map((family): Case => {
	const filtered = bytes((w) =>
		getFiltered(w, 1, {
			family,
			proto: UDP,
			hostPort: HOST_PORT,
			side: "reply",
		}),
	);
	const v6 = family === 10;
	return {
		name: `message: filtered dump by the port of replies, udp${v6 ? " IPv6" : ""}`,
		steps: (k) => [
			fill(ALL),
			send(
				k,
				filtered,
				"ok",
				where(
					(e) =>
						e.v6 === v6 &&
						// fixed by ad81d4daf6a3, and in 5.10 and 5.15 by their stable releases
						(!since(k, 5, 10) ||
							(e.proto === "udp" && e.reply.endsWith(`:${HOST_PORT}`))),
				),
			),
			table(ALL),
		],
	};
});

const begun = { origSrc: POD, replyDport: HOST_PORT };
const back = { replySrc: POD, replySport: CONTAINER_PORT };
const flushes: readonly Case[] = [
	["UDP", { ...back, proto: UDP, origDport: HOST_PORT, origDst: undefined }],
	[
		"UDP of one hostIP",
		{ ...back, proto: UDP, origDport: HOST_PORT, origDst: HOST },
	],
	["TCP", { ...back, proto: TCP, origDport: HOST_PORT, origDst: undefined }],
	[
		"nothing that is there",
		{ ...back, proto: UDP, origDport: 1, origDst: undefined },
	],
	["what the pod began, UDP", { ...begun, proto: UDP, replyDst: undefined }],
	[
		"what the pod began, UDP of one hostIP",
		{ ...begun, proto: UDP, replyDst: HOST },
	],
	["what the pod began, TCP", { ...begun, proto: TCP, replyDst: undefined }],
].map(([name, f]): Case => {
	const filter = f as FlushFilter;
	const gone = new Set(
		where((e) => {
			if (e.proto !== (filter.proto === TCP ? "tcp" : "udp")) return false;
			if ("origSrc" in filter)
				return (
					e.orig.startsWith(`${POD}:`) &&
					e.reply.endsWith(
						`${filter.replyDst === undefined ? "" : `> ${HOST}`}:${HOST_PORT}`,
					)
				);
			return (
				e.dport === filter.origDport &&
				(filter.origDst === undefined ||
					e.orig.includes(`> ${filter.origDst}:`)) &&
				e.reply.startsWith(`${POD}:${CONTAINER_PORT} `)
			);
		}),
	);
	return {
		name: `message: kernel flush, ${name}`,
		steps: (k) => [
			fill(ALL),
			send(
				k,
				bytes((w) => deleteFiltered(w, 1, filter)),
				since(k, 6, 12) ? "ok" : "EINVAL",
			),
			table(since(k, 6, 12) ? ALL.filter((line) => !gone.has(line)) : ALL),
		],
		outcome: (k) => (since(k, 6, 12) ? `deletes ${gone.size}` : "EINVAL"),
	};
});

const TARGETS: readonly Name[] = [
	"to the old pod",
	"to the pod from itself",
	"past the rule",
	"TCP to the old pod",
	"SCTP to the old pod",
	"IPv6 to the old pod",
	"IPv6 SCTP to the pod",
	"to the old pod, zone 7",
	"IPv6 to the old pod, zone 7",
	"to the old pod, original zone 5",
	"to the old pod, reply zone 6",
];

const removals: readonly Case[] = TARGETS.map((name) => ({
	name: `message: delete, ${name}`,
	steps: (k) => [
		fill(ALL),
		sendWithID(
			k,
			bytes((w) => deleteOne(w, 1, true, keyOf(SCENE[name]))),
			SCENE[name],
			"ok",
		),
		table(except(name)),
	],
}));

const misses: readonly Case[] = (
	[
		["another entry's id", "to the pod", "to the old pod"],
		["an id of another zone", "to the old pod", "to the old pod, zone 7"],
		["an id of the default zone", "to the old pod, zone 7", "to the old pod"],
		["IPv6, another entry's id", "IPv6 to the pod", "IPv6 to the old pod"],
	] as const
).map(([name, tupleOf, idOf]) => ({
	name: `message: delete, ${name}: refused`,
	steps: (k) => [
		fill(ALL),
		sendWithID(
			k,
			bytes((w) => deleteOne(w, 1, true, keyOf(SCENE[tupleOf]))),
			SCENE[idOf],
			"ENOENT",
		),
		table(ALL),
	],
}));

function retirement(line: string, seconds: number): Uint8Array {
	const { words } = factsOf(line);
	const status =
		statusOf() |
		(words.includes("seen") ? 0x2 : 0) |
		(words.includes("assured") ? 0x4 : 0) |
		(words.includes("snat") ? 0x10 : 0) |
		(words.includes("dnat") ? 0x20 : 0);
	return bytes((w) => retireOne(w, 1, true, keyOf(line), status, seconds));
}

const retirements: readonly Case[] = [
	{
		name: "message: retire, one entry of each kind",
		steps: (k) => [
			fill(ALL),
			...TARGETS.map((name) => send(k, retirement(SCENE[name], 600), "ok")),
			table(retired(...TARGETS)),
		],
	},
	{
		name: "message: retire, it ends in time",
		steps: (k) => [
			fill(ALL),
			send(k, retirement(SCENE["to the pod"], 2), "ok"),
			within(PATIENCE, table(except("to the pod"))),
		],
	},
	{
		name: "message: retire, twice: before 6.0 the time begins anew, since then refused",
		steps: (k) => [
			fill(ALL),
			send(k, retirement(SCENE["to the pod"], 600), "ok"),
			send(
				k,
				retirement(SCENE["to the pod"], 600),
				since(k, 6, 0) ? "EPERM" : "ok",
			),
			table(retired("to the pod")),
		],
		outcome: (k) => (since(k, 6, 0) ? "EPERM" : "ok"),
	},
	{
		name: "message: retire, a reply came since: refused",
		steps: (k) => [
			fill(ALL),
			send(
				k,
				retirement(SCENE["to the pod"].replace(" seen", ""), 600),
				"EBUSY",
			),
			table(ALL),
		],
	},
	{
		name: "message: retire, gone: refused, and not made anew",
		steps: (k) => [
			fill(except("to the pod", "to the pod, zone 7")),
			send(k, retirement(SCENE["to the pod"], 600), "ENOENT"),
			table(except("to the pod", "to the pod, zone 7")),
		],
	},
];

const probe: Case = {
	name: "message: the probe for the kernel flush",
	steps: (k) => [
		fill(ALL),
		send(
			k,
			bytes((w) => probeKernelFlush(w, 1)),
			since(k, 6, 12) ? "EINVAL|EOPNOTSUPP" : "ENOENT",
		),
		table(ALL),
	],
	outcome: (k) => (since(k, 6, 12) ? "yes" : "no"),
};

export const MESSAGES: readonly Case[] = [
	...reads,
	...begunDumps,
	...flushes,
	probe,
	...removals,
	...misses,
	...retirements,
];
