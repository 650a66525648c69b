// The rules as a view on entries: the outcomes that they allow for an entry's first
// packet, with what their evaluation needs beside them. It judges nothing.

import type { Entry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { addressOf, type Client } from "../conntrack/verdictcache.ts";
import type { Host } from "../host.ts";
import { type Family, ipOf } from "../net/ip.ts";
import { areMany, numbersOf, PORTS_AT_A_TIME } from "../net/portindex.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { firstPacketOf, type Prospect } from "../policy/ruling.ts";
import { isDNATed } from "../policy/stale.ts";
import { NatRules, UnsettledRulesError } from "../rules/ruleset.ts";
import { type LocalAddresses, localAddresses } from "./addresses.ts";
import { Interfaces } from "./interfaces.ts";

/** The rules change in groups of commits; between two of them there is time to judge. */
const TRIES_AT_ONCE = 8;
/** Then each try waits longer, three seconds in all: portmap writes while pods come together. */
const TRIES = 32;
const PAUSE_MS = 8;
const LONGEST_PAUSE_MS = 128;

/** A prospect, and whom it is for. */
export interface FoundProspect extends Prospect {
	/** True if another client of the same frontend, that is the node itself or is not, has the same outcomes. */
	readonly isShared: boolean;
}

export interface ViewOptions {
	/** The node's addresses, if they have just been read for all families of the ports. */
	readonly known?: LocalAddresses;
	/** True if the entries may have come to any address, and not mostly to the node's own. */
	readonly isEverywhere?: boolean;
}

export function familiesIn(ports: readonly PortFilter[]): ReadonlySet<Family> {
	return new Set(ports.map(({ family }) => family));
}

export class RulesView {
	readonly #host: Host;
	readonly #rules: NatRules;
	readonly #interfaces: Interfaces;
	/** The destinations that packets in question may have. */
	readonly #addresses: Prefilter;
	readonly #locals: LocalAddresses;
	/** The ports of which rules are read; undefined if it is all that are searched for. */
	readonly #some: Set<number | null> | undefined;
	readonly #isLocal = (address: Uint8Array): boolean =>
		this.#locals.isLocal(ipOf(address));

	private constructor(
		host: Host,
		rules: NatRules,
		interfaces: Interfaces,
		addresses: Prefilter,
		locals: LocalAddresses,
		some: Set<number | null> | undefined,
	) {
		this.#host = host;
		this.#rules = rules;
		this.#interfaces = interfaces;
		this.#addresses = addresses;
		this.#locals = locals;
		this.#some = some;
	}

	/**
	 * Opens a view for entries that came to one of the ports. Throws NetlinkError, SysError
	 * or DeadlineError.
	 */
	static async open(
		host: Host,
		deadline: Deadline,
		ports: readonly PortFilter[],
		{ known, isEverywhere = false }: ViewOptions = {},
	): Promise<RulesView> {
		const locals =
			known ?? (await localAddresses(host, familiesIn(ports), deadline));
		const addresses = new Prefilter("orig.dst");
		locals.addTo(addresses);
		if (isEverywhere)
			for (const length of [4, 16]) addresses.add(new Uint8Array(length), 0);
		// the rules of ten thousand ports would take more memory than there is
		const some = areMany(ports) ? new Set<number | null>() : undefined;
		const numbers = some ?? numbersOf(ports);
		const rules = new NatRules(host, deadline, {
			address: (dst) => addresses.mayHave(dst),
			port: (dport) => numbers.has(null) || numbers.has(dport),
		});
		return new RulesView(
			host,
			rules,
			new Interfaces(host, deadline),
			addresses,
			locals,
			some,
		);
	}

	close(): void {
		this.#rules.close();
		this.#interfaces.close();
	}

	/** The generation of the rules that were read last; undefined if the kernel counts none. */
	get generation(): number | undefined {
		return this.#rules.generation;
	}

	/** As of NatRules: what was found by the rules stands while this does. */
	get reading(): number {
		return this.#rules.reading;
	}

	/**
	 * Returns what `judge` returns, all by one generation of the rules: if they have
	 * changed meanwhile, it judges again. Throws what `NatRules.outcomes` throws.
	 */
	async settled<T>(judge: () => Promise<T>): Promise<T> {
		for (let tries = 0; tries < TRIES; tries++) {
			const waits = tries - TRIES_AT_ONCE;
			if (waits >= 0)
				await this.#host.sleep(
					Math.min(PAUSE_MS * 2 ** waits, LONGEST_PAUSE_MS),
				);
			const settled = await this.#judgeOnce(judge);
			if (settled) return settled.found;
		}
		throw new UnsettledRulesError("the rules change while entries are judged");
	}

	/** Returns undefined if the rules have changed meanwhile. */
	async #judgeOnce<T>(
		judge: () => Promise<T>,
	): Promise<{ readonly found: T } | undefined> {
		const rules = this.#rules;
		const { reading } = rules;
		let found: T;
		try {
			found = await judge();
		} catch (e) {
			if (e instanceof UnsettledRulesError) return undefined;
			throw e;
		}
		// rules that were read anew in the middle may differ from those before
		const isOne = rules.reading === reading;
		return isOne && (await rules.isCurrent()) ? { found } : undefined;
	}

	/** Returns the entries in parts, each of as many ports as may be looked for at a time. */
	partsOf<T extends { readonly example: Entry }>(
		found: readonly T[],
	): readonly (readonly T[])[] {
		if (!this.#some) return [found];
		const parts: T[][] = [];
		let dports = new Set<number>();
		for (const one of found) {
			const { dport } = one.example.orig;
			if (parts.length === 0 || dports.size === PORTS_AT_A_TIME) {
				parts.push([]);
				dports = new Set();
			}
			parts.at(-1)?.push(one);
			dports.add(dport);
		}
		return parts;
	}

	/** Must be called with a part of the entries before their prospects are asked for. */
	lookFor(part: readonly { readonly example: Entry }[]): void {
		const some = this.#some;
		if (!some) return;
		const dports = new Set(part.map(({ example }) => example.orig.dport));
		const missing = [...dports].filter((dport) => !some.has(dport));
		if (missing.length === 0) return;
		if (some.size + missing.length > PORTS_AT_A_TIME) some.clear();
		for (const dport of dports) some.add(dport);
		this.#rules.drop();
	}

	/** Returns true if the client is the node itself. */
	isOfNode(client: Client): boolean {
		// most clients certainly are not
		if (typeof client === "number" && !this.#addresses.mayHaveWord(client))
			return false;
		return this.#locals.isLocal(addressOf(client));
	}

	/** Throws what `NatRules.outcomes` throws. */
	async prospect(e: Entry): Promise<FoundProspect> {
		const packet = firstPacketOf(e, this.#isLocal, undefined);
		// a hostIP need not be an address of the node
		if (!this.#addresses.mayHave(packet.dst)) {
			this.#addresses.add(packet.dst);
			this.#rules.drop();
		}
		const { all, asks } = await this.#rules.outcomes(packet);
		const found = { packet, outcomes: all, isShared: asks.size === 0 };
		// The interface of an entry with NAT is never guessed: the guess was wrong in 8 of 12
		// asymmetric cases. An entry without NAT ends on the node, and a wrong guess harms none.
		if (!asks.has("interface") || packet.isSentByNode || isDNATed(e))
			return found;
		const arrivesOn = await this.#interfaces.towards(e.orig.src);
		if (arrivesOn === undefined) return found;
		const guessed = { ...packet, arrivesOn };
		const { all: outcomes } = await this.#rules.outcomes(guessed);
		return { ...found, outcomes };
	}
}
