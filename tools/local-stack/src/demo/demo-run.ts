import type { Stack } from '../start-stack.ts'
import {
  addOperations,
  describeOperations,
  noOperations,
  type Operations,
  sumLoggedOperations,
} from '../story/operations.ts'
import { pollUntil } from '../story/poll-until.ts'
import { SiteClient } from '../story/site-client.ts'

/** A step that went as expected, and what it cost. */
export interface FinishedStep {
  readonly title: string
  readonly operations: Operations
  readonly tookMs: number
}

/** Something in a step was not as expected. */
export class UnexpectedError extends Error {
  constructor(what: string, options: { readonly expected: unknown; readonly got: unknown }) {
    super(`${what}\n    expected: ${show(options.expected)}\n    got:      ${show(options.got)}`)
    this.name = 'UnexpectedError'
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * Compares what a step saw with what it should have seen.
 *
 * @throws {UnexpectedError} When they differ.
 */
export function expectSame(what: string, options: { expected: unknown; got: unknown }): void {
  if (JSON.stringify(options.expected) !== JSON.stringify(options.got)) {
    throw new UnexpectedError(what, options)
  }
}

/** Runs the steps of a story against a stack, one after the other, and counts what each costs. */
export class DemoRun {
  readonly #stack: Stack
  readonly #print: (line: string) => void
  readonly #visitors: SiteClient[] = []
  readonly #finished: FinishedStep[] = []

  constructor(stack: Stack, print: (line: string) => void) {
    this.#stack = stack
    this.#print = print
  }

  get finishedSteps(): readonly FinishedStep[] {
    return this.#finished
  }

  /** Someone with a browser, whose requests count into the step they are made in. */
  visitor(): SiteClient {
    return this.adopt(new SiteClient(this.#stack.url))
  }

  /** Counts the requests of a client that was made elsewhere, from now on. */
  adopt(client: SiteClient): SiteClient {
    this.#visitors.push(client)
    return client
  }

  note(line: string): void {
    this.#print(`  … ${line}`)
  }

  /**
   * Runs a step and prints how it went.
   *
   * @param work Does it, and tells in a line what was observed.
   * @throws Whatever the step throws: what comes after would build on something that is not there.
   */
  async step(title: string, work: (context: StepContext) => Promise<string>): Promise<void> {
    const before = this.#spentByVisitors()
    const mark = this.#stack.logs.position
    const startedMs = performance.now()
    const workerSpent = (worker: string): Promise<unknown> =>
      pollUntil(`the ${worker} says what it spent`, () =>
        this.#stack.logs
          .eventsSince(mark)
          .some((event) => event.event === 'operations' && event.worker === worker),
      )
    let observed: string
    try {
      observed = await work({ workerSpent })
    } catch (error) {
      this.#print(`✘ ${title}`)
      throw error
    }
    const operations = addOperations(
      subtract(this.#spentByVisitors(), before),
      sumLoggedOperations(this.#stack.logs.eventsSince(mark)),
    )
    const tookMs = performance.now() - startedMs
    this.#finished.push({ title, operations, tookMs })
    this.#print(`✓ ${title}`)
    this.#print(`    ${observed}`)
    this.#print(`    cost: ${describeOperations(operations)}`)
  }

  #spentByVisitors(): Operations {
    return this.#visitors.map((visitor) => visitor.operations).reduce(addOperations, noOperations)
  }
}

/** What a step may wait for besides the answers to its requests. */
export interface StepContext {
  /** Waits until a worker in the background has logged the operations of what this step set off. */
  readonly workerSpent: (worker: 'queue-consumer' | 'webhook-handler') => Promise<unknown>
}

function subtract(a: Operations, b: Operations): Operations {
  return {
    kvReads: a.kvReads - b.kvReads,
    kvWrites: a.kvWrites - b.kvWrites,
    kvDeletes: a.kvDeletes - b.kvDeletes,
    kvLists: a.kvLists - b.kvLists,
    d1Queries: a.d1Queries - b.d1Queries,
    doRequests: a.doRequests - b.doRequests,
  }
}
