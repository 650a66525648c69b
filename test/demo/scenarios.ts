// The scenarios as data: what happens to the pod, and who is in the chain.

import type { Arrangement } from "../support/conflist.ts";

export interface Scenario {
	readonly title: string;
	readonly happens: "is replaced" | "moves to hostNetwork";
	readonly arrangement: Arrangement;
	/** portmap's own flush: on ADD, UDP, by nothing but the port number. */
	readonly portmapFlushes: boolean;
	/** Our part: the demo fails if its clients do not recover within the bound. */
	readonly boundMs?: number;
}

export const SCENARIOS: readonly Scenario[] = [
	{
		title: "portmap without a flush",
		happens: "is replaced",
		arrangement: "without",
		portmapFlushes: false,
	},
	{
		title: "portmap and its own flush",
		happens: "is replaced",
		arrangement: "without",
		portmapFlushes: true,
	},
	{
		title: "conntrack-flush after it",
		happens: "is replaced",
		arrangement: "single",
		portmapFlushes: false,
		boundMs: 1000,
	},
	{
		title: "portmap alone",
		happens: "moves to hostNetwork",
		arrangement: "without",
		portmapFlushes: true,
	},
	{
		title: "conntrack-flush after it",
		happens: "moves to hostNetwork",
		arrangement: "single",
		portmapFlushes: true,
		boundMs: 3000,
	},
	{
		title: "conntrack-flush around it",
		happens: "moves to hostNetwork",
		arrangement: "split",
		portmapFlushes: true,
		boundMs: 1000,
	},
];
