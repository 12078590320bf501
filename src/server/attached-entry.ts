/**
 * The thread of `attachStudio`.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { AttachedReply } from "./attached.ts";
import { startStudio } from "./ports.ts";

/** Time for those who watch to be told the end of the run, ms. */
const FAREWELL = 2000;

const training = parentPort!;
const reply = (message: AttachedReply) => training.postMessage(message);

try {
  const server = await startStudio(workerData);
  training.once("message", async () => {
    await server.close(FAREWELL);
    training.close();
  });
  reply({ url: server.url });
} catch (error) {
  reply({ error: (error as Error).message });
}
