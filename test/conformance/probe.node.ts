// The probe in the Node host.

import { nodeHost } from "../../plugin/host/node.ts";
import { main } from "./probe.ts";

process.exitCode = await main(nodeHost(process.argv.slice(2)));
