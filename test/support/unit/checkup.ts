// A node on which `doctor` runs: configurations, records, rules and a table.

import {
	attr,
	be32,
	doneMessage,
	errorMessage,
	message,
	nfgenmsg,
} from "../entries.ts";
import type { Reply, Request } from "../fakekernel.ts";
import { type Called, type CallOptions, call } from "./calls.ts";
import { readRecorded } from "./fixtures.ts";

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

/** Returns the messages of these rules in an answer to a dump. */
export function rulesNamed(
	names: readonly string[],
	seq: number,
): Uint8Array[] {
	return names.flatMap((name) =>
		RULES.filter((rule) => rule.name === name).map(({ message: bytes }) => {
			const copy = bytes.slice();
			new DataView(copy.buffer).setUint32(8, seq, true);
			return copy;
		}),
	);
}

/** The differences to a node on which all is well. */
export interface NodeOptions {
	readonly files?: Readonly<Record<string, string>>;
	/** Names in test/fixtures/rules.hex. */
	readonly rules?: readonly string[];
	/** The number of entries, and the limit. */
	readonly fill?: readonly [number, number];
	readonly answer?: (r: Request) => readonly Reply[] | undefined;
	readonly kernel?: CallOptions["kernel"];
	readonly flags?: readonly string[];
	readonly columns?: number;
	readonly fail?: (call: string, path: string) => string | undefined;
}
/** Calls `conntrack-flush doctor` on the node. */
export function doctor(options: NodeOptions = {}): Promise<Called> {
	const [entries, max] = options.fill ?? [3, 1000];
	const answer = (r: Request): readonly Reply[] | undefined => {
		const special = options.answer?.(r);
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
			case 0x0a07:
				return [...rulesNamed(options.rules ?? [], r.seq), doneMessage(r.seq)];
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
				[`${CONF_DIR}/10.conflist`]: GOOD,
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
