// The executables of other architectures, under an emulator of their processors: each
// answers as the one for this machine does, byte for byte. The emulator has no netfilter
// sockets, so what verbs do to a table is not tried here. ARCHES names what is tried.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, test } from "vitest";
import { call, EXECUTABLE, UNSHARE } from "../cni/call.ts";
import { CLASSES, good, type InputClass, VERBS } from "../cni/inputs.ts";
import { type Ran, run } from "../support/exec.ts";
import { MACHINES, readElf } from "./elf.ts";
import { EMULATORS, OTHER_ARCHES } from "./emulators.ts";

const BIG_ENDIAN: readonly string[] = ["s390x"];
const WORDS_OF_32: readonly string[] = ["armv7"];

const LARGEST = 2_500_000;

const dataDir = mkdtempSync(`${tmpdir()}/cf-arches-`);
afterAll(() => rmSync(dataDir, { recursive: true }));

/** What a caller sees. The log is left out: it has times, and what the emulator cannot do. */
const seen = ({ code, signal, stdout }: Ran) => ({ code, signal, stdout });

describe.each(OTHER_ARCHES)("%s", (arch) => {
	const file = `${process.cwd()}/build/out/arch/${arch}/conntrack-flush`;
	const argv = [...UNSHARE, ...EMULATORS[arch], file];

	test("is one static file for its processor", () => {
		expect(readElf(readFileSync(file))).toEqual({
			bits: WORDS_OF_32.includes(arch) ? 32 : 64,
			bigEndian: BIG_ENDIAN.includes(arch),
			machine: MACHINES[arch],
			isStatic: true,
		});
	});

	test("is small", () => {
		const size = readFileSync(file).length;
		expect(size).toBeGreaterThan(1_000_000);
		expect(size).toBeLessThanOrEqual(LARGEST);
	});

	const asHere = async (verb: string, input: InputClass): Promise<void> => {
		const conf = good("1.1.0", dataDir);
		const stdin = input.stdin ?? JSON.stringify(input.conf?.(conf) ?? conf);
		const env = input.env ? { env: input.env } : {};
		const there = seen(await call(verb, stdin, { argv, ...env }));
		expect(there).toEqual(seen(await call(verb, stdin, env)));
		expect(there.signal).toBe(null);
	};

	test.each(VERBS)("%s, as it should be", (verb) =>
		asHere(verb, { name: verb }),
	);
	test.each(CLASSES)("ADD: $name", (input) => asHere("ADD", input));
	test.each(CLASSES)("DEL: $name", (input) => asHere("DEL", input));

	test.each([
		["--version"],
		["man"],
		["help"],
		["help list"],
		["completion bash"],
		["no-such-command"],
		["list --no-such-flag"],
		["list --host-port 70000"],
	])("%s", async (words) => {
		const args = words.split(" ");
		const there = await run([...argv, ...args]);
		const here = await run([...UNSHARE, EXECUTABLE, ...args]);
		expect({ ...seen(there), stderr: there.stderr }).toEqual({
			...seen(here),
			stderr: here.stderr,
		});
		expect(there.stdout + there.stderr).not.toBe("");
	});
});
