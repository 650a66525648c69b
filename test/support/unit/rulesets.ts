// The recorded rules of whole namespaces (rulesets.hex) as the evaluator sees them, and
// packets and outcomes in words. It plays the kernel only where an element is looked up.

import { familyOf, formatIP, type IP, ipBytes } from "../../../src/net/ip.ts";
import {
	after,
	type Message,
	messageAt,
	RecvBuffer,
} from "../../../src/netlink/reader.ts";
import { readRule } from "../../../src/rules/expressions.ts";
import {
	type BaseChain,
	compareBytes,
	type Interest,
	type Knowledge,
	type Outcome,
	type Packet,
} from "../../../src/rules/model.ts";
import {
	readBaseChain,
	readElements,
	readSet,
} from "../../../src/rules/nft.ts";
import {
	attr,
	be32,
	doneMessage,
	errorMessage,
	message,
	nest,
	nfgenmsg,
} from "../entries.ts";
import { attributesOf, type Reply, type Request } from "../fakekernel.ts";
import { EVERYTHING } from "../legacytable.ts";
import { readRecorded } from "./fixtures.ts";

// NFNL_SUBSYS_NFTABLES << 8 | message
const NEWCHAIN = 0x0a03;
const NEWRULE = 0x0a06;
const NEWSET = 0x0a09;
const NEWSETELEM = 0x0a0c;

const recorded = new Map(
	readRecorded("rulesets.hex").map((r) => [r.name, r.message]),
);
export const RULESETS: readonly string[] = [...recorded.keys()];

/** Returns the messages of one recorded set of rules, in one buffer. */
export function rulesetMessages(name: string): [RecvBuffer, Message[]] {
	const bytes = recorded.get(name);
	if (!bytes) throw new Error(`not recorded: ${name}`);
	return splitMessages(bytes);
}

/** Each message ends at its length, and the next one follows at once. */
function splitMessages(bytes: Uint8Array): [RecvBuffer, Message[]] {
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	const messages: Message[] = [];
	for (let at = 0; at < bytes.length; ) {
		const m = messageAt(b, at, bytes.length);
		messages.push(m);
		at = after(m);
	}
	return [b, messages];
}

/** Returns the rules as decoded; `interest` is what the decoder screens for. */
export function recordedRules(
	name: string,
	interest: Interest = EVERYTHING,
): Knowledge {
	const [b, messages] = rulesetMessages(name);
	const of = (type: number): Message[] =>
		messages.filter((m) => m.type === type);
	/** The messages about a set, which both kinds name in the attributes 1 and 2. */
	const about = (
		type: number,
		{ family, table }: { family: number; table: string },
		set: string,
	): Message[] =>
		of(type).filter((m) => {
			const attrs = attributesOf(b.bytes.subarray(m.start + 20, m.end));
			return (
				b.bytes[m.start + 16] === family &&
				textOf(attrs.get(1)) === table &&
				textOf(attrs.get(2)) === set
			);
		});
	const elements: Knowledge["elements"] = (chain, set) =>
		about(NEWSETELEM, chain, set).flatMap((m) => readElements(b, m));
	return {
		bases: of(NEWCHAIN)
			.map((m) => readBaseChain(b, m))
			.filter((base): base is BaseChain => base !== undefined),
		rules: (chain) =>
			of(NEWRULE)
				.map((m) => readRule(b, m, chain, interest))
				.filter((rule) => rule !== undefined),
		shape(chain, set) {
			const [m] = about(NEWSET, chain, set);
			if (!m) throw new Error(`no set ${set}`);
			return readSet(b, m);
		},
		elements,
		element: (chain, set, key) =>
			elements(chain, set)?.find((e) =>
				key ? compareBytes(e.key, key) === 0 : e.isCatchAll,
			) ?? null,
	};
}

function textOf(bytes: Uint8Array | undefined): string {
	return new TextDecoder().decode(bytes?.subarray(0, -1));
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17 };

/**
 * Returns the packet of a text: `udp 192.0.2.7 > 203.0.113.1:8125`, which may end with
 * `on eth0`, or with `by the node`. The node has 203.0.113.1, .10, fd03::1 and loopback.
 */
