// The words by which the searches of a verb ask for records, as they stand in a record's
// text. An address is a word of its own.

/** The word of a record that maps the port. */
export function portWord(hostPort: number): string {
	return `"hostPort":${hostPort},`;
}

/** The word of a record that has a mapping of a single address. */
export const HOST_IP_WORD = '"hostIP":"';
