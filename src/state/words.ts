// The words by which the searches of a verb ask for records, as they stand in a record's
// text. An address is a word of its own.

import { isSingle, type PortRow } from "../policy/mapping.ts";
import { FEW } from "../policy/portrow.ts";

/** The word of a record that maps ports. */
const PORTS_WORD = '"hostPort":';
/** The word of a record that maps ports in a row, of which only the first is a word. */
const ROW_WORD = '"count":';

/** Returns the words of records that may map one of the ports. To look for thousands of words would take long. */
export function portWords(mappings: readonly PortRow[]): string[] {
	return mappings.length > FEW || !mappings.every(isSingle)
		? [PORTS_WORD]
		: [ROW_WORD, ...mappings.map(portWord)];
}

/** Returns the words by which the ports of a record may be asked for. */
export function wordsOfPorts(mappings: readonly PortRow[]): string[] {
	return [
		...(mappings.length > 0 ? [PORTS_WORD] : []),
		...(mappings.every(isSingle) ? [] : [ROW_WORD]),
		...mappings.map(portWord),
	];
}

function portWord({ hostPort }: PortRow): string {
	return `${PORTS_WORD}${hostPort},`;
}

/** The word of a record that has a mapping of a single address. */
export const HOST_IP_WORD = '"hostIP":"';
/** The word of a record whose ports are not known. */
export const VAGUE_WORD = '"vague":true';
