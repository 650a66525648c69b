// Many ports of a pod as rows. A pod with ten thousand ports has most of them in a row, and
// a row costs as much as a port: in a record, in memory, and to look at. Pure.

import { type Mapping, mappingAt, type PortRow } from "./mapping.ts";

/** So few mappings stay as they came: nothing is gained, and records look as they always did. */
export const FEW = 16;

/** Returns each port as a mapping of its own. */
export function singlesOf(rows: readonly PortRow[]): Mapping[] {
	return rows.flatMap((row) =>
		Array.from({ length: row.count ?? 1 }, (_, i) =>
			mappingAt(row, row.hostPort + i),
		),
	);
}

/** Returns the number of ports. */
export function portsIn(rows: readonly PortRow[]): number {
	return rows.reduce((sum, { count = 1 }) => sum + count, 0);
}

/**
 * Returns a function that adds a mapping to `rows`: it goes into the last row with the same
 * pod, protocol and hostIP if it continues that one, and nowhere if it is in it.
 */
export function joining(rows: PortRow[]): (m: PortRow) => void {
	const latest = new Map<string, number>();
	return (m) => {
		const key = `${m.proto} ${m.podIP} ${m.hostIP}`;
		const at = latest.get(key) ?? rows.length;
		const row = rows[at];
		const nth = row ? m.hostPort - row.hostPort : -1;
		if (row && nth >= 0 && m.containerPort - row.containerPort === nth) {
			const { count = 1 } = row;
			const all = nth + (m.count ?? 1);
			if (nth <= count) {
				if (all > count) rows[at] = { ...row, count: all };
				return;
			}
		}
		latest.set(key, rows.length);
		// each text of JSON is a string of its own, and ten thousand are a megabyte
		rows.push(row ? { ...m, podIP: row.podIP, hostIP: row.hostIP } : m);
	};
}

/** Returns the mappings in rows, in whatever order they come; few of them as they are. */
export function inRows(mappings: readonly PortRow[]): readonly PortRow[] {
	if (mappings.length <= FEW) return mappings;
	const rows: PortRow[] = [];
	const add = joining(rows);
	for (const m of mappings.toSorted((a, b) => a.hostPort - b.hostPort)) add(m);
	return rows;
}
