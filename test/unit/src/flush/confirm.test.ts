// The confirmation by the rules: which of the entries that the predicate calls stale go,
// and how the rules are read for that.

import { describe, expect, test } from "vitest";
import { confirmByRules } from "../../../../src/flush/confirm.ts";
import type { Removed } from "../../../../src/flush/search.ts";
import { Shared } from "../../../../src/flush/shared.ts";
import { Deadline, DeadlineError } from "../../../../src/netlink/deadline.ts";
import type { Mapping } from "../../../../src/policy/mapping.ts";
import { UnsettledRulesError } from "../../../../src/rules/ruleset.ts";
import { BOOKS, spell } from "../../../support/book.ts";
import { entry, errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
	type Request,
} from "../../../support/fakekernel.ts";
import { type NatRuleset, natRules } from "../../../support/natrules.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";
import { ROUTES } from "../../../support/unit/world.ts";

const m = mapping("IPv4", "udp");
const GETGEN = 0x0a10;
const GETCHAIN = 0x0a04;
const GETRULE = 0x0a07;
const OURS = "udp local:8125 > 10.88.0.2:5353";
const THEIRS = "udp 203.0.113.1:8125 > 10.88.0.3:9090 kube-proxy";

/** A removal of an entry from this client, whose kind is that of `example`. */
function removal(orig: string, reply?: string, example?: Removed): Removed {
	const e = entry({
		orig: spell("IPv4", orig),
		...(reply && { reply: spell("IPv4", reply), status: DNAT }),
	});
	return {
		target: e,
		proto: e.proto,
		reason: reply ? "other-pod" : "no-dnat",
		example: example?.example ?? e,
		client: e.orig.src,
	};
}

const STALE = removal("C:1 > H:8125", "Q:5353 > C:1");

function setUp(
	rules: NatRuleset | undefined,
	options: FakeKernelOptions & {
		readonly claims?: readonly Mapping[];
		readonly spared?: boolean;
		readonly doomed?: boolean;
	} = {},
) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({
		clock,
		routes: ROUTES,
		...(rules && { rules }),
		...options,
	});
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const logged: string[] = [];
	const shared = new Shared(host, new Deadline(host, 5000));
	shared.ports = [m];
	const confirm = confirmByRules(
		shared,
		(level, msg, fields) => logged.push(`${level} ${msg} ${fields?.error}`),
		{
			claims: () => options.claims,
			isSpared: () => options.spared ?? false,
			isDoomed: options.doomed ?? false,
		},
	);
	const count = (type: number): number =>
		kernel.requests.filter((r) => r.type === type).length;
	return { confirm, shared, kernel, logged, count, clock };
}

describe("a removal", () => {
	const nat = STALE;
	const plain = removal("C:2 > H:8125");
	const ofNode = removal("H:3 > H:8125", "Q:5353 > H:3");
	test.each<[string, readonly string[], Removed, boolean]>([
		["stands if the rules send to the pod", [OURS], nat, true],
		["stands if nothing was translated", [OURS], plain, true],
		["stands for what the node itself has sent", [OURS], ofNode, true],
		["is taken back if no rule is there", [], nat, false],
		[
			"is taken back if the rule is another port's",
			["udp local:53 > 10.88.0.2:5353"],
			nat,
			false,
		],
		[
			"is taken back if the rule is another protocol's",
			["tcp local:8125 > 10.88.0.2:5353"],
			nat,
			false,
		],
		[
			"is taken back if another's rule stands before",
			[THEIRS, OURS],
			nat,
			false,
		],
		["stands if another's rule stands after", [OURS, THEIRS], nat, true],
		[
			"is taken back if a rule sends where the entry leads",
			["udp local:8125 > 10.88.0.9:5353 hand", OURS],
			nat,
			false,
		],
		[
			"is taken back for the client that a rule before ours takes",
			["192.0.2.7 udp local:8125 > 10.88.0.9:5353 hand", OURS],
			nat,
			false,
		],
		[
			"stands if that rule takes another client",
			["192.0.2.8 udp local:8125 > 10.88.0.9:5353 hand", OURS],
			nat,
			true,
		],
		[
			"is taken back if a rule may take it by an interface that is not known",
			["on eth0 udp local:8125 > 10.88.0.9:5353 hand", OURS],
			nat,
			false,
		],
		[
			"stands if no known way leads there, though a rule may drop it",
			["on eth0 udp local:8125 > drop hand", OURS],
			nat,
			true,
		],
	])("%s", async (_, lines, found, stands) => {
		const { confirm, shared, kernel } = setUp(natRules(...lines), {
			claims: [m],
		});
		expect(await confirm([found])).toEqual(stands ? [found] : []);
		await shared.close();
		expect(kernel.open()).toBe(0);
	});

	test("that rests on no claim stands, and no rule is read", async () => {
		const { confirm, kernel } = setUp(natRules());
		expect(await confirm([STALE])).toEqual([STALE]);
		expect(kernel.requests).toEqual([]);
	});
});

