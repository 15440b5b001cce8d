import { get as httpGet } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { CacheLibrary, Item } from '../libraries/cache-under-test.ts'
import { type BenchmarkResult, ScenarioResults } from '../result.ts'
import { cellOf, type Scenario } from '../scenario.ts'
import { startLibraryWorker } from '../workerd/library-worker.ts'

const scenario = 'client-abort'

/** When each request of a trial starts, in milliseconds after the one that leads. The origin takes 800. */
const schedule = { before: [100, 200], resetMs: 300, after: [350, 600, 1200] }
const deadlineMs = 3000

export interface ClientAbortOptions {
  /** Trials of a library, by its id. */
  readonly trialsOf: (library: CacheLibrary) => number
  /** Trials that run at the same time, each with a key of its own. Default 10. */
  readonly concurrency?: number
}

interface Trial {
  readonly before: readonly boolean[]
  readonly after: readonly boolean[]
  readonly originCalls: number
}

/**
 * A client starts the load of a key and resets its connection in the middle; others asked for the same key before and
 * after. Counts who gets the right answer within 3 seconds.
 */
export function clientAbort(options: ClientAbortOptions): Scenario {
  return {
    name: scenario,
    async run(libraries) {
      const results = new ScenarioResults('cache', scenario)
      for (const library of libraries) {
        const worker = await startLibraryWorker(library, 'client-abort-worker')
        try {
          const undisturbed = await runConcurrentReaders(worker.url)
          const trials = await runTrials(worker.url, {
            count: options.trialsOf(library),
            concurrency: options.concurrency ?? 10,
          })
          addRows(results, library.id, { undisturbed, trials })
        } finally {
          await worker.stop()
        }
      }
      return results.all
    },
    failures: findFailures,
  }
}

function findFailures(results: readonly BenchmarkResult[]): readonly string[] {
  const shares = [
    'answered, nobody leaves',
    'answered, asked before the reset',
    'answered, asked after the reset',
  ]
  return shares.flatMap((metric) => {
    const share = cellOf(results, { library: 'codex', scenario, metric })
    return share === 100 ? [] : [`client abort: ${metric}: 100 % wanted, ${String(share)} % found`]
  })
}

function addRows(
  results: ScenarioResults,
  library: string,
  measured: { readonly undisturbed: readonly boolean[]; readonly trials: readonly Trial[] },
): void {
  const { undisturbed, trials } = measured
  const percent = (answers: readonly boolean[]): { value: number; unit: string } => ({
    value: Math.round((answers.filter(Boolean).length / answers.length) * 1000) / 10,
    unit: '%',
  })
  results.add(library, 'trials', { value: trials.length })
  results.add(library, 'answered, nobody leaves', percent(undisturbed))
  results.add(
    library,
    'answered, asked before the reset',
    percent(trials.flatMap(({ before }) => before)),
  )
  results.add(
    library,
    'answered, asked after the reset',
    percent(trials.flatMap(({ after }) => after)),
  )
  results.add(library, 'origin calls in a trial, at most', {
    value: Math.max(...trials.map(({ originCalls }) => originCalls)),
  })
}

/** The control: five ask at once and all of them stay. */
async function runConcurrentReaders(url: URL): Promise<boolean[]> {
  const ids = Array.from({ length: 10 }, (_, index) => `undisturbed-${index}`)
  const askers = ids.flatMap((id) => Array.from({ length: 5 }, () => isAnswered(url, id)))
  return Promise.all(askers)
}

async function runTrials(
  url: URL,
  options: { readonly count: number; readonly concurrency: number },
): Promise<readonly Trial[]> {
  const trials: Trial[] = []
  let started = 0
  const runUntilDone = async (): Promise<void> => {
    while (started < options.count) trials.push(await runTrial(url, `key-${started++}`))
  }
  await Promise.all(Array.from({ length: options.concurrency }, runUntilDone))
  return trials
}

async function runTrial(url: URL, id: string): Promise<Trial> {
  const leader = await sendRequest(url, id)
  const ask = async (afterMs: number): Promise<boolean> => {
    await delay(afterMs)
    return isAnswered(url, id)
  }
  const before = Promise.all(schedule.before.map(ask))
  const after = Promise.all(schedule.after.map(ask))
  await delay(schedule.resetMs)
  leader.resetAndDestroy()
  const answers = { before: await before, after: await after }
  const originCalls = Number(await readBody(new URL(`/calls/${id}`, url)))
  return { ...answers, originCalls }
}

/** Writes a request to a socket of its own, so that the connection can be reset: a FIN cancels nothing. */
async function sendRequest(url: URL, id: string): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname)
  // The answer that never comes, and the end that the reset brings, are what is wanted.
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(`GET /${id} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  return socket
}

async function isAnswered(url: URL, id: string): Promise<boolean> {
  try {
    const item = JSON.parse(await readBody(new URL(`/${id}`, url))) as Partial<Item> | null
    return item?.id === id
  } catch {
    return false
  }
}

/** Each on a connection of its own: one that hangs must not hold another one up. */
function readBody(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, signal: AbortSignal.timeout(deadlineMs) }
    const request = httpGet(url.href, options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`Answered ${String(response.statusCode)}`))
      })
    })
    request.on('error', reject)
  })
}
