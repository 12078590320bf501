export { loadCheckpoint, STATE_FILE, saveCheckpoint } from "./checkpoint.node.ts";
export { exportOnnx, type LoadedModel, loadModel, ONNX_FILE, saveModel } from "./model-folder.node.ts";
export { type MpiGroup, mpiGroup, RankError } from "./mpi/group.node.ts";
export { launcherOf } from "./mpi/launcher.node.ts";
export { loadNoisyClassifier, saveNoisyClassifier } from "./noisy-classifier.node.ts";
export {
  checkFree,
  createRun,
  METRICS_FILE,
  type Metrics,
  openMetrics,
  openRun,
  RUN_FILE,
  type RunDescription,
  type RunOptions,
  readMetrics,
  readRun,
  runSchema,
} from "./runs.node.ts";
export { loadPairs, openTeacher, pairsFile, savePairs } from "./teacher.node.ts";
