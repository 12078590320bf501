import { runtimeConformance } from "../testing/conformance.ts";
import { nodeRuntime } from "./session.ts";

runtimeConformance("node cpu", () => nodeRuntime("cpu"));
