/** Pages that lend functions to a test: how they are built, and called. */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import * as errors from "../../src/core/errors.ts";
import { repository } from "./chromium.ts";

/** Builds a page of `pages/` and returns its folder. */
export async function buildLentPage(name: string): Promise<string> {
  const folder = join(repository, "dist", "test-pages", name);
  await build({
    configFile: false,
    root: join(repository, "test", "browser", "pages", name),
    base: "./",
    logLevel: "warn",
    resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
    build: { outDir: folder, emptyOutDir: true, target: "es2023", chunkSizeWarningLimit: 4000 },
  });
  return folder;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of functions of any kind
type Table = Record<string, (...given: any[]) => unknown>;

/** Calls one of the functions that a page has put under `lent`. */
export type Call<Lent extends Table> = <K extends keyof Lent & string>(
  name: K,
  ...given: Parameters<Lent[K]>
) => Promise<Awaited<ReturnType<Lent[K]>>>;

/** Waits until a page lends, and returns how it is called. Errors come over as langevin's, by their messages at least. */
export async function borrow<Lent extends Table>(page: Page): Promise<Call<Lent>> {
  await page.waitForFunction(() => "lent" in globalThis);
  return async (name, ...given) => {
    const outcome = await page.evaluate(
      async ({ name, given }) => {
        const { lent } = globalThis as unknown as { lent: Record<string, (...given: unknown[]) => unknown> };
        try {
          return { value: await lent[name](...given) };
        } catch (error) {
          const failure = error as Error;
          return { kind: failure.constructor.name, message: failure.message };
        }
      },
      { name, given: given as unknown[] },
    );
    if ("message" in outcome && outcome.message !== undefined) throw asError(outcome.kind, outcome.message);
    return (outcome as { value: never }).value;
  };
}

/** An error of the page as the same class here. Names of classes are shortened in the built page: any error will do then. */
function asError(kind: string, message: string): Error {
  const known = (errors as unknown as Record<string, new (message: string) => Error>)[kind];
  return known ? new known(message) : new Error(message);
}
