// The description of a command, and the parser of its words. Help, completion and the
// manual page are made from the same description, in files of their own.

import type { Host } from "../host.ts";
import { nearest, UsageError } from "./usage.ts";

/** A flag without a value. */
export interface Switch {
	readonly help: string;
	/** One letter, for `-w`. */
	readonly short?: string;
	/** Another name that is understood, such as `--pod-ip`. */
	readonly alias?: string;
}

/** A flag with a value. */
export interface Option<T> extends Switch {
	/** The kind of value, in capitals: `PORT`. */
	readonly value: string;
	/** Returns the value that `text` says. Throws UsageError if it is wrong. */
	parse(text: string, flag: string): T;
	/** The environment variable that is read if the flag is not typed. */
	readonly env?: string;
	/** Keys of flags; if one of them or an operand is typed, the variable is not read. */
	readonly envUnless?: readonly string[];
	/** Reads the variable, where less is valid in it than after the flag. Throws UsageError. */
	readonly parseEnv?: (text: string, variable: string) => T;
	/** The value without the flag, as it would be typed. */
	readonly fallback?: string;
	/** The value if the flag is typed without one. A value then follows "=", in the same word. */
	readonly bare?: string;
	/** All valid values, if they can be listed. */
	readonly choices?: readonly string[];
}

/** An option that may be given several times. */
export interface List<T> extends Option<T> {
	readonly many: true;
}

/** Flags by the names that the code uses: `hostPort` is `--host-port`. */
export type Flags = Readonly<
	Record<string, Switch | Option<unknown> | List<unknown>>
>;

/** The values of the flags. A flag that is not typed is false, its fallback or undefined, or an empty list. */
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
	/** What the user wants to do, in a few words. */
	readonly to: string;
	readonly line: string;
}

export interface Command<F extends Flags = Flags> {
	readonly name: string;
	/** One line, lower case, for the list of commands. */
	readonly summary: string;
	/** What the command does and what it never does, in paragraphs. */
	readonly about: string;
	/** The name of what follows the flags; undefined if nothing may follow. */
	readonly operands?: string;
	readonly flags: F;
	readonly examples: readonly Example[];
	/** Exit codes besides 0, 1 (failed) and 2 (usage). */
	readonly codes?: Readonly<Record<number, string>>;
	/** Returns the exit code. Throws UsageError if the flags contradict each other. */
	run(
		host: Host,
		values: Values<F>,
		operands: readonly string[],
	): Promise<number>;
}

/** Returns its argument. It infers the types of the flags' values. */
export function command<F extends Flags>(c: Command<F>): Command<F> {
	return c;
}

/** Returns the flag as it is typed: `hostIP` is `--host-ip`. */
export function flagName(key: string): string {
	return `--${key.replace(/[A-Z]+/g, (c) => `-${c.toLowerCase()}`)}`;
}

/** Reads the words after the command's name and runs the command. Throws UsageError, and what the command throws. */
export function run<F extends Flags>(
	c: Command<F>,
	host: Host,
	words: readonly string[],
): Promise<number> {
	const { given, operands } = read(c.flags, words);
	if (operands.length > 0 && c.operands === undefined)
		throw new UsageError(`${c.name} takes no operand: ${operands[0]}`);
	const isTyped = (key: string): boolean =>
		operands.length > 0 || given.has(key);
	const values = Object.fromEntries(
		Object.entries(c.flags).map(([key, flag]) => [
			key,
			pick(host, key, flag, given, isTyped),
		]),
	);
	return c.run(host, values as Values<F>, operands);
}

/** What was typed after a flag, and the name that it was typed with. */
interface Typed {
	readonly name: string;
	readonly text: string;
}

/** What was typed after each flag, by the flag's key; nothing after a switch. */
type Given = ReadonlyMap<string, readonly Typed[]>;

/**
 * Reads the words like getopt_long: `--name VALUE`, `--name=VALUE`, `-n VALUE`,
 * `-nVALUE`, several switches in one word, operands anywhere, and only operands after
 * `--`.
 */
function read(
	flags: Flags,
	words: readonly string[],
): { readonly given: Given; readonly operands: readonly string[] } {
	const keys = new Map<string, string>();
	for (const [key, flag] of Object.entries(flags)) {
		keys.set(flagName(key), key);
		if (flag.short) keys.set(`-${flag.short}`, key);
		if (flag.alias) keys.set(flag.alias, key);
	}
	const given = new Map<string, Typed[]>();
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
		const add = (text: string): void => {
			values.push({
				name: name === flag.alias ? name : flagName(key),
				text,
			});
		};
		if (!("value" in flag)) {
			if (value !== rest)
				throw new UsageError(`${name} takes no value: ${value}`);
			if (rest !== "") queue.unshift(`-${rest}`);
		} else if (rest !== "") add(value);
		else if ("bare" in flag && typeof flag.bare === "string") add(flag.bare);
		else {
			const next = queue.shift();
			// a flag in the value's place: the value was forgotten
			if (next === undefined || keys.has(next.replace(/=.*/s, "")))
				throw new UsageError(`${name} needs a value`);
			add(next);
		}
	}
	return { given, operands };
}

/** Returns the value of one flag: what was typed, or the environment's, or the fallback. */
function pick(
	host: Host,
	key: string,
	flag: Switch | Option<unknown> | List<unknown>,
	given: Given,
	isTyped: (key: string) => boolean,
): unknown {
	if (!("value" in flag)) return given.has(key);
	const typed = given.get(key) ?? [];
	const values = typed.map(({ name, text }) => flag.parse(text, name));
	const isList = "many" in flag;
	if (values.length > 1 && !isList)
		throw new UsageError(`${typed[0]?.name} was given ${typed.length} times`);
	const { env, envUnless, parseEnv = flag.parse, fallback } = flag;
	if (values.length === 0 && env !== undefined && !envUnless?.some(isTyped)) {
		const variable = host.env(env);
		if (variable) values.push(parseEnv(variable, env));
	}
	if (isList) return values;
	if (values.length > 0) return values[0];
	return fallback === undefined
		? undefined
		: flag.parse(fallback, flagName(key));
}
