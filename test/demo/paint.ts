// Colours, if the reader wants them: on a terminal and without NO_COLOR
// (https://no-color.org). Letters and dots say the same without.

type Style = (text: string) => string;

export interface Paint {
	readonly bold: Style;
	readonly dim: Style;
	readonly good: Style;
	readonly bad: Style;
	readonly lost: Style;
	/** The colour of a receiver's letter. */
	receiver(letter: string, text: string): string;
}

export function createPaint(colours: boolean): Paint {
	const style =
		(code: number): Style =>
		(text) =>
			colours && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
	const receivers: Readonly<Record<string, Style>> = {
		A: style(33),
		B: style(32),
		N: style(36),
	};
	return {
		bold: style(1),
		dim: style(2),
		good: style(32),
		bad: style(31),
		lost: style(31),
		receiver: (letter, text) => (receivers[letter] ?? style(0))(text),
	};
}

export function wantsColours(): boolean {
	const { NO_COLOR, TERM } = process.env;
	return (
		process.stdout.isTTY === true &&
		(NO_COLOR === undefined || NO_COLOR === "") &&
		TERM !== "dumb"
	);
}
