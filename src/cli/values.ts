// The kinds of values that flags take: how each is read, and the error for a wrong one. It
// knows no command.

import { DATA_DIR } from "../defaults.ts";
import { CACHE_DIR } from "../libcni/cache.ts";
import { AF_INET, AF_INET6, type Family, type IP, parseIP } from "../net/ip.ts";
import { PROTOCOLS, type Proto } from "../net/proto.ts";
import {
	type PortSpan,
	parseRegion,
	parseSpan,
	type Region,
	withoutHostBits,
} from "../net/region.ts";
import type { RuleScope } from "../policy/published.ts";
import type { Option } from "./command.ts";
import { nearest, UsageError } from "./usage.ts";

type Kind<T> = Pick<Option<T>, "value" | "parse" | "choices">;

function wrong(flag: string, text: string, what: string): UsageError {
	return new UsageError(`${flag}: not ${what}: ${text}`);
}

export function text(value: string): Kind<string> {
	return { value, parse: (t) => t };
}

/** Returns the kind of value that is one of `words`; its value is what the word stands for. */
export function choice<T>(
	value: string,
	words: Readonly<Record<string, T>>,
): Kind<T> {
	const choices = Object.keys(words);
	return {
		value,
		choices,
		parse(t, flag) {
			const key = choices.find((c) => c === t.toLowerCase());
			if (key === undefined)
				throw new UsageError(
					`${flag}: not one of ${choices.join(", ")}: ${t}`,
					nearest(t, choices),
				);
			return words[key] as T;
		},
	};
}

/** Returns the kind of value that is one of `words`, each of which stands for itself. */
export function oneOf<T extends string>(
	value: string,
	words: readonly T[],
): Kind<T> {
	return choice(
		value,
		Object.fromEntries(words.map((word) => [word, word])) as Record<T, T>,
	);
}

/** An absolute path of a directory. Slashes at its end are cut, so that the root is the empty text. */
export const DIR: Kind<string> = {
	value: "DIR",
	parse(t, flag) {
		if (!t.startsWith("/")) throw wrong(flag, t, "an absolute path");
		return t.replace(/\/+$/, "");
	},
};

export const DATA_DIR_FLAG = {
	...DIR,
	fallback: DATA_DIR,
	help: "the directory of the plugin's records",
} as const;

export const CACHE_DIR_FLAG = {
	...DIR,
	fallback: CACHE_DIR,
	help: "the directory of libcni's cache of running pods",
} as const;

/** Whose rules decide; without a value, those of programs that publish ports. */
export const RULES = {
	...oneOf<RuleScope>("SCOPE", ["engines", "all"]),
	bare: "engines",
} as const;

export const PORT: Kind<number> = number("PORT", 1, 65535, "a port");

/** Ports: `8125`, `8000-8010`, `8125,9125`. */
export const PORTS: Kind<readonly PortSpan[]> = {
	value: "PORTS",
	parse: (t, flag) =>
		t.split(",").map((part) => {
			const span = parseSpan(part);
			if (span !== undefined) return span;
			const isRange = /\d-/.test(part);
			throw wrong(flag, part, isRange ? "a range of ports" : "a port");
		}),
};

/** An address or a prefix, ports, or both. */
export const PLACE: Kind<Region> = {
	value: "PLACE",
	parse(t, flag) {
		const region = parseRegion(t);
		if (region !== undefined) return region;
		const whole = withoutHostBits(t);
		if (whole !== undefined)
			throw new UsageError(
				`${flag}: neither an address nor a prefix, which would be ${whole}: ${t}`,
			);
		throw wrong(
			flag,
			t,
			"an address, a prefix or ports (10.88.0.2, 10.88.0.0/16, :53, 10.88.0.2:53, [fd00::2]:53)",
		);
	},
};

export const ADDRESS: Kind<IP> = {
	value: "IP",
	parse(t, flag) {
		const ip = parseIP(t);
		if (ip === undefined) throw wrong(flag, t, "an IP address");
		return ip;
	},
};

export const PROTO: Kind<Proto> = choice<Proto>("PROTO", PROTOCOLS);

export const FAMILY: Kind<Family> = choice<Family>("FAMILY", {
	ipv4: AF_INET,
	ipv6: AF_INET6,
});

/** Returns the kind of value that is a decimal integer from `least` to `most`. */
export function number(
	value: string,
	least: number,
	most: number,
	what = `a number from ${least} to ${most}`,
): Kind<number> {
	return {
		value,
		parse(t, flag) {
			const n = /^\d{1,15}$/.test(t) ? Number(t) : Number.NaN;
			if (!(n >= least && n <= most)) throw wrong(flag, t, what);
			return n;
		},
	};
}

const UNITS: Readonly<Record<string, number>> = {
	ns: 1e-6,
	us: 1e-3,
	// Go reads both letters, U+00B5 and U+03BC
	µs: 1e-3,
	μs: 1e-3,
	ms: 1,
	s: 1000,
	m: 60_000,
	h: 3_600_000,
};

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Returns the kind of value that Go's time.ParseDuration reads, such as `1m30s`, `0.5s` or `.5s`, of at least `least`. Its value is in ms. */
export function duration(least: string): Kind<number> {
	return {
		value: "DURATION",
		parse(t, flag) {
			const ms = milliseconds(t);
			if (ms === undefined)
				throw new UsageError(
					`${flag}: not a duration such as 500ms or 1m30s: ${t}`,
					/^\d+$/.test(t) ? `${t}s` : undefined,
				);
			if (ms < (milliseconds(least) ?? 0))
				throw new UsageError(`${flag}: shorter than ${least}: ${t}`);
			return ms;
		},
	};
}

function milliseconds(text: string): number | undefined {
	const unsigned = text.replace(/^\+/, "");
	if (unsigned === "0") return 0;
	const parts = unsigned.match(PART) ?? [];
	if (parts.length === 0 || parts.join("") !== unsigned) return undefined;
	return parts.reduce((ms, part) => {
		const unit = part.replace(/[\d.]+/, "");
		return ms + Number.parseFloat(part) * (UNITS[unit] ?? 0);
	}, 0);
}

/** A duration of any length. */
export const DURATION = duration("0");
/** The pause between two looks at the table. Without one, reading it would cost a whole CPU. */
export const INTERVAL = duration("100ms");

/** The format of what a command says once, at its end. */
export const TEXT_OR_JSON = {
	...oneOf("FORMAT", ["text", "json"]),
	short: "o",
	fallback: "text",
	help: "the output format",
} as const;
