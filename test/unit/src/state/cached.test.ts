// The attachments in libcni's cache whose pods are not gone.

import { expect, test } from "vitest";
import { cachedAttachments } from "../../../../src/state/cached.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached, CACHE, cachedFile } from "../../../support/unit/world.ts";

const inNamespace = (name: string): Record<string, string> =>
	cachedFile({
		...attached(name, mapping("IPv4", "udp")),
		netns: `/run/netns/${name}`,
	});

test("cached attachments are those whose namespaces are not gone", () => {
	const host = fakeHost({
		files: { ...inNamespace("p"), ...inNamespace("q") },
	});
	const ids = (dir: string): string =>
		cachedAttachments(host, dir)
			.map((a) => a.containerID)
			.join(" ");
	expect(ids(CACHE)).toBe("p q");
	host.mkdir("/run/netns", 0o755);
	host.writeFile("/run/netns/q", "", 0o444);
	expect(ids(CACHE)).toBe("q");
	expect(ids("/elsewhere")).toBe("");
});
