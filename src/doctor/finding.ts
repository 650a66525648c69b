// What a check of the node says.

export interface Finding {
	/** What was looked at, in a word or two. */
	readonly check: string;
	readonly status: "ok" | "warn" | "fail";
	/** What is so. */
	readonly found: string;
	/** What to do, where something is to be done. */
	readonly advice?: string;
}

export function ok(check: string, found: string): Finding {
	return { check, status: "ok", found };
}

export function warn(check: string, found: string, advice: string): Finding {
	return { check, status: "warn", found, advice };
}

export function fail(check: string, found: string, advice: string): Finding {
	return { check, status: "fail", found, advice };
}
