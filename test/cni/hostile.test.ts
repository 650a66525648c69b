// Hostile documents and hostile surroundings: one answer, no signal, no hang, and
// no more memory than the documents themselves ask for.

import {
	closeSync,
	existsSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must, type Ran } from "../support/exec.ts";
import { call, ENV, EXECUTABLE, outcome, UNSHARE } from "./call.ts";
import { good, HOSTILE, type Make, UNUSUAL, VERBS } from "./inputs.ts";

const dir = mkdtempSync(`${tmpdir()}/cf-hostile-`);
afterAll(() => rmSync(dir, { recursive: true }));
const dataDir = `${dir}/state`;
const GOOD = JSON.stringify(good("1.1.0", dataDir));
const MB = 1024;
const WITH_PATH = { ...ENV, PATH: process.env.PATH };

/** Returns the peak RSS in kB, as wait4() reports it, of a call for each file, which is its stdin. */
async function peaks(
	verb: string,
	files: readonly string[],
): Promise<number[]> {
	const script = `
import os, sys
executable, *files = sys.argv[1:]
for file in files:
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(file, os.O_RDONLY), 0)
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1)
        os.execv(executable, [executable])
    print(os.wait4(pid, 0)[2].ru_maxrss)`;
	const argv = [...UNSHARE, "python3", "-c", script, EXECUTABLE, ...files];
	const env = { CNI_COMMAND: verb, ...WITH_PATH };
	const said = await must(argv, { env, timeoutMs: 100_000 });
	return said.trim().split("\n").map(Number);
}

describe.each(VERBS)("%s", (verb) => {
	const wants = HOSTILE.map(
		([name, make, code, ofVersion]): [string, Make, string] => [
			...([name, make] as const),
			verb === "VERSION" ? (ofVersion ?? code) : code,
		],
	);
	test.each(wants)("refuses %s", async (_, make, want) => {
		expect(outcome(verb, await call(verb, make(GOOD)))).toBe(want);
	});

	test.each(UNUSUAL)("takes %s", async (_, make) => {
		expect(outcome(verb, await call(verb, make(GOOD)))).toBe("ok");
	});

	describe("takes at most 64 MB for", () => {
		const all = [...HOSTILE, ...UNUSUAL].map(([name, make], i) => ({
			...{ name, make },
			file: `${dir}/stdin-${i}`,
		}));
		let found: number[] = [];
		beforeAll(async () => {
			for (const { file, make } of all) writeFileSync(file, make(GOOD));
			found = await peaks(
				verb,
				all.map(({ file }) => file),
			);
		});

		test.each(all.map(({ name }, i) => [name, i] as const))("%s", (_, i) => {
			expect(found[i]).toBeGreaterThan(MB);
			expect(found[i]).toBeLessThan(64 * MB);
		});
	});

	test("input without an end is refused, in bounded memory", async () => {
		const argv = ["bash", "-c", `yes | "$@"`, "bash", ...UNSHARE, EXECUTABLE];
		const found = await call(verb, "", { env: WITH_PATH, argv });
		expect(outcome(verb, found)).toBe("5");
		const [kB] = await peaks(verb, ["/dev/zero"]);
		expect(kB).toBeLessThan(64 * MB);
	});

	test.each([
		["closed", "exec <&-"],
		["a directory", "exec </"],
		["not open for reading", `exec 0>>${dir}/written`],
	])("stdin that is %s is refused: I/O", async (_, script) => {
		const argv = ["bash", "-c", `${script}; exec "$@"`, "bash", EXECUTABLE];
		const found = await call(verb, "", { env: WITH_PATH, argv });
		expect(outcome(verb, found)).toBe("5");
	});
});

/** The node's address, and two entries of its port: one leads to a pod that is gone, one to ours. */
const TABLE = `
ip link set lo up && ip address add 203.0.113.1/32 dev lo
insert() {
	conntrack -I -p udp -s 192.0.2.7 -d 203.0.113.1 --sport $1 --dport 8125 \
		-r $2 -q 192.0.2.7 --reply-port-src 53 --reply-port-dst $1 -t 600
}
{ insert 1001 10.88.0.9 && insert 1002 10.88.0.2; } >/dev/null 2>&1 || exit 99
nft 'table ip cni_hostport {
	chain prerouting { type nat hook prerouting priority -100; fib daddr type local udp dport 8125 dnat to 10.88.0.2:53; }
}' || exit 99`;

interface Met {
	readonly answer: Ran;
	/** Source ports of the entries that are left. */
	readonly left: readonly string[];
}

