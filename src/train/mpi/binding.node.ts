/**
 * The dozen functions of MPI that training needs. Everything that waits for other ranks is begun, and then asked whether it
 * is done: so one thread can sum and listen to its neighbours, and is never stuck in a call when one of them is gone.
 */
import { GroupError } from "../../core/errors.ts";
import type { Shareable } from "../group.ts";
import type { Koffi, MpiLibrary } from "./library.node.ts";

/** A call under way. Its memory stays where it is until it is done. */
export interface Pending {
  readonly request: BigInt64Array;
  readonly memory?: Shareable;
}

const FUNNELED = 1;
const SUCCESS = 0;
/** At least MPI_MAX_LIBRARY_VERSION_STRING and MPI_MAX_ERROR_STRING. */
const LONGEST_TEXT = 8192;

/** Memory of its own for what the library writes to. */
const cells = (count: number) => new Int32Array(new ArrayBuffer(4 * count));

export class Mpi {
  readonly version: string;
  readonly #koffi: Koffi;
  readonly #abi: MpiLibrary["abi"];
  readonly #functions: ReturnType<typeof declare>;
  readonly #cells = cells(4);

  constructor(koffi: Koffi, { library, abi }: MpiLibrary) {
    this.#koffi = koffi;
    this.#abi = abi;
    this.#functions = declare(library, abi.handle);
    this.version = this.#text((text, length) => this.#functions.version(text, length))
      .split("\n")[0]
      .split(",")[0]
      .replace("Version:", "")
      .replace(/\s+/g, " ")
      .trim();
  }

  /** Joins the other ranks; all further calls are to be made by the same thread. Blocks. */
  init(): { rank: number; size: number } {
    const { init, rank, size, errorHandler } = this.#functions;
    const { world, errorsReturn } = this.#abi;
    this.#check(init(null, null, FUNNELED, this.#cells), "MPI_Init_thread");
    this.#check(errorHandler(world, errorsReturn), "MPI_Comm_set_errhandler");
    const number = (ask: typeof rank, name: string) => {
      this.#check(ask(world, this.#cells), name);
      return this.#cells[0];
    };
    return { rank: number(rank, "MPI_Comm_rank"), size: number(size, "MPI_Comm_size") };
  }

  /** The sum over the ranks, in place. */
  startSum(memory: Float32Array | Float64Array): Pending {
    const { inPlace, sum, world, float, double } = this.#abi;
    const type = memory instanceof Float32Array ? float : double;
    return this.#start("MPI_Iallreduce", memory, (at, request) =>
      this.#functions.sum(inPlace, at, memory.length, type, sum, world, request),
    );
  }

  /** The bytes of rank 0, in place. */
  startBroadcast(memory: Shareable): Pending {
    const { byte, world } = this.#abi;
    return this.#start("MPI_Ibcast", memory, (at, request) =>
      this.#functions.broadcast(at, memory.byteLength, byte, 0, world, request),
    );
  }

  startBarrier(): Pending {
    return this.#start("MPI_Ibarrier", undefined, (_, request) => this.#functions.barrier(this.#abi.world, request));
  }

  send(memory: Uint8Array, rank: number, tag: number): Pending {
    const { byte, world } = this.#abi;
    return this.#start("MPI_Isend", memory, (at, request) =>
      this.#functions.send(at, memory.length, byte, rank, tag, world, request),
    );
  }

  /** Takes a message if there is one; `rank` undefined: of any rank. */
  receive(memory: Uint8Array, rank: number | undefined, tag: number): boolean {
    const { byte, world, anySource, statusIgnore } = this.#abi;
    const source = rank ?? anySource;
    this.#cells[0] = 0;
    this.#check(this.#functions.probe(source, tag, world, this.#cells, statusIgnore), "MPI_Iprobe");
    if (this.#cells[0] === 0) return false;
    const at = this.#koffi.address(memory);
    this.#check(this.#functions.receive(at, memory.length, byte, source, tag, world, statusIgnore), "MPI_Recv");
    return true;
  }

  /** Whether a call is done; not to be asked again once it is. */
  isDone({ request }: Pending): boolean {
    this.#cells[0] = 0;
    this.#check(this.#functions.test(request, this.#cells, this.#abi.statusIgnore), "MPI_Test");
    return this.#cells[0] !== 0;
  }

  /** Ends all ranks, this one too. */
  abort(exitCode: number): void {
    this.#functions.abort(this.#abi.world, exitCode);
  }

  finalize(): void {
    this.#check(this.#functions.finalize(), "MPI_Finalize");
  }

  #start(name: string, memory: Shareable | undefined, begin: (at: bigint, request: BigInt64Array) => number): Pending {
    const request = new BigInt64Array(new ArrayBuffer(8));
    this.#check(begin(memory ? this.#koffi.address(memory) : 0n, request), name);
    return { request, memory };
  }

  #check(code: number, name: string): void {
    if (code === SUCCESS) return;
    const text = this.#text((out, length) => this.#functions.errorText(code, out, length));
    throw new GroupError(`${name} failed: ${text.replace(/\s+/g, " ").trim() || `error ${code}`}`);
  }

  #text(write: (out: Uint8Array, length: Int32Array) => number): string {
    const out = new Uint8Array(new ArrayBuffer(LONGEST_TEXT));
    const length = cells(1);
    write(out, length);
    return new TextDecoder().decode(out.subarray(0, length[0]));
  }
}

/** The C functions; `handle`: the type of communicators, data types and operations. */
function declare(library: MpiLibrary["library"], handle: string) {
  const func = (name: string, ...parameters: string[]): ((...given: unknown[]) => number) =>
    library.func(`MPI_${name}`, "int", parameters);
  const pointer = "void *";
  return {
    version: func("Get_library_version", pointer, pointer),
    init: func("Init_thread", pointer, pointer, "int", pointer),
    errorHandler: func("Comm_set_errhandler", handle, handle),
    errorText: func("Error_string", "int", pointer, pointer),
    rank: func("Comm_rank", handle, pointer),
    size: func("Comm_size", handle, pointer),
    sum: func("Iallreduce", pointer, pointer, "int", handle, handle, handle, pointer),
    broadcast: func("Ibcast", pointer, "int", handle, "int", handle, pointer),
    barrier: func("Ibarrier", handle, pointer),
    send: func("Isend", pointer, "int", handle, "int", "int", handle, pointer),
    probe: func("Iprobe", "int", "int", handle, pointer, pointer),
    receive: func("Recv", pointer, "int", handle, "int", "int", handle, pointer),
    test: func("Test", pointer, pointer, pointer),
    abort: func("Abort", handle, "int"),
    finalize: func("Finalize"),
  };
}
