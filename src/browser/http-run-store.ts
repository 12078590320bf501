/** The runs of a server (`src/server`), read only. */
import { FileAccessError } from "../core/errors.ts";
import { checkFileName, type RunStore, type RunSummary } from "./run-store.ts";

/** `base`: the address of the server's list of runs, such as `http://127.0.0.1:4726/api/runs/`. */
export function httpRunStore(base: string): RunStore {
  const root = base.replace(/\/$/, "");
  const filesOf = (run: string) => `${root}/${encodeURIComponent(run)}/files`;
  const readOnly = async (): Promise<never> => {
    throw new FileAccessError("the server's runs can only be looked at: copy the run into this browser to change it");
  };
  return {
    async list() {
      return (await (await answerOf(root))?.json()) as RunSummary[];
    },
    async files(run) {
      const answer = await answerOf(filesOf(run));
      const files = ((await answer?.json()) ?? []) as { file: string }[];
      return files.map(({ file }) => file).sort();
    },
    async read(run, file) {
      checkFileName(file);
      const answer = await answerOf(`${filesOf(run)}/${file.split("/").map(encodeURIComponent).join("/")}`);
      return answer && new Uint8Array(await answer.arrayBuffer());
    },
    write: readOnly,
    append: readOnly,
    remove: readOnly,
  };
}

/** Undefined for what is not there. */
async function answerOf(address: string): Promise<Response | undefined> {
  const response = await fetch(address, { cache: "no-store" }).catch((cause: Error) => {
    throw new FileAccessError(`${address}: the server does not answer (${cause.message}); is it still running?`, {
      cause,
    });
  });
  if (response.status === 404) return undefined;
  if (response.ok) return response;
  const { error } = (await response.json().catch(() => ({}))) as { error?: string };
  throw new FileAccessError(`${address}: the server answered ${response.status}${error ? `, ${error}` : ""}`);
}
