// Draws docs/architecture.svg from the imports: a room for each folder with its files,
// marked by when they are loaded, and an arrow for each import between folders. Where a
// room stands is in rooms.ts, and how arrows find their way in routes.ts. Everything
// else is read from the sources. The test is test/unit/architecture.test.ts.

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderOf, importsOf, loadedWith, ROOT, sourcesIn } from "./imports.ts";
import { GROUND, type Room, type Row, WINGS } from "./rooms.ts";
import { type Box, routes } from "./routes.ts";

export const PICTURE = "docs/architecture.svg";

const MAIN = "plugin/main.ts";
const DEL = "plugin/verbs/del.ts";
const NATIVE = "plugin/host/native/src";

/** Which calls load a file, and how it is marked. Marks differ in form, for readers who cannot tell the colours apart. */
const KINDS = {
	call: "every call",
	del: "every DEL",
	verb: "verbs with work, errors",
	command: "the command line",
	types: "nothing: types alone",
	host: "the host itself",
} as const;
export type Kind = keyof typeof KINDS;

const COLOURS: Readonly<Record<Kind, readonly [light: string, dark: string]>> =
	{
		call: ["#bc4c00", "#f0883e"],
		del: ["#8250df", "#bc8cff"],
		verb: ["#0969da", "#58a6ff"],
		command: ["#59636e", "#9198a1"],
		types: ["#59636e", "#9198a1"],
		host: ["#1a7f37", "#3fb950"],
	};

const WIDTH = 860;
const TOP = 100;
/** Between rows, for arrows. */
const GAP = 30;
const HEAD = 30;
const LINE = 18;

/** The folder whose room shows the file. */
const roomOf = (path: string): string =>
	folderOf(path).replace(/^plugin\/host\/.*/, "plugin/host");

/** The files of the picture, by folder. */
function rooms(): ReadonlyMap<string, readonly string[]> {
	const native = readdirSync(join(ROOT, NATIVE))
		.filter((name) => name.endsWith(".rs"))
		.map((name) => `${NATIVE}/${name}`)
		.sort();
	const files = [...sourcesIn("src"), ...sourcesIn("plugin"), ...native];
	const found = new Map<string, string[]>();
	for (const path of files) {
		const folder = roomOf(path);
		found.set(folder, [...(found.get(folder) ?? []), path]);
	}
	return found;
}

/** Returns when each file is loaded. */
export function kinds(): ReadonlyMap<string, Kind> {
	const files = [...rooms().values()].flat();
	const imports = files
		.filter((path) => path.endsWith(".ts"))
		.flatMap(importsOf);
	const used = new Set(imports.filter((i) => !i.typeOnly).map((i) => i.to));
	const call = loadedWith([MAIN], imports);
	const del = loadedWith([MAIN, DEL], imports);
	const verb = loadedWith(
		[...sourcesIn("plugin/cni"), ...sourcesIn("plugin/verbs")],
		imports,
	);
	const kindOf = (path: string): Kind => {
		if (path.startsWith("plugin/host")) return "host";
		if (path !== MAIN && !used.has(path)) return "types";
		if (call.has(path)) return "call";
		if (del.has(path)) return "del";
		return verb.has(path) ? "verb" : "command";
	};
	return new Map(files.map((path) => [path, kindOf(path)]));
}

export interface Arrow {
	readonly from: string;
	readonly to: string;
	/** True if all these imports are of types. */
	readonly typeOnly: boolean;
}

