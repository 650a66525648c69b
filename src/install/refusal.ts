// The error of an installer that refuses: it names the problem and what to do
// instead. A refusal leaves everything as it was.

import { isSysError } from "../host.ts";

export class Refusal extends Error {
	override readonly name = "Refusal";

	/** `what` is wrong, lower case; `advice` is a sentence. */
	constructor(what: string, advice: string) {
		super(`${what}\n${advice}`);
	}
}

/** The refusal of a file that libcni does not load. CRI-O takes the next file then; containerd takes none. */
export class Invalid extends Refusal {
	/** `why` says what is wrong in the file. */
	constructor(path: string, why: string) {
		super(
			`${path} is no network configuration: ${why}`,
			"containerd loads nothing while it is like this. Repair it or take it away.",
		);
	}
}

/** Returns the error, or a Refusal in its place if the system forbids root to write: then it says what the container lacks. */
export function explained(e: unknown): unknown {
	if (!isSysError(e) || !(e.code === "EACCES" || e.code === "EPERM")) return e;
	return new Refusal(
		e.message,
		"In a container it takes the capability DAC_OVERRIDE, and under SELinux the type spc_t.",
	);
}
