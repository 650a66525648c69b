// The errors that a container runtime sees: their codes and their words. No call that
// succeeds loads this file.

import { isSysError } from "../../src/host.ts";
import { jsonOf, wordsOf } from "../../src/log.ts";
import { isObject } from "../../src/objects.ts";
import type { Problem, Variable } from "./request.ts";

/** Codes of the CNI specification, section "Error". */
export const INCOMPATIBLE_VERSION = 1;
export const INVALID_ENVIRONMENT = 4;
export const IO_FAILURE = 5;
export const DECODE_FAILURE = 6;
export const INVALID_CONFIG = 7;
export const NOT_AVAILABLE = 50;
/** Our own code: CHECK found entries that bypass this attachment's port mappings. */
export const STALE_ENTRIES = 100;
/** The reference plugins use this for every error without a code of its own. */
const INTERNAL = 999;

/** An error that ends a verb. `details` says what to do or what was expected. */
export class CniError extends Error {
	override readonly name = "CniError";
	readonly code: number;
	readonly details: string;
	constructor(
		code: number,
		message: string,
		details = "",
		options: { cause?: unknown } = {},
	) {
		super(message, options);
		this.code = code;
		this.details = details;
	}
}

/** Returns the specification's error document for whatever ended a verb. */
export function errorDocument(cniVersion: string, e: unknown): string {
	const { code, message: msg, details } = asCniError(e);
	return JSON.stringify({ cniVersion, code, msg, ...(details && { details }) });
}

function asCniError(e: unknown): CniError {
	if (e instanceof CniError) return e;
	if (isProblem(e)) return inWords(e);
	const details =
		e instanceof Error ? `${e.message}\n${e.stack ?? ""}` : wordsOf(e);
	return new CniError(INTERNAL, "internal error", details, { cause: e });
}

/** So much of a wrong value is shown. */
const SHOWN = 200;

const NAME =
	"letters, digits, '_', '.' and '-', and begin with a letter or digit";
const VARIABLES: Readonly<Partial<Record<Variable, string>>> = {
	CNI_CONTAINERID: `must be ${NAME}`,
	CNI_IFNAME:
		"must be at most 15 bytes, without white space, '/' or ':', and not . or ..",
};

/** Returns true for what protocol.ts and the verbs throw as data. */
export function isProblem(e: unknown): e is Problem {
	return isObject(e) && !(e instanceof Error) && "is" in e;
}

/** Puts a problem into words and gives it its code. */
export function inWords(p: Problem): CniError {
	switch (p.is) {
		case "unknown command":
			return new CniError(
				INVALID_ENVIRONMENT,
				`unknown CNI_COMMAND: ${p.command}`,
				`must be one of ${p.known.join(", ")}`,
			);
		case "environment":
			return environment(p);
		case "unreadable stdin":
			return unreadable(p.cause);
		case "no object":
			return new CniError(
				DECODE_FAILURE,
				"the network configuration on stdin is not a JSON object",
				p.text.slice(0, 80),
			);
		case "version type":
			return new CniError(
				DECODE_FAILURE,
				`invalid cniVersion: ${jsonOf(p.value, SHOWN)}`,
				"must be a string",
			);
		case "unsupported version":
			return new CniError(
				INCOMPATIBLE_VERSION,
				`incompatible cniVersion: ${jsonOf(p.version, SHOWN)}`,
				`this plugin supports ${p.supported.join(", ")}`,
			);
		case "old version":
			return new CniError(
				INCOMPATIBLE_VERSION,
				`cniVersion ${p.version} has no ${p.command}`,
				`${p.command} is there since ${p.since}`,
			);
		case "name":
			return new CniError(
				INVALID_CONFIG,
				`invalid name: ${jsonOf(p.value, SHOWN)}`,
				`must be ${NAME}`,
			);
		case "not chained":
			return new CniError(
				INVALID_CONFIG,
				"missing prevResult",
				"conntrack-flush is a chained plugin: list it after the plugin that makes the interface",
			);
		case "value":
			return new CniError(
				INVALID_CONFIG,
				`invalid ${p.where}: ${jsonOf(p.value, SHOWN)}`,
				p.must,
			);
	}
}

/** Names all variables that are missing or, if none is, the first that is wrong. */
function environment({
	command,
	needed,
	wrong,
	value,
}: Problem & { readonly is: "environment" }): CniError {
	const missing = wrong.filter((name) => !value(name));
	if (missing.length > 0)
		return new CniError(
			INVALID_ENVIRONMENT,
			`missing ${missing.join(", ")}`,
			`${command} needs ${needed.join(", ")} in its environment`,
		);
	const [first] = wrong;
	return new CniError(
		INVALID_ENVIRONMENT,
		`invalid ${first}: ${JSON.stringify(first && value(first))}`,
		first && VARIABLES[first],
	);
}

/** `cause` was thrown by reading standard input or by parsing it. */
function unreadable(cause: unknown): CniError {
	// bytes that are no text have been read, and are no JSON
	if (isSysError(cause) && cause.code !== "EILSEQ")
		return new CniError(
			IO_FAILURE,
			"cannot read the network configuration on stdin",
			cause.code === "EFBIG"
				? "it is longer than 16 MB, more than any runtime sends"
				: cause.message,
			{ cause },
		);
	return new CniError(
		DECODE_FAILURE,
		"cannot parse the network configuration on stdin",
		cause instanceof Error ? cause.message : wordsOf(cause),
		{ cause },
	);
}
