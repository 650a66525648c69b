// DEL with a configuration that is wrong: a DEL that fails leaks the pod's address
// (containerd#12130), so a wrong key is logged and counts as absent.

import type { Host } from "../../src/host.ts";
import { type PluginConf, readConf } from "./conf.ts";
import { contextOf } from "./context.ts";
import { inWords, isProblem } from "./errors.ts";
import type { CmdArgs, InvalidValue } from "./request.ts";

/** Returns the configuration without its wrong keys; `first` is what was thrown for one of them. */
export async function lenientConf(
	host: Host,
	args: CmdArgs,
	members: Readonly<Record<string, unknown>>,
	first: unknown,
): Promise<PluginConf> {
	const rest = { ...members };
	const wrong: InvalidValue[] = [];
	let conf: PluginConf | undefined;
	for (let e = first; conf === undefined; ) {
		if (!isProblem(e) || e.is !== "value") throw e;
		const [key = ""] = e.where.split(".");
		if (!Object.hasOwn(rest, key)) throw e;
		wrong.push(e);
		delete rest[key];
		try {
			conf = await readConf("DEL", rest, "");
		} catch (next) {
			e = next;
		}
	}
	const { log } = contextOf("DEL", host, args, conf);
	for (const problem of wrong) {
		const { message, details } = inWords(problem);
		log("warn", message, { details: `${details}; as if it were not there` });
	}
	return conf;
}
