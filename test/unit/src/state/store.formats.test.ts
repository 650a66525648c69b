// The texts that versions of the plugin leave for each other, as files of
// test/fixtures/records: one directory for each version of the records. What the newest
// says is what is written now, to the byte; what any of them says can be read.
// A text that is not there yet is written with RECORD=1, and never changed afterwards.

import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
	askFrom,
	reportFrom,
	textOfAsk,
	textOfReport,
} from "../../../../src/flush/ask.text.ts";
import type { Ask } from "../../../../src/flush/ask.ts";
import type { Host } from "../../../../src/host.ts";
import { metricsText } from "../../../../src/metrics/text.ts";
import { addLines, noTotals } from "../../../../src/metrics/totals.ts";
import type { Attachment, PortRow } from "../../../../src/policy/mapping.ts";
import { readDepartures } from "../../../../src/state/departures.read.ts";
import {
	departureFiles,
	noteDeparture,
} from "../../../../src/state/departures.ts";
import { leave, leftBehind } from "../../../../src/state/left.ts";
import {
	noteReturned,
	readReturned,
	returnedFile,
} from "../../../../src/state/returned.ts";
import {
	attachmentIn,
	findRecord,
	RECORD_VERSION,
	recordOf,
	writeRecord,
} from "../../../../src/state/store.ts";
import {
	noteUnusable,
	readUnusable,
	unusableFile,
} from "../../../../src/state/unusable.ts";
import { type FakeHost, fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import {
	GAUGES,
	report,
	SPOOL,
	spool,
} from "../../../support/unit/spooling.ts";

const ROOT = "test/fixtures/records";
const VERSIONS = readdirSync(ROOT).sort((a, b) => Number(a) - Number(b));
const NEWEST = String(RECORD_VERSION);
const DIR = "/run/cni/conntrack-flush";
const CLOCK = { ms: 86_400_000.25 };

const POD: Attachment = {
	network: "dbnet",
	containerID: "4f2e",
	ifname: "eth0",
	pod: "ns/statsd-7",
	added: 1234.5,
	mappings: [mapping("IPv4", "udp"), mapping("IPv6", "tcp", "H")],
	podTargets: [],
	netns: "/run/netns/cni-4f2e",
};
const [V4] = POD.mappings;
const ROWS: Attachment = {
	...POD,
	mappings: [{ ...(V4 as PortRow), hostPort: 10_000, count: 20_000 }],
};
const {
	hostPort: _,
	containerPort: __,
	hostIP: ___,
	...TARGET
} = V4 as PortRow;

/** The attachments, by the name of the file of their record. */
const RECORDS: Readonly<Record<string, Attachment>> = {
	ports: POD,
	rows: ROWS,
	pod: { ...POD, mappings: [], podTargets: [TARGET] },
	nameless: { ...POD, pod: undefined },
	toomany: { ...POD, mappings: [], podTargets: [TARGET], vague: true },
	unfinished: { ...POD, unfinished: true },
	deferred: { ...POD, unfinished: true, deferredAt: 2345.5 },
};
const ADD: Ask = { verb: "ADD", attachment: POD, action: "delete" };
const REPORT = report({
	deleted: 3,
	expired: 1,
	kept: 12,
	keptByRules: 2,
	scanned: { entries: 10_412, kept: 12, undecodable: 1 },
	reasons: new Map([["other-pod", 3]]),
	verdicts: new Map([["other-pod/17", 3]]),
	failed: new Map([[16, 2]]),
	ms: 18.25,
});

/** A process in a network namespace whose number does not change. */
const inNamespace = (): Host => {
	const host = fakeHost();
	const readLink = (): string => "net:[4026531840]";
	return { ...host, full: () => ({ ...host, readLink }) };
};
/** Returns the text that `write` leaves in this file. */
function written(path: string, write: (host: FakeHost) => void): string {
	const host = fakeHost({ clock: CLOCK, directories: [`${DIR}/metrics`] });
	write(host);
	return host.files.get(path) ?? "";
}
/** Returns a host that has this text in this file. */
const having = (path: string, text: string): FakeHost =>
	fakeHost({ files: { [path]: text } });
const [DEPARTED] = departureFiles(DIR);
const PATH = `${DIR}/dbnet:4f2e:eth0.json`;

interface Format {
	/** What is written now. */
	readonly write: () => string;
	/** What is read of it, and what must come of that. */
	readonly read: (text: string) => unknown;
	readonly want: unknown;
}

const FORMATS: Readonly<Record<string, Format>> = {
	...Object.fromEntries(
		Object.entries(RECORDS).map(([name, a]): [string, Format] => [
			name,
			{
				write: () => written(PATH, (host) => writeRecord(host, DIR, a)),
				read: (text) => findRecord(having(PATH, text), DIR, POD),
				want: a,
			},
		]),
	),
	request: {
		write: () => textOfAsk(inNamespace(), ADD),
		read: (text) => askFrom(inNamespace(), text),
		want: ADD,
	},
	"request.rows": {
		write: () => textOfAsk(inNamespace(), { ...ADD, attachment: ROWS }),
		read: (text) => askFrom(inNamespace(), text),
		want: { ...ADD, attachment: ROWS },
	},
	"request.retire": {
		write: () =>
			textOfAsk(inNamespace(), {
				...ADD,
				verb: "DEL",
				action: { retireSeconds: 2 },
			}),
		read: (text) => askFrom(inNamespace(), text),
		want: { ...ADD, verb: "DEL", action: { retireSeconds: 2 } },
	},
	answer: {
		write: () => textOfReport(REPORT),
		read: reportFrom,
		want: { ...REPORT, version: undefined },
	},
	departed: {
		write: () => written(DEPARTED, (host) => noteDeparture(host, DIR, POD)),
		read: (text) => [...readDepartures(having(DEPARTED, text), DIR)],
		want: [
			["10.88.0.2", { pod: "ns/statsd-7", at: 86_400_000 }],
			["fd88::2", { pod: "ns/statsd-7", at: 86_400_000 }],
		],
	},
	journal: {
		write: () => written(SPOOL, (host) => spool(host, REPORT, "ADD")),
		read(text) {
			const totals = noTotals();
			addLines(totals, text);
			return metricsText(totals, GAUGES).match(/^.*_total\{.*\} [1-9].*$/gm);
		},
		want: [
			'conntrack_flush_flushes_total{event="ADD",how="scan"} 1',
			'conntrack_flush_entries_total{outcome="deleted"} 3',
			'conntrack_flush_entries_total{outcome="gone"} 1',
			'conntrack_flush_entries_total{outcome="kept"} 12',
			'conntrack_flush_entries_total{outcome="refused"} 2',
		],
	},
	returned: {
		write: () =>
			written(returnedFile(DIR), (host) =>
				noteReturned(host, DIR, "udp 203.0.113.9:6000 > 203.0.113.1:8125"),
			),
		read: (text) => readReturned(having(returnedFile(DIR), text), DIR),
		want: ["udp 203.0.113.9:6000 > 203.0.113.1:8125"],
	},
	unusable: {
		write: () =>
			written(unusableFile(DIR), (host) => noteUnusable(host, DIR, "EPERM")),
		read: (text) => readUnusable(having(unusableFile(DIR), text), DIR),
		want: "EPERM",
	},
	left: {
		write() {
			const host = fakeHost();
			leave(host, DIR, POD);
			return leftBehind(host, DIR).join("\n");
		},
		// the file's name is its text
		read: (name) => name,
		want: "dbnet:4f2e:eth0.json",
	},
};

/** The directories of fixtures in which there is a text of this format. */
const fixturesOf = (name: string): string[] =>
	VERSIONS.filter((version) => existsSync(join(ROOT, version, name)));

if (process.env.RECORD) {
	mkdirSync(join(ROOT, NEWEST), { recursive: true });
	for (const [name, { write }] of Object.entries(FORMATS)) {
		const path = join(ROOT, NEWEST, name);
		if (!existsSync(path)) writeFileSync(path, `${write().trimEnd()}\n`);
	}
}

test("there are fixtures of every version of the records up to this one, and of no later", () =>
	expect(VERSIONS).toEqual(
		Array.from({ length: RECORD_VERSION }, (_, i) => String(i + 1)),
	));

describe.each(Object.entries(FORMATS))("%s", (name, { write, read, want }) => {
	const textOf = (version: string): string =>
		readFileSync(join(ROOT, version, name), "utf8");

	test("is written as its newest fixture says: another shape is another version", () =>
		expect(`${write().trimEnd()}\n`).toBe(textOf(NEWEST)));

	test.each(fixturesOf(name))(
		"can be read as version %s wrote it",
		(version) => {
			const text = textOf(version).trimEnd();
			const found = read(text);
			if (Array.isArray(want))
				expect(found).toEqual(expect.arrayContaining(want));
			else expect(found).toEqual(want);
		},
	);
});

test("no fixture is forgotten", () =>
	expect(readdirSync(join(ROOT, NEWEST)).sort()).toEqual(
		Object.keys(FORMATS).sort(),
	));

// docs/install.md promises these members: a version that cannot read the rest has them
test("every record has the members that every version writes", () => {
	for (const [name, a] of Object.entries(RECORDS)) {
		const text = JSON.parse(readFileSync(join(ROOT, NEWEST, name), "utf8"));
		expect(text, name).toMatchObject({
			version: RECORD_VERSION,
			network: a.network,
			containerID: a.containerID,
			ifname: a.ifname,
			added: a.added,
			netns: a.netns,
		});
		expect(text.pod, name).toBe(a.pod);
		expect(text.gone === true, name).toBe(a.unfinished === true);
		expect(text.deferredAt, name).toBe(a.deferredAt);
		expect(JSON.stringify(text), name).toContain('"podIP":"10.88.0.2"');
		expect(attachmentIn(text), name).toEqual(a);
		expect(recordOf(a).version).toBe(RECORD_VERSION);
	}
});
