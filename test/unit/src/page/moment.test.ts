// Moments in UTC.

import { expect, test } from "vitest";
import { clockTime, moment } from "../../../../src/page/moment.ts";

const MS = Date.UTC(2026, 10, 30, 9, 5, 7);

test("a moment has its day", () =>
	expect(moment(MS).html).toBe(
		'<time datetime="2026-11-30T09:05:07.000Z">2026-11-30 09:05:07 UTC</time>',
	));

test("a time of the day has hours and minutes", () =>
	expect(clockTime(MS).html).toBe(
		'<time datetime="2026-11-30T09:05:07.000Z">09:05</time>',
	));
