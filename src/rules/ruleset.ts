// The nat rules of this network namespace, and what they do with a packet. Everything that
// was read belongs to one generation of the rules, and is read again if that changes. The
// parts are read by store.ts. It judges no entry.

import type { Host } from "../host.ts";
import { AF_INET, AF_INET6, type Family } from "../net/ip.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { EINTR, EINVAL, ENOENT } from "../netlink/errno.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER, NetlinkError } from "../netlink/nl.ts";
import { readAll } from "./dump.ts";
import { evaluate } from "./evaluate.ts";
import type { BaseChain, Interest, Outcome, Packet } from "./model.ts";
import {
	getChains,
	getGeneration,
	NFT_MSG_NEWCHAIN,
	readBaseChain,
	readGeneration,
} from "./nft.ts";
import { type Outcomes, Store } from "./store.ts";

/** Changes between two generations come in groups, each within some hundred ms. */
const TRIES = 8;
/** The outcomes of so many kinds of packets are remembered. */
const REMEMBERED = 4096;

/** Thrown if the rules changed again and again while they were read. */
export class UnsettledRulesError extends Error {
	override readonly name = "UnsettledRulesError";
}

export class NatRules {
	readonly #host: Host;
	readonly #interest: Interest;
	readonly #requests: Exchange;
	#store: Store | undefined;
	/** The digests of the tables of legacy iptables. */
	readonly #digests = new Map<Family, number>();
	#readings = 0;

	/** Rules that concern no packet of `interest` are not kept. */
	constructor(host: Host, deadline: Deadline, interest: Interest) {
		this.#host = host;
		this.#interest = interest;
		this.#requests = new Exchange(host, NETLINK_NETFILTER, deadline);
	}

	close(): void {
		this.#requests.close();
	}

	/** The generation of what was read last; undefined if the kernel counts none. */
	get generation(): number | undefined {
		return this.#store?.generation;
	}

	/**
	 * Returns every outcome that the rules allow for a packet of interest, all of one
	 * generation. Throws NetlinkError, SysError, DecodeError, DeadlineError, or
	 * UnsettledRulesError.
	 */
	async outcomes(p: Packet): Promise<Outcomes> {
		for (let tries = 0; tries < TRIES; tries++) {
			try {
				const store = await this.#read();
				const known = store.size;
				const found = await this.#find(store, p);
				// what was read now must be of the generation of the rest
				if (store.size === known || (await this.isCurrent())) return found;
			} catch (e) {
				if (!isChange(e)) throw e;
			}
			this.#store = undefined;
		}
		throw new UnsettledRulesError("the rules change while they are read");
	}

	/** The number of the reading that outcomes are found by now. Those that were found by another may be of another generation. */
	get reading(): number {
		return this.#store ? this.#readings : this.#readings + 1;
	}

	/** Drops what was read, because the interest has grown. */
	drop(): void {
		this.#store = undefined;
	}