/** The verb in a namespace with a table, by a script that has it as "$@". */
async function meet(verb: string, script: string): Promise<Met> {
	const { on, stdin } = {
		on: verb === "DEL" ? "del" : "both",
		stdin: `${dir}/${verb}.json`,
	};
	writeFileSync(stdin, GOOD.replace("{", `{"on":"${on}","strictCheck":true,`));
	rmSync(dataDir, { recursive: true, force: true });
	const after = `${dir}/after`;
	const whole = `${TABLE}
( ${script} ) <${stdin}
code=$?
conntrack -L 2>/dev/null >${after}
exit $code`;
	const argv = [...UNSHARE, "bash", "-c", whole, "bash", EXECUTABLE];
	const answer = await call(verb, "", { env: WITH_PATH, argv });
	const left = [...readFileSync(after, "utf8").matchAll(/ sport=(100\d) /g)];
	return { answer, left: left.map(([, sport = ""]) => sport).sort() };
}

const STALE = "1001";
const OWN = "1002";
/** The answer of each verb to this table, and the entries that it leaves. */
const WANT: Readonly<Record<(typeof VERBS)[number], [string, string[]]>> = {
	ADD: ["ok", [OWN]],
	DEL: ["ok", [STALE]],
	CHECK: ["100", [STALE, OWN]],
	GC: ["ok", [STALE, OWN]],
	STATUS: ["ok", [STALE, OWN]],
	VERSION: ["ok", [STALE, OWN]],
};

describe.each(VERBS)("%s in a hostile place", (verb) => {
	const expectAsAlways = ({ answer, left }: Met): void => {
		expect([outcome(verb, answer), left], answer.stderr).toEqual(WANT[verb]);
	};

	test.each([
		["nothing hostile at all", ""],
		["16 descriptors", "ulimit -n 16"],
		["a stack of 64 kB", "ulimit -s 64"],
		[
			"a directory that is gone",
			`mkdir ${dir}/gone; cd ${dir}/gone; rmdir ../gone`,
		],
		["stderr closed", "exec 2>&-"],
		["no core file, no priority", "ulimit -c 0; renice -n 19 $$ >/dev/null"],
		["files that may not grow", "ulimit -f 0"],
	])("%s", async (_, script) =>
		expectAsAlways(await meet(verb, `${script}\nexec "$@"`)),
	);

	test("an environment of CNI variables alone", async () => {
		const set = Object.entries({ CNI_COMMAND: verb, ...ENV }).map(
			([name, value]) => `${name}=${value}`,
		);
		expectAsAlways(await meet(verb, `exec env -i ${set.join(" ")} "$@"`));
	});

	test("a root that cannot be written", async () => {
		const script = `exec unshare -m sh -c 'mount -o remount,ro,bind / 2>/dev/null || mount -r --bind / /; exec "$0"' "$@"`;
		expectAsAlways(await meet(verb, script));
		expect(existsSync(dataDir)).toBe(false);
	});

	test("stdin is a pipe", async () =>
		expectAsAlways(await meet(verb, 'cat | "$@"')));

	test("stdin is a file", async () => {
		writeFileSync(`${dir}/good`, GOOD);
		const stdin = openSync(`${dir}/good`, "r");
		const found = await call(verb, "", { stdin });
		closeSync(stdin);
		expect(outcome(verb, found)).toBe("ok");
	});

	const writes = ["ADD", "CHECK", "VERSION"].includes(verb);
	test.each([
		["closed", 'exec 1>&-; exec "$@"', "EBADF"],
		["a full disk", 'exec "$@" >/dev/full', "ENOSPC"],
		[
			// the reader is gone before the writer begins
			"a pipe that nobody reads",
			`{ sleep 0.1; "$@"; echo $? >${dir}/status; } | true; exit $(cat ${dir}/status)`,
			"EPIPE",
		],
	])(
		"stdout is %s: an exit code, no signal, and word of it on stderr",
		async (_, script, code) => {
			const { answer, left } = await meet(verb, script);
			expect([answer.signal, answer.stdout]).toEqual([null, ""]);
			expect(answer.code).toBe(writes ? 1 : 0);
			expect(answer.stderr.includes(code)).toBe(writes);
			expect(left).toEqual(WANT[verb][1]);
		},
	);
});

test("50 at once, each with its own answer and its own record", async () => {
	rmSync(dataDir, { recursive: true, force: true });
	const runs = Array.from({ length: 50 }, async (_, i) => {
		const input = GOOD.replace('"10.88.0.2/16"', `"10.88.1.${i}/16"`);
		const env = { ...ENV, CNI_CONTAINERID: `c${i}` };
		const { code, stdout } = await call("ADD", input, { env });
		return [code, JSON.parse(stdout).ips[0].address];
	});
	expect(await Promise.all(runs)).toEqual(
		Array.from({ length: 50 }, (_, i) => [0, `10.88.1.${i}/16`]),
	);
	const records = readdirSync(dataDir).filter((name) => name.includes(".json"));
	expect(records.sort()).toEqual(
		Array.from({ length: 50 }, (_, i) => `mynet:c${i}:eth0.json`).sort(),
	);
});
