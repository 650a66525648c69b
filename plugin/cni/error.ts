// The errors that a container runtime sees. No call that succeeds loads this file.

import { wordsOf } from "../../src/log.ts";

/** Codes of the CNI specification, section "Error". */
export const INCOMPATIBLE_VERSION = 1;
export const INVALID_ENVIRONMENT = 4;
export const IO_FAILURE = 5;
export const DECODE_FAILURE = 6;
export const INVALID_CONFIG = 7;
export const NOT_AVAILABLE = 50;
/** Ours: CHECK found entries that bypass this attachment's port mappings. */
export const STALE_ENTRIES = 100;
/** What the reference plugins use for everything without a code of its own. */
const INTERNAL = 999;

/** An error that ends a verb; `details` says what to do or what was expected. */
export class CniError extends Error {
	override readonly name = "CniError";
	readonly code: number;
	readonly details: string;
	/** Of what is wrong in the configuration, its path in the document. */
	readonly where: string | undefined;
	constructor(
		code: number,
		message: string,
		details = "",
		{ where, ...options }: { where?: string; cause?: unknown } = {},
	) {
		super(message, options);
		this.code = code;
		this.details = details;
		this.where = where;
	}
}

/** A value of the configuration that cannot be; `where` is its path in the document. */
export function invalidConfig(
	where: string,
	value: unknown,
	details: string,
): CniError {
	return new CniError(
		INVALID_CONFIG,
		`invalid ${where}: ${shown(value)}`,
		details,
		{ where },
	);
}

/** The value as it was written, if that is not too long for a line. */
export function shown(value: unknown): string {
	const text = JSON.stringify(value) ?? "undefined";
	return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** The error document of the spec, for whatever ended a verb. */
export function errorDocument(cniVersion: string, e: unknown): string {
	const {
		code,
		message: msg,
		details,
	} = e instanceof CniError ? e : internal(e);
	return JSON.stringify({ cniVersion, code, msg, ...(details && { details }) });
}

function internal(cause: unknown): CniError {
	const details =
		cause instanceof Error
			? `${cause.message}\n${cause.stack ?? ""}`
			: wordsOf(cause);
	return new CniError(INTERNAL, "internal error", details, { cause });
}
