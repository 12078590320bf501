/**
 * The tables of diffusers' schedulers as PyTorch computes them in float32, so that what is compared is the solver and not
 * the rounding of a table: torch.linspace walks from both ends to the middle with a float32 step, alphas = 1 - betas is
 * rounded, torch.cumprod multiplies in float64 and rounds each entry.
 */
import { betas, type Path, vp } from "../../src/diffusion/index.ts";
import type { PathConfig } from "../../src/diffusion/path-contract.ts";

const f = Math.fround;

function linspace(start: number, end: number, count: number): Float32Array {
  const [from, to] = [f(start), f(end)];
  const step = f(f(to - from) / f(count - 1));
  const half = Math.floor(count / 2);
  return Float32Array.from({ length: count }, (_, i) => (i < half ? from + step * i : to - step * (count - 1 - i)));
}

/** The cosine table, which diffusers computes in float64 and then rounds. */
function cosine(count: number, maxBeta: number): Float32Array {
  const alphaBar = (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Float32Array.from({ length: count }, (_, i) =>
    Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), maxBeta),
  );
}

function betasOf(config: PathConfig): Float32Array | undefined {
  if ("zeroTerminalSnr" in config && config.zeroTerminalSnr) return undefined;
  switch (config.name) {
    case "linear":
      return linspace(config.start ?? 1e-4, config.end ?? 0.02, config.timesteps ?? 1000);
    case "scaledLinear":
      return linspace(Math.sqrt(config.start ?? 0.00085), Math.sqrt(config.end ?? 0.012), config.timesteps ?? 1000).map(
        (root) => root * root,
      );
    case "cosine":
      return cosine(config.timesteps ?? 1000, config.maxBeta ?? 0.999);
    default:
      return undefined;
  }
}

/** The path with the rounded table; the path itself where it has none (continuous time, zero terminal SNR). */
export function asTorch(path: Path): Path {
  const table = betasOf(path.toJSON());
  if (table === undefined) return path;
  let product = 1;
  let last = 1;
  const values = Array.from(table, (beta) => {
    product *= f(1 - beta);
    const alphaBar = f(product);
    const own = 1 - alphaBar / last;
    last = alphaBar;
    return own;
  });
  return vp(betas({ values }));
}
