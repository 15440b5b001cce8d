import { memoryBackend, RateLimiterClient } from '@codex/cloudflare-clients/rate-limiter'
import { type ConfigClient, createConfigProbe } from '@codex/config'
import { type BotConfig, createBotConfig } from './bot-config.ts'
import { createApp, type Readiness } from './create-app.ts'
import { createLookupProvider } from './create-lookups.ts'
import { createJsonLog } from './json-log.ts'
import { describeConfig, logConfigEvent } from './describe-config.ts'
import { parseBotOptions } from './parse-bot-options.ts'
import { serve } from './serve.ts'

const options = parseBotOptions(process.argv.slice(2))
const log = createJsonLog((line) => process.stdout.write(line))

const config = createConfigOrExit()
const probe = createConfigProbe(config)
let isStopping = false

const app = createApp({
  getConfig: () => (probe.isReady() ? config.value : undefined),
  isLive: () => isStopping || probe.isLive(),
  getReadiness: (): Readiness => ({
    isReady: !isStopping && probe.isReady(),
    details: { isStopping, configuration: describeConfig(config.status()) },
  }),
  // In memory: Cloudflare's API takes 1,200 requests in 5 minutes, which is not for counting messages.
  limiter: new RateLimiterClient(memoryBackend()),
  lookUpFor: createLookupProvider({ log }),
  log,
})

const server = await serve({ fetch: app.fetch, host: options.host, port: options.port })
log('info', 'listening', { host: options.host, port: server.port, pid: process.pid })
// A failure is in the log, and the client tries again: until then the bot is live and not ready.
config.ready().catch(() => undefined)

const stop = async (signal: NodeJS.Signals): Promise<void> => {
  if (isStopping) return
  isStopping = true
  const stopped = server.stop(options.graceSeconds * 1000)
  log('info', 'stopping', { signal })
  await stopped
  config.close()
  log('info', 'stopped')
}
process.on('SIGTERM', (signal) => void stop(signal))
process.on('SIGINT', (signal) => void stop(signal))

function createConfigOrExit(): ConfigClient<BotConfig> {
  try {
    return createBotConfig({
      uris: options.config,
      secretsFolder: options.secrets,
      refreshSeconds: options.refreshSeconds,
      unit: options.unit,
      env: process.env,
      onEvent: (event) => {
        logConfigEvent(event, log)
      },
    })
  } catch (error) {
    // A URI that nobody can read, or credentials that are missing: no later try would be better.
    if (!(error instanceof TypeError)) throw error
    process.stderr.write(`error: ${error.message}\n`)
    process.exit(2)
  }
}
