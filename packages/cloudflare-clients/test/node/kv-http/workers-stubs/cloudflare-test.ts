import { takeNamespace } from './namespace.ts'

// What suites import of `cloudflare:test`, where they run in Node with KV over HTTP.

export function reset(): Promise<void> {
  takeNamespace()
  return Promise.resolve()
}

interface ExecutionContextStub {
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly background: Promise<unknown>[]
}

export function createExecutionContext(): ExecutionContextStub {
  const background: Promise<unknown>[] = []
  return { background, waitUntil: (work) => background.push(work) }
}

export async function waitOnExecutionContext({ background }: ExecutionContextStub): Promise<void> {
  await Promise.allSettled(background)
}
