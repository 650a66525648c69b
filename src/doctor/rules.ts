// The check of the rules that publish ports of pods and containers: which programs have
// some, which lead to pods that are gone, and which pods no rule leads to. A flush does
// not help against any of that, so it is only reported.

import { type FullHost, isSysError } from "../host.ts";
import { cacheName } from "../libcni/cache.ts";
import { wordsOf } from "../log.ts";
import { AF_INET, AF_INET6, type IP } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { type Attachment, addressesOf } from "../policy/mapping.ts";
import { Callers } from "../rules/callers.ts";
import type { DNATRule } from "../rules/dnat.ts";
import { type Engine, engineOf, formatPlace } from "../rules/engines.ts";
import {
	PUBLISHING_IN_WORDS,
	surveyLegacy,
	surveyTables,
} from "../rules/publishers.ts";
import type { OnDNAT } from "../rules/survey.ts";
import { cachedAttachments } from "../state/cached.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";
import type { Known } from "./loss.ts";
import { checkReach, MOST_PACKETS, type Reach } from "./reach.ts";
import { deletionOf } from "./remedy.ts";

const DEADLINE_MS = 30_000;
const CHECK = "DNAT rules";
/** Rules that are named in full; the others are counted. */
const SHOWN = 5;
/** So many leftover rules are remembered: any of them may take the traffic of a live pod. */
const REMEMBERED = 200;
/** The engines whose pods are all recorded or in libcni's cache. Other containers are known to their own programs alone. */
const OF_CNI: readonly Engine[] = ["portmap", "cri-o"];

export interface RulesCheck {
	readonly findings: readonly Finding[];
	/** True if a program publishes ports here. */
	readonly hasPublished: boolean;
}

/** Compares the rules with the pods of recorded attachments and of libcni's cache. Throws NetlinkError, SysError, DecodeError or DeadlineError. */
export async function checkRules(
	host: FullHost,
	recorded: readonly Attachment[],
	cacheDir: string,
	isConflistSound: boolean,
): Promise<RulesCheck> {
	const deadline = new Deadline(host, DEADLINE_MS);
	const cached = cachedAttachments(host, cacheDir);
	const own = new Set(recorded.map(cacheName));
	const attachments = [
		...recorded,
		...cached.filter((c) => !own.has(cacheName(c))),
	];
	const survey = new Survey(
		attachments,
		new Set([
			...recorded.flatMap(addressesOf),
			...cached.flatMap(({ ips }) => ips),
		]),
	);
	const legacy = readLegacyTables(host, survey);
	const hasNft = await surveyTables(host, deadline, survey.callers, survey.add);
	const { counts } = survey;
	const hasPublished = counts.size > 0;
	if (!hasNft && !legacy.isThere)
		return {
			findings: [ok(CHECK, "this kernel has no nf_tables")],
			hasPublished,
		};
	const known = { ...survey.known(), isConflistSound };
	const isAsked =
		legacy.findings.length === 0 &&
		attachments.some(({ mappings }) => mappings.length > 0);
	const reach = isAsked
		? await attemptReach(() => checkReach(host, deadline, attachments, known))
		: undefined;
	const problems = [
		...leftOver(survey, reach?.advised),
		...(reach?.findings ?? []),
	];
	const summary =
		problems.length === 0 ? [ok(CHECK, inWords(survey, reach))] : [];
	return {
		findings: [...legacy.findings, ...problems, ...summary],
		hasPublished,
	};
}

/** The rules, as far as something has to be said of them. */
class Survey {
	readonly callers = new Callers();
	/** The rules of each engine. */
	readonly counts = new Map<Engine, number>();
	/** The first rules that lead to pods that are gone. */
	readonly left: DNATRule[] = [];
	leftCount = 0;
	/** The addresses of live pods. */
	readonly live: ReadonlySet<IP>;
	/** A rule for each mapping that is asked for, by its target and its hostPort, or by its target alone if the rule names no port. */
	readonly #byTarget = new Map<string, DNATRule | undefined>();

	constructor(attachments: readonly Attachment[], live: ReadonlySet<IP>) {
		this.live = live;
		let left = MOST_PACKETS;
		for (const row of attachments.flatMap(({ mappings }) => mappings)) {
			const { podIP, containerPort, hostPort, count = 1 } = row;
			for (let i = 0; i < Math.min(count, left); i++)
				for (const dport of [hostPort + i, undefined])
					this.#byTarget.set(keyOf(podIP, containerPort + i, dport), undefined);
			left -= Math.min(count, left);
		}
	}

