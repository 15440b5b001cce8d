import type { EdgeSimulator, VirtualClock } from '@codex/cloudflare-clients/testing'
import type { SampleFlag, SampleUser } from './sample-flags.ts'

/** What is around a way to keep flags: the same for all. */
export interface FlagWorld {
  readonly clock: VirtualClock
  readonly simulator: EdgeSimulator
  /** Where flags are edited. */
  readonly home: string
  /** Reaches the one place of the authorities from a location, and is counted. */
  readonly callAuthority: <Reply>(location: string, work: () => Reply) => Promise<Awaited<Reply>>
  /** Reaches the servers of a vendor, and is counted. */
  readonly callVendor: <Reply>(work: () => Reply) => Promise<Awaited<Reply>>
}

/** A way to keep flags, as one would build it with one library. */
export interface FlagSystem {
  /** The name in the tables. */
  readonly id: string
  /** What takes real time, before the clock of the world begins. */
  readonly prepare?: () => Promise<unknown>
  open(world: FlagWorld): OpenFlagSystem
}

export interface OpenFlagSystem {
  /** Stores all flags as they are to be from now on. Resolves when whoever edits them is told that they are stored. */
  publish(flags: readonly SampleFlag[]): Promise<void>
  /** An isolate that has answered nothing yet. */
  openIsolate(location: string): FlagIsolate
}

export type SampleValue = SampleFlag['on']

export interface FlagIsolate {
  /** Answers one request that asks for these flags, one after the other. */
  request(flags: readonly SampleFlag[], user: SampleUser): Promise<readonly SampleValue[]>
}

/** The namespace all of them use. */
export const flagsNamespace = 'FLAGS_KV'
