// A plugin item as libcni decodes it (types.PluginConf of containernetworking/cni): a
// value of another kind in one of these keys, and nothing of the network is loaded. All
// other keys are the plugin's own affair.

import { isObject } from "../objects.ts";
import { fold, type Member, membersOf, Unloadable } from "./gojson.ts";

/** The parts of a plugin item that libcni itself uses. */
export interface PluginParts {
	readonly type: string;
	readonly capabilities: Readonly<Record<string, boolean>>;
}

/** Returns what libcni makes of a plugin item. `members` are in the order in which it sees them. Throws Unloadable. */
export function decodePlugin(members: readonly Member[]): PluginParts {
	const parts = decodeParts(members);
	if (parts.type === "") throw new Unloadable("no type");
	return parts;
}

/** Returns the same of any object. The type is "" if it has none: Multus decodes a list so, to see if it is one. Throws Unloadable. */
export function decodeParts(members: readonly Member[]): PluginParts {
	let type = "";
	let capabilities: Record<string, boolean> = {};
	for (const [key, value] of members) {
		switch (fold(key)) {
			case "type":
				type = stringOf(key, value) ?? type;
				break;
			case "cniversion":
			case "name":
				stringOf(key, value);
				break;
			case "capabilities":
				// null empties a Go map; another object is added to it
				capabilities =
					value === null ? {} : { ...capabilities, ...flagsOf(key, value) };
				break;
			case "ipam":
				fieldsOf(key, value, { type: stringOf });
				break;
			case "dns":
				fieldsOf(key, value, {
					nameservers: stringsOf,
					domain: stringOf,
					search: stringsOf,
					options: stringsOf,
				});
				break;
			case "prevresult":
				fieldsOf(key, value, {});
				break;
			case "cni.dev/valid-attachments":
				for (const item of listOf(key, value))
					fieldsOf(key, item, { containerid: stringOf, ifname: stringOf });
		}
	}
	return { type, capabilities };
}

/** Returns the string, or undefined for null, which leaves a Go value as it is. */
function stringOf(key: string, value: unknown): string | undefined {
	if (value === null) return undefined;
	if (typeof value !== "string") throw new Unloadable(`${key} is no string`);
	return value;
}

function listOf(key: string, value: unknown): readonly unknown[] {
	if (value === null) return [];
	if (!Array.isArray(value)) throw new Unloadable(`${key} is no list`);
	return value;
}

function stringsOf(key: string, value: unknown): void {
	for (const item of listOf(key, value)) stringOf(key, item);
}

function flagsOf(key: string, value: unknown): Record<string, boolean> {
	if (!isObject(value)) throw new Unloadable(`${key} is no object`);
	const flags: Record<string, boolean> = {};
	for (const [name, flag] of Object.entries(value)) {
		if (flag !== null && typeof flag !== "boolean")
			throw new Unloadable(`${key}.${name} is neither true nor false`);
		flags[name] = flag ?? false;
	}
	return flags;
}

/** Checks an object of a struct. `checks` are by the names of the fields, in lower case. */
function fieldsOf(
	key: string,
	value: unknown,
	checks: Readonly<Record<string, (key: string, value: unknown) => void>>,
): void {
	if (value === null) return;
	if (!isObject(value)) throw new Unloadable(`${key} is no object`);
	for (const [name, inner] of membersOf(value))
		if (Object.hasOwn(checks, fold(name)))
			checks[fold(name)]?.(`${key}.${name}`, inner);
}
