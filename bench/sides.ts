/**
 * The commands that start the sides of the benchmark.
 */
import { fileURLToPath } from "node:url";
import type { PeerCommand } from "./peers/process.ts";

export interface SideOptions {
  threads: number;
  /** A Python that has torch and diffusers. */
  python: string;
  /** A folder in which jax-js is installed; this package's when absent. */
  jaxJs?: string;
}

const file = (name: string) => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

function nodeSide(name: string, script: string, threads: number, env?: Record<string, string>): PeerCommand {
  const args = ["--import", import.meta.resolve("tsx"), file(script), "--threads", String(threads)];
  return { name, command: process.execPath, args, env };
}

export function langevin({ threads }: SideOptions): PeerCommand {
  return nodeSide("langevin", "langevin.ts", threads);
}

export const peerNames = ["pytorch", "jax-js"] as const;
export type PeerName = (typeof peerNames)[number];

export interface Peer {
  side(options: SideOptions): PeerCommand;
  /** Compares it with us on a network; prints differences, ends with 1 where they are large. */
  check?(options: SideOptions, network: string): PeerCommand;
  /** How to get it. */
  install: string;
}

const jaxFolder = ({ jaxJs }: SideOptions) => (jaxJs === undefined ? undefined : { LANGEVIN_JAX_JS: jaxJs });

export const peers: Record<PeerName, Peer> = {
  pytorch: {
    side: ({ python, threads }) => ({
      name: "PyTorch",
      command: python,
      args: [file("pytorch.py"), "--threads", String(threads)],
      // Before torch is loaded, so that no library makes more threads than that.
      env: { OMP_NUM_THREADS: String(threads) },
    }),
    install: "pip install torch diffusers, then --python or LANGEVIN_PYTHON",
  },
  "jax-js": {
    side: (options) => nodeSide("jax-js", "jax-js.ts", options.threads, jaxFolder(options)),
    check: (options, network) => {
      const side = nodeSide("jax-js", "jax-js-check.ts", options.threads, jaxFolder(options));
      return { ...side, args: [...side.args, network] };
    },
    install: "npm i --no-save @jax-js/jax",
  },
};
