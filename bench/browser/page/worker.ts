/**
 * A side of the benchmark in its worker: opened once for a task, compared on the same numbers, stepped when asked.
 */
import type { NetworkFields, Task } from "../../peers/protocol.ts";
import type { Figures } from "../../peers/same-numbers.ts";

export interface Request {
  side: SideName;
  task: Task;
  network: NetworkFields;
  batch: number;
  threads: number;
}

export interface Opened {
  parameters: number;
  step(): Promise<void>;
  /** What the side makes of the numbers of `same-numbers.ts`. */
  figures(): Promise<Partial<Figures>>;
}

export type Open = (request: Request) => Promise<Opened>;

const sides = {
  langevin: async () => (await import("./langevin.ts")).openLangevin,
  "tfjs-wasm": async () => (await import("./tfjs.ts")).openTensorFlow("wasm"),
  "tfjs-webgl": async () => (await import("./tfjs.ts")).openTensorFlow("webgl"),
  "jax-js": async () => (await import("./jax.ts")).openJaxInPage,
} satisfies Record<string, () => Promise<Open>>;

export type SideName = keyof typeof sides;

export type Asked = { kind: "open"; request: Request } | { kind: "figures" } | { kind: "step"; count: number };

export type Reply =
  | { parameters: number; firstMs: number }
  | { predicted: number[]; loss?: number; gradientNorm?: number }
  | { ms: number[] }
  | { error: string };

let opened: Opened | undefined;

async function answer(asked: Asked): Promise<Reply> {
  if (asked.kind === "open") {
    const began = performance.now();
    opened = await (await sides[asked.request.side]())(asked.request);
    await opened.step();
    const { parameters } = opened;
    return { parameters, firstMs: performance.now() - began };
  }
  if (!opened) throw new Error("it was not opened");
  if (asked.kind === "figures") {
    const { predicted, loss, gradientNorm } = await opened.figures();
    return { predicted: Array.from(predicted ?? []), loss, gradientNorm };
  }
  const ms: number[] = [];
  for (let i = 0; i < asked.count; i++) {
    const began = performance.now();
    await opened.step();
    ms.push(performance.now() - began);
  }
  return { ms };
}

addEventListener("message", async ({ data }: MessageEvent<Asked>) => {
  const reply = await answer(data).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  postMessage(reply);
});
