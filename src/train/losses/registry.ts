/** The registry of losses: the loss that an objective names. */
import type { Objective } from "../../diffusion/objective.ts";
import type { Loss } from "./loss.ts";
import { simpleLoss } from "./simple.ts";

/** The loss of an objective. */
export function lossOf(objective: Objective): Loss {
  return simpleLoss(objective);
}
