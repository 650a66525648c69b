// The sample for logrotate, run by logrotate itself on a log that verbs write.

import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/exec.ts";
import { temporaryDirectory } from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";

const SAMPLE = "deploy/logrotate/conntrack-flush";
const PATH = "/var/log/conntrack-flush.log";

test("the log is rotated, the next call begins a new one of the same mode, and every line is in one of them", async () => {
	const dir = temporaryDirectory("logrotate");
	const logFile = join(dir, basename(PATH));
	const sample = readFileSync(SAMPLE, "utf8");
	const config = join(dir, "logrotate.conf");
	expect(sample).toContain(`${PATH} {`);
	writeFileSync(config, sample.replace(`${PATH} {`, `${logFile} {`));
	// logrotate refuses a configuration that others may write
	chmodSync(config, 0o644);
	/** A DEL with a wrong key, which logs one line. */
	const complain = async (n: number): Promise<void> => {
		const { code, stderr } = await run([join(OUR_BIN, "conntrack-flush")], {
			input: JSON.stringify({
				cniVersion: "1.0.0",
				name: "net",
				type: "conntrack-flush",
				dataDir: dir,
				logFile,
				logFormat: "json",
				retireSeconds: `x${n}`,
			}),
			env: {
				CNI_COMMAND: "DEL",
				CNI_CONTAINERID: "c",
				CNI_IFNAME: "eth0",
				CNI_PATH: "/opt/cni/bin",
			},
		});
		expect([code, stderr]).toEqual([0, ""]);
	};
	const rotate = () =>
		run(["logrotate", "--force", "--state", join(dir, "state"), config]);
	const linesOf = (path: string): unknown[] =>
		readFileSync(path, "utf8")
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line).msg);

	await complain(1);
	await complain(2);
	expect(await rotate()).toMatchObject({ code: 0, stderr: "" });
	await complain(3);
	expect(linesOf(`${logFile}.1`)).toEqual([
		'invalid retireSeconds: "x1"',
		'invalid retireSeconds: "x2"',
	]);
	expect(linesOf(logFile)).toEqual(['invalid retireSeconds: "x3"']);
	expect(statSync(logFile).mode & 0o777).toBe(0o640);
	const { time } = JSON.parse(readFileSync(logFile, "utf8"));
	expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	expect(Math.abs(Date.now() - Date.parse(time))).toBeLessThan(60_000);
});
