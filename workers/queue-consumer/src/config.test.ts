import { env } from 'cloudflare:workers'
import { reset } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import { createSettings, toRunPodOptions } from './config.ts'
import type { QueueConsumerSettings } from './settings.ts'

afterEach(() => reset())

const apiKey = 'rpa_secret_of_these_tests'
const both = { RUNPOD_API_KEY: apiKey, RUNPOD_ENDPOINT_ID: 'ep-1' }

/** What the worker uses with these variables, where its document says this, and what it logs. */
async function readWith(
  variables: object,
  text?: string,
): Promise<{ readonly settings: QueueConsumerSettings; readonly logs: readonly object[] }> {
  const logs: object[] = []
  if (text !== undefined) await env.CONFIG_KV.put('config:queue-consumer', text)
  const settings = createSettings(variables, {
    kv: env.CONFIG_KV,
    log: (entry) => logs.push(entry),
  })
  return { settings: await settings.read(), logs }
}

describe('the transcoder', () => {
  it('is none without an API key', async () => {
    for (const variables of [{}, { RUNPOD_ENDPOINT_ID: '' }, { RUNPOD_ENDPOINT_ID: 'abc' }]) {
      expect(toRunPodOptions((await readWith(variables)).settings)).toBeNull()
    }
  })

  it('is RunPod with a key and an endpoint', async () => {
    const { settings } = await readWith(both)
    expect(toRunPodOptions(settings)).toEqual({
      apiKey,
      endpointId: 'ep-1',
      timeoutMs: 15_000,
      maxJobAgeMs: 7_200_000,
    })
    expect(JSON.stringify(settings)).not.toContain(apiKey)
  })

  it('has the endpoint that the document names, without a deploy', async () => {
    const { settings } = await readWith(both, 'runPod: { endpointId: ep-2 }\n')
    expect(toRunPodOptions(settings)).toMatchObject({ apiKey, endpointId: 'ep-2' })
  })

  it('is refused with a key and no endpoint, without showing the key', async () => {
    const reading = readWith({ RUNPOD_API_KEY: apiKey, RUNPOD_ENDPOINT_ID: '' })
    const error = await reading.then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'invalid', faults: [{ path: 'runPod.endpointId' }] })
    expect(JSON.stringify(error) + String(error)).not.toContain(apiKey)
  })

  it('is refused with an endpoint id that would leave its place in a URL', async () => {
    await expect(readWith({ RUNPOD_ENDPOINT_ID: '../x' })).rejects.toThrow(
      'runPod.endpointId: must be an endpoint id',
    )
  })
})

describe('a document', () => {
  it.each([
    ['retryBaseSeconds: 0', 'retryBaseSeconds'],
    ['retryBaseSeconds: 43_201', 'retryBaseSeconds'],
    ['retryBaseSeconds: 1.5', 'retryBaseSeconds'],
    ['retryBaseSeconds: "30"', 'retryBaseSeconds'],
    ['retryBaseSeconds: 901', 'retryMaxSeconds'],
    ['pollBaseSeconds: 241', 'pollMaxSeconds'],
    ['retryMaxSeconds: 3600', 'stuckAfterMs'],
    ['retryBaseSecond: 30', 'retryBaseSecond'],
    ['maxPrefixBytes: 134217728', 'maxPrefixBytes'],
    ['runPod: { apiKey: "${secret:OTHER}" }', 'runPod.apiKey'],
    ['runPod: { endpointId: "${env:ENVIRONMENT}" }', 'runPod.endpointId'],
  ])('that says %s changes nothing, and the log says where it is wrong', async (text, path) => {
    const { settings, logs } = await readWith(both, text)
    expect(settings).toMatchObject({ retryBaseSeconds: 10, retryMaxSeconds: 900 })
    expect(logs).toMatchObject([{ event: 'settings_failed', faults: [{ path }] }])
  })

  it('may change each by itself, at both ends of its range', async () => {
    const { settings } = await readWith(
      both,
      'retryBaseSeconds: 1\nretryMaxSeconds: 43200\nstuckAfterMs: 604800000\n',
    )
    expect(settings).toMatchObject({
      retryBaseSeconds: 1,
      retryMaxSeconds: 43_200,
      stuckAfterMs: 604_800_000,
      pollBaseSeconds: 15,
    })
  })
})

it.each(['0', '3601', 'x', '1.5', ''])(
  'throws on %j seconds to use settings for',
  (SETTINGS_TTL_SECONDS) => {
    const create = () =>
      createSettings({ SETTINGS_TTL_SECONDS }, { kv: undefined, log: () => undefined })
    expect(create).toThrow(/Cannot read the configuration: SETTINGS_TTL_SECONDS/)
  },
)
