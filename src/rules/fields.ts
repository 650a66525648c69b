// The attributes of an expression of nf_tables, by their numbers, and the two kinds of data
// in them: bytes and verdicts. It knows no expression's meaning.

import { DecodeError, NLA_TYPE_MASK } from "../netlink/nl.ts";
import { attributes, type RecvBuffer } from "../netlink/reader.ts";
import { type ChainVerdict, type Register, VERDICT } from "./model.ts";

const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;

/** The registers' bytes in all: NFT_REG32_COUNT registers of 4. */
const REGISTER_BYTES = 64;

/** The attributes of one expression, by type: where the payload is, and its bytes. One object serves many expressions, because a chain may have thousands. */
export class ExpressionFields {
	readonly at = new Int32Array(16);
	readonly length = new Int32Array(16);
	b: RecvBuffer;

	constructor(b: RecvBuffer) {
		this.b = b;
	}

	/** Reads the attributes between the offsets in place of those before. Throws DecodeError. */
	read(b: RecvBuffer, from: number, to: number): this {
		this.b = b;
		this.at.fill(0);
		this.length.fill(0);
		for (let at = from; to - at >= 4; ) {
			const size = b.halves[at >> 1] ?? 0;
			if (size < 4 || at + size > to)
				throw new DecodeError(`attribute of ${size} bytes in ${to - at}`);
			const type = (b.halves[(at >> 1) + 1] ?? 0) & NLA_TYPE_MASK;
			if (type < 16) {
				this.at[type] = at + 4;
				this.length[type] = size - 4;
			}
			at += (size + 3) & ~3;
		}
		return this;
	}

	/** Returns a be32, or `fallback` if the expression has none. */
	number(type: number, fallback = 0): number {
		return this.length[type] === 4
			? this.b.view.getUint32(this.at[type] ?? 0)
			: fallback;
	}

	has(type: number): boolean {
		return this.at[type] !== 0;
	}

	text(type: number): string {
		return this.b.text(this.at[type] ?? 0, this.length[type] ?? 0);
	}

	/** Returns true if the attribute is this text, which is ASCII. */
	isText(type: number, text: string): boolean {
		const { bytes } = this.b;
		const at = this.at[type] ?? 0;
		// the NUL at its end
		if (this.length[type] !== text.length + 1) return false;
		for (let i = 0; i < text.length; i++)
			if (bytes[at + i] !== text.charCodeAt(i)) return false;
		return true;
	}

	/** Throws DecodeError for a register that does not exist. */
	register(type: number): Register {
		const n = this.number(type);
		// NFT_REG_1 to 4 are of 16 bytes, NFT_REG32_00 and following of 4
		const at = n >= 8 ? 4 * (n - 8) : n === 0 ? VERDICT : 16 * (n - 1);
		if (at >= REGISTER_BYTES) throw new DecodeError(`register ${n}`);
		return at;
	}

	/** Returns the bytes of a NFTA_DATA_VALUE. */
	data(type: number): Uint8Array {
		return (
			dataIn(this.b, this.at[type] ?? 0, this.length[type] ?? 0) ??
			new Uint8Array()
		);
	}

	blob(type: number): DataView {
		// The buffer is used again, and a match may keep the blob.
		const at = this.at[type] ?? 0;
		return new DataView(
			this.b.bytes.slice(at, at + (this.length[type] ?? 0)).buffer,
		);
	}
}

/** Returns the bytes of a NFTA_DATA_VALUE, or undefined for a verdict. */
export function dataIn(
	b: RecvBuffer,
	from: number,
	length: number,
): Uint8Array | undefined {
	let found: Uint8Array | undefined;
	attributes(b, from, from + length, (type, at, n) => {
		if (type === NFTA_DATA_VALUE) found = b.bytes.slice(at, at + n);
	});
	return found;
}

/** Returns the verdict of a NFTA_DATA_VERDICT, or undefined for "continue". */
export function verdictIn(
	b: RecvBuffer,
	from: number,
	length: number,
): ChainVerdict | undefined {
	let code: number | undefined;
	let chain = "";
	attributes(b, from, from + length, (type, nest, n) => {
		if (type !== NFTA_DATA_VERDICT) return;
		attributes(b, nest, nest + n, (part, at, size) => {
			if (part === NFTA_VERDICT_CODE && size === 4) code = b.view.getInt32(at);
			else if (part === NFTA_VERDICT_CHAIN) chain = b.text(at, size);
		});
	});
	switch (code) {
		case 0: // NF_DROP
			return { is: "drop" };
		case 1: // NF_ACCEPT
			return { is: "accept" };
		case -1: // NFT_CONTINUE
			return undefined;
		case -3: // NFT_JUMP
			return { is: "jump", chain };
		case -4: // NFT_GOTO
			return { is: "goto", chain };
		case -5: // NFT_RETURN
			return { is: "return" };
		default: // NF_QUEUE: a program decides
			return { is: "unclear" };
	}
}
