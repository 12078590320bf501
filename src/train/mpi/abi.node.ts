/**
 * The two binary interfaces of MPI. In MPICH and all that keeps its ABI (Intel MPI, MVAPICH, Cray) a handle is an int whose
 * value stands in mpi.h; in Open MPI it is the address of a symbol of the library.
 *
 * Source: mpi.h of MPICH 4.0.2 and of Open MPI 4.1.4; both have kept these numbers for ten years and more. Tested by the sums
 * of `test/mpi`, on each.
 */
import type { LibraryHandle } from "koffi";
import type { Implementation } from "./launcher.node.ts";

export interface Abi {
  readonly implementation: Implementation;
  /** The C type of a handle. */
  readonly handle: "int" | "void *";
  readonly world: Handle;
  readonly float: Handle;
  readonly double: Handle;
  readonly byte: Handle;
  readonly sum: Handle;
  readonly errorsReturn: Handle;
  /** MPI_IN_PLACE and MPI_STATUS_IGNORE, pointers. */
  readonly inPlace: bigint;
  readonly statusIgnore: bigint;
  readonly anySource: number;
}

export type Handle = number | bigint;

const mpich: Abi = {
  implementation: "MPICH",
  handle: "int",
  world: 0x44000000,
  float: 0x4c00040a,
  double: 0x4c00080b,
  byte: 0x4c00010d,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  inPlace: 0xffff_ffff_ffff_ffffn,
  statusIgnore: 1n,
  anySource: -2,
};

/** The interface that a library has. Raises what koffi does where it is no library of MPI. */
export function abiOf(library: LibraryHandle): Abi {
  const symbol = (name: string): bigint => library.symbol(name);
  symbol("MPI_Init_thread");
  try {
    symbol("ompi_mpi_comm_world");
  } catch {
    return mpich;
  }
  return {
    implementation: "Open MPI",
    handle: "void *",
    world: symbol("ompi_mpi_comm_world"),
    float: symbol("ompi_mpi_float"),
    double: symbol("ompi_mpi_double"),
    byte: symbol("ompi_mpi_byte"),
    sum: symbol("ompi_mpi_op_sum"),
    errorsReturn: symbol("ompi_mpi_errors_return"),
    inPlace: 1n,
    statusIgnore: 0n,
    anySource: -1,
  };
}
