// A finding: the result of one check of the node. How findings are printed is in
// cli/doctor.ts.

export interface Finding {
	/** The subject of the check, in a word or two. */
	readonly check: string;
	readonly status: "ok" | "warn" | "fail";
	/** The state that the check found. */
	readonly found: string;
	/** The repair, if one is needed. */
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
