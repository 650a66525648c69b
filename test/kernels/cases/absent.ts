// Kernels without ctnetlink: the verbs succeed, and say what is missing.

import type { Case, Phase } from "../script.ts";
import { cni, says } from "../script.ts";
import { conf } from "./conf.ts";

function withoutModule(phase: Phase, what: string, error: string): Case[] {
	const says_ = (): string => says("level=warn", "cannot flush", error);
	// STATUS says a change only, and the other phase may be of the same boot
	const dataDir = `/run/${what.replaceAll(" ", "-")}`;
	return [
		{
			name: `${what}: ADD succeeds, passes the result on, and warns`,
			phase,
			steps: () => [
				cni("ADD", conf()),
				says_(),
				says('"address":"10.88.0.2/16"'),
			],
		},
		{
			name: `${what}: DEL succeeds, and warns`,
			phase,
			steps: () => [
				cni("DEL", conf({ on: "del" })),
				says_(),
				cni("DEL", conf()),
				says_(),
			],
		},
		{
			name: `${what}: STATUS and CHECK succeed, and warn; strict, they fail with codes 50 and 5`,
			phase,
			steps: () => [
				cni("STATUS", conf({ more: { dataDir } })),
				says("level=warn", "cannot use conntrack over netlink", error),
				cni("STATUS", conf({ more: { dataDir, strictStatus: true } }), 1),
				says('"code":50', error),
				cni("CHECK", conf()),
				says("level=warn", "cannot read conntrack", error),
				cni("CHECK", conf({ more: { strictCheck: true } }), 1),
				says('"code":5,', error),
			],
		},
	];
}

export const ABSENT: readonly Case[] = [
	...withoutModule("no nfnetlink", "no nfnetlink", "E"),
	...withoutModule("no ctnetlink", "no nf_conntrack_netlink", "EINVAL"),
];
