// The context of a CNI call: its records' directory, and a log that names the attachment.

import { expect, test } from "vitest";
import { readConf } from "../../../../plugin/cni/conf.ts";
import { contextOf } from "../../../../plugin/cni/context.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const ARGS = {
	containerID: "4f2e",
	ifname: "eth0",
	args: "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod",
};

async function context(members: object = {}, args = ARGS, event = "DEL") {
	const host = fakeHost({ directories: ["/var/log"] });
	const conf = await readConf(event, { name: "net", ...members }, "");
	return { ...contextOf(event, host, args, conf), host };
}

test.each<[string, typeof ARGS, string]>([
	[
		"the verb, the network, the container and the pod",
		ARGS,
		" container=4f2e pod=ns/pod",
	],
	[
		"no pod if the runtime names none",
		{ ...ARGS, args: "" },
		" container=4f2e",
	],
	[
		"no container if the call is about none, as GC",
		{ containerID: "", ifname: "", args: "" },
		"",
	],
])("a line of the log names %s", async (_, args, want) => {
	const { host, log } = await context({}, args);
	log("info", "done", { n: 1 });
	expect(host.written(2)).toBe(
		`level=info msg=done event=DEL network=net${want} n=1\n`,
	);
});

test("the directory of records and the level are the configuration's", async () => {
	const { host, dataDir, event, log } = await context(
		{ dataDir: "/run/x", logLevel: "warn" },
		ARGS,
		"ADD",
	);
	log("info", "quiet", {});
	expect([dataDir, event, host.written(2)]).toEqual(["/run/x", "ADD", ""]);
});

test("the time of the verb begins with its context", async () => {
	const { host, begun } = await context();
	expect(begun).toBe(host.ticks());
});

test("a log file gets the lines in place of standard error", async () => {
	const { host, log } = await context({ logFile: "/var/log/x.log" });
	log("warn", "told", {});
	expect(host.files.get("/var/log/x.log")).toMatch(
		/^time=\S+Z level=warn msg=told /,
	);
	expect(host.written(2)).toBe("");
});

test("a log that is to be JSON is", async () => {
	const { host, log } = await context({ logFormat: "json" });
	log("warn", "told", {});
	expect(JSON.parse(host.written(2))).toMatchObject({
		level: "warn",
		msg: "told",
		event: "DEL",
	});
});
