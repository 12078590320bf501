/**
 * What the server answers with: files, JSON, and errors as `{ "error": … }` with their status.
 *
 * Every answer isolates the page from other origins (COOP, COEP, CORP): without that a browser gives it no SharedArrayBuffer, and
 * WebAssembly no threads (https://web.dev/articles/coop-coep).
 */
import { open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import type { FoundFile } from "./paths.ts";

/** Raised for a request that cannot be answered; the message goes to whoever asked. */
export class RequestError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const common = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Of each ending. `.gz` is a file that the page unpacks itself, so it has no content encoding. */
const types: Record<string, string | undefined> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".jsonl": "application/x-ndjson; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".gz": "application/gzip",
  ".png": "image/png",
  ".webp": "image/webp",
  ".gif": "image/gif",
  ".jpg": "image/jpeg",
  ".svg": "image/svg+xml",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};

export function typeOf(name: string): string {
  return types[extname(name).toLowerCase()] ?? "application/octet-stream";
}

/** A build's file whose name holds a hash of its contents never changes. */
const hashed = /(^|\/)assets\/[^/]*-[\w-]{8}\.\w+$/;

/** How long a browser may keep what stands at an address without asking. */
export function cachingOf(address: string): string {
  return hashed.test(address) ? "public, max-age=31536000, immutable" : "no-cache";
}

export function begin(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
): void {
  response.writeHead(status, { ...common, ...headers });
}

export function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): void {
  begin(response, status, { "Content-Length": bytes.length, ...headers });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

export function sendJson(request: IncomingMessage, response: ServerResponse, value: unknown, status = 200): void {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  sendBytes(request, response, status, bytes, { "Content-Type": types[".json"]!, "Cache-Control": "no-store" });
}

/**
 * A file as it is now, or 304 where the browser has it. What is appended meanwhile is left out, and a file that is replaced
 * meanwhile is still sent whole, as it was.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { path, name }: FoundFile,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const file = await open(path, "r");
  try {
    const { size, mtimeMs } = await file.stat();
    const tag = `"${size.toString(16)}-${Math.round(mtimeMs * 1000).toString(16)}"`;
    const known = { ETag: tag, "Cache-Control": "no-cache", ...headers };
    if (request.headers["if-none-match"] === tag) {
      begin(response, 304, known);
      response.end();
      return;
    }
    begin(response, 200, { "Content-Type": typeOf(name), "Content-Length": size, ...known });
    if (request.method === "HEAD" || size === 0) {
      response.end();
      return;
    }
    await pipeline(file.createReadStream({ start: 0, end: size - 1, autoClose: false }), response);
  } finally {
    await file.close();
  }
}
