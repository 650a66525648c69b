// What a command of the command line is: one description from which its words
// are read, its help, its completion and its manual are made.

import type { Host } from "../host.ts";
import { nearest, UsageError } from "./usage.ts";

/** A flag without a value. */
export interface Switch {
	readonly help: string;
	/** One letter, for `-w`. */
	readonly short?: string;
}

/** A flag with a value, which `parse` reads; it throws UsageError for one that is wrong. */
export interface Option<T> extends Switch {
	/** What the value is, in capitals: `PORT`. */
	readonly value: string;
	parse(text: string, flag: string): T;
	/** The environment variable that stands in for the flag. */
	readonly env?: string;
	/** Flags, by their keys, of which one that is typed keeps the variable out. */
	readonly envUnless?: readonly string[];
	/** What holds without the flag, as it would be typed. */
	readonly fallback?: string;
	/** All valid values, where they can be listed. */
	readonly choices?: readonly string[];
}

/** An option that may come several times. */
export interface List<T> extends Option<T> {
	readonly many: true;
}

/** By the names that the code uses: `hostPort` is `--host-port`. */
export type Flags = Readonly<
	Record<string, Switch | Option<unknown> | List<unknown>>
>;

/** What the flags say. Without the flag: false, the fallback or undefined, an empty list. */
export type Values<F extends Flags> = {
	readonly [K in keyof F]: F[K] extends List<infer T>
		? readonly T[]
		: F[K] extends { readonly fallback: string } & Option<infer T>
			? T
			: F[K] extends Option<infer T>
				? T | undefined
				: boolean;
};

export interface Example {
	/** What it is good for, in a few words. */
	readonly to: string;
	readonly line: string;
}

export interface Command<F extends Flags = Flags> {
	readonly name: string;
	/** One line, lower case, for the list of commands. */
	readonly summary: string;
	/** What it does and what it never does, in paragraphs. */
	readonly about: string;
	/** What follows the flags, in capitals; nothing if undefined. */
	readonly operands?: string;
	readonly flags: F;
	readonly examples: readonly Example[];
	/** Exit codes of its own, beside 0, 1 (failed) and 2 (usage). */
	readonly codes?: Readonly<Record<number, string>>;
	/** Returns the exit code. Throws UsageError for what cannot be meant. */
	run(
		host: Host,
		values: Values<F>,
		operands: readonly string[],
	): Promise<number>;
}

/** Only to infer the types of the flags' values. */
export function command<F extends Flags>(c: Command<F>): Command<F> {
	return c;
}

/** `hostIP` as it is typed: `--host-ip`. */
export function flagName(key: string): string {
	return `--${key.replace(/[A-Z]+/g, (c) => `-${c.toLowerCase()}`)}`;
}

/** Reads the words after the command's name and runs it. Throws UsageError. */
export function run<F extends Flags>(
	c: Command<F>,
	host: Host,
	words: readonly string[],
): Promise<number> {
	const { given, operands } = read(c.flags, words);
	if (operands.length > 0 && c.operands === undefined)
		throw new UsageError(`${c.name} takes no operand: ${operands[0]}`);
	const values = Object.fromEntries(
		Object.entries(c.flags).map(([key, flag]) => [
			key,
			pick(host, key, flag, given),
		]),
	);
	return c.run(host, values as Values<F>, operands);
}

/** By the flag's key: what was typed after it, each time; nothing after a switch. */
type Given = ReadonlyMap<string, readonly string[]>;

/**
 * As getopt_long reads them: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`,
 * switches in one word, operands anywhere, and nothing but operands after `--`.
 */
function read(
	flags: Flags,
	words: readonly string[],
): { readonly given: Given; readonly operands: readonly string[] } {
	const keys = new Map<string, string>();
	for (const [key, flag] of Object.entries(flags)) {
		keys.set(flagName(key), key);
		if (flag.short) keys.set(`-${flag.short}`, key);
	}
	const given = new Map<string, string[]>();
	const operands: string[] = [];
	const queue = [...words];
	for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
		if (word === "--") return { given, operands: [...operands, ...queue] };
		if (!word.startsWith("-") || word === "-") {
			operands.push(word);
			continue;
		}
		const [name = word] = /^(--[^=]*|-.)/u.exec(word) ?? [];
		const rest = word.slice(name.length);
		const key = keys.get(name);
		const flag = key === undefined ? undefined : flags[key];
		if (key === undefined || flag === undefined)
			throw new UsageError(
				`unknown flag: ${name}`,
				nearest(name, [...keys.keys()]),
			);
		const values = given.get(key) ?? [];
		given.set(key, values);
		const value = rest.replace(/^=/, "");
		if (!("value" in flag)) {
			if (value !== rest)
				throw new UsageError(`${name} takes no value: ${value}`);
			if (rest !== "") queue.unshift(`-${rest}`);
		} else if (rest !== "") values.push(value);
		else {
			const next = queue.shift();
			// more likely it was forgotten than meant
			if (next === undefined || keys.has(next.replace(/=.*/s, "")))
				throw new UsageError(`${name} needs a value`);
			values.push(next);
		}
	}
	return { given, operands };
}

function pick(
	host: Host,
	key: string,
	flag: Switch | Option<unknown> | List<unknown>,
	given: Given,
): unknown {
	const name = flagName(key);
	if (!("value" in flag)) return given.has(key);
	const typed = given.get(key) ?? [];
	if ("many" in flag) return typed.map((text) => flag.parse(text, name));
	const [text] = typed;
	if (typed.length > 1)
		throw new UsageError(`${name} was given ${typed.length} times`);
	if (text !== undefined) return flag.parse(text, name);
	const { env, envUnless = [], fallback } = flag;
	if (env !== undefined && !envUnless.some((other) => given.has(other))) {
		const variable = host.env(env);
		if (variable) return flag.parse(variable, env);
	}
	return fallback === undefined ? undefined : flag.parse(fallback, name);
}
