// `completion`: the scripts with which bash, zsh and fish complete our command line.
// They are made from the descriptions of the commands and ask the executable nothing.

import { own } from "../lookup.ts";
import { inQuotes } from "../shell.ts";
import { type Command, command, type Flags, flagName } from "./command.ts";
import { isBare } from "./help.ts";
import { nearest, UsageError } from "./usage.ts";

type Flag = Flags[string];

const PROGRAM = "conntrack-flush";
const SHELLS: Readonly<Record<string, (all: readonly Command[]) => string>> = {
	bash,
	zsh,
	fish,
};

/** Returns the command. `all` loads every command, this one too. */
export function completionCommand(all: () => Promise<readonly Command[]>) {
	return command({
		name: "completion",
		summary: "print the completion script for bash, zsh or fish",
		about: `Prints a completion script for bash, zsh or fish. It changes nothing.`,
		operands: "bash|zsh|fish",
		flags: {},
		examples: [
			{
				to: "use it in this shell only",
				line: "source <(conntrack-flush completion bash)",
			},
			{
				to: "install it for every new shell",
				line: `conntrack-flush completion bash > /etc/bash_completion.d/conntrack-flush
conntrack-flush completion zsh > /usr/share/zsh/site-functions/_conntrack-flush
conntrack-flush completion fish > /etc/fish/completions/conntrack-flush.fish`,
			},
		],
		async run(host, _, [shell = "", ...more]) {
			const script = own(SHELLS, shell);
			if (!script || more.length > 0)
				throw new UsageError(
					"completion needs one of bash, zsh, fish",
					more.length > 0 ? undefined : nearest(shell, Object.keys(SHELLS)),
				);
			host.write(1, script(await all()));
			return 0;
		},
	});
}

const words = (all: readonly Command[]): string[] => [
	...all.map((c) => c.name),
	"help",
	"--help",
	"--version",
];

/** Returns the ways to type a flag: `-o` and `--output`. */
function spellings(key: string, flag: Flag): string[] {
	return [...(flag.short ? [`-${flag.short}`] : []), flagName(key)];
}

/** Returns the values that may follow: a list of words, a file, other text, or undefined for a switch. */
function valuesOf(flag: Flag): readonly string[] | "file" | "text" | undefined {
	// a word after a flag that may stand alone is not its value
	if (!("value" in flag) || isBare(flag)) return undefined;
	if (flag.choices) return flag.choices;
	return flag.value === "FILE" || flag.value === "DIR" ? "file" : "text";
}

function operandsOf({ operands = "" }: Command): readonly string[] {
	return operands.includes("|") ? operands.split("|") : [];
}

function bash(all: readonly Command[]): string {
	const values = all.flatMap((c) =>
		Object.entries(c.flags).flatMap(([key, flag]) => {
			const value = valuesOf(flag);
			if (value === undefined) return [];
			const after = spellings(key, flag).map((s) => `${c.name}:${s}`);
			return `\t${after.join("|")}) ${
				value === "file"
					? `compopt -o filenames 2>/dev/null; ${reply("-f")}`
					: value === "text"
						? ":"
						: compgen(value)
			} ;;`;
		}),
	);
	const flags = all.map((c) => {
		const typed = Object.entries(c.flags).flatMap(([k, f]) => spellings(k, f));
		return `\t${c.name}:*) ${compgen([...operandsOf(c), ...typed, "--help"])} ;;`;
	});
	return `# bash completion of ${PROGRAM}
_conntrack_flush() {
	local word=\${COMP_WORDS[COMP_CWORD]}
	local before=\${COMP_WORDS[COMP_CWORD - 1]}
	# bash takes "--flag=value" for three words
	if [ "$word" = = ]; then
		word=
	elif [ "$before" = = ]; then
		before=\${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		${compgen(words(all))}
		return
	fi
	case "\${COMP_WORDS[1]}:$before" in
${values.join("\n")}
	help:*) ${compgen(all.map((c) => c.name))} ;;
${flags.join("\n")}
	esac
}
complete -F _conntrack_flush ${PROGRAM}
`;
}

