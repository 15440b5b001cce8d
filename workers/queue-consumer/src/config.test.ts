import { expect, it } from 'vitest'
import { readConfig } from './config.ts'

it('uses no transcoder without an API key', () => {
  expect(readConfig({ RUNPOD_ENDPOINT_ID: '' }).runPod).toBeNull()
  expect(readConfig({ RUNPOD_ENDPOINT_ID: 'abc' }).runPod).toBeNull()
  expect(readConfig({}).runPod).toBeNull()
})

it('uses RunPod when it has a key and an endpoint', () => {
  const { runPod } = readConfig({ RUNPOD_API_KEY: 'rpa_secret', RUNPOD_ENDPOINT_ID: 'ep-1' })
  expect(runPod).toEqual({ apiKey: 'rpa_secret', endpointId: 'ep-1' })
})

it('throws on a key without an endpoint, without showing the key', () => {
  const read = () => readConfig({ RUNPOD_API_KEY: 'rpa_secret', RUNPOD_ENDPOINT_ID: '' })
  expect(read).toThrow(/RUNPOD_API_KEY needs RUNPOD_ENDPOINT_ID/)
  expect(read).not.toThrow(/rpa_secret/)
})

it('throws on an endpoint id that would leave its place in a URL', () => {
  expect(() => readConfig({ RUNPOD_ENDPOINT_ID: '../x' })).toThrow(
    'Cannot read the configuration: RUNPOD_ENDPOINT_ID must be an endpoint id',
  )
})
