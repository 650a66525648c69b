// Calls the executable with bytes that are no text, in 64 MB of address space,
// which is more than it may ever use.

import { callEnv, EXECUTABLE, type World } from "../kernel/model.world.ts";
import { type Ran, run } from "../support/exec.ts";

const LIMITS = ["prlimit", "--as=67108864", "--core=0"];
/** Far beyond the deadline that a verb sets itself. */
const HANG_MS = 20_000;

export function answer(
	{ ns }: World,
	verb: string,
	input: Uint8Array,
): Promise<Ran> {
	return run(["nsenter", `--net=${ns.path}`, ...LIMITS, EXECUTABLE], {
		env: callEnv(verb, "4f2e"),
		input,
		timeoutMs: HANG_MS,
	});
}