	readonly add: OnDNAT = (rule) => {
		const engine = engineOf(rule);
		this.counts.set(engine, (this.counts.get(engine) ?? 0) + 1);
		const key = keyOf(rule.ip, rule.port ?? rule.dport, rule.dport);
		if (this.#byTarget.has(key)) this.#byTarget.set(key, rule);
		if (!OF_CNI.includes(engine) || this.live.has(rule.ip)) return;
		this.leftCount++;
		if (this.left.length < REMEMBERED) this.left.push(rule);
	};

	known(): Omit<Known, "isConflistSound"> {
		return {
			callers: this.callers,
			ruleFor: ({ podIP, containerPort, hostPort }) =>
				this.#byTarget.get(keyOf(podIP, containerPort, hostPort)) ??
				this.#byTarget.get(keyOf(podIP, containerPort, undefined)),
			leftoverAt: (by, ip, hostPort) =>
				this.left.find(
					(rule) =>
						rule.ip === ip &&
						formatPlace(rule) === formatPlace(by) &&
						(rule.dport ?? hostPort) === hostPort,
				),
		};
	}
}

function keyOf(
	ip: IP,
	port: number | undefined,
	dport: number | undefined,
): string {
	return `${ip} ${port} ${dport}`;
}

/** Reads the tables of legacy iptables, and warns of those that are there and cannot be read. */
function readLegacyTables(
	host: FullHost,
	survey: Survey,
): { readonly isThere: boolean; readonly findings: Finding[] } {
	const findings: Finding[] = [];
	let isThere = false;
	for (const [family, tool] of [
		[AF_INET, "iptables-legacy"],
		[AF_INET6, "ip6tables-legacy"],
	] as const)
		try {
			if (surveyLegacy(host, family, survey.callers, survey.add))
				isThere = true;
		} catch (e) {
			isThere = true;
			const why = isSysError(e) ? e.code : wordsOf(e);
			findings.push(
				warn(
					CHECK,
					`legacy iptables has a nat table, which cannot be read from here (${why})`,
					`look for pods that are gone in: ${tool} -t nat -S | grep -e CNI-DN- -e KUBE-HP-`,
				),
			);
		}
	return { isThere, findings };
}

/** If the rules cannot be asked, that is a warning, and what else was found of them is still said. */
async function attemptReach(
	check: () => Promise<Reach>,
): Promise<Reach | undefined> {
	try {
		return await check();
	} catch (e) {
		const finding = warn(
			CHECK,
			`cannot tell whether pods are reached: ${wordsOf(e)}`,
			"try again",
		);
		return {
			findings: [finding],
			reached: 0,
			unclear: 0,
			leftOut: 0,
			advised: new Set(),
		};
	}
}

/** Returns the findings on leftover rules, without those that another finding advises to delete. */
function leftOver(
	{ left, leftCount, live }: Survey,
	advised: ReadonlySet<string> = new Set(),
): Finding[] {
	if (leftCount > 0 && live.size === 0)
		return [
			warn(
				CHECK,
				`${leftCount} of hostPorts, but no pod is known to compare them with`,
				"say where attachments are: --data-dir, --cni-cache-dir",
			),
		];
	const byCommand = new Map<string, DNATRule>();
	for (const rule of left) {
		const command = deletionOf(rule);
		if (!advised.has(command) && !byCommand.has(command))
			byCommand.set(command, rule);
	}
	const findings = [...byCommand].slice(0, SHOWN).map(([command, rule]) => {
		const { dport, ip, port } = rule;
		const what = dport === undefined ? formatPlace(rule) : `hostPort ${dport}`;
		const where = port === undefined ? ip : `${ip} port ${port}`;
		return fail(
			CHECK,
			`${what} leads to ${where}, and no pod has that address`,
			command,
		);
	});
	const more = byCommand.size - findings.length + leftCount - left.length;
	if (more > 0)
		findings.push(
			fail(
				CHECK,
				`${more} more lead to pods that are gone`,
				"remove these, and look again",
			),
		);
	return findings;
}

/** `6 of portmap, 2 of docker, none left over; 4 hostPorts lead to their pods` */
function inWords({ counts }: Survey, reach: Reach | undefined): string {
	const words = [...counts].map(([engine, count]) => `${count} of ${engine}`);
	const all =
		words.length === 0
			? `none of ${PUBLISHING_IN_WORDS}`
			: `${words.join(", ")}, none left over`;
	if (!reach) return all;
	const { reached, unclear, leftOut } = reach;
	const parts = [
		`${reached} ${reached === 1 ? "hostPort leads to its pod" : "hostPorts lead to their pods"}`,
		...(unclear > 0 ? [`${unclear} may or may not`] : []),
		...(leftOut > 0 ? [`${leftOut} were not asked for`] : []),
	];
	return `${all}; ${parts.join(", ")}`;
}
