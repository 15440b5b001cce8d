import type { TranscodingMessage } from '@codex/core-services'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { handleBatch } from '../src/handler.ts'
import {
  TranscoderError,
  type Transcoder,
  type TranscodingJob,
  type TranscodingJobStatus,
} from '../src/transcoder.ts'
import {
  addItem,
  batch,
  createConsumerFixture,
  message,
  readText,
} from './fixtures/consumer-fixture.ts'
import * as sample from './fixtures/sample-files.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

/** A transcoder in memory whose answers a test chooses. */
class FakeTranscoder implements Transcoder {
  readonly submitted: TranscodingJob[] = []
  readonly cancelled: string[] = []
  submitError: TranscoderError | null = null
  answer: TranscodingJobStatus | TranscoderError = { state: 'running' }

  submit(job: TranscodingJob): Promise<{ jobId: string }> {
    if (this.submitError !== null) return Promise.reject(this.submitError)
    this.submitted.push(job)
    return Promise.resolve({ jobId: `job-${this.submitted.length}` })
  }

  status(): Promise<TranscodingJobStatus> {
    return this.answer instanceof TranscoderError
      ? Promise.reject(this.answer)
      : Promise.resolve(this.answer)
  }

  cancel(jobId: string): Promise<void> {
    this.cancelled.push(jobId)
    return Promise.resolve()
  }
}

const unavailable = (operation: 'submit' | 'status') =>
  new TranscoderError({ operation, code: 'unavailable', httpStatus: 503 })
const refused = (operation: 'submit' | 'status') =>
  new TranscoderError({ operation, code: 'refused', httpStatus: 400 })

async function start(bytes: Uint8Array = sample.mp4()) {
  const transcoder = new FakeTranscoder()
  const fixture = createConsumerFixture(transcoder)
  const item = await addItem({ bytes })
  const deliver = async (body: TranscodingMessage, attempts = 1) => {
    const one = message(body, attempts)
    return { outcomes: await handleBatch(batch(one), fixture.context), ...one.decision }
  }
  const transcode = { type: 'transcode', mediaId: item.id } as const
  return { ...fixture, transcoder, item, deliver, transcode }
}

async function submitted() {
  const fixture = await start()
  await fixture.deliver(fixture.transcode)
  const [first] = fixture.sent.splice(0)
  const [job] = fixture.transcoder.submitted
  if (first === undefined || job === undefined) throw new Error('nothing was submitted')
  return { ...fixture, poll: first.body, job }
}

describe('submitting', () => {
  it('stores the job on the item and asks for a first look at it', async () => {
    const { deliver, transcode, transcoder, media, item, sent, clock } = await start()
    expect(await deliver(transcode)).toEqual({ outcomes: { waiting: 1 }, ack: 1, retry: [] })
    expect(transcoder.submitted).toMatchObject([
      { mediaId: item.id, sourceKey: item.objectKey, type: 'video/mp4', sizeBytes: item.sizeBytes },
    ])
    expect(transcoder.submitted[0]?.outputPrefix).toMatch(
      new RegExp(`^creators/ada/${item.id}/renditions/[0-9a-f-]{36}/$`),
    )
    expect(await media.get(item.id)).toMatchObject({
      status: 'processing',
      externalJobId: 'job-1',
      detectedType: 'video/mp4',
      sha256: transcoder.submitted[0]?.sha256,
    })
    expect(sent).toEqual([
      {
        body: {
          type: 'poll',
          mediaId: item.id,
          jobId: 'job-1',
          submittedAtMs: clock.nowMs,
          pollCount: 0,
        },
        delaySeconds: 15,
      },
    ])
    expect(await media.getStatus(item.id)).toMatchObject({ status: 'processing' })
  })

  it('is for audio and video only', async () => {
    const { deliver, transcode, transcoder } = await start(await sample.png(2, 2))
    expect(await deliver(transcode)).toMatchObject({ outcomes: { ready: 1 } })
    expect(transcoder.submitted).toEqual([])
  })

  it('happens once, also when the message comes again', async () => {
    const { deliver, transcode, transcoder, sent, clock } = await start()
    await deliver(transcode)
    clock.nowMs += 60_000
    expect(await deliver(transcode, 2)).toMatchObject({ outcomes: { waiting: 1 }, ack: 1 })
    expect(transcoder.submitted).toHaveLength(1)
    // The second look counts the job's age from when it was submitted, like the first.
    expect(sent[1]?.body).toEqual(sent[0]?.body)
  })

  it('asks for the look again when it could not be asked for', async () => {
    const { deliver, transcode, transcoder, outages, sent } = await start()
    outages.queue = true
    expect(await deliver(transcode)).toMatchObject({ outcomes: { retried: 1 }, ack: 0 })
    outages.queue = false
    expect(await deliver(transcode, 2)).toMatchObject({ outcomes: { waiting: 1 }, ack: 1 })
    expect(transcoder.submitted).toHaveLength(1)
    expect(sent).toHaveLength(1)
  })

  it('keeps one job of two deliveries at once, and cancels the other', async () => {
    const { context, transcode, transcoder, media, item, sent } = await start()
    const twice = [message(transcode), message(transcode)]
    await handleBatch(batch(...twice), context)
    expect(twice.map(({ decision }) => decision.ack)).toEqual([1, 1])
    const jobId = (await media.get(item.id))?.externalJobId
    const others = transcoder.submitted.map((_, index) => `job-${index + 1}`)
    expect(transcoder.cancelled).toEqual(others.filter((other) => other !== jobId))
    expect(sent.length).toBeGreaterThanOrEqual(1)
    for (const { body } of sent) expect(body).toMatchObject({ jobId })
  })

  it('is tried again while the transcoder is not available', async () => {
    const { deliver, transcode, transcoder, media, item } = await start()
    transcoder.submitError = unavailable('submit')
    expect(await deliver(transcode, 3)).toEqual({
      outcomes: { retried: 1 },
      ack: 0,
      retry: [{ delaySeconds: 40 }],
    })
    transcoder.submitError = null
    expect(await deliver(transcode, 4)).toMatchObject({ outcomes: { waiting: 1 } })
    expect(await media.get(item.id)).toMatchObject({ externalJobId: 'job-1' })
  })

  it('fails the item when the transcoder refuses it', async () => {
    const { deliver, transcode, transcoder, media, item } = await start()
    transcoder.submitError = refused('submit')
    expect(await deliver(transcode)).toMatchObject({ outcomes: { failed: 1 }, ack: 1 })
    expect(await media.get(item.id)).toMatchObject({
      status: 'failed',
      failureReason: 'The transcoding service did not accept the file (HTTP 400).',
    })
  })
})

