// Tables that are indexed by a word which somebody typed.

/**
 * Returns the table's own member. A plain look-up also finds what every object
 * inherits: `constructor`, `toString`, `__proto__`.
 */
export function own<T>(
	table: Readonly<Record<string, T>>,
	key: string,
): T | undefined {
	return Object.hasOwn(table, key) ? table[key] : undefined;
}