describe("of a pod that goes, an entry that a live one claims too", () => {
	const own = removal("C:1 > H:8125", "P:5353 > C:1");
	test.each<[string, readonly string[], boolean]>([
		["stays if the rules lead it there", [OURS], false],
		[
			"stays if they may",
			["on eth0 udp local:8125 > 10.88.0.9:5353 hand", OURS],
			false,
		],
		["goes if another's rule stands before", [THEIRS, OURS], true],
		["goes if no rule is there", [], true],
		[
			"stays where a rule is not understood",
			["udp local:8125 > ? hand", OURS],
			false,
		],
	])("%s", async (_, lines, goes) => {
		const { confirm } = setUp(natRules(...lines), {
			claims: [m],
			spared: true,
			doomed: true,
		});
		expect(await confirm([own])).toEqual(goes ? [own] : []);
	});

	test("stays if no nat rule can have made it, as with IPVS", async () => {
		const example = { ...own.example, status: 0 };
		const { confirm } = setUp(natRules(), { claims: [m], doomed: true });
		expect(await confirm([{ ...own, example }])).toEqual([]);
	});
});

describe("where the rules are not known", () => {
	test.each<[string, NatRuleset | undefined]>([
		["the kernel has none", undefined],
		["one is not understood", natRules("udp local:8125 > ?", OURS)],
	])("the predicate decides alone: %s", async (_, rules) => {
		const ofRow = (spared: boolean) =>
			setUp(rules, { claims: [m], spared }).confirm([STALE]);
		expect(await ofRow(false)).toEqual([STALE]);
		expect(await ofRow(true)).toEqual([]);
	});

	test("what records spare is spared, and the log says why, once", async () => {
		const { confirm, logged, count } = setUp(undefined, {
			claims: [m],
			spared: true,
		});
		expect(await confirm([STALE])).toEqual([]);
		expect(await confirm([STALE])).toEqual([]);
		expect(logged).toEqual([
			"debug judged without the rules Error: this kernel shows no nat rules",
		]);
		expect(count(GETGEN)).toBe(1);
	});

	test("a rule that is not understood spares as well, without a line", async () => {
		const rules = natRules("udp local:8125 > ? hand", OURS);
		const { confirm, logged } = setUp(rules, { claims: [m], spared: true });
		expect(await confirm([STALE])).toEqual([]);
		expect(logged).toEqual([]);
	});

	test.each(["EPERM", "EACCES"])(
		"a socket that is refused: %s",
		async (code) => {
			const { confirm } = setUp(natRules(), {
				claims: [m],
				refuse: (protocol) => (protocol === 0 ? code : undefined),
			});
			expect(await confirm([STALE])).toEqual([STALE]);
		},
	);

	test("but a deadline ends the flush", async () => {
		const { confirm } = setUp(natRules(OURS), {
			claims: [m],
			answer: (r) => (r.type === GETGEN ? [] : undefined),
		});
		await expect(confirm([STALE])).rejects.toThrow(DeadlineError);
	});
});

