// Requests and reports as the texts that pass between the verbs of a burst.

import type { Host } from "../host.ts";
import { isSingle } from "../policy/mapping.ts";
import { attachmentIn, recordOf } from "../state/store.ts";
import type { Ask } from "./ask.ts";
import { emptyReport, type Report } from "./report.ts";
import type { Action } from "./search.ts";

/** Raised when a text's shape changes: in an upgrade, verbs of two versions may wait together. */
const VERSION = 1;
/** A request with ports in a row, of which a verb of the version before would see the first alone. */
const WITH_ROWS = 2;

/** Returns the request with the network namespace of this process, whose table it is about. */
export function textOfAsk(
	host: Host,
	{ verb, attachment, action }: Ask,
): string {
	const ns = namespaceOf(host);
	const record = recordOf(attachment);
	const version = record.mappings.every(isSingle) ? VERSION : WITH_ROWS;
	return JSON.stringify({ version, verb, action, ns, record });
}

/** Returns the request, or undefined if it is none, is not whole, or is about another namespace's table. */
export function askFrom(host: Host, text: string): Ask | undefined {
	try {
		const { version, verb, action, ns, record } = JSON.parse(text) ?? {};
		const attachment = attachmentIn(record);
		return attachment &&
			(version === VERSION || version === WITH_ROWS) &&
			ns === namespaceOf(host) &&
			(verb === "ADD" || verb === "DEL") &&
			isAction(action)
			? { verb, attachment, action }
			: undefined;
	} catch {
		return undefined;
	}
}

function isAction(x: unknown): x is Action {
	if (x === "delete" || x === "count") return true;
	const seconds = (x as { retireSeconds?: unknown } | null)?.retireSeconds;
	return (
		typeof seconds === "number" && Number.isInteger(seconds) && seconds > 0
	);
}

/** The network namespace of this process, as the kernel names it. Throws SysError without /proc. */
function namespaceOf(host: Host): string {
	return host.full().readLink("/proc/self/ns/net");
}

/** Returns the report as a text. It has no error: a request whose pass failed is not answered. */
export function textOfReport(report: Report): string {
	const { reasons, verdicts, failed, ...rest } = report;
	return JSON.stringify({
		...rest,
		version: VERSION,
		reasons: [...reasons],
		verdicts: [...verdicts],
		failed: [...failed],
	});
}

/** Returns the report, or undefined if the text is none. */
export function reportFrom(text: string | undefined): Report | undefined {
	if (text === undefined) return undefined;
	try {
		const { version, reasons, verdicts, failed, ...rest } = JSON.parse(text);
		if (version !== VERSION) return undefined;
		return {
			...emptyReport(),
			...rest,
			reasons: new Map(reasons),
			verdicts: new Map(verdicts),
			failed: new Map(failed),
		};
	} catch {
		return undefined;
	}
}
