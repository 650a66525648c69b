// docs/quickstart.md shows what a node without Kubernetes prints.

import { testPage } from "./page.ts";
import { transcribeNode } from "./quickstart.ts";

testPage("docs/quickstart.md", transcribeNode);
