/**
 * The server of the studio: its page, and the run folders of this machine, to be looked at. It reads; nothing can be
 * written or started through it.
 *
 *   /…                              the page and what its engine fetches (static-files.ts)
 *   /api/runs                       the runs, newest first (runs.ts)
 *   /api/runs/<name>/files          the files of a run: [{ file, size, changed }]
 *   /api/runs/<name>/files/<file>   one of them
 *   /api/runs/<name>/events         what the run writes, as it does (run-events.ts)
 *
 * `<name>` is one segment: the slash in the name of a run inside a run is encoded. An error is `{ "error": … }`.
 *
 * It listens on this machine only, unless told otherwise. A page elsewhere that makes its own name point to this machine
 * (DNS rebinding) would be let in by the browser; its requests carry that name as their host, and are refused.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { hostname } from "node:os";
import { ConfigError, LangevinError } from "../core/errors.ts";
import { RequestError, sendFile, sendJson } from "./answer.ts";
import { segmentsOf } from "./paths.ts";
import { sendEvents } from "./run-events.ts";
import { fileOfRun, filesOfRun, folderOfRun, listRuns } from "./runs.ts";
import { StaticFiles } from "./static-files.ts";

export interface ServerOptions {
  /** The folder of the built studio. */
  root: string;
  /** A folder with run folders, or one run folder. It may be made later. Without it there are no runs. */
  runs?: string;
  /** 0 for any free one. @default 0 */
  port?: number;
  /** The address to listen on. @default "127.0.0.1", this machine only */
  host?: string;
}

export interface Server {
  /** The address of the page, with a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections; answers under way have `patience` ms to end by themselves. @default 0 */
  close(patience?: number): Promise<void>;
}

/** A port that is in use: a ConfigError that can be told from others. */
export class PortInUseError extends ConfigError {}

/**
 * Serves the studio until closed. Raises a FileAccessError when the studio is not built, a PortInUseError, and a ConfigError for a
 * port or a host that cannot be listened on.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { root, runs, port = 0, host = "127.0.0.1" } = options;
  const files = new StaticFiles(root);
  const server = createServer((request, response) => {
    answer({ files, runs, host }, request, response).catch((error) => fail(request, response, error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, host)));
    try {
      server.listen(port, host, resolve);
    } catch (error) {
      reject(listenError(error as NodeJS.ErrnoException, port, host)); // a port that is no port
    }
  });
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}/`,
    port: address.port,
    async close(patience = 0) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve())); // idle connections end at once
      const ended = setInterval(() => server.closeIdleConnections(), 20);
      const timer = setTimeout(() => server.closeAllConnections(), patience);
      await closed;
      clearInterval(ended);
      clearTimeout(timer);
    },
  };
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string): ConfigError {
  const cause = { cause: error };
  switch (error.code) {
    case "EADDRINUSE":
      return new PortInUseError(`port ${port} is in use; choose another, or 0 for any free one`, cause);
    case "EACCES":
      return new ConfigError(`port ${port} needs the rights of an administrator; choose one from 1024`, cause);
    case "ENOTFOUND":
    case "EADDRNOTAVAIL":
      return new ConfigError(`${host} is no address of this machine; 127.0.0.1 is`, cause);
    default:
      return new ConfigError(`cannot listen on ${host}, port ${port}: ${error.message}`, cause);
  }
}

interface Site {
  files: StaticFiles;
  runs?: string;
  host: string;
}

async function answer({ files, runs, host }: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  checkHost(request.headers.host ?? "", host);
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new RequestError(405, `${request.method} is not answered: the server only reads`, { Allow: "GET, HEAD" });
  }
  const segments = segmentsOf(request.url ?? "");
  if (segments[0] !== "api") return await files.send(request, response, segments);
  const [, what, name, part, ...rest] = segments;
  if (what !== "runs") throw new RequestError(404, `there is no /${segments.join("/")}`);
  if (name === undefined) return sendJson(request, response, await listRuns(runs));
  const folder = await folderOfRun(runs, name);
  if (part === "files" && rest.length === 0) return sendJson(request, response, await filesOfRun(folder));
  if (part === "files") return await sendFile(request, response, await fileOfRun(folder, rest), sandbox);
  if (part === "events" && rest.length === 0) return await sendEvents(request, response, folder);
  throw new RequestError(404, `a run has files and events; there is no /${segments.join("/")}`);
}

/** A file of a run that is opened as a page runs no script. */
const sandbox = { "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'" };

/** Raises a RequestError (403) unless the host is a number, or a name of this machine. */
function checkHost(given: string, host: string): void {
  const name = given
    .replace(/:\d+$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .toLowerCase();
  if (isIP(name) || name === "localhost" || name === host.toLowerCase()) return;
  // Other machines call this one by its name; on the loopback address there are none.
  if (!isLoopback(host) && name === hostname().toLowerCase()) return;
  throw new RequestError(403, `the studio is not at ${name || "an address without a name"}; open http://localhost`);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy(); // too late for an answer: what was cut off must not look whole
    return;
  }
  const known = error instanceof RequestError || error instanceof LangevinError;
  const message = known ? (error as Error).message : `unexpected error: ${(error as Error).message}`;
  if (error instanceof RequestError) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  }
  sendJson(request, response, { error: message }, error instanceof RequestError ? error.status : 500);
}
