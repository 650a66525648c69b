// The programs that build.sh has built: where they are, or why they are not there.

import { fileURLToPath } from "node:url";
import { mustSync } from "../support/exec.ts";

const BUILD = fileURLToPath(new URL("./build.sh", import.meta.url));

/** Returns the directory of kubernetes, etcd and kubectl; throws if they have not been built. */
export function programsOf(kubernetes: string): string {
	return mustSync(["bash", BUILD, "--where", kubernetes]).trim();
}

export function whyNotBuilt(kubernetes: string): string | undefined {
	try {
		programsOf(kubernetes);
		return undefined;
	} catch (e) {
		// as build.sh says it
		return (e as { readonly stderr: string }).stderr.trim();
	}
}
