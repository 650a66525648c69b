// What the installer will not do, with what to do instead. It leaves everything
// as it was.

import { isSysError } from "../host.ts";

export class Refusal extends Error {
	override readonly name = "Refusal";

	/** `what` is wrong, lower case; `advice` is a sentence. */
	constructor(what: string, advice: string) {
		super(`${what}\n${advice}`);
	}
}

/** The error; where the system forbids root to write, with what to do about it. */
export function explained(e: unknown): unknown {
	if (!isSysError(e) || !(e.code === "EACCES" || e.code === "EPERM")) return e;
	return new Refusal(
		e.message,
		"In a container it takes the capability DAC_OVERRIDE, and under SELinux the type spc_t.",
	);
}
