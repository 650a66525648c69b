// The document of frontends and endpoints (frontends.schema.json): it is checked, and
// read as claims. What the claims mean for the table is in services.ts.

import type { ErrorObject } from "ajv";
import { jsonOf } from "../log.ts";
import { parseEndpoint } from "../net/endpoint.ts";
import {
	AF_INET,
	AF_INET6,
	type Family,
	familyOf,
	type IP,
	parseIP,
} from "../net/ip.ts";
import { IPPROTO_UDP, protocolOf } from "../net/proto.ts";
import { isObject } from "../objects.ts";
import { type Claim, mergeClaims, ROW } from "./services.ts";

/** One port of a Service, as frontends.schema.json describes it. */
interface Frontend {
	readonly name?: string;
	readonly protocol?: string;
	readonly ips?: readonly string[];
	readonly port?: number | string;
	readonly nodePort?: number | string;
	readonly endpoints: readonly string[];
}

/** Thrown for a document that frontends.schema.json does not allow. The message names key and value. */
export class DocumentError extends Error {
	override readonly name = "DocumentError";
}

/** Returns the claims of a document, each destination once. Throws DocumentError. */
export async function readFrontends(text: string): Promise<Claim[]> {
	const { validate } = await import("../../build/gen/frontends.validate.js");
	let document: unknown;
	try {
		document = JSON.parse(text);
	} catch (e) {
		throw new DocumentError(`not JSON: ${(e as Error).message}`);
	}
	if (isObject(document) && document.kind === "List")
		throw new DocumentError("a List of kubectl's is for --services");
	if (!validate(document)) throw errorOf(document, validate.errors ?? []);
	// the schema has just vouched for it
	const { frontends } = document as { frontends: readonly Frontend[] };
	return mergeClaims(frontends.flatMap(claimsOf));
}

function claimsOf(f: Frontend, nth: number): Claim[] {
	const where = `frontends.${nth}`;
	const ports = readPorts(f.port, `${where}.port`);
	const nodePorts = readPorts(f.nodePort, `${where}.nodePort`);
	const lengths = [ports, nodePorts].filter((p) => p !== undefined);
	const endpoints = new Map<IP, number[]>();
	for (const [i, text] of f.endpoints.entries()) {
		const at = `${where}.endpoints.${i}`;
		const { ip, port, count } = readEndpoint(text, at);
		if (count !== undefined && lengths.some((p) => p.count !== count))
			throw invalid(at, text, "must have as many ports as the frontend");
		const known = endpoints.get(ip) ?? [];
		endpoints.set(ip, [...known, count === undefined ? port : port + ROW]);
	}
	const proto = protocolOf(f.protocol ?? "udp") ?? IPPROTO_UDP;
	const common = { proto, name: f.name, endpoints };
	const ips = (f.ips ?? []).map((text, i) => {
		const ip = parseIP(text);
		if (ip !== undefined) return ip;
		throw invalid(`${where}.ips.${i}`, text, "must be an IP address");
	});
	const claims: Claim[] = [];
	if (ports)
		for (const ip of ips)
			claims.push({ ...common, ...ports, family: familyOf(ip), ip });
	if (nodePorts)
		for (const family of familiesOf(ips, [...endpoints.keys()]))
			claims.push({ ...common, ...nodePorts, family, ip: null });
	return claims;
}

/** Returns the families of a nodePort: those of the addresses, else those of the endpoints, else both. */
function familiesOf(ips: readonly IP[], endpoints: readonly IP[]): Family[] {
	const told = ips.length > 0 ? ips : endpoints;
	return [AF_INET, AF_INET6].filter(
		(family) => told.length === 0 || told.some((ip) => familyOf(ip) === family),
	) as Family[];
}

/** One port, or a row of two or more. */
interface Ports {
	readonly port: number;
	readonly count?: number;
}

function readEndpoint(
	text: string,
	where: string,
): Ports & { readonly ip: IP } {
	const [, first = text, last] = /^(.*:\d+)-(\d{1,5})$/.exec(text) ?? [];
	const endpoint = parseEndpoint(first);
	const ports = endpoint && portsFrom(endpoint.port, last);
	// this document has never taken [::], the unspecified address
	if (!endpoint || !ports || text.startsWith("[::]"))
		throw invalid(
			where,
			text,
			"must be ADDRESS:PORT or [ADDRESS]:PORT, or have FROM-TO for PORT",
		);
	return { ip: endpoint.ip, ...ports };
}

function readPorts(
	value: number | string | undefined,
	where: string,
): Ports | undefined {
	if (value === undefined) return undefined;
	const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(String(value)) ?? [];
	const ports =
		typeof value === "number"
			? { port: value }
			: portsFrom(Number(first), last ?? "0");
	if (ports) return ports;
	throw invalid(where, value, 'must be a port, or "FROM-TO"');
}

/** Returns the ports from `first` to `last`, which is a larger one if it is given, or undefined. */
function portsFrom(first: number, last: string | undefined): Ports | undefined {
	if (last === undefined) return { port: first };
	const count = Number(last) - first + 1;
	return first >= 1 && count > 1 && Number(last) <= 65535
		? { port: first, count }
		: undefined;
}

/** Returns what the validator found wrong first, with the path as people write it. */
function errorOf(
	document: unknown,
	errors: readonly Pick<
		ErrorObject,
		"instancePath" | "keyword" | "params" | "message"
	>[],
): DocumentError {
	const [first] = errors;
	const neither = errors.find(({ keyword }) => keyword === "anyOf");
	const error = neither ?? first;
	const path = (error?.instancePath ?? "").split("/").slice(1);
	const key: unknown =
		error?.params.additionalProperty ?? error?.params.missingProperty;
	if (typeof key === "string") path.push(key);
	let value = document;
	for (const step of path)
		value = (value as Record<string, unknown> | undefined)?.[step];
	const where = path.join(".");
	switch (error?.keyword) {
		case "required":
		case "dependencies":
			return new DocumentError(`missing ${where}`);
		case "anyOf":
			return new DocumentError(`missing ${where}.ips or ${where}.nodePort`);
		case "additionalProperties":
			return new DocumentError(`unknown key: ${where}`);
		case "minItems":
			return new DocumentError(`${where} is empty`);
		default:
			return invalid(where || "document", value, error?.message ?? "");
	}
}

function invalid(where: string, value: unknown, must: string): DocumentError {
	return new DocumentError(`invalid ${where}: ${jsonOf(value, 80)} (${must})`);
}
