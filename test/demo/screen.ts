// A block of lines that changes in place on a terminal; elsewhere it is written
// once, when it is final.

import { onEnd } from "../support/undo.ts";

export interface Screen {
	line(text?: string): void;
	/** Shows the block; the next show replaces it, after `keep` it stands. */
	show(lines: readonly string[]): void;
	keep(lines: readonly string[]): void;
}

export function createScreen(out: NodeJS.WriteStream): Screen {
	const live = out.isTTY === true && process.env.TERM !== "dumb";
	let shown = 0;
	if (live) {
		out.write("\x1b[?25l");
		onEnd(() => void out.write("\x1b[?25h"));
	}
	const draw = (lines: readonly string[]): void => {
		const up = shown > 0 ? `\x1b[${shown}A` : "";
		out.write(up + lines.map((line) => `${line}\x1b[K\n`).join(""));
		shown = lines.length;
	};
	return {
		line(text = "") {
			out.write(`${text}\n`);
		},
		show(lines) {
			if (live) draw(lines);
		},
		keep(lines) {
			if (live) draw(lines);
			else out.write(`${lines.join("\n")}\n`);
			shown = 0;
		},
	};
}
