// Calls the executable as a runtime does, and looks at what the table and the
// records are after each event: what is wrong is kept for the end.

import { readdirSync } from "node:fs";
import { callConf, callEnv, EXECUTABLE } from "../kernel/model.world.ts";
import { now } from "../support/clock.ts";
import { type Entry, readTable } from "../support/conntrack.ts";
import { run } from "../support/exec.ts";
import { MARK } from "./bystanders.ts";
import {
	CONTAINER_PORT,
	ipsOf,
	type Node,
	type Pod,
	type Slot,
} from "./node.ts";

const RETIRE_SECONDS = 2;
/** The kernel counts in whole seconds, and takes its time to tell. */
const SLACK_MS = 1500;
/** Seconds left of a retired entry, or of one whose connection has ended. */
const SOON_S = 12;

/** Flows towards a pod that is gone, which may go on for this long. */
interface Retired {
	readonly pod: Pod;
	readonly flows: ReadonlySet<string>;
	readonly until: number;
}

export class Judge {
	readonly live = new Map<Slot, Pod>();
	readonly counts = new Map<string, number>();
	readonly faults: string[] = [];
	readonly #node: Node;
	#retired: readonly Retired[] = [];

	constructor(node: Node) {
		this.#node = node;
	}

	#count(what: string, n = 1): void {
		this.counts.set(what, (this.counts.get(what) ?? 0) + n);
	}

	/** While `act` goes on no entry of a live pod, and none that is nobody's, ends or is retired. */
	async sparing(act: () => Promise<void>, what: string): Promise<void> {
		const before = await this.#healthy();
		await act();
		const after = new Map(
			(await readTable(this.#node.ns)).map((e) => [e.id, e]),
		);
		this.#count("healthy entries looked at", before.length);
		const harmed = before.filter((e) => {
			const left = after.get(e.id);
			return !left || left.timeout <= SOON_S || nameOf(left) !== nameOf(e);
		});
		if (harmed.length > 0)
			this.faults.push(
				`${what} harmed ${harmed.length}: ${harmed[0]?.text}, now ${after.get(harmed[0]?.id ?? "")?.text}`,
			);
	}

	/** The entries that lead a live pod's traffic to it, and the bystanders; but not those that end soon anyway. */
	async #healthy(): Promise<Entry[]> {
		const table = await readTable(this.#node.ns);
		const others = table.filter(isBystander);
		if (others.length < this.#node.bystanders)
			this.faults.push(
				`${this.#node.bystanders - others.length} bystanders are gone`,
			);
		const own = [...this.live.values()].flatMap((pod) => {
			const ips = ipsOf(pod);
			return table.filter(
				(e) =>
					isOfSlot(e, pod.slot) && ips.includes(e.reply.src) && !isBystander(e),
			);
		});
		return [...others, ...own.filter(({ timeout }) => timeout > SOON_S)];
	}

	/** Success without a complaint is all that a verb may answer. */
	async call(verb: string, pod: Pod, conf: object = {}): Promise<void> {
		const { ns, dataDir } = this.#node;
		const { port, protocols } = pod.slot;
		const ran = await run(ns.inside([EXECUTABLE]), {
			input: callConf(dataDir, {
				protocols: ["udp", "tcp"],
				retireSeconds: RETIRE_SECONDS,
				runtimeConfig: {
					portMappings: protocols.map((protocol) => ({
						hostPort: port,
						containerPort: CONTAINER_PORT,
						protocol,
					})),
				},
				prevResult: {
					cniVersion: "1.1.0",
					ips: ipsOf(pod).map((address) => ({
						address: `${address}/${address.includes(":") ? 64 : 16}`,
					})),
				},
				...conf,
			}),
			env: callEnv(verb, pod.id),
		});
		this.#count(verb);
		for (const [, what = "", n] of ran.stderr.matchAll(
			/\b(deleted|retired|gone|kept)=(\d+)/g,
		))
			this.#count(`entries ${what}`, Number(n));
		const how = /how=(\S+)/.exec(ran.stderr)?.[1];
		if (how) this.#count(`by ${how}`);
		if (ran.code !== 0 || /level=(warn|error)/.test(ran.stderr))
			this.faults.push(
				`${verb} ${pod.id}: ${ran.code} ${ran.stdout}${ran.stderr}`,
			);
	}

	/** No entry of the port leads to any pod but its own. */
	async look(slot: Slot, after: string): Promise<void> {
		const pod = this.live.get(slot);
		const right = pod === undefined ? [] : ipsOf(pod);
		const entries = await this.#entriesOf(slot);
		this.#count("entries looked at", entries.length);
		const retired = this.#retired.filter((x) => x.pod.slot === slot);
		const wrong = entries.filter(
			(e) =>
				!right.includes(e.reply.src) &&
				(isOfPod(e) || (pod !== undefined && e.proto === "udp")) &&
				!retired.some((x) => x.flows.has(nameOf(e))),
		);
		if (wrong.length > 0)
			this.faults.push(
				`after ${after}: ${wrong.length} wrong, ${wrong[0]?.text}`,
			);
		// records are those of live pods, and nothing unfinished
		const records = readdirSync(this.#node.dataDir).filter((name) =>
			name.includes(".json"),
		);
		if (records.length !== this.live.size)
			this.faults.push(`after ${after}: records ${records.join(" ")}`);
	}

	/** The flows that lead to the pod now. */
	async leadingTo(pod: Pod): Promise<ReadonlySet<string>> {
		const ips = ipsOf(pod);
		const entries = await this.#entriesOf(pod.slot);
		return new Set(
			entries.filter((e) => ips.includes(e.reply.src)).map(nameOf),
		);
	}

	/**
	 * From now on `flows` have the time of retired entries to end. Unless the rule
	 * outlived them: they began to end at `began`, and come back while it stands.
	 */
	expectGone(pod: Pod, flows: ReadonlySet<string>, began: number): void {
		if (now() - began > 900 * RETIRE_SECONDS) {
			this.#count("rules that went too late");
			return;
		}
		const until = now() + 1000 * RETIRE_SECONDS + SLACK_MS;
		this.#retired = [...this.#retired, { pod, flows, until }];
	}

	get awaited(): number {
		return this.#retired.length;
	}

	isAwaited(pod: Pod): boolean {
		return this.#retired.some((x) => x.pod === pod);
	}

	/** Looks at the retired flows whose time is over. */
	async lookAtRetired(): Promise<void> {
		const due = this.#retired.filter(({ until }) => until < now());
		this.#retired = this.#retired.filter((x) => !due.includes(x));
		for (const { pod, flows } of due) {
			const later = [
				this.live.get(pod.slot),
				...this.#retired.map((x) => x.pod),
			];
			// its own address may be in use again
			if (later.some((p) => p?.slot === pod.slot && p.address === pod.address))
				continue;
			const left = await this.leadingTo(pod);
			const stuck = [...flows].filter((flow) => left.has(flow));
			this.#count("retired flows looked at", flows.size);
			if (stuck.length > 0)
				this.faults.push(
					`${stuck.length} flows still lead to ${pod.id}: ${stuck[0]}`,
				);
		}
	}

	async #entriesOf(slot: Slot): Promise<Entry[]> {
		return (await readTable(this.#node.ns)).filter(
			(e) => isOfSlot(e, slot) && !isBystander(e),
		);
	}
}

function isOfSlot({ proto, orig }: Entry, { port, protocols }: Slot): boolean {
	return orig.dport === port && protocols.some((p) => p === proto);
}

function isBystander({ text }: Entry): boolean {
	return text.includes(` mark=${MARK} `);
}

function isOfPod({ reply }: Entry): boolean {
	return reply.src.startsWith("10.88.") || reply.src.startsWith("fd88:");
}

function nameOf({ proto, orig, reply }: Entry): string {
	return `${proto} ${orig.src} ${orig.sport} > ${orig.dst} ${orig.dport}, ${reply.src} ${reply.sport}`;
}
