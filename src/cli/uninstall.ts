// `uninstall`: out of the chain, and then, when nothing calls it any more, gone.

import type { FullHost } from "../host.ts";
import { pathIn } from "../install/binary.ts";
import { unified } from "../install/diff.ts";
import { removeFile } from "../install/files.ts";
import { lock } from "../install/lock.ts";
import type { Runtime } from "../install/mode.ts";
import type { Where } from "../install/paths.ts";
import {
	installedIn,
	namedBy,
	planUninstall,
	removeAll,
	type Undone,
	unconfigure,
} from "../install/uninstall.ts";
import { command } from "./command.ts";
import { PLACES, TEXTFILE, whereOf } from "./places.ts";
import { DURATION } from "./values.ts";

/** --wait is over, and the executable is still named. */
const NAMED = 3;
/** How often to look who names it. */
const LOOK_MS = 2000;

export const uninstallCommand = command({
	name: "uninstall",
	summary: "take the plugin out of the chain and off this node",
	about: `Takes our entries and drop-ins out of every configuration, waits for runtimes to load it and for calls under way to end, and removes the executable and what it has recorded.

The executable stays while a configuration names it that could not be changed, or one that CRI-O has kept for a pod that runs: the pod's end would fail without it. Run uninstall again when those pods have gone, or have it wait for that with --wait.

An install --watch that runs on the node would put everything back; it is refused then.`,
	flags: {
		...PLACES,
		grace: {
			...DURATION,
			help: "how long to wait before the executable is removed",
			fallback: "5s",
		},
		wait: {
			...DURATION,
			help: "how long to wait until nothing names the executable any more",
			fallback: "0",
		},
		textfile: {
			...TEXTFILE,
			help: "remove these metrics too, if an install --watch was killed",
		},
		dryRun: { help: "show what would change, as a diff" },
	},
	examples: [
		{
			to: "see what it would change",
			line: "conntrack-flush uninstall --dry-run",
		},
		{
			to: "under containerd, which ends pods by the configuration of the moment",
			line: "conntrack-flush uninstall --runtime-version containerd://2.1.0",
		},
	],
	codes: { [NAMED]: "--wait: a configuration still names the executable" },
	async run(system, values) {
		const host = system.full();
		const where = whereOf(values, undefined);
		if (values.dryRun) return dryRun(host, where);
		const unlock = lock(host, where, 0);
		try {
			if (values.textfile !== undefined && removeFile(host, values.textfile))
				host.write(1, `removed ${values.textfile}\n`);
			return await takeOut(host, where, values);
		} finally {
			unlock();
		}
	},
});

function dryRun(host: FullHost, where: Where): number {
	const { done, problems } = planUninstall(host, where);
	for (const change of done) host.write(1, unified(change));
	for (const dir of installedIn(host, where))
		host.write(1, `would remove ${pathIn(dir)}\n`);
	return complain(host, { problems });
}

interface Patience {
	readonly grace: number;
	readonly wait: number;
	readonly runtimeVersion: Runtime | undefined;
}

async function takeOut(
	host: FullHost,
	where: Where,
	{ grace, wait, runtimeVersion }: Patience,
): Promise<number> {
	const last = host.ticks() + wait;
	let said = "";
	for (let looks = 0; ; looks++) {
		const out = unconfigure(host, where);
		for (const { path, after } of out.done)
			host.write(1, `${after === undefined ? "removed" : "changed"} ${path}\n`);
		const installed = installedIn(host, where);
		if (looks > 0) await host.sleep(LOOK_MS);
		else if (installed.length > 0) await host.sleep(grace);
		const names = namedBy(host, where, runtimeVersion);
		if (names.length === 0) {
			const gone = removeAll(host, where);
			for (const path of gone.done) host.write(1, `removed ${path}\n`);
			return complain(host, out) || complain(host, gone);
		}
		const more = names.length > 1 ? ` and ${names.length - 1} more` : "";
		const who = `${names[0]}${more} still ${more ? "name" : "names"} it`;
		if (host.ticks() >= last || host.signal() !== undefined) {
			for (const dir of installed)
				host.write(1, `kept ${pathIn(dir)}: ${who}\n`);
			return complain(host, out) || (wait > 0 ? NAMED : 0);
		}
		if (who !== said)
			for (const dir of installed)
				host.write(1, `waiting to remove ${pathIn(dir)}: ${who}\n`);
		said = who;
	}
}

/** The exit code. */
function complain(
	host: FullHost,
	{ problems }: Pick<Undone<never>, "problems">,
): number {
	for (const e of problems)
		host.write(
			2,
			`conntrack-flush: ${e instanceof Error ? e.message : String(e)}\n`,
		);
	return problems.length > 0 ? 1 : 0;
}
