// An address with a port, as people and documents write it. It resolves no names.

import { type IP, parseIP } from "./ip.ts";

export interface Endpoint {
	readonly ip: IP;
	readonly port: number;
}

/** `10.88.0.2:53`, `[fd88::2]:53` */
export function formatEndpoint(ip: IP, port: number): string {
	return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Reads ADDRESS:PORT, with an IPv6 address in brackets and a port from 1 to 65535. Returns undefined for any other text. */
export function parseEndpoint(text: string): Endpoint | undefined {
	const [, v6, v4, digits] =
		/^(?:\[([^\]]*:[^\]]*)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
	const ip = parseIP(v6 ?? v4 ?? "");
	const port = Number(digits);
	return ip !== undefined && port >= 1 && port <= 65535
		? { ip, port }
		: undefined;
}
