// DEL with a configuration that cannot be: a DEL that fails leaks the pod's address
// (containerd#12130), so what is wrong is logged, and taken for not being there.

import type { Host } from "../../src/host.ts";
import { siteOf } from "../verbs/attachment.ts";
import { type PluginConf, readConf } from "./conf.ts";
import { CniError } from "./error.ts";
import type { CmdArgs } from "./protocol.ts";

/** The configuration without what is wrong in it, of which `first` was thrown. */
export async function forgive(
	host: Host,
	args: CmdArgs,
	members: Readonly<Record<string, unknown>>,
	first: unknown,
): Promise<PluginConf> {
	const rest = { ...members };
	const wrong: CniError[] = [];
	let conf: PluginConf | undefined;
	for (let e = first; conf === undefined; ) {
		const [key = ""] = e instanceof CniError ? (e.where?.split(".") ?? []) : [];
		if (!(e instanceof CniError) || !Object.hasOwn(rest, key)) throw e;
		wrong.push(e);
		delete rest[key];
		try {
			conf = await readConf("DEL", rest, "");
		} catch (next) {
			e = next;
		}
	}
	const { log } = siteOf("DEL", host, args, conf);
	for (const { message, details } of wrong)
		log("warn", message, { details: `${details}; as if it were not there` });
	return conf;
}
