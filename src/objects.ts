// Objects that came from outside: JSON, and tables indexed by a word that somebody
// typed.

export function isObject(x: unknown): x is Record<string, unknown> {
	return typeof x === "object" && x !== null && !Array.isArray(x);
}

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
