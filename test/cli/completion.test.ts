// The completion scripts in the shells themselves, and the manual page in groff.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { must } from "../support/exec.ts";
import { OUR_BIN } from "../support/requirements.ts";

const EXE = `${OUR_BIN}/conntrack-flush`;
const script = (shell: string): Promise<string> =>
	must([EXE, "completion", shell]);

/** The command by shell. It reads the script from standard input, takes the words so far as arguments, and prints the offer. */
const ASK: Readonly<Record<string, readonly string[]>> = {
	bash: [
		"bash",
		"--norc",
		"-c",
		`eval "$(cat)"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_conntrack_flush
		printf '%s\\n' "\${COMPREPLY[@]}"`,
		"bash",
	],
	fish: [
		"fish",
		"--no-config",
		"-c",
		// fish itself answers, and its descriptions are cut
		`cat | source
		complete -C (string join ' ' -- $argv) | string replace -r '\\t.*' ''
		true # nothing was offered`,
	],
};

/** Returns the words that the shell offers in place of the last one. */
async function offered(
	shell: string,
	words: readonly string[],
): Promise<string[]> {
	const out = await must([...(ASK[shell] ?? []), "conntrack-flush", ...words], {
		input: await script(shell),
	});
	return out
		.split("\n")
		.filter((word) => word !== "")
		.sort();
}

test.each<[string, string, string[], string[]]>(
	["bash", "fish"].flatMap((shell) =>
		(
			[
				["a command", ["fl"], ["flush"]],
				["a flag", ["flush", "--host"], ["--host-ip", "--host-port"]],
				["the values of a flag", ["list", "--proto", "s"], ["sctp"]],
				[
					"the values of a short flag",
					["list", "-o", "json"],
					["json", "jsonl"],
				],
				["what follows a command", ["completion", "z"], ["zsh"]],
				["the commands to be explained", ["help", "fl"], ["flush"]],
				["help itself", ["hel"], ["help"]],
				[
					"nothing where a number must be typed",
					["list", "--host-port", ""],
					[],
				],
			] as const
		).map(([name, words, want]): [string, string, string[], string[]] => [
			shell,
			name,
			[...words],
			[...want],
		]),
	),
)("%s completes %s", async (shell, _, words, want) =>
	expect(await offered(shell, words)).toEqual(want),
);

test.each([
	["after an equals sign", ["list", "--proto", "=", "s"], ["sctp"]],
	[
		"right after it",
		["list", "--output", "="],
		["json", "jsonl", "table", "wide"],
	],
])("bash completes %s", async (_, words, want) =>
	expect(await offered("bash", words)).toEqual(want),
);

test("fish completes after an equals sign", async () =>
	expect(await offered("fish", ["list", "--proto=s"])).toEqual([
		"--proto=sctp",
	]));

test("bash completes a file whose name has spaces and stars", async () => {
	const dir = mkdtempSync(join(tmpdir(), "completion-"));
	onTestFinished(() => rmSync(dir, { recursive: true }));
	for (const name of ["a b", "a *"]) writeFileSync(join(dir, name), "");
	expect(await offered("bash", ["gc", "--valid", `${dir}/a`])).toEqual([
		`${dir}/a *`,
		`${dir}/a b`,
	]);
});

test("bash completes a file", async () =>
	expect(await offered("bash", ["gc", "--valid", "/etc/host"])).toContain(
		"/etc/hosts",
	));

/** zsh's completion runs only under its line editor. Here its helpers print their arguments. */
const ZSH = `
compdef() { print "compdef $*" }
_describe() { print -l -- "\${(@P)2}" }
_arguments() { print -l -- "$@" }
compadd() { : }
eval "$(cat)"
words=("$@") CURRENT=$#
_conntrack_flush
`;

test.each<[string, string[], string[]]>([
	[
		"commands",
		[""],
		[
			"compdef _conntrack_flush conntrack-flush",
			"gc:delete the records of ended attachments, and remove their entries",
		],
	],
	[
		"flags and their values",
		["list", "--"],
		[
			"*--proto=[select entries of this protocol, given by its name or number, where all is udp, tcp and sctp, and with --all every protocol; without this flag it is all]:PROTO:(udp tcp sctp all icmp dccp gre esp ah icmpv6 udplite)",
			"(-o --output)-o+[the output format]:FORMAT:(table wide json jsonl)",
			"(-o --output)--output=[the output format]:FORMAT:(table wide json jsonl)",
			"--data-dir=[the directory of the plugin's records]:DIR:_files",
			"--stale[select only entries that keep traffic from this node's attachments]",
		],
	],
	[
		"what follows a command",
		["completion", ""],
		["1:completion:(bash zsh fish)"],
	],
])("zsh is told of %s", async (_, words, want) => {
	const out = await must(
		["zsh", "-fc", ZSH, "zsh", "conntrack-flush", ...words],
		{
			input: await script("zsh"),
		},
	);
	expect(out.split("\n")).toEqual(expect.arrayContaining(want));
});

test("groff has nothing to say against the manual page", async () => {
	const page = await must([EXE, "man"]);
	const all = ["groff", "-man", "-ww", "-Tutf8"];
	const complaints = await must(
		["sh", "-c", '"$@" 2>&1 >/dev/null', "sh", ...all],
		{
			input: page,
		},
	);
	expect(complaints).toBe("");
});
