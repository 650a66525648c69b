// The kernel's side of a netlink socket, in memory: a conntrack table, a local
// routing table and nat rules that answer as Linux does, and a hook through
// which a test answers otherwise. It knows no CTA_FILTER, as before Linux 5.8:
// dumps give everything, a filtered DELETE is EINVAL.

import type { Host } from "../../src/host.ts";
import { ipBytes } from "../../src/net/ip.ts";
import {
	attr,
	be32,
	datagram,
	doneMessage,
	type EntrySpec,
	entry,
	entryMessage,
	errorMessage,
	linkMessage,
	message,
	nfgenmsg,
	type Route,
	routeMessage,
	statusOf,
	toHex,
	wireOf,
} from "./entries.ts";
import { type Clock, sysError } from "./fakehost.ts";
import {
	chainMessages,
	generationMessage,
	linkNameMessage,
	type NatRuleset,
	ruleMessages,
	wayMessage,
} from "./natrules.ts";

/** One datagram, or the errno with which recv fails. */
export type Reply = Uint8Array | string;

export interface Request {
	readonly protocol: number;
	/** Sockets are counted from 1. */
	readonly socket: number;
	readonly type: number;
	readonly flags: number;
	readonly seq: number;
	/** Without the header. */
	readonly payload: Uint8Array;
	/** The number of messages of this type that came before. */
	readonly nth: number;
}

export interface FakeKernelOptions {
	readonly entries?: readonly EntrySpec[];
	readonly routes?: readonly Route[];
	/** Interface indices by name. */
	readonly links?: Readonly<Record<string, number>>;
	/** The interfaces behind which addresses are, by address. */
	readonly ways?: Readonly<Record<string, string>>;
	/** Without them this kernel has no nf_tables. */
	readonly rules?: NatRuleset;
	/** Entries in one datagram of a dump. */
	readonly perDatagram?: number;
	readonly clock?: Clock;
	/** The time that each recv takes. */
	readonly recvMs?: number;
	/** The errno with which socket() fails. */
	readonly refuse?: (protocol: number) => string | undefined;
	/** The answer to a request, in place of ours where it gives one; ours is that of `usual`. */
	readonly answer?: (
		request: Request,
		usual: FakeKernel["usual"],
	) => readonly Reply[] | undefined;
}

export interface FakeKernel {
	readonly netlink: Host["netlink"];
	readonly requests: readonly Request[];
	/** The sizes of what was sent, in messages. */
	readonly batches: readonly number[];
	/** Sockets opened and not closed. */
	open(): number;
	/** Ids of the entries still there. */
	left(): number[];
	/** Seconds of CTA_TIMEOUT by id, of entries that were retired. */
	readonly retired: ReadonlyMap<number, number>;
	/** Our own answer, for a hook that only adds to it. */
	usual(request: Request): Reply[];
}

/** The bytes of a tuple of IPv4 with two addresses, a protocol and two ports. */
const WHOLE = 48;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
/** A test that is given more datagrams than this has met a loop without an end, and must fail rather than hang. */
const MOST = 100_000;

