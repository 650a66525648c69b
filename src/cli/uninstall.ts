// `uninstall`: takes the plugin out of the chain, waits until nothing names the executable
// any more, and removes it. What it removes is decided in src/install.

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
	podsOf,
	removeAll,
	type Undone,
	unconfigure,
} from "../install/uninstall.ts";
import { printable } from "../policy/words.ts";
import { command } from "./command.ts";
import { PLACES, TEXTFILE, whereOf } from "./places.ts";
import { DURATION } from "./values.ts";

/** The exit code if --wait is over and the executable is still named. */
const NAMED = 3;
/** The pause between two looks for configurations that name the executable. */
const LOOK_MS = 2000;
/** So many pods are named: a termination message has 2048 bytes. */
const SHOWN_PODS = 20;

export const uninstallCommand = command({
	name: "uninstall",
	summary: "take the plugin out of the chain, and remove it from this node",
	about: `Removes our plugin items and drop-ins from every configuration. Then it waits (--grace), so that runtimes can load the change and running calls can end. Finally it removes the executable and its records.

The executable stays if a configuration that could not be changed still names it, or a configuration that CRI-O has kept for a running pod: without the executable, that pod could not be deleted. It names those pods. Run uninstall again when they have ended, or let it wait for their end with --wait.

While an install --watch runs on the node, uninstall is refused, because the other would put everything back.`,
	flags: {
		...PLACES,
		grace: {
			...DURATION,
			help: "how long to wait before the executable is removed",
			fallback: "5s",
		},
		wait: {
			...DURATION,
			help: "how long to wait at most until nothing names the executable any more",
			fallback: "0",
		},
		textfile: {
			...TEXTFILE,
			help: "remove this file of metrics too, which an install --watch leaves if it is killed",
		},
		dryRun: { help: "change nothing; show what would change, as a diff" },
	},
	examples: [
		{
			to: "see what it would change",
			line: "conntrack-flush uninstall --dry-run",
		},
		{
			to: "uninstall under containerd, which ends pods by its current configuration",
			line: "conntrack-flush uninstall --runtime-version containerd://2.1.0",
		},
	],
	codes: {
		[NAMED]: "--wait is over, and a configuration still names the executable",
	},
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

interface Options {
	readonly grace: number;
	readonly wait: number;
	readonly runtimeVersion: Runtime | undefined;
}

/** Takes the plugin out of every configuration, waits, and removes the executable. Returns the exit code. */
async function takeOut(
	host: FullHost,
	where: Where,
	{ grace, wait, runtimeVersion }: Options,
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
			const removed = removeAll(host, where);
			for (const path of removed.done) host.write(1, `removed ${path}\n`);
			return complain(host, out) || complain(host, removed);
		}
		const who = inWords(names, podsOf(host, where, names));
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

/** Says which files still name the executable, and for which pods: these are what a person can end. */
function inWords(names: readonly string[], pods: readonly string[]): string {
	const more = names.length > 1 ? ` and ${names.length - 1} more` : "";
	const files = `${names[0]}${more} still ${more ? "name" : "names"} it`;
	if (pods.length === 0) return files;
	const shown = pods.slice(0, SHOWN_PODS).map(printable).join(", ");
	const rest = pods.length - SHOWN_PODS;
	const others = rest > 0 ? ` and ${rest} more` : "";
	return `${files}, for the pod${pods.length > 1 ? "s" : ""} ${shown}${others}`;
}

/** Prints the problems, and returns the exit code. */
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
