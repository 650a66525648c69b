// Whose entries a removal would take, in few words, and the question whether it may. It
// removes nothing.

import type { Entry } from "../conntrack/entry.ts";
import type { Host } from "../host.ts";
import type { IP } from "../net/ip.ts";

/** So many addresses are counted apart, because a table may name a million. */
const APART = 1000;
/** So many are told. */
const TOLD = 5;

/** The number of entries that lead to each address. */
export class Whom {
	#total = 0;
	readonly #counts = new Map<IP, number>();

	/** Counts the entry by the address that it leads to, or goes to where no rule sent it. */
	add({ reply: { src } }: Entry): void {
		this.#total++;
		const count = this.#counts.get(src);
		if (count !== undefined || this.#counts.size < APART)
			this.#counts.set(src, (count ?? 0) + 1);
	}

	get total(): number {
		return this.#total;
	}

	/** Returns `12 entries: 9 to default/dns at 10.88.0.2, 3 to 192.0.2.1`. `nameFor` knows whose an address is. */
	words(nameFor: (ip: IP) => string | undefined): string {
		const most = [...this.#counts]
			.toSorted(([ip, n], [ip2, n2]) => n2 - n || (ip < ip2 ? -1 : 1))
			.slice(0, TOLD);
		const rest = most.reduce((left, [, n]) => left - n, this.#total);
		const parts = most.map(([ip, n]) => {
			const name = nameFor(ip);
			return `${n} to ${name === undefined ? ip : `${ip} (${name})`}`;
		});
		if (rest > 0) parts.push(`and ${rest} more elsewhere`);
		const entries = this.#total === 1 ? "entry" : "entries";
		return `${this.#total} ${entries}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
	}
}

/** Returns true if there is a person to ask: who types into a terminal, and sees the question. */
export function canAsk(host: Host): boolean {
	const terminals = host.full();
	return (
		terminals.columns(0) !== undefined && terminals.columns(2) !== undefined
	);
}

/** Asks on standard error, and returns true if the line that is typed says yes. Throws SysError if it cannot be read. */
export function isAgreed(host: Host, question: string): boolean {
	host.write(2, `${question} [y/N] `);
	const reader = host.full().openText();
	try {
		let line = "";
		while (!line.includes("\n")) {
			const part = reader.read();
			if (part === "") break;
			line += part;
		}
		return /^\s*y(es)?\s*$/i.test(line);
	} finally {
		reader.close();
	}
}
