import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { R2Client, s3Bucket } from '../../src/r2.ts'
import { bundleWorker } from '../node/bundle-worker.ts'
import { drillSource } from './drill-source.ts'
import { watchIsolateMemory } from './isolate-memory.ts'

/**
 * Uploads a body of 1 GiB in odd chunks, over the S3 API and through a binding, kills who uploads in the middle, resumes, and compares what is stored:
 * `pnpm --filter @codex/cloudflare-clients test:uploads [MiB]`.
 */
const mebibyte = 1024 * 1024
const sizeBytes = Number(process.argv[2] ?? 1024) * mebibyte
const credentials = { accessKeyId: 'an-access-key-id', secretAccessKey: 'a-secret-access-key' }
/** Of the 128 MB that the platform gives an isolate. */
const maxIsolateBytes = 100 * mebibyte
const folder = mkdtempSync(join(tmpdir(), 'uploads-'))
/** Bundled, so that its memory is not the compiler's. */
const processPath = join(folder, 'upload-process.mjs')

function startMiniflare(script: string): Miniflare {
  return new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script,
      compatibilityDate: '2026-11-01',
      kvNamespaces: ['KV'],
      r2Buckets: { BUCKET: { id: 'bucket', s3Credentials: credentials } },
      resourcePersistencePath: folder,
      inspectorPort: 0,
    }),
  )
}

async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

function toMiB(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(0)} MiB`
}

function toEndpoint(url: URL): string {
  return new URL('/cdn-cgi/local/r2/s3', url).href
}

async function digestOfStored(endpoint: string, key: string): Promise<string> {
  const bucket = s3Bucket({ endpoint, bucket: 'bucket', ...credentials })
  const object = await new R2Client(bucket).get(key)
  if (object === null) throw new Error('Nothing is stored')
  return digestOf(object.body)
}

interface Run {
  readonly name: string
  readonly killedAtPart: number
  /** What the process that uploads grew by. */
  readonly grownBytes: number
  /** What the isolate that uploads had at most, of the process that has the local bucket too. */
  readonly isolateBytes?: number
  readonly digest: string
}

/** @param killAtPart Killed after so many parts. 0: left alone. */
function runProcess(
  settings: unknown,
  killAtPart: number,
): Promise<{ parts: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = fork(processPath, [JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    let output = ''
    let parts = 0
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('message', (reached) => {
      parts = Number(reached)
      if (parts === killAtPart) child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('exit', () => {
      resolve({ parts, output })
    })
  })
}

async function overS3(): Promise<Run> {
  writeFileSync(processPath, await bundleWorker(`${import.meta.dirname}/upload-process.ts`))
  const miniflare = startMiniflare('export default { fetch: () => new Response() }')
  try {
    const endpoint = toEndpoint(await miniflare.ready)
    const key = 'over-s3'
    const checkpointPath = join(folder, 'checkpoint.json')
    const settings = { endpoint, key, sizeBytes, checkpointPath, ...credentials }
    const half = Math.floor(sizeBytes / (8 * mebibyte) / 2)
    const killed = await runProcess(settings, half)
    if (killed.output !== '') throw new Error('It was to be killed before it had ended')
    const { output } = await runProcess(settings, 0)
    const { grownBytes } = JSON.parse(output) as { grownBytes: number }
    return {
      name: 'S3 API, from a process of Node',
      killedAtPart: killed.parts,
      // Much of it is what Node's fetch copied and nobody has collected yet.
      grownBytes,
      digest: await digestOfStored(endpoint, key),
    }
  } finally {
    await miniflare.dispose()
  }
}

/** The resident memory of the runtime's process, as the system has it. */
function workerdProcess(): { pid: number; residentBytes: number } {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const isChild = new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(status)
      if (!isChild || !/^Name:\s+workerd/m.test(status)) continue
      const [, resident] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? []
      return { pid: Number(pid), residentBytes: Number(resident) * 1024 }
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error('The runtime is not there')
}

async function overBinding(): Promise<Run> {
  const script = await bundleWorker(`${import.meta.dirname}/upload-worker.ts`)
  const key = 'over-binding'
  const half = Math.floor(sizeBytes / (5 * mebibyte) / 2)
  const toUrl = (base: URL, query: string): URL =>
    new URL(`/?key=${key}&sizeBytes=${sizeBytes}${query}`, base)

  const first = startMiniflare(script)
  const firstUrl = await first.ready
  const upload = fetch(toUrl(firstUrl, '')).then(
    async (answer) => (answer.ok ? `answered ${await answer.text()}` : 'broken off'),
    () => 'broken off',
  )
  let killedAtPart = 0
  while (killedAtPart < half) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    killedAtPart = Number(await (await fetch(toUrl(firstUrl, '&parts'))).text())
  }
  process.kill(workerdProcess().pid, 'SIGKILL')
  const ended = await upload
  if (ended !== 'broken off')
    throw new Error(`It was to be killed before it had ended, and ${ended}`)
  await first.dispose()

  const second = startMiniflare(script)
  try {
    const secondUrl = await second.ready
    await fetch(toUrl(secondUrl, '&parts'))
    const before = workerdProcess().residentBytes
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, workerdProcess().residentBytes)
    }, 20)
    const isolate = await watchIsolateMemory(await second.getInspectorURL())
    const answer = await fetch(toUrl(secondUrl, ''))
    clearInterval(watch)
    const isolateBytes = isolate.stop()
    if (!answer.ok) throw new Error(await answer.text())
    return {
      name: 'binding, in workerd',
      killedAtPart,
      grownBytes: peak - before,
      isolateBytes,
      digest: await digestOfStored(toEndpoint(secondUrl), key),
    }
  } finally {
    await second.dispose()
  }
}

try {
  const expected = await digestOf(drillSource(sizeBytes))
  let failures = 0
  for (const run of [overBinding, overS3]) {
    const startedMs = Date.now()
    const { name, killedAtPart, grownBytes, isolateBytes = 0, digest } = await run()
    const isEqual = digest === expected
    const isSmall = isolateBytes < maxIsolateBytes
    if (!isEqual || !isSmall) failures++
    const seconds = Math.round((Date.now() - startedMs) / 1000)
    console.log(
      [
        `${name}: ${toMiB(sizeBytes)}`,
        `killed after ${killedAtPart} parts and resumed`,
        `checksum ${isEqual ? 'equal' : 'DIFFERENT'}`,
        ...(isolateBytes > 0
          ? [
              `the isolate had ${toMiB(isolateBytes)} at most (bar ${toMiB(maxIsolateBytes)})${isSmall ? '' : ' MISSED'}`,
              `its process, with the local bucket, grew by ${toMiB(grownBytes)}`,
            ]
          : [`its process grew by ${toMiB(grownBytes)}`]),
        `${seconds} s`,
      ].join(' · '),
    )
  }
  process.exitCode = failures === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
