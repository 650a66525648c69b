// Where install decides otherwise than the programs that read the directory, on purpose.
// docs/install.md has this table; test/oracle/conflists.test.ts accepts no other
// difference, and each of these must occur in it.

export interface Difference {
	/** What is in the directory, for a reader. */
	readonly what: string;
	/** What the program does with it. */
	readonly theirs: string;
	/** Why install refuses. */
	readonly reason: string;
	/** Finds it in install's words. */
	readonly said: RegExp;
}

export const DIFFERENCES: readonly Difference[] = [
	{
		what: "a file that is not UTF-8",
		theirs: "Go replaces what is wrong",
		reason: "the rest could not be written back as it was",
		said: /is not UTF-8/,
	},
	{
		what: "a file of more than 4 MiB",
		theirs: "all load it",
		reason:
			"the executable has 56 MiB of memory, and holds a text several times",
		said: /has more than 4 MiB/,
	},
	{
		what: "a network whose name the specification forbids",
		theirs: "all load it, and then fail for every pod",
		reason: "nothing would be called; the name is also a directory's",
		said: /not the name of a network/,
	},
	{
		what: "a `cniVersion` that the plugin does not speak",
		theirs: "containerd loads it",
		reason: "our plugin would fail every pod",
		said: /does not speak/,
	},
	{
		what: "a number beyond a double in a drop-in",
		theirs: "libcni loads it, and then fails for every pod",
		reason: "nothing would be called",
		said: /no pod starts: .*\.conf: a number is too large/,
	},
	{
		what: "a single plugin (`.conf`, or a delegate of Multus)",
		theirs: "all load it",
		reason: "no plugin can be chained to it",
		said: /single plugin/,
	},
	{
		what: "Cilium without portmap",
		theirs: "all load it",
		reason: "its hostPorts are not in conntrack",
		said: /outside conntrack/,
	},
	{
		what: "a list that is a link",
		theirs: "all follow it",
		reason: "whoever made the link keeps the file elsewhere",
		said: /is a link\n/,
	},
	{
		what: "portmap in a drop-in: with `--mode edit`, behind a Multus that reads none, or after ours",
		theirs: "the drop-in counts or not, by version",
		reason: "our plugin would be before portmap",
		said: /wrong place|which comes after/,
	},
];
