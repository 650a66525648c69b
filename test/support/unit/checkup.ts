// A node on which `doctor` runs: configurations, records, rules and a table.

import { chainKey } from "../../../src/rules/model.ts";
import {
	attr,
	be32,
	concat,
	doneMessage,
	errorMessage,
	message,
	nfgenmsg,
} from "../entries.ts";
import type { Reply, Request } from "../fakekernel.ts";
import { type Called, type CallOptions, call } from "./calls.ts";
import { readRecorded } from "./fixtures.ts";
import {
	answerRules,
	chainOf,
	dnat,
	jump,
	type TestChain,
} from "./nftables.ts";

export const CONF_DIR = "/etc/cni/net.d";
export const RESULTS = "/var/lib/cni/results";
export const PORTMAP = {
	type: "portmap",
	capabilities: { portMappings: true },
};
export const OURS = {
	type: "conntrack-flush",
	capabilities: { portMappings: true },
};
export const DEL = { ...OURS, on: "del" };
export const ADD = { ...OURS, on: "add" };
export const list = (...plugins: object[]): string =>
	JSON.stringify({ name: "podnet", cniVersion: "1.0.0", plugins });
export const GOOD = list({ type: "bridge" }, PORTMAP, OURS);

const RULES = readRecorded("rules.hex");

/** Returns the answer to a request for the chains or the rules of these recorded rules. */
export function answerRecorded(
	names: readonly string[],
	r: Request,
): readonly Reply[] | undefined {
	if (r.protocol !== 12) return undefined;
	const rules = names.flatMap((name) =>
		RULES.filter((rule) => rule.name === name),
	);
	const chains = new Map(
		rules.map(({ message: bytes }) => {
			const chain = chainOf(bytes);
			return [chainKey(chain), { ...chain, rules: [] }];
		}),
	);
	if (r.type !== 0x0a07) return answerRules([...chains.values()])(r);
	const asked = chainOf(concat(new Uint8Array(16), r.payload));
	const answers = rules
		.filter(
			({ message: bytes }) => chainKey(chainOf(bytes)) === chainKey(asked),
		)
		.map(({ message: bytes }) => {
			const copy = bytes.slice();
			new DataView(copy.buffer).setUint32(8, r.seq, true);
			return copy;
		});
	return [...answers, doneMessage(r.seq)];
}

/** The differences to a node on which all is well. */
export interface NodeOptions {
	readonly files?: Readonly<Record<string, string>>;
	/** Names in test/fixtures/rules.hex. */
	readonly rules?: readonly string[];
	/** Chains in place of the recorded rules. */
	readonly chains?: readonly TestChain[];
	/** The number of entries, and the limit. */
	readonly fill?: readonly [number, number];
	readonly answer?: (r: Request) => readonly Reply[] | undefined;
	readonly kernel?: CallOptions["kernel"];
	readonly flags?: readonly string[];
	/** No network is configured, and there is no directory for it. */
	readonly hasNoCNI?: boolean;
	readonly columns?: number;
	readonly fail?: (call: string, path: string) => string | undefined;
}
/** Calls `conntrack-flush doctor` on the node. */
export function doctor(options: NodeOptions = {}): Promise<Called> {
	const [entries, max] = options.fill ?? [3, 1000];
	const answer = (r: Request): readonly Reply[] | undefined => {
		const special =
			options.answer?.(r) ??
			(options.chains && answerRules(options.chains)(r)) ??
			answerRecorded(options.rules ?? [], r);
		if (special) return special;
		switch (r.protocol === 12 ? r.type : 0) {
			case 0x0105:
				return [
					message(
						{ type: r.type, seq: r.seq },
						nfgenmsg(0),
						attr(1, be32(entries)),
						attr(2, be32(max)),
					),
				];
			case 0x0104:
				return [doneMessage(r.seq)];
			case 0x0101:
				// the request is the probe for filtered dumps
				return r.payload[0] === 99 ? [errorMessage(22, r.seq)] : undefined;
			default:
				return undefined;
		}
	};
	return call("", {
		env: { CNI_COMMAND: undefined },
		kernel: { answer, ...options.kernel },
		host: {
			argv: ["doctor", ...(options.flags ?? [])],
			...(options.fail && { fail: options.fail }),
			...(options.columns && { columns: options.columns }),
			files: {
				...(!options.hasNoCNI && { [`${CONF_DIR}/10.conflist`]: GOOD }),
				"/proc/sys/kernel/osrelease": "6.1.0-1\n",
				...options.files,
			},
		},
	});
}

/** A file of libcni's cache that gives a pod this address. */
export const cached = (address: string) => ({
	[`${RESULTS}/podnet-4f2e-eth0`]: JSON.stringify({
		result: { ips: [{ address }] },
	}),
});

const NAT = { family: 2, table: "nat" };
/** The chains of portmap with rules that lead hostPort 8125 to port 5353 of each address, in turn. */
export const portmapChains = (...ips: readonly string[]): TestChain[] => [
	{
		...NAT,
		chain: "PREROUTING",
		hook: 0,
		rules: [jump("CNI-HOSTPORT-DNAT")],
	},
	{
		...NAT,
		chain: "CNI-HOSTPORT-DNAT",
		rules: ips.map((_, i) => jump(`CNI-DN-${i}`)),
	},
	...ips.map((ip, i) => ({
		...NAT,
		chain: `CNI-DN-${i}`,
		rules: [dnat(8125, ip, 5353)],
	})),
];
/** The answers of a kernel without nf_tables. */
export const withoutTables = (r: Request): readonly Reply[] | undefined =>
	r.protocol === 12 && r.type >> 8 === 0x0a
		? [errorMessage(22, r.seq)]
		: undefined;
