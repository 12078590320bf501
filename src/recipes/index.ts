export * from "./change.ts";
export { type DataConfig, type DataName, type DataOptions, dataSchemas, parseData } from "./data.ts";
export * from "./recipe.ts";
export * from "./registry.ts";