/** Returns the imports between folders, without those that follow from others. */
export function arrows(): Arrow[] {
	const found = new Map<string, Arrow>();
	for (const path of [...sourcesIn("src"), ...sourcesIn("plugin")])
		for (const i of importsOf(path)) {
			const [from, to] = [roomOf(i.from), roomOf(i.to)];
			if (from === to || !/^(src|plugin)\//.test(i.to)) continue;
			const key = `${from} ${to}`;
			const typeOnly = i.typeOnly && (found.get(key)?.typeOnly ?? true);
			found.set(key, { from, to, typeOnly });
		}
	const all = [...found.values()];
	const leads = (from: string, to: string): boolean =>
		all.some((a) => a.from === from && (a.to === to || leads(a.to, to)));
	return all.filter(
		({ from, to }) =>
			!all.some((a) => a.from === from && a.to !== to && leads(a.to, to)),
	);
}

/** A file's name in its room. */
const shown = (path: string): string =>
	path.startsWith("plugin/host/native/")
		? (path.split("/").at(-1) ?? "")
		: path
				.replace(/\.ts$/, "")
				.replace(/^plugin\/host\//, "")
				.replace(/^(src|plugin)\/(\w+\/)?/, "");

/** How many columns of names a room has. */
function columnsOf(names: readonly string[], { width }: Room): number {
	const longest = Math.max(...names.map((name) => name.length));
	return Math.max(1, Math.floor((width - 16) / (longest * 6.9 + 22)));
}

/** How far a room's words push its files down: not at all where they fit beside its name. */
function under(folder: string, { says, width }: Room): number {
	return beside(folder) + says.length * 6 < width ? 0 : LINE - 2;
}

function beside(folder: string): number {
	return Math.round(22 + folder.length * 7.6);
}

/** Returns the place of every room, and the height of the picture. */
function place(files: ReadonlyMap<string, readonly string[]>): {
	readonly boxes: ReadonlyMap<string, Box>;
	readonly height: number;
} {
	const boxes = new Map<string, Box>();
	const stack = (rows: readonly Row[], top: number): number => {
		let y = top;
		for (const row of rows) {
			let bottom = y;
			for (const [folder, room] of Object.entries(row)) {
				const names = (files.get(folder) ?? []).map(shown);
				const lines = Math.ceil(names.length / columnsOf(names, room));
				const needed = HEAD + under(folder, room) + LINE * lines;
				// to the grid of the arrows
				const height = 10 * Math.ceil(needed / 10);
				boxes.set(folder, { x: room.x, y, width: room.width, height });
				bottom = Math.max(bottom, y + height);
			}
			y = bottom + GAP;
		}
		return y;
	};
	const ground = Math.max(...WINGS.map((rows) => stack(rows, TOP)));
	const height = stack(GROUND, ground) - GAP + 20;
	const missing = [...files.keys()].filter((folder) => !boxes.has(folder));
	if (missing.length > 0)
		throw new Error(
			`no room for ${missing.join(", ")}: give it one in build/rooms.ts`,
		);
	return { boxes, height };
}

function text(x: number, y: number, style: string, content: string): string {
	return `<text x="${x}" y="${y}" class="${style}">${content}</text>`;
}

/** The mark of a kind, around a point. */
function mark(kind: Kind, x: number, y: number): string {
	const forms: Readonly<Record<Kind, string>> = {
		call: `<circle cx="${x}" cy="${y}" r="4.5"`,
		del: `<path d="M${x} ${y - 5.5}l5.5 5.5l-5.5 5.5l-5.5-5.5z"`,
		verb: `<path d="M${x - 4} ${y - 4}h8v8h-8z"`,
		command: `<circle cx="${x}" cy="${y}" r="3.5"`,
		types: `<path d="M${x - 4} ${y}h8"`,
		host: `<path d="M${x} ${y - 5}l5 9h-10z"`,
	};
	return `${forms[kind]} class="${kind}"/>`;
}

function style(): string {
	const marks = (i: 0 | 1): string =>
		Object.entries(COLOURS)
			.map(([kind, pair]) =>
				kind === "command" || kind === "types"
					? `.${kind}{fill:none;stroke:${pair[i]};stroke-width:1.5}`
					: `.${kind}{fill:${pair[i]}}`,
			)
			.join("");
	return `<style>
text{font:12px -apple-system,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}.folder{font-size:13px;font-weight:600}.says{font-size:11px;fill:#59636e}
.paper{fill:#fff}.room{fill:#f6f8fa;stroke:#8c959f}.way{fill:none;stroke:#424a53;stroke-width:1.3}.types-way{stroke-dasharray:4 3}.head{fill:#424a53}
${marks(0)}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.says{fill:#9198a1}.paper{fill:#0d1117}.room{fill:#151b23;stroke:#656c76}.way{stroke:#b7bdc8}.head{fill:#b7bdc8}${marks(1)}}
</style>`;
}

function legend(): string[] {
	let x = 20;
	const parts = [text(x, 58, "says", "loaded by")];
	x += 66;
	for (const [kind, words] of Object.entries(KINDS)) {
		parts.push(mark(kind as Kind, x, 54), text(x + 10, 58, "says", words));
		x += 30 + Math.round(words.length * 5.9);
	}
	return parts;
}

/** Returns the picture as the text of an SVG file. */
export function picture(): string {
	const files = rooms();
	const kindOf = kinds();
	const { boxes, height } = place(files);
	const body = [
		text(20, 30, "title", "Who imports whom, and what is loaded when"),
		...legend(),
		text(
			20,
			80,
			"says",
			"An arrow is an import; it is dashed where all are of types. One that follows from others is left out.",
		),
	];
	const places = [...WINGS.flat(), ...GROUND].flatMap((r) => Object.entries(r));
	for (const [folder, room] of places) {
		const box = boxes.get(folder);
		const paths = files.get(folder);
		if (!box || !paths) throw new Error(`no such folder: ${folder}`);
		const names = paths.map(shown);
		const columns = columnsOf(names, room);
		const lines = Math.ceil(names.length / columns);
		const down = under(folder, room);
		body.push(
			`<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="4" class="room"/>`,
			text(box.x + 10, box.y + 19, "folder", folder),
			down === 0
				? text(box.x + beside(folder), box.y + 19, "says", room.says)
				: text(box.x + 10, box.y + 35, "says", room.says),
		);
		for (const [i, path] of paths.entries()) {
			const column = Math.floor(i / lines);
			const x = box.x + 16 + Math.floor(((box.width - 16) / columns) * column);
			const y = box.y + 38 + down + LINE * (i % lines);
			body.push(
				mark(kindOf.get(path) ?? "types", x, y - 4),
				text(x + 10, y, "file", shown(path)),
			);
		}
	}
	const way = arrows();
	const drawn = routes(WIDTH, height, boxes, way);
	for (const [i, d] of drawn.entries())
		body.push(
			`<path d="${d}" class="way${way[i]?.typeOnly ? " types-way" : ""}" marker-end="url(#head)"/>`,
		);
	return `${[
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="The folders of the sources, their files, and who imports whom">`,
		style(),
		`<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0l8 4l-8 4z" class="head"/></marker></defs>`,
		`<rect width="${WIDTH}" height="${height}" rx="6" class="paper"/>`,
		...body,
		"</svg>",
	].join("\n")}\n`;
}

if (process.argv[1] === import.meta.filename)
	writeFileSync(join(ROOT, PICTURE), picture());
