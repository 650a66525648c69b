// Locks that other processes hold, and the word of their end.

import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ended } from "../support/exec.ts";
import { check, HOSTS, outcomes, probe, said, scratch } from "./run.ts";

describe.each(HOSTS)("%s", (host) => {
	test.each(HOSTS)("a lock that %s holds is waited for", async (holder) => {
		const file = `${scratch()}/lock`;
		const child = probe(holder, [["hold", file, 2000]]);
		const end = ended(child);
		await said(child, "held");
		const [late, then] = await outcomes(host, [
			["flockTimeout", file, 100],
			["flock", file, 5000],
		]);
		expect(late).toEqual({
			value: { code: "EAGAIN", ms: expect.any(Number) },
		});
		check(then, { value: null });
		await end;
	});

	test("a lock that is held: EAGAIN", async () => {
		const file = `${scratch()}/lock`;
		const child = probe("native", [["hold", file, 3000]]);
		await said(child, "held");
		const [now, soon] = await outcomes(host, [
			["flock", file, 0],
			["flock", file, 50],
		]);
		check(now, ["EAGAIN", "flock", file]);
		check(soon, ["EAGAIN", "flock", file]);
		child.kill("SIGKILL");
		// The lock of a process that was killed is free.
		const [after] = await outcomes(host, [["flock", file, 1000]]);
		check(after, { value: null });
	});

	test("a lock that is made as a FIFO is one, for root alone; a file stays what it is", async () => {
		const dir = scratch();
		writeFileSync(`${dir}/file`, "text");
		const calls = ["made", "file"].map(
			(name) => ["flock", `${dir}/${name}`, 0, "fifo"] as const,
		);
		// it is there the second time
		for (const found of await outcomes(host, [...calls, ...calls]))
			check(found, { value: null });
		const { mode } = lstatSync(`${dir}/made`);
		expect(mode.toString(8)).toBe("10600");
		expect(lstatSync(`${dir}/file`).size).toBe(4);
	});

	describe.each(HOSTS)("the end of a lock that %s holds", (holder) => {
		test("is told at once, if it is released", async () => {
			const file = `${scratch()}/lock`;
			const child = probe(holder, [["hold", file, 1500, "fifo"]]);
			const end = ended(child);
			await said(child, "held");
			const [early, late] = await outcomes(host, [
				["watchLock", file, 50],
				["watchLock", file, 20_000],
			]);
			expect(early).toMatchObject({ value: { isTold: false } });
			expect(late).toMatchObject({ value: { isTold: true } });
			await end;
		});

		test("and if its process is killed", async () => {
			const file = `${scratch()}/lock`;
			const child = probe(holder, [["hold", file, 20_000, "fifo"]]);
			await said(child, "held");
			const told = outcomes(host, [["watchLock", file, 20_000]]);
			setTimeout(() => child.kill("SIGKILL"), 700);
			expect(await told).toMatchObject([{ value: { isTold: true } }]);
		});
	});

	test("nobody has it: that is told at once", async () => {
		const file = `${scratch()}/lock`;
		const [, told] = await outcomes(host, [
			["flock", file, 0, "fifo"],
			["watchLock", file, 20_000],
		]);
		expect(told).toMatchObject({ value: { isTold: true } });
	});

	test("what is no FIFO is not watched", async () => {
		const dir = scratch();
		writeFileSync(`${dir}/file`, "");
		mkdirSync(`${dir}/dir`);
		symlinkSync("file", `${dir}/link`);
		const codes = {
			file: "EINVAL",
			dir: "EINVAL",
			link: "ELOOP",
			none: "ENOENT",
		};
		const found = await outcomes(
			host,
			Object.keys(codes).map((name) => ["watchLock", `${dir}/${name}`, 0]),
		);
		for (const [i, [name, code]] of Object.entries(codes).entries())
			check(found[i], [code, "open", `${dir}/${name}`]);
	});
});