	/** Returns true if no rule has changed since the outcomes of this reading were found; there may be none. Throws what `outcomes` throws. */
	async isCurrent(): Promise<boolean> {
		const store = this.#store;
		if (!store) return true;
		this.#store = undefined;
		const generation = await askGeneration(this.#requests);
		if (store.generation !== generation) return false;
		if (!(await this.#isLegacyCurrent())) return false;
		this.#store = store;
		return true;
	}

	async #read(): Promise<Store> {
		if (this.#store) return this.#store;
		const generation = await askGeneration(this.#requests);
		const bases =
			generation === undefined ? [] : await readBases(this.#requests);
		const store = new Store(this.#interest, generation, bases);
		await this.#readLegacy(store);
		if (generation === undefined && this.#digests.size === 0)
			throw new Error("this kernel shows no nat rules");
		this.#store = store;
		this.#readings++;
		return store;
	}

	async #readLegacy(store: Store): Promise<void> {
		this.#digests.clear();
		for (const family of legacyFamilies(this.#host)) {
			const { readLegacy } = await import("./legacy.read.ts");
			const legacy = readLegacy(this.#host, family, this.#interest);
			if (!legacy) continue;
			store.addLegacy(legacy);
			this.#digests.set(family, legacy.digest);
		}
	}

	async #isLegacyCurrent(): Promise<boolean> {
		const families = legacyFamilies(this.#host);
		for (const family of families) {
			const { readDigest } = await import("./legacy.read.ts");
			const digest = readDigest(this.#host, family);
			if (digest !== this.#digests.get(family)) return false;
		}
		return families.length === this.#digests.size;
	}

	async #find(store: Store, p: Packet): Promise<Outcomes> {
		const packet = new Observed(p);
		const kind = `${p.family} ${p.proto} ${p.dst} ${p.dport} ${p.isSentByNode} ${p.arrivesOn}`;
		const known =
			store.outcomes.get(kind) ?? store.outcomes.get(`${kind} ${p.src}`);
		if (known) return known;
		let all: readonly Outcome[];
		for (;;) {
			all = evaluate(store, packet);
			const missing = store.takeMissing();
			if (missing.length === 0) break;
			for (const read of missing) await read(this.#requests);
		}
		const { asks } = packet;
		const found = { all, asks };
		if (store.outcomes.size >= REMEMBERED) store.outcomes.clear();
		store.outcomes.set(asks.has("source") ? `${kind} ${p.src}` : kind, found);
		return found;
	}
}

/** Returns the generation of the rules of nf_tables, or undefined if this kernel has none. Throws NetlinkError, SysError or DeadlineError. */
export async function askGeneration(
	requests: Exchange,
): Promise<number | undefined> {
	try {
		return await requests.ask(
			"read the generation of the rules",
			getGeneration,
			readGeneration,
		);
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === EINVAL) return undefined;
		throw e;
	}
}

function readBases(requests: Exchange): Promise<BaseChain[]> {
	return readAll(
		requests,
		"read the chains",
		getChains,
		(b, m, bases: BaseChain[]) => {
			const base = m.type === NFT_MSG_NEWCHAIN && readBaseChain(b, m);
			if (base) bases.push(base);
		},
	);
}

/** The kernel says so in a dump's flags, and of a chain or set that has gone. */
function isChange(e: unknown): boolean {
	return e instanceof NetlinkError && (e.errno === EINTR || e.errno === ENOENT);
}

/** A packet that notes what the rules look at. */
class Observed implements Packet {
	readonly asks = new Set<"source" | "interface">();
	readonly family;
	readonly proto;
	readonly dst;
	readonly dport;
	readonly isSentByNode;
	readonly #p: Packet;

	constructor(p: Packet) {
		this.#p = p;
		this.family = p.family;
		this.proto = p.proto;
		this.dst = p.dst;
		this.dport = p.dport;
		this.isSentByNode = p.isSentByNode;
	}

	get src(): Uint8Array {
		this.asks.add("source");
		return this.#p.src;
	}

	get arrivesOn(): string | undefined {
		this.asks.add("interface");
		return this.#p.arrivesOn;
	}

	isLocal(address: Uint8Array): boolean {
		return this.#p.isLocal(address);
	}
}

/** The files that name the tables of legacy iptables. Reading them loads no table. */
const LEGACY = [
	[AF_INET, "/proc/net/ip_tables_names"],
	[AF_INET6, "/proc/net/ip6_tables_names"],
] as const;

/** Returns the families that have a legacy table nat. */
function legacyFamilies(host: Host): Family[] {
	return LEGACY.filter(([, file]) => /^nat$/m.test(textOf(host, file))).map(
		([family]) => family,
	);
}

/** Returns the file's text, or "" if it cannot be read. */
function textOf(host: Host, path: string): string {
	try {
		return host.readFile(path);
	} catch {
		return "";
	}
}
