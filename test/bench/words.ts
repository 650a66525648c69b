// How figures are written.

/** 262 144 */
export function grouped(value: number): string {
	return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}

export function number(value: number | undefined): string {
	if (value === undefined || Number.isNaN(value)) return "-";
	if (value >= 1000) return grouped(value);
	if (value >= 0.0001 && value < 0.1)
		return value.toFixed(value < 0.01 ? 4 : 3);
	return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

export function tableOf(size: number): string {
	return size === 0 ? "empty table" : `${grouped(size)} entries`;
}
