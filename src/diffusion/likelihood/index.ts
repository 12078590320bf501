export { type CdfName, discretisedGaussian } from "./discretised-gaussian.ts";
export { type DenoiserVjp, type NetworkVjp, type ProbeName, vjpOf } from "./divergence.ts";
export type { ImageBatch } from "./images.ts";
export { dequantised, type OdeLikelihood, type OdeLikelihoodOptions, odeLikelihood } from "./ode-likelihood.ts";
export { gaussianKl, type Vlb, type VlbOptions, type VlbTerm, variationalBound } from "./vlb.ts";
