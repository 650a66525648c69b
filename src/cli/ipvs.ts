// What a command says of entries that came to services of IPVS: there IPVS decides, and a
// removal from conntrack repairs nothing by itself.

import type { Entry } from "../conntrack/entry.ts";
import type { Host } from "../host.ts";
import type { Verdict } from "../policy/judge.ts";
import { readIPVS } from "../rules/ipvs.read.ts";
import { pinnedInWords, unpinningInWords } from "../rules/ipvs.words.ts";

export interface IPVSNotes {
	/** True if IPVS has services or flows here. */
	readonly isThere: boolean;
	/** Counts the entry if it came to a service of IPVS. */
	count(e: Entry): void;
	/** Counts the entry, and returns the verdict with words that name IPVS if it came to one of its services. */
	explain(e: Entry, verdict: Verdict): Verdict;
	/** Says on standard error what IPVS decides, if it has services. With `onlyIfCounted` it says so only if an entry came to one. */
	tell(onlyIfCounted?: boolean): void;
}

/** Reads what IPVS has now. */
export function ipvsNotes(host: Host): IPVSNotes {
	const ipvs = readIPVS(host);
	let counted = 0;
	const isCounted = (e: Entry): boolean => {
		const came = ipvs?.has(e) ?? false;
		if (came) counted++;
		return came;
	};
	return {
		isThere: ipvs !== undefined,
		count: (e) => void isCounted(e),
		explain(e, verdict) {
			if (!isCounted(e)) return verdict;
			const why =
				verdict.kind === "other"
					? "came to a service of IPVS, which decides where it leads"
					: `${verdict.why}; it came to a service of IPVS`;
			return { ...verdict, why };
		},
		tell(onlyIfCounted = false) {
			if (!ipvs || (onlyIfCounted && counted === 0)) return;
			if (counted > 0)
				host.write(
					2,
					`${counted} of these came to services of IPVS, which may lead them where it led them before\n`,
				);
			host.write(2, `IPVS ${pinnedInWords(ipvs)}\n${unpinningInWords(ipvs)}\n`);
		},
	};
}
