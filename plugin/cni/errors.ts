// Why a request is refused, in words. Loaded when one is.

import type { ErrorObject } from "ajv";
import { isSysError } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import {
	CniError,
	DECODE_FAILURE,
	INCOMPATIBLE_VERSION,
	INVALID_CONFIG,
	INVALID_ENVIRONMENT,
	IO_FAILURE,
	invalidConfig,
	shown,
} from "./error.ts";
import type { Variable } from "./protocol.ts";

export function unknownCommand(
	command: string,
	known: readonly string[],
): CniError {
	return new CniError(
		INVALID_ENVIRONMENT,
		`unknown CNI_COMMAND: ${command}`,
		`must be one of ${known.join(", ")}`,
	);
}

const NAME =
	"letters, digits, '_', '.' and '-', and begin with a letter or digit";
const WANTED: Readonly<Partial<Record<Variable, string>>> = {
	CNI_CONTAINERID: `must be ${NAME}`,
	CNI_IFNAME:
		"must be at most 15 bytes, without white space, '/' or ':', and not . or ..",
};

/**
 * Variables of `command` that are missing or, if none is, the first with a wrong
 * value. Undefined if all that are `odd` turn out to be right.
 */
export function environment(
	command: string,
	needed: readonly Variable[],
	odd: readonly Variable[],
	value: (name: Variable) => string | undefined,
): CniError | undefined {
	const wrong = odd.filter(
		(name) => name !== "CNI_IFNAME" || !isInterface(value(name) ?? ""),
	);
	if (wrong.length === 0) return undefined;
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
		first && WANTED[first],
	);
}

/** Go's unicode.IsSpace. */
const SPACE =
	/[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** As libcni's ValidateInterfaceName; IFNAMSIZ is 16 bytes with the NUL. */
function isInterface(name: string): boolean {
	if (name === "" || name === "." || name === "..") return false;
	// what is no UTF-8 arrives as U+FFFD, and was one byte
	const bytes = encodeURIComponent(name.replaceAll("\ufffd", "?"));
	return (
		bytes.replaceAll(/%../g, "?").length <= 15 &&
		!/[/:]/.test(name) &&
		!SPACE.test(name)
	);
}

/** What reading standard input or parsing it threw. */
export function unreadable(cause: unknown): CniError {
	// bytes that are no text were read, and are no JSON
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

export function noObject(text: string): CniError {
	return new CniError(
		DECODE_FAILURE,
		"the network configuration on stdin is not a JSON object",
		text.slice(0, 80),
	);
}

export function noVersion(value: unknown): CniError {
	return new CniError(
		DECODE_FAILURE,
		`invalid cniVersion: ${shown(value)}`,
		"must be a string",
	);
}

export function unsupported(
	version: string,
	supported: readonly string[],
): CniError {
	return new CniError(
		INCOMPATIBLE_VERSION,
		`incompatible cniVersion: ${shown(version)}`,
		`this plugin supports ${supported.join(", ")}`,
	);
}

export function tooOld(
	command: string,
	version: string,
	since: string,
): CniError {
	return new CniError(
		INCOMPATIBLE_VERSION,
		`cniVersion ${version} has no ${command}`,
		`${command} is there since ${since}`,
	);
}

export function noName(value: unknown): CniError {
	return new CniError(
		INVALID_CONFIG,
		`invalid name: ${shown(value)}`,
		`must be ${NAME}`,
	);
}

export function unchained(): CniError {
	return new CniError(
		INVALID_CONFIG,
		"missing prevResult",
		"conntrack-flush is a chained plugin: list it after the plugin that makes the interface",
	);
}

/** The first thing that the schema says of our keys. */
export function invalidKey(
	members: Record<string, unknown>,
	error: Pick<ErrorObject, "instancePath" | "message"> | undefined,
): CniError {
	const path = (error?.instancePath ?? "").split("/").slice(1);
	let value: unknown = members;
	for (const key of path)
		value = (value as Record<string, unknown> | undefined)?.[key];
	return invalidConfig(path.join("."), value, error?.message ?? "");
}

export { invalidConfig } from "./error.ts";
