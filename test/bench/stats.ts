// Samples to figures.

import type { Sample } from "./launch.ts";

/** The figures of several runs. */
export interface Spread {
	/** The figure that the machine can reach undisturbed. */
	readonly least: number;
	readonly quarter: number;
	readonly median: number;
	readonly threeQuarters: number;
}

export interface Figures {
	readonly runs: number;
	/** Milliseconds. */
	readonly wall: Spread;
	readonly cpu: Spread;
	/** kB, the worst of all runs. */
	readonly rss: number;
	/** Other exit codes than 0. */
	readonly exits: readonly number[];
}

/** The times of this plugin and another contender in one round, ms. */
export type Pair = readonly [ours: number, its: number];

/** Returns a quantile, which lies between two values where it falls between them. */
function quantile(sorted: readonly number[], q: number): number {
	const at = q * (sorted.length - 1);
	const low = sorted[Math.floor(at)] ?? Number.NaN;
	const high = sorted[Math.ceil(at)] ?? Number.NaN;
	return low + (high - low) * (at - Math.floor(at));
}

function spread(values: readonly number[]): Spread {
	const sorted = values.toSorted((a, b) => a - b);
	return {
		least: quantile(sorted, 0),
		quarter: quantile(sorted, 0.25),
		median: quantile(sorted, 0.5),
		threeQuarters: quantile(sorted, 0.75),
	};
}

export function median(values: readonly number[]): number {
	return spread(values).median;
}

export const cpuOf = (s: Sample): number => s.user + s.sys;
export const wallOf = (s: Sample): number => s.wall;

/** The first run warms up. */
function warm<T>(all: readonly T[]): readonly T[] {
	return all.length > 3 ? all.slice(1) : all;
}

export function figures(all: readonly Sample[]): Figures {
	const samples = warm(all);
	return {
		runs: samples.length,
		wall: spread(samples.map(wallOf)),
		cpu: spread(samples.map(cpuOf)),
		rss: Math.max(...samples.map((s) => s.rss)),
		exits: [...new Set(all.map((s) => s.exit))].filter((code) => code !== 0),
	};
}

/** The rounds that had both. */
export function pairs(
	ours: readonly Sample[],
	its: readonly Sample[],
	value: (s: Sample) => number,
): Pair[] {
	const own = new Map(ours.map((s) => [s.round, s]));
	const both = its.flatMap((s): Pair[] => {
		const mine = own.get(s.round);
		return mine ? [[round(value(mine)), round(value(s))]] : [];
	});
	return [...warm(both)];
}

/** Rounds to what is written down, so that whoever reads it finds the same ratio. */
function round(ms: number): number {
	return Number(ms.toPrecision(4));
}

/** Returns the median of the quotients, not the quotient of two medians: what disturbs a round hits both its runs. */
export function ratio(list: readonly Pair[]): number {
	return median(list.map(([ours, its]) => ours / its));
}