export function fakeKernel(options: FakeKernelOptions = {}): FakeKernel {
	const { clock = { ms: 0 }, recvMs = 0, perDatagram = 100 } = options;
	const table = (options.entries ?? []).map(row);
	const retired = new Map<number, number>();
	const requests: Request[] = [];
	const batches: number[] = [];
	const perType = new Map<number, number>();
	let sockets = 0;
	let open = 0;
	let received = 0;

	/** Returns the place of the entry that a request names; -1 for none. */
	const find = (attrs: Attributes): number => {
		const key = keyOf(attrs.get(CTA_TUPLE_REPLY), attrs.get(CTA_ZONE));
		const id = attrs.get(CTA_ID);
		return table.findIndex(
			(row) => row.key === key && (!id || row.id === toHex(id)),
		);
	};

	const result = (r: Request, errno: number): Reply[] =>
		errno !== 0 || r.flags & NLM_F_ACK ? [errorMessage(errno, r.seq)] : [];

	const dump = (r: Request, messages: readonly Uint8Array[]): Reply[] => {
		const replies: Reply[] = [];
		for (let i = 0; i < messages.length; i += perDatagram)
			replies.push(datagram(...messages.slice(i, i + perDatagram)));
		return [...replies, doneMessage(r.seq)];
	};

	const remove = (r: Request): Reply[] => {
		const attrs = attributesOf(r.payload.subarray(4));
		// it passes over the filter, and a part of a tuple names no entry
		const { length = 0 } = attrs.get(CTA_TUPLE_ORIG) ?? {};
		if (attrs.has(CTA_FILTER) && length < WHOLE) return result(r, EINVAL);
		const at = find(attrs);
		if (at >= 0) table.splice(at, 1);
		return result(r, at >= 0 ? 0 : ENOENT);
	};

	const update = (r: Request): Reply[] => {
		const attrs = attributesOf(r.payload.subarray(4));
		const { spec } = table[find(attrs)] ?? {};
		if (!spec) return result(r, ENOENT);
		const id = spec.id ?? 1;
		if (retired.has(id)) return result(r, EPERM);
		const status = word(attrs.get(CTA_STATUS));
		const must = statusOf(spec.status) & (SEEN_REPLY | ASSURED);
		if ((status & must) !== must) return result(r, EBUSY);
		retired.set(id, word(attrs.get(CTA_TIMEOUT)));
		return result(r, 0);
	};

	const wayNames = [...new Set(Object.values(options.ways ?? {}))];
	/** Answers which way an address is; the ways have the indices from 1 on. */
	const wayTo = (r: Request): Reply => {
		const to = attributesOf(r.payload.subarray(12)).get(1) ?? new Uint8Array();
		const way = Object.entries(options.ways ?? {}).find(
			([ip]) => `${ipBytes(ip)}` === `${to}`,
		);
		return way
			? wayMessage(r.seq, r.payload[0] ?? 0, 1 + wayNames.indexOf(way[1]))
			: errorMessage(ENETUNREACH, r.seq);
	};
	const nameOfLink = (r: Request, index: number): Reply => {
		const name = wayNames[index - 1];
		return name === undefined
			? errorMessage(ENODEV, r.seq)
			: linkNameMessage(r.seq, index, name);
	};

	const usual = (r: Request): Reply[] => {
		const { rules } = options;
		switch (`${r.protocol} ${r.type}`) {
			case `12 ${0x0105}`: {
				const count = attr(1, be32(table.length));
				return [message({ type: 0x0105, seq: r.seq }, nfgenmsg(0), count)];
			}
			case `12 ${0x0101}`: {
				// nfgen_family, which every kernel compares
				const [family] = r.payload;
				const asked = table.filter(
					({ spec }) => !family || entry(spec).family === family,
				);
				return dump(
					r,
					asked.map(({ spec }) => entryMessage(spec, r.seq)),
				);
			}
			case `12 ${0x0102}`:
				return remove(r);
			case `12 ${0x0100}`:
				return update(r);
			case `12 ${0x0a10}`:
				return rules
					? [generationMessage(rules, r.seq)]
					: [errorMessage(EINVAL, r.seq)];
			case `12 ${0x0a04}`:
				return dump(r, rules ? chainMessages(rules, r.seq) : []);
			case `12 ${0x0a07}`: {
				const attrs = attributesOf(r.payload.subarray(4));
				const [table, chain] = [attrs.get(1), attrs.get(2)];
				if (!rules || !table || !chain) return [errorMessage(ENOENT, r.seq)];
				const [family = 0] = r.payload;
				return dump(r, ruleMessages(rules, r.seq, family, table, chain));
			}
			case "0 18": {
				const asked = new DataView(r.payload.buffer).getUint32(4, true);
				if (asked !== 0) return [nameOfLink(r, asked)];
				const index = options.links?.[linkName(r)];
				return index === undefined
					? [errorMessage(ENODEV, r.seq)]
					: [linkMessage(r.seq, index)];
			}
			case "0 26": {
				if ((r.flags & NLM_F_DUMP) === 0) return [wayTo(r)];
				const routes = (options.routes ?? []).filter(
					({ prefix }) => prefix.includes(":") === (r.payload[0] === 10),
				);
				return dump(
					r,
					routes.map((route) => routeMessage(route, r.seq)),
				);
			}
			default:
				throw new Error(`unexpected request ${r.type} of ${r.protocol}`);
		}
	};

	const netlink: Host["netlink"] = (protocol, timeoutMs) => {
		const refused = options.refuse?.(protocol);
		if (refused !== undefined) throw sysError(refused, "socket");
		const socket = ++sockets;
		open++;
		const queue: Reply[] = [];
		let closed = false;
		const check = (syscall: string): void => {
			if (closed) throw sysError("EBADF", syscall);
		};
		return {
			send(bytes) {
				check("sendto");
				const sent = messagesOf(bytes).map(([head, payload]): Request => {
					const nth = perType.get(head.type) ?? 0;
					perType.set(head.type, nth + 1);
					return { ...head, protocol, socket, payload, nth };
				});
				batches.push(sent.length);
				for (const request of sent) {
					requests.push(request);
					queue.push(...(options.answer?.(request, usual) ?? usual(request)));
				}
			},
			recv(into) {
				check("recvmsg");
				if (++received > MOST)
					throw new Error(`received ${MOST} times: this never ends`);
				clock.ms += recvMs;
				const next = queue.shift();
				if (next === undefined) {
					clock.ms += timeoutMs;
					throw sysError("EAGAIN", "recvmsg");
				}
				if (typeof next === "string") throw sysError(next, "recvmsg");
				if (next.length > into.length) throw sysError("EMSGSIZE", "recvmsg");
				into.set(next);
				return next.length;
			},
			close() {
				if (!closed) open--;
				closed = true;
			},
		};
	};

	return {
		netlink,
		requests,
		batches,
		open: () => open,
		left: () => table.map(({ spec }) => spec.id ?? 1),
		retired,
		usual,
	};
}

