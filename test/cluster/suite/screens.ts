// What a person sees of the agent at each step of its life, taken from a run and made
// the same for each run: names that the cluster makes up, and ages.

import { type Agent, DAEMON_SET, LABEL, NAMESPACE } from "./agent.ts";

const STATUS = `kubectl -n ${NAMESPACE} rollout status ${DAEMON_SET}`;

export interface Screen {
	readonly when: string;
	readonly command: string;
	readonly output: string;
}

export interface Screens {
	readonly all: readonly Screen[];
	/** Keeps what a command of deploy/README.md has said. */
	keep(when: string, command: string, output: string): void;
	/** Keeps what kubectl says now in the agent's namespace. POD in the arguments is an agent's pod. */
	show(when: string, ...argv: readonly string[]): Promise<void>;
	/** Keeps the sections of what `kubectl describe` says of an agent's pod. */
	describe(when: string, sections: readonly string[]): Promise<void>;
}

export function createScreens(agent: Agent): Screens {
	const all: Screen[] = [];
	const names = new Map<string, string>();
	const stable = (text: string): string =>
		text
			.replace(/\bconntrack-flush-[a-z0-9]{5}\b/g, (name) => {
				const known = names.get(name) ?? madeUp(names.size);
				names.set(name, known);
				return known;
			})
			.replace(/\b(\d+m)?\d+s\b/g, "5s")
			.replace(/ +$/gm, "");
	const ask = async (argv: readonly string[]): Promise<string> => {
		const [pod = ""] = argv.includes("POD") ? await agent.pods() : [];
		return agent.kubectl(...argv.map((word) => (word === "POD" ? pod : word)));
	};
	const keep: Screens["keep"] = (when, command, text) => {
		all.push({ when, command, output: stable(text.trimEnd()) });
	};
	const commandOf = (argv: readonly string[]): string =>
		["kubectl", "-n", NAMESPACE, ...argv].join(" ");
	return {
		...{ all, keep },
		async show(when, ...argv) {
			keep(when, commandOf(argv), await ask(argv));
		},
		async describe(when, sections) {
			const argv = ["describe", "pod", "POD"];
			const text = (await ask(argv))
				.split(/^(?=\S)/m)
				.filter((section) => sections.some((s) => section.startsWith(`${s}:`)))
				.join("");
			keep(when, commandOf(argv), text);
		},
	};
}

/** As Kubernetes would make it up, but the same in each run. */
function madeUp(n: number): string {
	const letters = "bcdfghjklmnpqrstvwxz";
	const at = (i: number): string =>
		letters[(n * 7 + i * 5) % letters.length] ?? "";
	return `conntrack-flush-${[0, 1, 2, 3, 4].map(at).join("")}`;
}

const WHEN = {
	waiting: "Installed before there is a network",
	installed: "The network has come",
	upgraded: "Upgraded",
	uninstalled: "Taken out",
} as const;

export async function seeWaiting(
	s: Screens,
	{ applied, readyz }: { readonly applied: string; readonly readyz: string },
): Promise<void> {
	s.keep(WHEN.waiting, "kubectl apply -k deploy/", applied);
	await s.show(WHEN.waiting, "get", "nodes");
	await s.show(WHEN.waiting, "get", "pods", "-l", LABEL);
	await s.describe(WHEN.waiting, ["Conditions", "Events"]);
	await s.show(WHEN.waiting, "logs", "POD");
	// as the node's administrator asks it
	s.keep(WHEN.waiting, "curl http://127.0.0.1:9470/readyz", readyz);
}

export async function seeInstalled(s: Screens, status: string): Promise<void> {
	s.keep(WHEN.installed, STATUS, status);
	await s.show(WHEN.installed, "get", "pods", "-l", LABEL);
	await s.describe(WHEN.installed, ["Conditions", "Events"]);
	await s.show(WHEN.installed, "logs", "POD");
}

export async function seeUpgraded(s: Screens): Promise<void> {
	await s.show(WHEN.upgraded, "get", "daemonset", "-l", LABEL, "-o", "wide");
	await s.show(WHEN.upgraded, "get", "pods", "-l", LABEL);
	await s.show(WHEN.upgraded, "logs", "POD");
}

export async function seeUninstalled(
	s: Screens,
	{ applied, status }: { readonly applied: string; readonly status: string },
): Promise<void> {
	s.keep(
		WHEN.uninstalled,
		"kubectl apply -k deploy/uninstall/default",
		applied,
	);
	s.keep(WHEN.uninstalled, STATUS, status);
	await s.show(WHEN.uninstalled, "get", "pods", "-l", LABEL);
	await s.show(WHEN.uninstalled, "logs", "POD", "-c", "uninstall");
}
