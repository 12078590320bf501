/**
 * The errors of langevin: one small class per kind, so that a caller can tell them apart with `instanceof`.
 * Every message names what was given, what was expected and what to do.
 */

/** Any error that langevin raises on purpose; anything else that escapes is a bug. */
export abstract class LangevinError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** Shapes or dtypes that do not fit, found while tracing a model. */
export class ShapeError extends LangevinError {}

/** An option, a configuration field or an argument that is unknown, missing, of the wrong type or out of range. */
export class ConfigError extends LangevinError {}

/** A file whose bytes are not what its format promises. */
export class FileFormatError extends LangevinError {}

/** A file or folder that is missing, empty, or cannot be written. */
export class FileAccessError extends LangevinError {}

/** A data set that cannot be used as it is: empty, mixed channels, wrong checksums. */
export class DataError extends LangevinError {}

/** A device that this machine does not have, or a session that the device refused. */
export class DeviceError extends LangevinError {}

/** A graphics device that went away while it was used. */
export class DeviceLostError extends DeviceError {}

/** Weights or training state that belong to another architecture or another run. */
export class CheckpointError extends LangevinError {}

/** Ranks of a training run that cannot come together, or one that was lost. */
export class GroupError extends LangevinError {}

/** A loss or a tensor that is not finite. */
export class NotFiniteError extends LangevinError {}
