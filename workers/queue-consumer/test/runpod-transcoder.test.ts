import { describe, expect, it } from 'vitest'
import { createRunPodTranscoder } from '../src/runpod-transcoder.ts'
import { TranscoderError, type Transcoder } from '../src/transcoder.ts'

const apiKey = 'rpa_0123456789SECRET'
const job = {
  mediaId: 'm-1',
  sourceKey: 'creators/1/m-1/original',
  outputPrefix: 'creators/1/m-1/renditions/x/',
  type: 'video/mp4',
  sizeBytes: 10,
  sha256: 'a',
}

interface Call {
  readonly url: string
  readonly init: RequestInit
}

/** Answers as RunPod documents it: https://docs.runpod.io/serverless/endpoints/operation-reference */
function recorded(answer: (call: Call) => Response | Promise<Response>, timeoutMs?: number) {
  const calls: Call[] = []
  const transcoder = createRunPodTranscoder({
    apiKey,
    endpointId: 'ep-1',
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    fetch: (url, init) => {
      calls.push({ url, init })
      return Promise.resolve(answer({ url, init }))
    },
  })
  return { transcoder, calls }
}

async function errorOf(work: Promise<unknown>): Promise<TranscoderError> {
  const error: unknown = await work.then(
    () => new Error('resolved'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof TranscoderError)) throw error
  return error
}

const json = (body: unknown, status = 200) => Response.json(body, { status })

describe('submit', () => {
  it('posts the job to /run and hands back its id', async () => {
    const { transcoder, calls } = recorded(() =>
      json({ id: 'eaebd6e7-6a92-4bb8-a911-f996ac5ea99d', status: 'IN_QUEUE' }),
    )
    expect(await transcoder.submit(job)).toEqual({ jobId: 'eaebd6e7-6a92-4bb8-a911-f996ac5ea99d' })
    const [call] = calls
    expect(call?.url).toBe('https://api.runpod.ai/v2/ep-1/run')
    expect(call?.init).toMatchObject({ method: 'POST', redirect: 'manual' })
    const headers = new Headers(call?.init.headers)
    expect(headers.get('authorization')).toBe(`Bearer ${apiKey}`)
    expect(headers.get('content-type')).toBe('application/json')
    expect(await new Response(call?.init.body).json()).toEqual({
      input: job,
      policy: { executionTimeout: 7_200_000, ttl: 7_200_000 },
    })
  })

  it.each([{}, { id: '' }, { id: 7 }, [], null, 'text'])(
    'calls the answer %j invalid and not worth another try',
    async (body) => {
      const { transcoder } = recorded(() => json(body))
      const error = await errorOf(transcoder.submit(job))
      expect(error).toMatchObject({ code: 'invalid_response', retryable: false })
    },
  )
})

describe('status', () => {
  it('asks /status for the job, whose id stays in its place', async () => {
    const { transcoder, calls } = recorded(() => json({ id: 'x', status: 'IN_QUEUE' }))
    await transcoder.status('../cancel/j 1')
    expect(calls[0]?.url).toBe('https://api.runpod.ai/v2/ep-1/status/..%2Fcancel%2Fj%201')
    expect(calls[0]?.init.method).toBe('GET')
  })

  it.each(['IN_QUEUE', 'IN_PROGRESS', 'RUNNING'])('calls %s running', async (status) => {
    const { transcoder } = recorded(() => json({ delayTime: 5, id: 'x', status }))
    expect(await transcoder.status('x')).toEqual({ state: 'running' })
  })

  it('hands back the output of COMPLETED', async () => {
    const output = { renditions: [] }
    const { transcoder } = recorded(() =>
      json({
        delayTime: 31618,
        executionTime: 1437,
        id: '60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1',
        output,
        status: 'COMPLETED',
      }),
    )
    expect(await transcoder.status('x')).toEqual({ state: 'completed', output })
  })

  it.each([
    [{ id: 'x', status: 'FAILED', error: 'Traceback: no codec' }, 'FAILED: Traceback: no codec'],
    [{ id: 'x', status: 'FAILED', error: { message: 'no' } }, 'FAILED: {"message":"no"}'],
    [{ id: 'x', status: 'CANCELLED' }, 'CANCELLED'],
    [{ id: 'x', status: 'TIMED_OUT' }, 'TIMED_OUT'],
  ])('calls %j failed', async (body, detail) => {
    const { transcoder } = recorded(() => json(body))
    expect(await transcoder.status('x')).toEqual({ state: 'failed', detail })
  })

  it('bounds the detail of a failure and takes the API key out of it', async () => {
    const error = `env: RUNPOD_API_KEY=${apiKey} ${'x'.repeat(1000)}`
    const { transcoder } = recorded(() => json({ id: 'x', status: 'FAILED', error }))
    const status = await transcoder.status('x')
    if (status.state !== 'failed') throw new Error(status.state)
    expect(status.detail).toContain('RUNPOD_API_KEY=[redacted]')
    expect(status.detail.length).toBeLessThan(320)
  })

  it('calls a status that is not documented an invalid answer', async () => {
    const { transcoder } = recorded(() => json({ id: 'x', status: 'DREAMING' }))
    expect(await errorOf(transcoder.status('x'))).toMatchObject({ code: 'invalid_response' })
  })
})

