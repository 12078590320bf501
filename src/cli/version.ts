/**
 * The version of the package, and how its command is called from where it runs.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

export const version = manifest.version;

/** What a user types: in a clone of the repository the sources run, elsewhere the installed package. */
export const command = import.meta.url.endsWith(".ts") ? "npm run langevin --" : "npx langevin";

/** A file or folder that comes with the package. */
export function shipped(name: string): string {
  return fileURLToPath(new URL(`../../assets/${name}`, import.meta.url));
}