export function packetIn(text: string): Packet {
	const [, proto = "", src = "", dst = "", dport, on, byNode] =
		/^(\w+) (\S+) > \[?(\S+?)\]?:(\d+)(?: on (\S+))?( by the node)?$/.exec(
			text,
		) ?? [];
	const locals = ["203.0.113.1", "203.0.113.10", "127.0.0.1", "fd03::1", "::1"];
	const family = familyOf(dst);
	return {
		family,
		proto: PROTOCOLS[proto] ?? 0,
		src: ipBytes(src),
		dst: ipBytes(dst),
		dport: Number(dport),
		isSentByNode: byNode !== undefined,
		arrivesOn: on,
		isLocal: (a) => locals.includes(formatIP(a, 0, family)),
	};
}

/** Returns the outcomes in words, in the order of the alphabet: `10.88.0.2:5353`, `itself:4141`, `none`, `dropped`, `unknown`. */
export function outcomesInWords(outcomes: readonly Outcome[]): string {
	return [...new Set(outcomes.map(wordsFor))].sort().join(" ");
}

function wordsFor(o: Outcome): string {
	if (o.is !== "target") return o.is;
	const { addresses, ports } = o.target;
	const ip = (a: Uint8Array): IP => formatIP(a, 0, a.length === 4 ? 2 : 10);
	const address = addresses
		? between(ip(addresses.min), ip(addresses.max))
		: "itself";
	return `${address}${ports ? `:${between(ports.min, ports.max)}` : ""}`;
}

function between(min: string | number, max: string | number): string {
	return min === max ? `${min}` : `${min}-${max}`;
}

/** Answers the requests of nf_tables as the kernel does that has these rules. Pass it to `fakeKernel`. */
export function answersOf(
	name: string,
	generation: () => number = () => 1,
): (r: Request) => Reply[] | undefined {
	const [b, messages] = rulesetMessages(name);
	return (r) => {
		if (r.protocol !== 12) return undefined;
		const asked = attributesOf(r.payload.subarray(4));
		/** The recorded messages of a type that have the attributes of the request. */
		const own = (type: number): Uint8Array[] =>
			messages
				.filter((m) => m.type === type)
				.map((m) => b.bytes.slice(m.start, m.end))
				.filter((m) => {
					const has = attributesOf(m.subarray(20));
					return [1, 2].every(
						(t) => !asked.has(t) || `${has.get(t)}` === `${asked.get(t)}`,
					);
				})
				.filter((m) => [0, m[16]].includes(r.payload[0]));
		const answer = (m: Uint8Array): Uint8Array => {
			new DataView(m.buffer).setUint32(8, r.seq, true);
			return m;
		};
		const dump = (type: number): Reply[] => [
			...own(type).map(answer),
			doneMessage(r.seq),
		];
		switch (r.type) {
			case GETGEN: {
				const id = attr(1, be32(generation()));
				return [message({ type: NEWGEN, seq: r.seq }, nfgenmsg(0), id)];
			}
			case GETCHAIN:
				return dump(NEWCHAIN);
			case GETRULE:
				return dump(NEWRULE);
			case GETSET:
				return own(NEWSET).map(answer);
			case GETSETELEM: {
				const wanted = asked.get(3);
				if (!wanted) return dump(NEWSETELEM);
				const key = keyIn(attributesOf(wanted).get(1));
				const found = own(NEWSETELEM)
					.flatMap((m) => partsOf(attributesOf(m.subarray(20)).get(3)))
					.find((e) => keyIn(e) === key);
				if (!found) return [errorMessage(ENOENT, r.seq)];
				const list = nest(3, nest(1, found));
				return [
					message(
						{ type: NEWSETELEM, seq: r.seq },
						nfgenmsg(r.payload[0] ?? 0),
						list,
					),
				];
			}
			default:
				return undefined;
		}
	};
}

const GETCHAIN = 0x0a04;
const GETRULE = 0x0a07;
const GETSET = 0x0a0a;
const GETSETELEM = 0x0a0d;
const NEWGEN = 0x0a0f;
const GETGEN = 0x0a10;
const ENOENT = 2;

/** The key of an element in words; an element for all other keys has none. */
function keyIn(element: Uint8Array | undefined): string {
	const key = element && attributesOf(element).get(1);
	return key ? `${attributesOf(key).get(1)}` : "others";
}

/** The payloads of a list, in which all have one type. */
function partsOf(list: Uint8Array | undefined): Uint8Array[] {
	const found: Uint8Array[] = [];
	if (!list) return found;
	const view = new DataView(list.buffer, list.byteOffset);
	for (let at = 0; at < list.length; ) {
		const size = view.getUint16(at, true);
		found.push(list.subarray(at + 4, at + size));
		at += (size + 3) & ~3;
	}
	return found;
}