describe('cancel', () => {
  it('posts to /cancel', async () => {
    const { transcoder, calls } = recorded(() => json({ id: 'j-1', status: 'CANCELLED' }))
    await transcoder.cancel('j-1')
    expect(calls[0]?.url).toBe('https://api.runpod.ai/v2/ep-1/cancel/j-1')
    expect(calls[0]?.init.method).toBe('POST')
  })
})

describe('a call that goes wrong', () => {
  const operations: readonly (readonly [string, (transcoder: Transcoder) => Promise<unknown>])[] = [
    ['submit', (transcoder) => transcoder.submit(job)],
    ['status', (transcoder) => transcoder.status('j')],
    ['cancel', (transcoder) => transcoder.cancel('j')],
  ]

  it.each([408, 425, 429, 500, 502, 503, 504])('may be tried again after %i', async (status) => {
    for (const [operation, call] of operations) {
      const { transcoder } = recorded(() => json({ error: 'busy' }, status))
      expect(await errorOf(call(transcoder))).toMatchObject({
        operation,
        code: 'unavailable',
        httpStatus: status,
        retryable: true,
      })
    }
  })

  it.each([400, 401, 403, 404, 413])('is over after %i', async (status) => {
    for (const [operation, call] of operations) {
      const { transcoder } = recorded(() => json({ error: `no ${apiKey}` }, status))
      const error = await errorOf(call(transcoder))
      expect(error).toMatchObject({ operation, code: 'refused', retryable: false })
      expect(error.message).toBe(`Cannot ${operation} transcoding job: refused (HTTP ${status})`)
    }
  })

  it('does not follow a redirect, which would carry the key along', async () => {
    const { transcoder, calls } = recorded(
      () => new Response(null, { status: 307, headers: { location: 'https://elsewhere.example' } }),
    )
    expect(await errorOf(transcoder.submit(job))).toMatchObject({
      code: 'refused',
      httpStatus: 307,
    })
    expect(calls).toHaveLength(1)
  })

  it('may be tried again after a broken connection', async () => {
    const { transcoder } = recorded(() => Promise.reject(new Error('Network connection lost.')))
    expect(await errorOf(transcoder.submit(job))).toMatchObject({ code: 'unavailable' })
  })

  it('is given up after the timeout and may be tried again', async () => {
    const { transcoder } = recorded(
      ({ init }) =>
        new Promise((_, reject) => {
          init.signal?.addEventListener('abort', () => {
            reject(init.signal?.reason as Error)
          })
        }),
      1,
    )
    const error = await errorOf(transcoder.status('j'))
    expect(error).toMatchObject({ code: 'unavailable', retryable: true })
    expect(error.cause).toMatchObject({ name: 'TimeoutError' })
  })

  it('is an invalid answer when it is no JSON', async () => {
    const { transcoder } = recorded(() => new Response('<html>'))
    expect(await errorOf(transcoder.status('j'))).toMatchObject({ code: 'invalid_response' })
  })
})

it('throws without a key or an endpoint', () => {
  expect(() => createRunPodTranscoder({ apiKey: '', endpointId: 'x' })).toThrow(TypeError)
  expect(() => createRunPodTranscoder({ apiKey: 'x', endpointId: '' })).toThrow(TypeError)
})
