// `install`: reads the flags, and prints what src/install does or would do: once, as a
// dry run or as a check. `--watch` is in agent.ts.

import { DATA_DIR } from "../defaults.ts";
import type { FullHost } from "../host.ts";
import { advise } from "../install/advice.ts";
import { unified } from "../install/diff.ts";
import { inspect, install } from "../install/install.ts";
import { lock } from "../install/lock.ts";
import type { Where } from "../install/paths.ts";
import type { ChainPlan, Change, Wishes } from "../install/plan.ts";
import { Refusal } from "../install/refusal.ts";
import { isCrio, seenRuntime } from "../install/runtime.ts";
import { command, flagName } from "./command.ts";
import { interval, LISTEN, PLACES, TEXTFILE, whereOf } from "./places.ts";
import { UsageError } from "./usage.ts";
import { choice, RULES, text } from "./values.ts";

/** The exit code of --check if something is not in place. */
const NOT_IN_PLACE = 3;
/** How long to wait for another installer on the node. */
const LOCK_MS = 5000;

/** The flags that need --watch. */
const WATCHING = {
	interval: {
		...interval(10, false),
		help: "with --watch: how often to check; 200ms if not given",
	},
	reconcileInterval: {
		...interval(1000, true),
		help: "with --watch: how often to reconcile the table with the node's attachments; 1m if not given, 0 for once",
	},
	repairRules: {
		...RULES,
		help: "with --watch: also remove UDP entries that contradict the rules of portmap, netavark, Docker, CRI-O and Incus, within a second of a change; with =all also those of firewalld and hand-written rules",
	},
	sweep: {
		help: "with --watch: also remove unanswered TCP entries to recorded hostPorts, as sweep does",
	},
	metricsAddress: {
		...LISTEN,
		help: "with --watch: serve /metrics, /healthz and /readyz at this address, such as 127.0.0.1:9470 or [::1]:9470; where others do not reach it, also a page about this node",
	},
	page: {
		help: "with --watch: serve that page at any address",
	},
	showClients: {
		help: "with --watch: name clients on that page",
	},
	textfile: {
		...TEXTFILE,
		help: "with --watch: write the metrics to this file for node_exporter; its name must end in .prom; it is removed at the end",
	},
};

