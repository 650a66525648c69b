// The HTTP server, built on Node's own. It answers only while the program awaits
// something.

import { once } from "node:events";
import { createServer, STATUS_CODES } from "node:http";
import type { HttpServer } from "../../../src/host.ts";
import { call, E, sysError } from "./errors.ts";

/** The limits of plugin/host/native/src/http.rs. */
const MAX_HEAD = 4096;
const TIMEOUT_MS = 5000;

interface Page {
	readonly status: number;
	readonly type: string;
	readonly body: string;
	readonly validUntil: number;
}

/** What every answer says, as in plugin/host/native/src/http.rs: a page is of its moment, and nothing but its type. */
const ALWAYS = {
	"Cache-Control": "no-store",
	"X-Content-Type-Options": "nosniff",
};

const NOT_FOUND = plain(404);
const NOT_ALLOWED = plain(405);
const UNAVAILABLE = plain(503);

export async function serve(address: string): Promise<HttpServer> {
	const [, v6, v4, port] =
		/^(?:\[([\da-f:.]+)\]|([\d.]+)):(\d{1,5})$/.exec(address) ?? [];
	const host = v6 ?? v4;
	if (host === undefined) throw sysError("bind", E.EINVAL);

	const pages = new Map<string, Page>();
	const server = createServer(
		{
			maxHeaderSize: MAX_HEAD,
			requestTimeout: TIMEOUT_MS,
			headersTimeout: TIMEOUT_MS,
			connectionsCheckingInterval: 1000,
		},
		({ method, url = "" }, response) => {
			const isRead = method === "GET" || method === "HEAD";
			// origin form or, as a proxy gets it, absolute form (RFC 9112, section 3.2)
			const path = url.replace(/^[a-z]+:\/\/[^/]*/, "").replace(/\?.*/, "");
			const found = pages.get(path) ?? NOT_FOUND;
			const isValid = found.validUntil >= performance.now();
			const page = !isRead ? NOT_ALLOWED : isValid ? found : UNAVAILABLE;
			response.writeHead(page.status, {
				"Content-Type": page.type,
				"Content-Length": Buffer.byteLength(page.body),
				...ALWAYS,
				Connection: "close",
				...(!isRead && { Allow: "GET, HEAD" }),
			});
			response.end(method === "HEAD" ? "" : page.body);
		},
	);
	const listening = once(server.listen(Number(port), host), "listening");
	await listening.catch((e) =>
		call("bind", undefined, () => {
			throw e;
		}),
	);
	// the server keeps no finished program running, as in the native host
	server.unref();
	return {
		publish(path, status, type, body, validMs) {
			const validUntil = performance.now() + validMs;
			pages.set(path, { status, type, body, validUntil });
		},
		close() {
			server.close();
			server.closeAllConnections();
		},
	};
}

function plain(status: number): Page {
	const body = `${status} ${STATUS_CODES[status]}\n`;
	return { status, type: "text/plain", body, validUntil: Infinity };
}
