import { runtimeConformance } from "../testing/conformance.ts";
import { referenceRuntime } from "./session.ts";

runtimeConformance("reference", referenceRuntime);
