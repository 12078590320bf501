/**
 * One comparison: a task on a network, ours and a peer's steps in alternating rounds, each side in a process of its own;
 * then the peak memory of each in a fresh process.
 */
import { type PeerCommand, PeerError, PeerProcess } from "./peers/process.ts";
import type { PeerAnswer, PeerRequest } from "./peers/protocol.ts";
import { type Round, ratioOf, stepsThatFit, summary } from "./statistics.ts";

export interface Plan {
  rounds: number;
  /** Most steps of each side in a round. */
  steps: number;
  /** Seconds for all rounds of one comparison. */
  budgetSeconds: number;
}

/** One side's figures. */
export interface SideResult {
  ms: number;
  quartiles: [number, number];
  /** Building the network and making its first step, ms. */
  firstMs: number;
  sessionMs: number | null;
  peakMB: number | null;
  threads: number;
}

export interface Comparison {
  ours: SideResult;
  peer: SideResult | null;
  /** Above 1: we are faster. */
  ratio: { median: number; quartiles: [number, number] } | null;
  rounds: number;
  /** Steps of each side in a round. */
  steps: number;
  /** Why the peer has no figures, or fewer. */
  note?: string;
  versions: Record<string, string>;
}

type Question = Pick<PeerRequest, "task" | "network" | "batch">;

/** The first two steps may take no longer, compiling included. */
const FIRST_MS = 240_000;
/** A peer whose step takes longer is not waited for again. */
const LONGEST_STEP_MS = 60_000;
/** Steps of a process whose peak is read, after the first. */
const MEMORY_STEPS = 5;

export async function compare(
  ours: PeerCommand,
  peer: PeerCommand,
  question: Question,
  plan: Plan,
): Promise<Comparison> {
  try {
    return await alternate(ours, peer, question, plan);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return { ...(await alone(ours, question, plan)), note: error.message };
  }
}

/** Our own figures, where there is no peer. */
export async function alone(ours: PeerCommand, question: Question, plan: Plan): Promise<Comparison> {
  const { rounds, steps } = plan;
  const ask = { ...question, warmup: 1, repeats: rounds * steps };
  await using process = new PeerProcess(ours);
  const answer = await process.ask(ask, FIRST_MS + plan.budgetSeconds * 10_000);
  const peak = await peakOf(ours, question, MEMORY_STEPS);
  return {
    ours: sideResult(answer, answer.ms, peak),
    peer: null,
    ratio: null,
    rounds,
    steps,
    versions: answer.versions,
  };
}

async function alternate(
  oursCommand: PeerCommand,
  peerCommand: PeerCommand,
  question: Question,
  plan: Plan,
): Promise<Comparison> {
  await using ours = new PeerProcess(oursCommand);
  await using peer = new PeerProcess(peerCommand);
  // One at a time, so that no side compiles while the other is timed.
  const warm = { ...question, warmup: 0, repeats: 1 };
  const peerReady = await peer.ask(warm, FIRST_MS);
  const oursReady = await asOurs(ours.ask(warm, FIRST_MS));
  if (peerReady.parameters !== oursReady.parameters) {
    throw new PeerError(`another network: ${peerReady.parameters} parameters, ours has ${oursReady.parameters}`);
  }
  const stepMs = { ours: oursReady.ms[0], peer: peerReady.ms[0] };
  const budgetMs = plan.budgetSeconds * 1000;
  const slow = stepMs.peer > LONGEST_STEP_MS;
  const steps = stepsThatFit({ most: plan.steps, rounds: plan.rounds, budgetMs, stepMs: stepMs.ours + stepMs.peer });
  const timed = { ...question, warmup: 0, repeats: steps };
  const rounds: Round[] = [];
  const began = performance.now();
  while (rounds.length < (slow ? 1 : plan.rounds)) {
    if (rounds.length > 0 && performance.now() - began > budgetMs) break;
    const { ms } = await asOurs(ours.ask(timed, FIRST_MS));
    rounds.push({ ours: ms, peer: slow ? peerReady.ms : (await peer.ask(timed, FIRST_MS)).ms });
  }
  await ours[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
  const peaks = {
    ours: await asOurs(peakOf(oursCommand, question, MEMORY_STEPS)),
    // Where a step takes a minute, the first two of them are enough.
    peer: slow ? peerReady.peakMB : await peakOf(peerCommand, question, stepMs.peer > 5000 ? 1 : MEMORY_STEPS),
  };
  const all = (of: (round: Round) => readonly number[]) => rounds.flatMap(of);
  return {
    ours: sideResult(
      oursReady,
      all((round) => round.ours),
      peaks.ours,
    ),
    peer: sideResult(
      peerReady,
      all((round) => round.peer),
      peaks.peer,
    ),
    ratio: ratioOf(rounds),
    rounds: rounds.length,
    steps,
    ...(slow ? { note: `over ${LONGEST_STEP_MS / 1000} s a step: timed once` } : {}),
    versions: { ...oursReady.versions, ...peerReady.versions },
  };
}

/** Our own failures are no note in a table: they end the benchmark. */
async function asOurs<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: Error) => {
    throw new Error(`langevin itself failed: ${error.message}`);
  });
}

/** The peak of a fresh process that makes a few steps, MB. */
async function peakOf(command: PeerCommand, question: Question, repeats: number): Promise<number | null> {
  const request: PeerRequest = { ...question, warmup: 0, repeats };
  await using process = new PeerProcess(command, ["--once", JSON.stringify(request)]);
  return (await process.answer(2 * FIRST_MS)).peakMB;
}

function sideResult(first: PeerAnswer, ms: readonly number[], peakMB: number | null): SideResult {
  const { median, quartiles } = summary(ms);
  return {
    ms: median,
    quartiles,
    firstMs: first.firstMs,
    sessionMs: first.sessionMs ?? null,
    peakMB,
    threads: first.threads,
  };
}
