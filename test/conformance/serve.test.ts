// The HTTP server of both hosts: what it answers, to whom it does not, and that
// nobody keeps others from an answer.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ended } from "../support/exec.ts";
import { check, HOSTS, outcomes, probe, said } from "./run.ts";

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	if (typeof address !== "object" || address === null) throw new Error("port");
	await new Promise((resolve) => server.close(resolve));
	return address.port;
}

async function opened(port: number, host = "127.0.0.1"): Promise<Socket> {
	const socket = connect(port, host);
	socket.on("error", () => {}); // a reset is the test's business
	await once(socket, "connect");
	return socket;
}

/** Returns what comes back until the other side closes. */
async function answerTo(
	port: number,
	request: string | readonly string[],
	host?: string,
): Promise<string> {
	const socket = await opened(port, host);
	let text = "";
	socket.on("data", (part) => (text += part));
	const closed = once(socket, "close");
	for (const part of [request].flat()) {
		socket.write(part);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	await closed;
	return text;
}

const PAGES = [
	...[
		"/metrics",
		200,
		"text/plain; version=0.0.4",
		"one 1\ntw\u00f6 2\n",
		60_000,
	],
	...["/readyz", 503, "text/plain", "not yet\n", 60_000],
	// the later one counts
	...["/readyz", 500, "text/plain", "broken\n", 60_000],
	...["/old", 200, "text/plain", "of long ago\n", 0],
];

const GET = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
const METRICS =
	/^HTTP\/1\.1 200 .*\r\ncontent-type: text\/plain; version=0\.0\.4\r\ncontent-length: 13\r\n(.*\r\n)*connection: close\r\n(.*\r\n)*\r\none 1\ntwö 2\n$/i;

describe.each(HOSTS)("%s", (host) => {
	let child: ChildProcess;
	let port: number;
	beforeAll(async () => {
		port = await freePort();
		child = probe(host, [["serve", `127.0.0.1:${port}`, ...PAGES]]);
		await said(child, "serving");
	});
	afterAll(() => {
		child.kill("SIGKILL");
	});

	test.each<[name: string, request: string | readonly string[], want: RegExp]>([
		["a page", GET, METRICS],
		["a page for HTTP/1.0", "GET /metrics HTTP/1.0\r\n\r\n", METRICS],
		["a page with a query", GET.replace("cs", "cs?name[]=up"), METRICS],
		[
			"a page by its whole address, as a proxy asks",
			GET.replace("/metrics", "http://10.0.0.1:9470/metrics?x=1"),
			METRICS,
		],
		["a request that comes byte by byte", [...GET], METRICS],
		[
			"HEAD: the length without the body",
			GET.replace("GET", "HEAD"),
			/^HTTP\/1\.1 200 (.*\r\n)+content-length: 13\r\n(.*\r\n)*\r\n$/i,
		],
		[
			"a page: for this moment, and of no type but its own",
			GET,
			/\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n/i,
		],
		[
			"a page of another status, as published last",
			"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
			/^HTTP\/1\.1 500 [\s\S]*\r\n\r\nbroken\n$/,
		],
		[
			"what is not published",
			"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n",
			/^HTTP\/1\.1 404 [\s\S]*\r\n\r\n404 Not Found\n$/,
		],
		[
			"a page that should have been published anew",
			"GET /old HTTP/1.1\r\nHost: x\r\n\r\n",
			/^HTTP\/1\.1 503 [\s\S]*\r\n\r\n503 Service Unavailable\n$/,
		],
		[
			"HEAD of what is not published",
			"HEAD /no HTTP/1.1\r\nHost: x\r\n\r\n",
			/^HTTP\/1\.1 404 [\s\S]*\r\n\r\n$/,
		],
		[
			"another method",
			"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
			/^HTTP\/1\.1 405 (.*\r\n)*allow: GET, HEAD\r\n/i,
		],
		[
			"what is not HTTP",
			"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
			/^HTTP\/1\.1 400 /,
		],
		[
			"a head that is too long",
			`${GET.slice(0, -2)}X: ${"x".repeat(5000)}\r\n\r\n`,
			/^HTTP\/1\.1 431 /,
		],
		[
			"pipelined requests: the first, and no more of the connection",
			GET.repeat(3),
			METRICS,
		],
	])("%s", async (_, request, want) => {
		expect(await answerTo(port, request)).toMatch(want);
	});

	test("more than a socket holds arrives whole", async () => {
		const text = await answerTo(port, GET.replace("metrics", "big"));
		expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe("x".repeat(4 << 20));
	});

	test("clients that say nothing or hang up do not keep others from an answer", async () => {
		const idle = await Promise.all(
			Array.from({ length: 100 }, () => opened(port)),
		);
		for (const socket of idle.slice(0, 50)) socket.destroy();
		for (const socket of idle.slice(50)) socket.write("GET /");
		expect(await answerTo(port, GET)).toMatch(METRICS);
		for (const socket of idle) socket.destroy();
	});

	test("a client that says nothing is sent away", async () => {
		const begun = performance.now();
		await answerTo(port, "GET /metrics HTTP/1.1\r\n");
		expect(performance.now() - begun).toBeLessThan(20_000);
	});

	test("on a signal it closes, and the address is free", async () => {
		const end = ended(child);
		const closed = said(child, "closed");
		child.kill("SIGTERM");
		await closed;
		const { stdout } = await end;
		expect(JSON.parse(stdout)).toEqual([{ value: "SIGTERM" }]);
		await expect(opened(port)).rejects.toThrow("ECONNREFUSED");
	});

	test("on an address of IPv6", async () => {
		const v6 = probe(host, [["serve", `[::1]:${port}`, ...PAGES]]);
		try {
			await said(v6, "serving");
			expect(await answerTo(port, GET, "::1")).toMatch(METRICS);
		} finally {
			v6.kill("SIGKILL");
		}
	});

	test("an address that is taken, is not ours, or is none", async () => {
		const got = await outcomes(host, [
			["serveTwice", `127.0.0.1:${port}`],
			["serve", `192.0.2.1:${port}`],
			["serve", "localhost:9470"],
			["serve", "127.0.0.1"],
		]);
		check(got[0], ["EADDRINUSE", "bind"]);
		check(got[1], ["EADDRNOTAVAIL", "bind"]);
		check(got[2], ["EINVAL", "bind"]);
		check(got[3], ["EINVAL", "bind"]);
	});
});

test("the executable answers while the program computes", async () => {
	const port = await freePort();
	const child = probe("native", [["serveBusy", `127.0.0.1:${port}`, 60_000]]);
	try {
		await said(child, "serving");
		expect(await answerTo(port, "GET / HTTP/1.1\r\n\r\n")).toMatch(/busy$/);
	} finally {
		child.kill("SIGKILL");
	}
});
