// The rooms of docs/architecture.svg: where each folder is drawn, and a few words on what
// it is about. architecture.ts reads everything else from the sources.

export interface Room {
	/** What the folder is about, in a few words. */
	readonly says: string;
	readonly x: number;
	readonly width: number;
}

export type Row = Readonly<Record<string, Room>>;

/** The plugin's wing and the command line's, each row from left to right. */
export const WINGS: readonly (readonly Row[])[] = [
	[
		{
			"plugin/host": { says: "two hosts: Rust, Node", x: 20, width: 250 },
			plugin: { says: "the entry", x: 310, width: 100 },
		},
		{
			"plugin/verbs": {
				says: "a file for each CNI verb",
				x: 120,
				width: 290,
			},
		},
		{
			"plugin/cni": {
				says: "the CNI protocol",
				x: 20,
				width: 280,
			},
		},
	],
	[
		{ "src/cli": { says: "a file for each command", x: 440, width: 400 } },
		{ "src/page": { says: "for a browser", x: 520, width: 290 } },
		{
			"src/doctor": {
				says: "what is wrong with a node",
				x: 450,
				width: 240,
			},
			"src/metrics": { says: "for Prometheus", x: 720, width: 120 },
		},
		{
			"src/sweep": { says: "stuck TCP", x: 340, width: 100 },
			"src/reconcile": { says: "all at once", x: 470, width: 120 },
			"src/install": { says: "into the chain, and out", x: 620, width: 200 },
		},
	],
];
/** The floors that both wings stand on. */
export const GROUND: readonly Row[] = [
	{
		"src/flush": {
			says: "one request, from the count of entries to the last removal",
			x: 120,
			width: 480,
		},
	},
	{
		"src/state": {
			says: "what this node remembers of its pods",
			x: 120,
			width: 480,
		},
	},
	{
		"src/libcni": {
			says: "what libcni tells a plugin, and what it caches",
			x: 120,
			width: 480,
		},
	},
	{
		"src/policy": {
			says: "which entries must go, and how to find them; pure",
			x: 120,
			width: 480,
		},
	},
	{
		"src/conntrack": {
			says: "the table: messages, entries, passing over what cannot matter",
			x: 120,
			width: 480,
		},
		"src/rules": { says: "what nat rules do", x: 650, width: 150 },
	},
	{
		"src/netlink": { says: "codec and socket, no meaning", x: 120, width: 680 },
	},
	{
		"src/net": { says: "addresses, ports, protocols", x: 120, width: 250 },
		"src/steering": { says: "a flow on one CPU", x: 410, width: 120 },
		src: { says: "the host's interface, the log", x: 570, width: 230 },
	},
];