// linux/netfilter/nfnetlink_conntrack.h, asm-generic/errno.h
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_TIMEOUT = 7;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const SEEN_REPLY = 2;
const ASSURED = 4;
const EPERM = 1;
const ENOENT = 2;
const EBUSY = 16;
const ENODEV = 19;
const EINVAL = 22;
const ENETUNREACH = 101;

type Attributes = Map<number, Uint8Array>;

/** Returns the payloads by type, with the flags masked. Throws on the slightest fault, because our own code wrote them. */
export function attributesOf(bytes: Uint8Array): Attributes {
	const found: Attributes = new Map();
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	for (let at = 0; at < bytes.length; ) {
		const size = view.getUint16(at, true);
		if (size < 4 || at + size > bytes.length)
			throw new Error(`malformed request: ${toHex(bytes)}`);
		const type = view.getUint16(at + 2, true) & 0x3fff;
		found.set(type, bytes.slice(at + 4, at + size));
		at += (size + 3) & ~3;
	}
	return found;
}

type Header = Pick<Request, "type" | "flags" | "seq">;

/** The messages of a datagram, with their payloads. */
export function messagesOf(bytes: Uint8Array): [Header, Uint8Array][] {
	const found: [Header, Uint8Array][] = [];
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	for (let at = 0; at < bytes.length; ) {
		const size = view.getUint32(at, true);
		if (size < 16 || at + size > bytes.length)
			throw new Error(`malformed request: ${toHex(bytes)}`);
		const head = {
			type: view.getUint16(at + 4, true),
			flags: view.getUint16(at + 6, true),
			seq: view.getUint32(at + 8, true),
		};
		found.push([head, bytes.slice(at + 16, at + size)]);
		at += (size + 3) & ~3;
	}
	return found;
}

/** An entry, and what names it in requests. */
function row(spec: EntrySpec) {
	const { reply, zone, id } = wireOf(entry(spec).key);
	return { spec, key: `${reply} zone ${zone}`, id };
}

function keyOf(reply?: Uint8Array, zone?: Uint8Array): string {
	return `${reply ? toHex(reply) : ""} zone ${zone ? toHex(zone) : ""}`;
}

function word(bytes: Uint8Array | undefined): number {
	if (bytes?.length !== 4) throw new Error("not a word");
	return new DataView(bytes.buffer).getUint32(0);
}

function linkName(r: Request): string {
	const name = attributesOf(r.payload.subarray(16)).get(3) ?? new Uint8Array();
	return String.fromCharCode(...name).replace(/\0$/, "");
}
