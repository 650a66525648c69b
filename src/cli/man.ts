// `man`: prints the manual page in roff, made from the descriptions of the commands. It
// needs no template file and no other program.

import { type Command, command, flagName } from "./command.ts";
import { CODES, isBare, meaning, usageOf } from "./help.ts";

/** Returns the command. `all` loads every command, this one too. */
export function manCommand(
	all: () => Promise<readonly Command[]>,
	version: string,
) {
	return command({
		name: "man",
		summary: "print the manual page",
		about: "Prints the manual page in roff. It changes nothing.",
		flags: {},
		examples: [
			{ to: "read it", line: "conntrack-flush man | man -l -" },
			{
				to: "install it",
				line: "conntrack-flush man > /usr/local/share/man/man8/conntrack-flush.8",
			},
		],
		async run(host) {
			host.write(1, page(await all(), version));
			return 0;
		},
	});
}

function page(all: readonly Command[], version: string): string {
	return `.TH CONNTRACK-FLUSH 8 "" "conntrack-flush ${version}" "System administration"
.SH NAME
conntrack-flush \\- remove stale conntrack entries that keep traffic from hostPorts
.SH SYNOPSIS
.B conntrack-flush
.I COMMAND
[\\fIflags\\fR]
.br
.B conntrack-flush
.RB [ \\-\\-help | \\-\\-version ]
.SH DESCRIPTION
A chained CNI plugin. Container runtimes run it with
.B CNI_COMMAND
set. Without that it is a command line, with the commands below.
.SH COMMANDS
${all.map(section).join("\n")}
.SH EXIT STATUS
${Object.entries(CODES)
	.map(([code, what]) => item(code, what))
	.join("\n")}
.SH SEE ALSO
.BR conntrack (8)
`;
}

function section(c: Command): string {
	const codes = Object.entries(c.codes ?? {});
	return [
		`.SS "${line(usageOf(c))}"`,
		...c.about
			.split("\n\n")
			.flatMap((p, i) => [...(i > 0 ? [".PP"] : []), text(p)]),
		...Object.entries(c.flags).map(([key, flag]) => {
			const short = flag.short ? `\\fB\\-${flag.short}\\fR, ` : "";
			const name = "value" in flag ? `\\fI${line(flag.value)}\\fR` : "";
			const value = isBare(flag) ? `[=${name}]` : name && ` ${name}`;
			return `.TP\n${short}\\fB${line(flagName(key))}\\fR${value}\n${text(meaning(flag))}`;
		}),
		...codes.map(([code, what]) => item(`exit ${code}`, what)),
		...c.examples.flatMap((e) => [
			".PP",
			text(`${capital(e.to)}:`),
			".PP",
			".nf",
			".RS",
			...e.line.split("\n").map((l) => text(l.trim())),
			".RE",
			".fi",
		]),
	].join("\n");
}

function item(term: string, what: string): string {
	return `.TP\n.B ${line(term)}\n${text(what)}`;
}

function capital(words: string): string {
	return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Returns the words with roff's special characters escaped; a hyphen stays one that can be copied. */
function line(words: string): string {
	return words
		.replace(/\\/g, "\\e")
		.replace(/-/g, "\\-")
		.replace(/"/g, "\\(dq");
}

/** Returns the words escaped for a place where lines begin: a dot or a quote there would be a request. */
function text(words: string): string {
	return line(words).replace(/^(?=[.'])/gm, "\\&");
}
