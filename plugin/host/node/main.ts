#!/usr/bin/env node
// The plugin and the command line on Node: what the npm package calls `conntrack-flush`.

import type { Host } from "../../../src/host.ts";
import { wordsOf } from "../../../src/log.ts";
import { nodeHost } from "../node.ts";

/** Returns main's exit code. If main throws, it writes an error object for the runtime, as the native host does. */
async function run(host: Host): Promise<number> {
	if (isInstall(host)) {
		host.write(
			2,
			"conntrack-flush: install copies the program that runs, which is Node here; it needs the executable\n",
		);
		return 1;
	}
	try {
		const { main } = await import("../../main.ts");
		return await main(host);
	} catch (e) {
		const details = e instanceof Error ? `${e.stack}` : wordsOf(e);
		if (host.env("CNI_COMMAND") === undefined) {
			host.write(2, `${details}\n`);
		} else {
			const error = { cniVersion: "1.1.0", code: 999, msg: "internal error" };
			try {
				host.write(1, `${JSON.stringify({ ...error, details })}\n`);
			} catch {
				host.write(2, `${details}\n`);
			}
		}
		return 1;
	}
}

function isInstall(host: Host): boolean {
	const [command, ...flags] = host.argv;
	return (
		host.env("CNI_COMMAND") === undefined &&
		command === "install" &&
		!flags.includes("--help")
	);
}

process.exitCode = await run(nodeHost(process.argv.slice(2)));