describe("the rules", () => {
	test("are read once for many entries of a kind, each of its own client", async () => {
		const { confirm, count } = setUp(natRules(OURS), { claims: [m] });
		const many = Array.from({ length: 50 }, (_, i) =>
			removal(`C:${i + 1} > H:8125`, `Q:5353 > C:${i + 1}`, STALE),
		);
		expect(await confirm(many)).toHaveLength(50);
		expect(await confirm(many)).toHaveLength(50);
		expect(count(GETCHAIN)).toBe(1);
		expect(count(GETRULE)).toBe(1);
	});

	test("are asked for each client if they look at it", async () => {
		const rules = natRules(
			"192.0.2.7 udp local:8125 > 10.88.0.9:5353 hand",
			OURS,
		);
		const { confirm } = setUp(rules, { claims: [m] });
		const other = removal("S:1 > H:8125", "Q:5353 > S:1", STALE);
		expect(await confirm([STALE, other])).toEqual([other]);
	});

	test("are asked for the node itself apart from its clients", async () => {
		const rules = natRules(
			"203.0.113.1 udp local:8125 > 10.88.0.9:5353 hand",
			OURS,
		);
		const { confirm } = setUp(rules, { claims: [m] });
		const ofNode = removal("H:1 > H:8125", "Q:5353 > H:1", STALE);
		expect(await confirm([STALE, ofNode])).toEqual([STALE]);
		expect(await confirm([ofNode, STALE])).toEqual([STALE]);
	});

	test("are asked for its clients apart from the node itself, which has no interface", async () => {
		const rules = natRules(
			"on eth0 udp local:8125 > 10.88.0.9:5353 hand",
			OURS,
		);
		const { confirm } = setUp(rules, { claims: [m] });
		const ofNode = removal("H:1 > H:8125", "Q:5353 > H:1");
		const ofClient = removal("C:1 > H:8125", "Q:5353 > C:1", ofNode);
		expect(await confirm([ofNode, ofClient])).toEqual([ofNode]);
	});

	test("are read for an address that is not the node's, too", async () => {
		const { V } = BOOKS.IPv4;
		const rules = natRules(OURS, `udp ${V}:8125 > 10.88.0.2:5353`);
		const { confirm } = setUp(rules, { claims: [{ ...m, hostIP: V }] });
		const toV = removal("C:1 > V:8125", "Q:5353 > C:1");
		expect(await confirm([STALE, toV])).toEqual([STALE, toV]);
	});

	test("of another generation are read again, and judge what they have judged", async () => {
		const rules = natRules(OURS);
		const change = ({ type, nth }: Request): void => {
			// after the entries are judged, before they are removed
			if (type !== GETGEN || nth !== 2) return;
			rules.generation++;
			rules.lines = [THEIRS, OURS];
		};
		const { confirm, count } = setUp(rules, {
			claims: [m],
			answer: (r) => void change(r) as undefined,
		});
		expect(await confirm([STALE])).toEqual([]);
		expect(count(GETCHAIN)).toBe(2);
	});

	test("of another generation judge again what was found before in the same pass", async () => {
		const rules = natRules(OURS);
		const { confirm } = setUp(rules, { claims: [m] });
		const next = removal("C:2 > H:8125", "Q:5353 > C:2", STALE);
		expect(await confirm([STALE])).toEqual([STALE]);
		rules.generation++;
		rules.lines = [THEIRS, OURS];
		expect(await confirm([next])).toEqual([]);
		rules.generation++;
		rules.lines = [OURS];
		expect(await confirm([next])).toEqual([next]);
	});

	test("of one generation judge a kind once, however many parts its entries come in", async () => {
		let judged = 0;
		const { confirm } = setUp(natRules(OURS), {
			get claims() {
				judged++;
				return [m];
			},
		});
		judged = 0;
		for (let i = 1; i <= 20; i++)
			await confirm([removal(`C:${i} > H:8125`, `Q:5353 > C:${i}`, STALE)]);
		// each part asks whether a verdict rests on a claim
		expect(judged).toBe(20 + 1);
	});

	/** The rules of one who changes them each time that their generation is asked for, so often. */
	const changing = (times: number) => {
		const rules = natRules(THEIRS, OURS);
		let left = times;
		return setUp(rules, {
			claims: [m],
			answer: (r) => {
				if (r.type === GETGEN && left-- > 0) rules.generation++;
				return undefined;
			},
		});
	};

	test("that settle late are waited for", async () => {
		const { confirm } = changing(40);
		expect(await confirm([STALE])).toEqual([]);
	});

	test("that never settle let nothing go, and are not waited for until the end of the time", async () => {
		const { confirm, clock, logged } = changing(Number.POSITIVE_INFINITY);
		await expect(confirm([STALE])).rejects.toThrow(UnsettledRulesError);
		expect(clock.ms).toBeGreaterThan(1000);
		expect(clock.ms).toBeLessThan(4000);
		expect(logged).toEqual([]);
	});

	test("that went while they were read are read again", async () => {
		const { confirm } = setUp(natRules(OURS), {
			claims: [m],
			answer: ({ type, nth, seq }) =>
				type === GETRULE && nth === 0 ? [errorMessage(2, seq)] : undefined,
		});
		expect(await confirm([STALE])).toEqual([STALE]);
	});
});

test.each<[string, unknown]>([
	["null", null],
	["an error", Object.assign(new Error("oom"), { name: "InternalError" })],
])(
	"a memory that is used up, which the engine says with %s, is no reason to judge by the records",
	async (_, thrown) => {
		const { confirm, shared } = setUp(undefined, { claims: [m] });
		shared.rules = () => Promise.reject(thrown);
		await expect(confirm([STALE])).rejects.toBe(thrown);
	},
);
