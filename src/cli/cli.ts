// The command line: it finds the command that the first word names, runs it, and turns
// errors into output and an exit code. It knows no flags; each command has its own.

import { version } from "../../package.json";
import { MISSING, REMEDY } from "../conntrack/capability.ts";
import { type Host, isSysError } from "../host.ts";
import { isUsedUp, wordsOf } from "../log.ts";
import { own } from "../lookup.ts";
import { TOO_MUCH } from "../toomuch.ts";
import { type Command, run } from "./command.ts";
import { isClosedPipe } from "./pipe.ts";
import { nearest, UsageError } from "./usage.ts";

const EPERM = 1;
/** The engine and the build, which build/bundle.config.ts puts in. */
declare const BUILD: string;

/** The commands in the order of the help. Each is loaded only when it is needed. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
	list: async () => (await import("./list.ts")).listCommand,
	top: async () => (await import("./top.ts")).topCommand,
	flush: async () => (await import("./flush.ts")).flushCommand,
	reconcile: async () => (await import("./reconcile.ts")).reconcileCommand,
	sweep: async () => (await import("./sweep.ts")).sweepCommand,
	mitigate: async () => (await import("./mitigate.ts")).mitigateCommand,
	gc: async () => (await import("./gc.ts")).gcCommand,
	stats: async () => (await import("./stats.ts")).statsCommand,
	doctor: async () => (await import("./doctor.ts")).doctorCommand,
	serve: async () => (await import("./serve.ts")).serveCommand,
	install: async () => (await import("./install.ts")).installCommand,
	uninstall: async () => (await import("./uninstall.ts")).uninstallCommand,
	completion: async () =>
		(await import("./completion.ts")).completionCommand(all),
	man: async () => (await import("./man.ts")).manCommand(all, version),
};

/** The words that may come first. */
const WORDS = [...Object.keys(COMMANDS), "help", "--help", "--version"];

/** Runs the command line and returns the exit code: the command's own, 1 for a failure, 2 for a UsageError. */
export async function cli(host: Host): Promise<number> {
	let { argv } = host;
	try {
		try {
			return await execute(host, argv);
		} catch (e) {
			const words =
				e instanceof UsageError ? await translated(argv) : undefined;
			if (!words) throw e;
			argv = words.argv;
			host.write(2, `${words.note}\n`);
			return await execute(host, argv);
		}
	} catch (e) {
		// the reader of `list | head` has seen enough
		if (isClosedPipe(e)) return 0;
		const message = e instanceof Error ? e.message : wordsOf(e);
		host.write(2, `conntrack-flush: ${message}${adviceOn(e, argv[0])}\n`);
		return e instanceof UsageError ? 2 : 1;
	}
}

async function execute(host: Host, argv: readonly string[]): Promise<number> {
	const [word, ...words] = argv;
	if (word === "--version") {
		const build = typeof BUILD === "undefined" ? "" : ` (${BUILD})`;
		host.write(1, `conntrack-flush ${version}${build}\n`);
		return 0;
	}
	const [name, ...rest] = word === "help" ? words : argv;
	if (name === undefined || name === "--help" || name === "-h") {
		await overview(host);
		return 0;
	}
	const command = await find(name);
	if (word === "help" || asksForHelp(rest)) {
		const { helpOf } = await import("./help.ts");
		host.write(1, helpOf(command));
		return 0;
	}
	return await run(command, host, rest);
}

/** Returns the words of ours for those of conntrack(8), and what they were taken as; undefined if there are none. Throws UsageError with an answer. */
async function translated(
	argv: readonly string[],
): Promise<{ argv: readonly string[]; note: string } | undefined> {
	const { translate, noteOn } = await import("./conntrackwords.ts");
	const { listCommand } = await import("./list.ts");
	const { flushCommand } = await import("./flush.ts");
	const words = translate(argv, {
		list: listCommand.flags,
		flush: flushCommand.flags,
	});
	return words && { argv: words, note: noteOn(words) };
}

function isCommand(word: string | undefined): boolean {
	return word !== undefined && own(COMMANDS, word) !== undefined;
}

function find(name: string): Promise<Command> {
	const load = own(COMMANDS, name);
	if (load) return load();
	throw new UsageError(
		`unknown command: ${name}`,
		/^-v$/i.test(name) ? "--version" : nearest(name, WORDS),
	);
}

/** Loads every command, in the order of the help. */
function all(): Promise<Command[]> {
	return Promise.all(Object.values(COMMANDS).map((load) => load()));
}

function asksForHelp(words: readonly string[]): boolean {
	const end = words.indexOf("--");
	const flags = end < 0 ? words : words.slice(0, end);
	return flags.includes("--help") || flags.includes("-h");
}

function adviceOn(e: unknown, word: string | undefined): string {
	if (isRefused(e)) return `\n${MISSING}: ${REMEDY}.`;
	if (isUsedUp(e)) return `: ${TOO_MUCH}`;
	if (!(e instanceof UsageError)) return "";
	if (e.commands.length > 0)
		return `\n${e.commands.length > 1 ? "Type one of" : "Type"}:${e.commands.map((c) => `\n  conntrack-flush ${c}`).join("")}`;
	if (e.instead !== undefined) return `\nDid you mean ${e.instead}?`;
	return `\nSee conntrack-flush ${isCommand(word) ? `${word} ` : ""}--help.`;
}

/** Returns true if the kernel refused a request with EPERM. EPERM about a file has other reasons than a missing capability. */
function isRefused(e: unknown): boolean {
	if (!(e instanceof Error) || (e as { errno?: unknown }).errno !== EPERM)
		return false;
	return !(isSysError(e) && e.path !== undefined);
}

async function overview(host: Host): Promise<void> {
	const commands = await all();
	const width = Math.max(...commands.map((c) => c.name.length));
	host.write(
		1,
		`conntrack-flush ${version}

A chained CNI plugin. It removes conntrack entries that would keep sending the
traffic of a hostPort to a pod that no longer exists. Container runtimes run it
with CNI_COMMAND set. In a conflist, list it after portmap:

  { "type": "conntrack-flush", "capabilities": { "portMappings": true } }

Without CNI_COMMAND it is a command line:

${commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`).join("\n")}

  conntrack-flush COMMAND --help    what the command does, its flags, examples
  conntrack-flush --version         the version, the engine and the build

The words of conntrack(8) are understood too: conntrack-flush -L -p udp -s IP
`,
	);
}
