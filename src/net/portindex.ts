// Items by the ports that they are for, single ones or many in a row. A look-up costs the
// same for one item and for thousands.

import { portKey } from "./proto.ts";

/** A row of ports is found by each block of so many ports (as a power of two) that it touches. */
const BLOCK = 8;

/** A port, ports in a row, or all ports. */
interface Ports {
	readonly hostPort: number | null;
	readonly count?: number;
}

/**
 * Searches with more ports than this look at the rules of some at a time. portmap makes
 * three rules for a port, and 8192 rules are held at most (rules/store.ts).
 */
const MANY_PORTS = 2048;
/** So many at a time, each of which may have rules of two protocols and both families. */
export const PORTS_AT_A_TIME = 512;

/** Returns true if the rows have more than MANY_PORTS ports, each family, protocol and side for itself. */
export function areMany(rows: readonly Ports[]): boolean {
	let left = MANY_PORTS;
	for (const { count = 1 } of rows) left -= count;
	return left < 0;
}

/** Returns every port's number, null for all ports. */
export function numbersOf(rows: readonly Ports[]): Set<number | null> {
	const numbers = new Set<number | null>();
	for (const { hostPort, count = 1 } of rows)
		for (let i = 0; i < count; i++)
			numbers.add(hostPort === null ? null : hostPort + i);
	return numbers;
}

interface Row<T> {
	readonly from: number;
	readonly to: number;
	readonly itemAt: (port: number) => T;
}

export class PortIndex<T> {
	/** Most ports have one item, and a list for each would take twice the memory. */
	readonly #single = new Map<number, T>();
	readonly #same = new Map<number, T[]>();
	#rows: Map<number, Row<T>[]> | undefined;

	add(proto: number, port: number, item: T): void {
		const key = portKey(proto, port);
		if (!this.#single.has(key)) {
			this.#single.set(key, item);
			return;
		}
		const same = this.#same.get(key);
		if (same) same.push(item);
		else this.#same.set(key, [item]);
	}

	/** Adds `count` ports from `port` on, whose items `itemAt` returns. */
	addRow(
		proto: number,
		port: number,
		count: number,
		itemAt: (port: number) => T,
	): void {
		const from = portKey(proto, port);
		const row = { from, to: from + count - 1, itemAt };
		this.#rows ??= new Map();
		for (let block = from >> BLOCK; block <= row.to >> BLOCK; block++) {
			const same = this.#rows.get(block);
			if (same) same.push(row);
			else this.#rows.set(block, [row]);
		}
	}

	get(proto: number, port: number): readonly T[] {
		const key = portKey(proto, port);
		const first = this.#single.get(key);
		const single =
			first === undefined ? [] : [first, ...(this.#same.get(key) ?? [])];
		const rows = this.#rows?.get(key >> BLOCK);
		if (!rows) return single;
		return [
			...single,
			...rows
				.filter(({ from, to }) => from <= key && key <= to)
				.map(({ itemAt }) => itemAt(port)),
		];
	}
}
