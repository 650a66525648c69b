// The entry of both hosts. If CNI_COMMAND is set it is a CNI plugin, otherwise the
// command line. This is the only place that turns a verb's errors into output and an
// exit code.

import type { Host } from "../src/host.ts";
import { CURRENT, callVerb, type Verbs } from "./cni/protocol.ts";
import { cmdAdd } from "./verbs/add.ts";

/** ADD is loaded by every call, the other verbs one by one: a call pays for every byte that it loads. */
const VERBS: Verbs = {
	ADD: () => cmdAdd,
	DEL: async () => (await import("./verbs/del.ts")).cmdDel,
	CHECK: async () => (await import("./verbs/check.ts")).cmdCheck,
	GC: async () => (await import("./verbs/gc.ts")).cmdGC,
	STATUS: async () => (await import("./verbs/status.ts")).cmdStatus,
};

/** Runs and returns the exit code. */
export async function main(host: Host): Promise<number> {
	if (host.env("CNI_COMMAND") === undefined) {
		const { cli } = await import("../src/cli/cli.ts");
		return cli(host);
	}
	let document: string;
	let code = 0;
	const answer = { cniVersion: CURRENT };
	try {
		document = await callVerb(host, VERBS, answer);
	} catch (e) {
		const { errorDocument } = await import("./cni/errors.ts");
		document = errorDocument(answer.cniVersion, e);
		code = 1;
	}
	if (document) host.write(1, `${document}\n`);
	return code;
}
