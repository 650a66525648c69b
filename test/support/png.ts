// Makes a screenshot small enough for a repository: Chromium writes 24 bits for each pixel
// of a page that has few colours. It reads only PNG as Chromium writes it: 8 bits, RGB, not
// interlaced.

import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = 8;
const RGB = 2;
const PALETTE = 3;

/** Returns the picture with 256 colours at most. Rare ones become the nearest of these. */
export function inFewColours(png: Buffer): Buffer {
	const chunks = chunksOf(png);
	const header = Buffer.from(
		chunks.find(([type]) => type === "IHDR")?.[1] ?? [],
	);
	if (header[8] !== 8 || header[9] !== RGB)
		throw new Error("not 8 bits of RGB");
	const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
	const packed = chunks.filter(([type]) => type === "IDAT");
	const pixels = pixelsOf(
		inflateSync(Buffer.concat(packed.map(([, data]) => data))),
		3 * width,
		height,
	);
	const counts = new Map<number, number>();
	for (const p of pixels) counts.set(p, (counts.get(p) ?? 0) + 1);
	const sorted = [...counts].sort(([, a], [, b]) => b - a).map(([p]) => p);
	const palette = sorted.slice(0, 256);
	const places = new Map(sorted.map((p) => [p, nearest(palette, p)]));
	const rows = Buffer.alloc(height * (width + 1));
	for (const [i, p] of pixels.entries())
		rows[i + 1 + Math.floor(i / width)] = places.get(p) ?? 0;
	header[9] = PALETTE;
	const colours = Buffer.alloc(3 * palette.length);
	for (const [i, p] of palette.entries()) colours.writeUIntBE(p, 3 * i, 3);
	return Buffer.concat([
		png.subarray(0, SIGNATURE),
		chunk("IHDR", header),
		chunk("PLTE", colours),
		chunk("IDAT", deflateSync(rows, { level: 9 })),
		chunk("IEND", Buffer.alloc(0)),
	]);
}

function chunksOf(png: Buffer): [type: string, data: Buffer][] {
	const found: [string, Buffer][] = [];
	for (let at = SIGNATURE; at < png.length; ) {
		const length = png.readUInt32BE(at);
		const data = png.subarray(at + 8, at + 8 + length);
		found.push([png.toString("latin1", at + 4, at + 8), data]);
		at += 12 + length;
	}
	return found;
}

function chunk(type: string, data: Buffer): Buffer {
	const body = Buffer.concat([Buffer.from(type), data]);
	const out = Buffer.alloc(body.length + 8);
	out.writeUInt32BE(data.length);
	body.copy(out, 4);
	out.writeUInt32BE(crc32(body), body.length + 4);
	return out;
}

/** Takes back the filters of the rows (RFC 2083, section 6), and returns a number for each pixel. */
function pixelsOf(raw: Buffer, stride: number, height: number): number[] {
	const pixels: number[] = [];
	let above = Buffer.alloc(stride);
	for (let y = 0; y < height; y++) {
		const at = y * (stride + 1);
		const row = Buffer.from(raw.subarray(at + 1, at + 1 + stride));
		for (let x = 0; x < stride; x++) {
			const [a, b, c] = [row[x - 3] ?? 0, above[x] ?? 0, above[x - 3] ?? 0];
			row[x] = (row[x] ?? 0) + predicted(raw[at] ?? 0, a, b, c);
		}
		for (let x = 0; x < stride; x += 3) pixels.push(row.readUIntBE(x, 3));
		above = row;
	}
	return pixels;
}

function predicted(filter: number, a: number, b: number, c: number): number {
	const toA = Math.abs(b - c);
	const toB = Math.abs(a - c);
	const toC = Math.abs(a + b - 2 * c);
	const paeth = toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
	return [0, a, b, (a + b) >> 1, paeth][filter] ?? 0;
}

function nearest(palette: readonly number[], p: number): number {
	const farness = (q: number): number =>
		[16, 8, 0].reduce(
			(sum, bit) => sum + (((p >> bit) & 255) - ((q >> bit) & 255)) ** 2,
			0,
		);
	let best = 0;
	for (const [i, q] of palette.entries())
		if (farness(q) < farness(palette[best] ?? 0)) best = i;
	return best;
}
