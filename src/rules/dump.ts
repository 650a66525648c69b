// The answers of a dump as one list, even if the kernel interrupted the dump.

import type { Exchange } from "../netlink/exchange.ts";
import type { Message, RecvBuffer } from "../netlink/reader.ts";

/**
 * Sends a dump request and returns what `visit` adds to the list, until it returns true. A
 * dump that began anew gives everything again, so the list begins anew too. Throws what
 * `Exchange.each` throws.
 */
export async function readAll<T>(
	requests: Exchange,
	what: string,
	write: Parameters<Exchange["each"]>[1],
	visit: (b: RecvBuffer, m: Message, found: T[]) => unknown,
): Promise<T[]> {
	let found: T[] = [];
	let current = 0;
	await requests.each(what, write, (b, m) => {
		if (m.seq !== current) found = [];
		current = m.seq;
		return visit(b, m, found);
	});
	return found;
}
