/**
 * Who may import whom: imports point downwards only (docs/decisions/0001-rooms.md). A room may import itself and the
 * rooms that stand in its line below.
 */
const engine = ["core", "graph"];
const built = [...engine, "grad", "onnx", "nn", "optim"];
const rooms = {
  core: [],
  graph: ["core"],
  grad: engine,
  onnx: engine,
  nn: engine,
  optim: engine,
  runtime: [...engine, "onnx"], // not grad, not nn: it runs graphs
  diffusion: ["core"], // never a network
  models: [...built, "runtime"], // never a path
  io: ["core"],
  data: ["core", "io"],
  train: [...built, "runtime", "diffusion", "models", "data", "io"],
  metrics: [...built, "runtime", "models", "data", "io"],
  pipelines: [...built, "runtime", "diffusion", "models", "data", "io", "train", "metrics"],
  recipes: [...built, "diffusion", "models", "data", "io", "train"],
  browser: [...built, "runtime", "diffusion", "models", "data", "io", "train", "metrics", "pipelines", "recipes"],
};
const tests = "\\.test\\.ts$|/testing/";

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, below]) => ({
      name: `${room}-imports-downwards`,
      severity: "error",
      from: { path: `^src/${room}/`, pathNot: tests },
      to: { path: "^src/", pathNot: `^src/(${[room, ...below].join("|")})/` },
    })),
    {
      name: "no-cycles",
      severity: "error",
      from: { pathNot: tests },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "node-only-where-it-says-so",
      comment: "Everything else must run in a browser.",
      severity: "error",
      from: { path: "^src/", pathNot: `\\.node\\.ts$|^src/(runtime/node|cli|server)/|^src/index\\.ts$|${tests}` },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "native-packages-only-where-it-says-so",
      severity: "error",
      from: { path: "^src/", pathNot: `\\.node\\.ts$|^src/(runtime/node|cli|server)/|${tests}` },
      to: { path: "node_modules/(onnxruntime-node|sharp)/" },
    },
    {
      name: "node-files-are-not-for-browsers",
      comment: "A portable file that imports a *.node.ts file would drag Node into the browser.",
      severity: "error",
      from: { path: "^src/", pathNot: `\\.node\\.ts$|^src/(runtime/node|cli|server)/|^src/index\\.ts$|${tests}` },
      to: { path: "\\.node\\.ts$|^src/runtime/node/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