export const installCommand = command({
	name: "install",
	summary: "install the plugin on this node and in the chain of its network",
	about: `Copies this executable into the plugin directory, and then adds the plugin to the configuration of the node's network, which is the list that the runtime really calls: the first file by name; under CRI-O the first that loads and whose plugins are all there; behind a Multus the list that Multus calls, in its own file or in another. What is already in place is not touched. A file is always replaced as a whole.

--mode edit puts two plugin items around the last portmap of the conflist (the split arrangement). For CRI-O, and in a list without portmap, it puts a single plugin item at the end. Every other byte stays as it is. --mode dropin writes NETWORK/90-conntrack-flush.conf beside the conflist, which containerd 2.1 and CRI-O 1.33 read. --mode auto uses the drop-in if the runtime is known to read it, and says why. --mode print shows what to add and changes nothing.

--watch keeps running. It repairs the installation if others undo it, and removes entries that contradict the node's attachments. It ends on SIGTERM and leaves everything in place; uninstall removes the plugin.`,
	flags: {
		mode: {
			...choice("MODE", {
				auto: "auto" as const,
				edit: "edit" as const,
				dropin: "dropin" as const,
				print: "print" as const,
			}),
			help: "how to put the plugin into the chain",
			fallback: "auto",
		},
		proto: {
			...choice("PROTO", { udp: "udp", tcp: "tcp", sctp: "sctp" }),
			many: true,
			help: "a protocol that the plugin is to handle; udp if not given",
		},
		oneCpuPerFlow: {
			help: "have the kernel handle each flow of a pod on one CPU, so that an A and an AAAA query do not race in conntrack; mitigate does it for the pods that run",
		},
		...PLACES,
		masterCniFileName: {
			...text("FILE"),
			help: "the file of the network, if it is not the one that the runtime takes",
		},
		dryRun: { help: "change nothing; show what would change, as a diff" },
		check: { help: "change nothing; check whether everything is in place" },
		watch: { help: "keep running, and repair what others undo" },
		...WATCHING,
	},
	examples: [
		{
			to: "see what it would change",
			line: "conntrack-flush install --dry-run",
		},
		{
			to: "run in a DaemonSet that mounts the node's directories under /host",
			line: "conntrack-flush install --watch --host-root /host",
		},
		{
			to: "install for a runtime that reads drop-ins",
			line: "conntrack-flush install --runtime-version containerd://2.1.0",
		},
	],
	codes: { [NOT_IN_PLACE]: "--check: something is not in place" },
	async run(system, values) {
		const host = system.full();
		const { mode, proto, runtimeVersion: runtime } = values;
		const { interval = 200, reconcileInterval = 60_000, sweep } = values;
		const where = whereOf(values, values.masterCniFileName);
		const keys = {
			...(proto.length > 0 && { protocols: proto }),
			...(values.oneCpuPerFlow && { oneCPUPerFlow: true }),
			...(where.dataDir !== DATA_DIR && { dataDir: where.dataDir }),
		};
		const ignored = Object.keys(WATCHING).find(
			(key) => (values[key as keyof typeof WATCHING] ?? false) !== false,
		);
		if (!values.watch && ignored !== undefined)
			throw new UsageError(
				`${flagName(ignored)} is for install --watch, which stays`,
			);
		if (
			values.metricsAddress === undefined &&
			(values.page || values.showClients)
		)
			throw new UsageError(
				`${values.page ? "--page" : "--show-clients"} is for --metrics-address`,
			);
		if (mode === "print") {
			host.write(1, advise(isCrio(runtime, seenRuntime(host, where)), keys));
			return 0;
		}
		const modes = [values.dryRun, values.check, values.watch];
		if (modes.filter(Boolean).length > 1)
			throw new UsageError("--dry-run, --check and --watch exclude each other");
		const wishes: Wishes = { mode, runtime, keys };
		if (values.dryRun) return dryRun(host, where, wishes);
		if (values.check) return check(host, where, wishes);
		if (values.watch) {
			const { runAgent } = await import("./agent.ts");
			return runAgent(host, where, wishes, {
				everyMs: interval,
				reconcileMs: reconcileInterval,
				sweep,
				repairRules: values.repairRules,
				metrics: { address: values.metricsAddress, textfile: values.textfile },
				page: values.page,
				showClients: values.showClients,
			});
		}
		return once(host, where, wishes);
	},
});

function once(host: FullHost, where: Where, wishes: Wishes): number {
	// a Refusal must come before the first file is written
	if (!inspect(host, where, wishes).plan) throw noConfiguration();
	const unlock = lock(host, where, LOCK_MS);
	try {
		const { copied, plan } = install(host, where, wishes);
		for (const [path, what] of copied) host.write(1, `${what} ${path}\n`);
		if (!plan) throw noConfiguration();
		host.write(1, `${plan.mode}: ${plan.why}\n`);
		for (const change of plan.changes)
			host.write(1, `${verb(change)} ${change.path}\n`);
		if (plan.changes.length === 0) host.write(1, `unchanged ${plan.path}\n`);
		tell(host, plan);
		return 0;
	} finally {
		unlock();
	}
}

/** Prints what keeps an installed plugin from its work. */
function tell(host: FullHost, { notes }: ChainPlan): void {
	for (const note of notes)
		host.write(2, `conntrack-flush: warning: ${note}\n`);
}

function verb({ before, after }: Change): string {
	if (after === undefined) return "removed";
	return before === undefined ? "created" : "changed";
}

function dryRun(host: FullHost, where: Where, wishes: Wishes): number {
	const { binaries, plan } = inspect(host, where, wishes);
	for (const path of binaries) host.write(1, `would install ${path}\n`);
	if (!plan) throw noConfiguration();
	for (const change of plan.changes) host.write(1, unified(change));
	tell(host, plan);
	return 0;
}

function check(host: FullHost, where: Where, wishes: Wishes): number {
	const { binaries, plan } = inspect(host, where, wishes);
	for (const path of binaries)
		host.write(1, `missing or another version: ${path}\n`);
	if (!plan) host.write(1, "no network configuration yet\n");
	for (const { path } of plan?.changes ?? [])
		host.write(1, `to be changed: ${path}\n`);
	if (plan) tell(host, plan);
	return binaries.length === 0 && plan?.changes.length === 0 ? 0 : NOT_IN_PLACE;
}

function noConfiguration(): Refusal {
	return new Refusal(
		"there is no network configuration yet",
		"Run install again when there is one, or install --watch, which waits for it.",
	);
}
