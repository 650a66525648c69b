// The line of a command that found nothing because it knows nothing: what it has looked
// for in vain, and what to try. It is no error, so the exit code stays.

import type { Context } from "../context.ts";
import { type Proto, protocolName } from "../net/proto.ts";
import type { RuleScope } from "../policy/published.ts";
import { unmappedInWords } from "../policy/unmapped.words.ts";
import { PUBLISHING_IN_WORDS, publishersOf } from "../rules/publishers.ts";
import { type CacheSource, liveAttachments } from "../state/liveness.ts";

/** What a command goes by. */
export interface KnownFrom {
	/** The attachments; undefined if they are no source. */
	readonly attachments: CacheSource | undefined;
	/** Whose rules; undefined if none are a source. */
	readonly rules?: RuleScope | undefined;
	/** The document, the protocols that are handled, and how many frontends it has of these; undefined if there is no document. */
	readonly document?:
		| {
				readonly file: string;
				readonly protos: readonly Proto[];
				readonly frontends: number;
		  }
		| undefined;
}

/**
 * Says on standard error that nothing is known, if so. `instead` are flags of the command
 * that would find more; --rules is added where it is not given. Throws SysError if the
 * directory of records cannot be read.
 */
export async function tellNothingKnown(
	context: Context,
	{ attachments, rules, document }: KnownFrom,
	instead: readonly string[],
): Promise<void> {
	// rules that people write are not surveyed
	if (rules === "all") return;
	if (document && document.frontends > 0) return;
	const lacking: string[] = [];
	if (document) {
		const protos = document.protos.map(protocolName).join(" or ");
		lacking.push(`no frontend of ${protos} is in ${document.file}`);
	}
	if (attachments) {
		const live = liveAttachments(context, attachments);
		const unmapped = unmappedInWords(live, context.dataDir, attachments.dir);
		if (unmapped === undefined) return;
		lacking.push(unmapped);
	}
	const engines = [...(await publishersOf(context.host))].join(", ");
	const ways = [...instead];
	if (rules === undefined)
		ways.unshift(
			engines === "" ? "--rules" : `--rules (for the ports of ${engines})`,
		);
	else if (engines !== "") return;
	else {
		lacking.push(`no rule of ${PUBLISHING_IN_WORDS} publishes a port`);
		ways.unshift("--rules=all (for rules of people and firewalls)");
	}
	context.host.write(2, `${lacking.join(", and ")}; ${tryInWords(ways)}\n`);
}

/** `try --host-port, --from or --all` */
export function tryInWords(flags: readonly string[]): string {
	return `try ${[flags.slice(0, -1).join(", "), ...flags.slice(-1)].filter(Boolean).join(" or ")}`;
}
