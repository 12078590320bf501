/**
 * What the commands need to show the studio: its built page, and a browser that opens it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileAccessError } from "../core/errors.ts";

/**
 * The folder of the built studio: `dist/studio` of the package, or of the repository, where it is built first when it is older than its
 * sources. Raises a FileAccessError when it cannot be built.
 */
export async function studioRoot(note: (text: string) => void): Promise<string> {
  const sources = import.meta.url.endsWith(".ts");
  const root = fileURLToPath(new URL(sources ? "../../dist/studio" : "../studio", import.meta.url));
  const repository = fileURLToPath(new URL("../..", import.meta.url));
  const built = statSync(join(root, "index.html"), { throwIfNoEntry: false })?.mtimeMs;
  if (built !== undefined && (!sources || built > lastChange(repository))) return root;
  const vite = sources ? viteOf(repository) : undefined;
  if (vite === undefined) {
    if (built !== undefined) {
      note("this studio is older than its sources, and Vite is not installed: npm install && npm run studio:build");
      return root;
    }
    throw new FileAccessError(
      `the studio is not built: ${root} is missing; in the repository: npm install && npm run studio:build; in a project, ` +
        "install langevin again",
    );
  }
  note("building the studio from its sources");
  await build(repository, vite);
  return root;
}

/** When a source of the page was last written to, ms since 1970. */
export function lastChange(repository: string): number {
  const folders = ["src", "studio"].map((name) => join(repository, name));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && !entry.parentPath.includes("node_modules") && !entry.name.includes(".test."),
    ),
  );
  return Math.max(...files.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs));
}

/** The program of Vite; undefined where it is not installed. */
function viteOf(repository: string): string | undefined {
  try {
    const manifest = createRequire(join(repository, "studio", "index.js")).resolve("vite/package.json");
    return join(dirname(manifest), "bin", "vite.js");
  } catch {
    return undefined;
  }
}

async function build(repository: string, vite: string): Promise<void> {
  // Its words go to standard error, since standard output holds the result of the command.
  const args = [vite, "build", "studio", "--logLevel", "error"];
  const child = spawn(process.execPath, args, { cwd: repository, stdio: ["ignore", 2, 2] });
  const [code] = await once(child, "close");
  if (code !== 0) throw new FileAccessError("the studio cannot be built; npm run studio:build shows why");
}

/** The command with which a system opens an address. */
export function openerOf(platform: NodeJS.Platform): [command: string, ...args: string[]] {
  if (platform === "darwin") return ["open"];
  // `start` is no program but a word of the shell; its first quoted argument would be a title.
  if (platform === "win32") return ["cmd", "/c", "start", '""'];
  return ["xdg-open"];
}

/** Opens an address in the user's browser. False where there is no opener, as on a machine without a screen. */
export async function openBrowser(
  url: string,
  start: (command: string, args: string[]) => ChildProcess = (command, args) =>
    spawn(command, args, { stdio: "ignore", detached: true, windowsVerbatimArguments: true }),
): Promise<boolean> {
  const [command, ...args] = openerOf(process.platform);
  const child = start(command, [...args, url]);
  try {
    await once(child, "spawn"); // an error event rejects
    child.on("error", () => {});
    child.unref();
    return true;
  } catch {
    return false;
  }
}