describe('looking at a job', () => {
  it('asks again, later and later, while it runs', async () => {
    const { deliver, poll, sent } = await submitted()
    let next: TranscodingMessage = poll
    const delays: (number | undefined)[] = []
    for (let look = 0; look < 6; look += 1) {
      expect(await deliver(next)).toEqual({ outcomes: { waiting: 1 }, ack: 1, retry: [] })
      const [sentNext] = sent.splice(0)
      if (sentNext === undefined) throw new Error('no further look was asked for')
      next = sentNext.body
      delays.push(sentNext.delaySeconds)
    }
    expect(delays).toEqual([30, 60, 120, 240, 240, 240])
  })

  it('makes the item ready with the renditions that are really there', async () => {
    const { deliver, poll, transcoder, media, item, job } = await submitted()
    await env.MEDIA.put(`${job.outputPrefix}720p.mp4`, new Uint8Array(5))
    const rendition = { name: '720p', type: 'video/mp4', key: `${job.outputPrefix}720p.mp4` }
    transcoder.answer = { state: 'completed', output: { renditions: [rendition] } }
    expect(await deliver(poll)).toEqual({ outcomes: { ready: 1 }, ack: 1, retry: [] })
    const row = await media.get(item.id)
    expect(row).toMatchObject({ status: 'ready', externalJobId: null, sha256: job.sha256 })
    const manifest = await readText(row?.manifestKey ?? '')
    expect(JSON.parse(manifest ?? '')).toMatchObject({
      source: { sha256: job.sha256, type: 'video/mp4' },
      renditions: [{ name: 'original' }, { ...rendition, sizeBytes: 5 }],
    })

    // A second chain of looks finds the item settled.
    expect(await deliver(poll)).toMatchObject({ outcomes: { skipped: 1 }, ack: 1 })
    expect(await media.get(item.id)).toEqual(row)
    expect(await readText(row?.manifestKey ?? '')).toBe(manifest)
  })

  it.each<[string, (prefix: string) => unknown]>([
    ['nothing', () => undefined],
    ['no renditions', () => ({ renditions: [] })],
    ['a rendition that is not there', (prefix) => renditions(`${prefix}missing.mp4`)],
    ["another item's object", () => renditions('creators/ada/other/original')],
    ['a rendition in the place of the original', (prefix) => renditions(`${prefix}a`, 'original')],
    [
      'two renditions of one name',
      (prefix) => ({
        renditions: [
          ...renditions(`${prefix}a`).renditions,
          ...renditions(`${prefix}a`).renditions,
        ],
      }),
    ],
  ])('fails the item when the job hands back %s', async (_, output) => {
    const { deliver, poll, transcoder, media, item, job } = await submitted()
    await env.MEDIA.put(`${job.outputPrefix}a`, new Uint8Array(5))
    await env.MEDIA.put('creators/ada/other/original', new Uint8Array(5))
    transcoder.answer = { state: 'completed', output: output(job.outputPrefix) }
    expect(await deliver(poll)).toMatchObject({ outcomes: { failed: 1 }, ack: 1 })
    expect((await media.get(item.id))?.failureReason).toMatch(/without usable results/)
  })

  it('fails the item when the job failed, and keeps the detail for the log', async () => {
    const { deliver, poll, transcoder, media, item, logs } = await submitted()
    transcoder.answer = { state: 'failed', detail: 'FAILED: Traceback' }
    expect(await deliver(poll)).toMatchObject({ outcomes: { failed: 1 } })
    const row = await media.get(item.id)
    expect(row).toMatchObject({ status: 'failed', externalJobId: null })
    expect(row?.failureReason).not.toContain('Traceback')
    expect(logs).toContainEqual(
      expect.objectContaining({ event: 'job_failed', detail: 'FAILED: Traceback' }),
    )
  })

  it('fails the item when the transcoder no longer knows the job', async () => {
    const { deliver, poll, transcoder, media, item } = await submitted()
    transcoder.answer = refused('status')
    expect(await deliver(poll)).toMatchObject({ outcomes: { failed: 1 } })
    expect((await media.get(item.id))?.failureReason).toMatch(/no longer knows this job/)
  })

  it('waits for a transcoder that is not available without using up attempts', async () => {
    const { deliver, poll, transcoder, sent } = await submitted()
    transcoder.answer = unavailable('status')
    expect(await deliver(poll)).toEqual({ outcomes: { waiting: 1 }, ack: 1, retry: [] })
    expect(sent).toMatchObject([{ body: { pollCount: 1 } }])
  })

  it('waits for 2 hours, then cancels the job and fails the item', async () => {
    const { deliver, poll, transcoder, media, item, clock } = await submitted()
    const submittedAtMs = clock.nowMs
    clock.nowMs = submittedAtMs + 2 * 3_600_000 - 1
    expect(await deliver(poll)).toMatchObject({ outcomes: { waiting: 1 } })
    clock.nowMs += 1
    expect(await deliver(poll)).toMatchObject({ outcomes: { failed: 1 } })
    expect(transcoder.cancelled).toEqual(['job-1'])
    expect((await media.get(item.id))?.failureReason).toMatch(/took too long/)
  })

  it('takes the result of a job that finished although its time was over', async () => {
    const { deliver, poll, transcoder, clock, job } = await submitted()
    await env.MEDIA.put(`${job.outputPrefix}a`, new Uint8Array(5))
    transcoder.answer = { state: 'completed', output: renditions(`${job.outputPrefix}a`) }
    clock.nowMs += 10 * 3_600_000
    expect(await deliver(poll)).toMatchObject({ outcomes: { ready: 1 } })
  })

  it('leaves an item alone that was retried since and has another job', async () => {
    const { deliver, poll, transcode, transcoder, media, item } = await submitted()
    await media.markFailed(item.id, 'x')
    await media.retry('ada', item.id)
    await deliver(transcode)
    transcoder.answer = { state: 'failed', detail: 'FAILED' }
    expect(await deliver(poll)).toMatchObject({ outcomes: { skipped: 1 }, ack: 1 })
    expect(await media.get(item.id)).toMatchObject({ status: 'processing', externalJobId: 'job-2' })
  })

  it('fails the item when the transcoder was switched off', async () => {
    const { context, poll, media, item } = await submitted()
    const one = message(poll)
    expect(await handleBatch(batch(one), { ...context, transcoder: null })).toEqual({ failed: 1 })
    expect((await media.get(item.id))?.failureReason).toMatch(/switched off/)
  })

  it('is asked for again when the database or the bucket is away', async () => {
    const { deliver, poll, transcoder, outages, job } = await submitted()
    transcoder.answer = { state: 'completed', output: renditions(`${job.outputPrefix}a`) }
    outages.d1 = (query) => query.startsWith('select')
    expect(await deliver(poll)).toMatchObject({ outcomes: { retried: 1 }, ack: 0 })
    delete outages.d1
    outages.r2 = (method) => method === 'head'
    expect(await deliver(poll)).toMatchObject({ outcomes: { retried: 1 }, ack: 0 })
  })
})

function renditions(key: string, name = '720p') {
  return { renditions: [{ name, type: 'video/mp4', key }] }
}
