// The document that `reconcile` reads, as its flags name it: frontends, or a cluster's
// Services. It is read anew in each pass.

import type { Host } from "../host.ts";
import type { Proto } from "../net/proto.ts";
import { printable } from "../policy/words.ts";
import { readCluster } from "../reconcile/cluster.ts";
import { readFrontends } from "../reconcile/frontends.ts";
import type { Claim } from "../reconcile/services.ts";
import { isStandardInput, readInput } from "./input.ts";
import { leftOut } from "./reconcile.words.ts";
import { UsageError } from "./usage.ts";

/** So many warnings of one pass are written. */
const MAX_WARNINGS = 20;

export interface Document {
	readonly file: string;
	/** Returns the claims of the given protocols. Throws DocumentError and SysError. */
	read(): Promise<Claim[]>;
}

/** Returns the document, or undefined if the flags name none. Throws UsageError if they name two. */
export function documentOf(
	host: Host,
	flags: {
		readonly frontends: string | undefined;
		readonly services: string | undefined;
	},
	protos: readonly Proto[],
): Document | undefined {
	const { frontends, services } = flags;
	if (frontends !== undefined && services !== undefined)
		throw new UsageError("--frontends and --services contradict each other");
	if (services !== undefined) return clusterIn(host, services, protos);
	return frontends === undefined
		? undefined
		: frontendsIn(host, frontends, protos);
}

function frontendsIn(
	host: Host,
	file: string,
	protos: readonly Proto[],
): Document {
	let isTold = false;
	return {
		file,
		async read() {
			const claims = await readFrontends(readInput(host, file));
			const [handled, others] = selectHandled(claims, protos);
			// a loop says this once: most documents have Services of all protocols
			if (!isTold && others.size > 0) host.write(2, leftOut(others));
			isTold = true;
			return handled;
		},
	};
}

/** Returns the claims whose protocol is handled, and the number of the others by protocol. */
function selectHandled(
	claims: readonly Claim[],
	protos: readonly Proto[],
): [Claim[], ReadonlyMap<Proto, number>] {
	const others = new Map<Proto, number>();
	const handled = claims.filter(({ proto }) => {
		if (protos.includes(proto)) return true;
		others.set(proto, (others.get(proto) ?? 0) + 1);
		return false;
	});
	return [handled, others];
}

function clusterIn(
	host: Host,
	file: string,
	protos: readonly Proto[],
): Document {
	let told = new Set<string>();
	return {
		file,
		async read() {
			const before = told;
			told = new Set();
			let unsaid = 0;
			const path = isStandardInput(file) ? undefined : file;
			const text = host.full().openText(path);
			try {
				return readCluster(
					() => text.read(),
					protos,
					(sentence) => {
						if (told.size === MAX_WARNINGS && !told.has(sentence)) unsaid++;
						else if (!told.has(sentence)) {
							told.add(sentence);
							// a loop says it once for as long as it lasts
							if (!before.has(sentence))
								host.write(2, `${printable(sentence)}\n`);
						}
					},
				);
			} finally {
				text.close();
				if (unsaid > 0 && before.size < MAX_WARNINGS)
					host.write(2, `and ${unsaid} more of this kind\n`);
			}
		},
	};
}
