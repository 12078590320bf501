/**
 * The SDE form of DPM-Solver++ multistep: the steps of dpmpp-multistep.ts along the reverse SDE, with a share eta of its
 * noise,
 *
 *   x' = (sigma' / sigma) e^(-eta h) x + alpha' (phi1 D0 + ...) + s sigma' sqrt(1 - e^(-2 eta h)) z,   H = (1 + eta) h
 *
 * Order 2 is k-diffusion's DPM++ 2M SDE ("midpoint" or "heun") and, with eta = 1, diffusers' sde-dpmsolver++; order 3 with
 * "heun" is k-diffusion's DPM++ 3M SDE. eta = 0 is the deterministic solver. (In its third-order step diffusers weighs D2
 * by (1 - e^-H - H) / H² - 1/2, which does not vanish with h; here it is + 1/2, as the integral and k-diffusion have it.)
 *
 * The form "noise" is the same for DPM-Solver (diffusers' sde-dpmsolver). It leaves noise where it should end in the data,
 * so it needs finalSigma "sigmaMin".
 *
 * Sources: Lu et al., "DPM-Solver++" (2022), §5 and appendix; Crowson's k-diffusion, sample_dpmpp_2m_sde and
 * sample_dpmpp_3m_sde. Tested for mean and variance on Gaussian data and against trajectories of diffusers in float64.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Denoiser } from "../denoiser.ts";
import { levelsFor, levelsOptions } from "../levels.ts";
import { readOptions, real, withDefault } from "../options.ts";
import { type MultistepOptions, multistepFields, multistepMoves } from "./dpmpp-multistep.ts";
import { checkForm, type Form, formField, walkLinear } from "./exponential.ts";
import { type SampleOptions, type Solver, spreadAt, start } from "./solver.ts";

export interface DpmppMultistepSdeOptions extends MultistepOptions {
  /** The share of the reverse SDE's noise: 0 (none) to 1 (default); more is allowed. */
  eta?: number;
  /** A factor of the noise that is added. Default 1. */
  noiseScale?: number;
  /** What is integrated: the predicted x0 (default), or the noise. */
  form?: Form;
}

const fields = {
  ...multistepFields,
  eta: withDefault(real(0), 1),
  noiseScale: withDefault(real(0), 1),
  form: formField,
};

/** DPM-Solver++ multistep, stochastic. */
export function dpmppMultistepSde(options: DpmppMultistepSdeOptions): Solver {
  const config = readOptions("dpmppMultistepSde", fields, options);
  return Object.freeze({
    name: "dpmppMultistepSde",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const levels = levelsFor(denoiser.path, levelsOptions(config));
      checkForm("dpmppMultistepSde", config.form, levels);
      if (config.form === "noise" && config.eta > 0 && levels[levels.length - 1].sigma === 0) {
        throw new ConfigError(
          'dpmppMultistepSde: with form "noise" the step into the data adds the noise that it takes away; give finalSigma ' +
            '"sigmaMin", or form "data"',
        );
      }
      const from = start(sampling, spreadAt(levels[0], config.startNoise));
      const moves = multistepMoves(levels, from.skip, config, config.form, config.eta).map((move) => ({
        ...move,
        std: config.noiseScale * move.std,
      }));
      return walkLinear(denoiser, sampling, from, moves, config);
    },
  });
}
