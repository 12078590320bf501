/**
 * The variance-exploding path: x_t = x0 + sigma(t) eps, sigma geometric from sigmaMin to sigmaMax,
 *
 *   sigma(t) = sigmaMin (sigmaMax / sigmaMin)^t,   f = 0,   g² = 2 sigma² ln(sigmaMax / sigmaMin),   t in [0, 1]
 *
 * or, with `timesteps`, in the L levels t = 0 .. L-1 of score networks: the exponent is t / (L - 1).
 *
 * Sources: Song et al., "Score-Based Generative Modeling through SDEs" (2021), eq. 9 and appendix C, defaults 0.01 and 50,
 * whose networks are fed sigma; Song and Ermon, "Generative Modeling by Estimating Gradients of the Data Distribution"
 * (2019), 10 levels from 1 to 0.01, whose networks are fed the level's index (counted from the noise end there, from the
 * data end here). Tested against sigma(0.5) and the ten levels.
 */
import { ConfigError } from "../core/errors.ts";
import { clocks } from "./clock.ts";
import { completePath } from "./derived.ts";
import { choice, integer, optional, readOptions, real, withDefault } from "./options.ts";
import type { Path, PathOptions } from "./path-contract.ts";

const positive = real(0, Infinity, true);
const fields = {
  sigmaMin: withDefault(positive, 0.01),
  sigmaMax: withDefault(positive, 50),
  timesteps: optional(integer(2, 1_000_000)),
  networkTime: optional(choice("sigma", "t", "1-t", "999t", "1000t")),
};

/** Checks an interval of noise levels. `owner`: as in error messages. */
export function checkSigmaRange(owner: string, { sigmaMin, sigmaMax }: { sigmaMin: number; sigmaMax: number }): void {
  if (sigmaMin < sigmaMax) return;
  throw new ConfigError(
    `${owner}: sigmaMin must be below sigmaMax, but they are ${sigmaMin} and ${sigmaMax}: there is no interval between`,
  );
}

/** The variance-exploding path. */
export function ve(options: PathOptions["ve"] = {}): Path {
  const { sigmaMin, sigmaMax, timesteps, networkTime: given } = readOptions("ve", fields, options);
  checkSigmaRange("ve", { sigmaMin, sigmaMax });
  const networkTime = given ?? (timesteps === undefined ? "sigma" : "t");
  if (timesteps !== undefined && networkTime !== "sigma" && networkTime !== "t") {
    throw new ConfigError(`ve: with timesteps the network is fed "t" or "sigma", not "${networkTime}"`);
  }
  const last = timesteps === undefined ? 1 : timesteps - 1;
  const rate = Math.log(sigmaMax / sigmaMin) / last;
  // From the nearer end, so that both ends are exact.
  const sigma = (t: number) =>
    t <= last / 2 ? sigmaMin * Math.exp(rate * t) : sigmaMax * Math.exp(-rate * (last - t));
  return completePath({
    name: "ve",
    ...(timesteps === undefined ? {} : { timesteps }),
    span: [0, last],
    alpha: () => 1,
    sigma,
    dAlpha: () => 0,
    dSigma: (t: number) => rate * sigma(t),
    timeOfLogSnr: (logSnr: number) => (-logSnr / 2 - Math.log(sigmaMin)) / rate,
    networkTime: networkTime === "sigma" ? sigma : clocks[networkTime],
    toJSON: () => ({
      name: "ve" as const,
      sigmaMin,
      sigmaMax,
      ...(timesteps === undefined ? {} : { timesteps }),
      networkTime,
    }),
  });
}