function compgen(choices: readonly string[]): string {
	return reply(`-W "${choices.join(" ")}"`);
}

/** Returns the bash code that reads the answer line by line, so that spaces and stars in a name stay as they are. */
function reply(options: string): string {
	return `mapfile -t COMPREPLY < <(compgen ${options} -- "$word")`;
}

function zsh(all: readonly Command[]): string {
	const commands = all.map((c) => `\t\t${inQuotes(`${c.name}:${c.summary}`)}`);
	const cases = all.map((c) => {
		const specs = Object.entries(c.flags).map(([key, flag]) => {
			const value = valuesOf(flag);
			const action =
				value === undefined
					? ""
					: `:${(flag as { value: string }).value}:${
							value === "file"
								? "_files"
								: value === "text"
									? ""
									: `(${value.join(" ")})`
						}`;
			const all = spellings(key, flag);
			const many =
				"many" in flag ? "*" : all.length > 1 ? `(${all.join(" ")})` : "";
			const after = (s: string): string =>
				value === undefined ? "" : s.startsWith("--") ? "=" : "+";
			return all
				.map((s) =>
					inQuotes(`${many}${s}${after(s)}[${inBrackets(flag.help)}]${action}`),
				)
				.join(" ");
		});
		const operands = operandsOf(c);
		if (operands.length > 0)
			specs.push(inQuotes(`1:${c.name}:(${operands.join(" ")})`));
		return `\t${c.name}) _arguments ${[...specs, inQuotes("--help[what it does, its flags, examples]")].join(" \\\n\t\t")} ;;`;
	});
	return `#compdef ${PROGRAM}
_conntrack_flush() {
	local -a commands=(
${commands.join("\n")}
		${inQuotes("help:what a command does")}
	)
	if (( CURRENT == 2 )); then
		_describe command commands
		compadd -- --help --version
		return
	fi
	local command=$words[2]
	shift words
	(( CURRENT-- ))
	case $command in
	help) _describe command commands ;;
${cases.join("\n")}
	esac
}
# autoloaded by compinit, or sourced
if [ "$funcstack[1]" = _${PROGRAM} ]; then
	_conntrack_flush "$@"
else
	compdef _conntrack_flush ${PROGRAM}
fi
`;
}

const inBrackets = (text: string): string =>
	text.replace(/[\\[\]:]/g, (c) => `\\${c}`);

function fish(all: readonly Command[]): string {
	const first = `complete -c ${PROGRAM} -n __fish_use_subcommand`;
	const lines = all.flatMap((c) => {
		const inside = `complete -c ${PROGRAM} -n ${inQuotes(`__fish_seen_subcommand_from ${c.name}`)}`;
		const flags = Object.entries(c.flags).map(([key, flag]) => {
			const value = valuesOf(flag);
			const parts = [
				...(flag.short ? [`-s ${flag.short}`] : []),
				`-l ${flagName(key).slice(2)}`,
				...(value === undefined ? [] : value === "file" ? ["-r -F"] : ["-x"]),
				...(Array.isArray(value) ? [`-a ${inQuotes(value.join(" "))}`] : []),
				`-d ${inQuotes(flag.help)}`,
			];
			return `${inside} ${parts.join(" ")}`;
		});
		const operands = operandsOf(c);
		if (operands.length > 0)
			flags.push(`${inside} -a ${inQuotes(operands.join(" "))}`);
		return [`${first} -a ${c.name} -d ${inQuotes(c.summary)}`, ...flags];
	});
	return `# fish completion of ${PROGRAM}
complete -c ${PROGRAM} -f
${first} -a help -d ${inQuotes("what a command does")}
complete -c ${PROGRAM} -n ${inQuotes("__fish_seen_subcommand_from help")} -a ${inQuotes(all.map((c) => c.name).join(" "))}
${first} -l version -d ${inQuotes("version, engine and build")}
complete -c ${PROGRAM} -l help -d ${inQuotes("what it does, its flags, examples")}
${lines.join("\n")}
`;
}
