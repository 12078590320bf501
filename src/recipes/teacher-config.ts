/**
 * What a recipe says of its teacher, the trained network that it distils: `{ run: "runs/digits-teacher", guidance: 1.5 }`.
 */
import * as z from "zod";
import { ConfigError } from "../core/errors.ts";

export const teacherSchema = z.strictObject({
  /** The run folder of the teacher. Must be given before training. */
  run: z.string().min(1).optional(),
  /** Scale of the guidance that the teacher is asked with; 1 for none. The student then draws without. */
  guidance: z.number().nonnegative().default(1),
  /** Whether the student begins with the teacher's weights; its network must then be the teacher's. */
  initial: z.boolean().default(true),
  /** To train on pairs, noise and the image that the teacher makes of it, in place of the data. */
  pairs: z
    .strictObject({
      count: z.int().positive().default(4096),
      /** The teacher's solver; one without fresh noise in its steps. */
      solver: z.looseObject({ name: z.string() }).default({ name: "ddim", steps: 20 }),
    })
    .optional(),
});

export type TeacherConfig = z.output<typeof teacherSchema>;

/**
 * A training in phases, each a run of its own that is taught by the one before and begins with its weights; the first is
 * taught by the recipe's teacher. A phase is the fields in which it differs, `{ "objective.loss.steps": 32 }`.
 */
export const phasesSchema = z.array(z.record(z.string(), z.unknown())).min(1);

export type Phases = z.output<typeof phasesSchema>;

/** Raises a ConfigError unless all phases set the same fields, so that no phase depends on the order of another's. */
export function checkPhases(phases: Phases): void {
  const fields = phases.map((phase) => Object.keys(phase).sort().join(", "));
  const odd = fields.findIndex((each) => each !== fields[0]);
  if (odd < 0) return;
  throw new ConfigError(
    `phases: all must set the same fields; phase 1 sets ${fields[0] || "none"}, phase ${odd + 1} ${fields[odd] || "none"}`,
  );
}
