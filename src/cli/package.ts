/**
 * How the command is called from where it runs, and what comes with the package.
 */
import { fileURLToPath } from "node:url";

/** What a user types: in a clone of the repository the sources run, elsewhere the installed package. */
export const command = import.meta.url.endsWith(".ts") ? "npm run langevin --" : "npx langevin";

/** A file or folder that comes with the package. */
export function shipped(name: string): string {
  return fileURLToPath(new URL(`../../assets/${name}`, import.meta.url));
}
