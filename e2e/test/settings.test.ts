import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigPublisher, httpConfigAuthority } from '@codex/config/publisher'
import {
  paidCheckoutEvent,
  pollUntil,
  putUpload,
  repository,
  sendWebhook,
  type SiteClient,
  tinyPng,
  waitForProcessing,
} from '@codex/local-stack'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readValueIfThere } from '../src/local-kv.ts'
import { noteSecret } from '../src/seen-secrets.ts'
import { signedInSample, visitor } from '../src/visitor.ts'

/** The token in the development section of the web app's wrangler.jsonc. */
const token = 'development-only-token-to-publish-configurations'
const syntax = 'yaml'
const execute = promisify(execFile)

function publisherOf(worker: string, sent = token): ConfigPublisher {
  const url = `${inject('siteUrl')}/api/config`
  const authority = httpConfigAuthority({ url, token: sent })
  return new ConfigPublisher({ authority, name: `config:${worker}`, author: 'e2e' })
}

/** Lines that a worker logged about its settings. */
async function logged(worker: string, event: string): Promise<string[]> {
  const log = await readFile(join(inject('stateDirectory'), 'workers.log'), 'utf8')
  return log
    .split('\n')
    .filter((line) => line.includes(`"worker":"${worker}"`) && line.includes(`"event":"${event}"`))
}

beforeAll(() => {
  noteSecret(token)
})

afterAll(async () => {
  // What the workers bring, for whatever is tested next.
  for (const worker of ['webhook-handler', 'queue-consumer']) {
    await publisherOf(worker).publish('{}', { syntax, description: 'After the tests' })
  }
})

describe('a setting of the webhook worker', () => {
  /** An event that was signed 400 s ago and is refused for what it names, once its age is no matter. */
  async function sendOld(): Promise<{ readonly error?: string }> {
    const event = paidCheckoutEvent({ userId: 'nobody', contentId: 'nothing', amountCents: 1 })
    const timestampSeconds = Math.floor(Date.now() / 1000) - 400
    const { text } = await sendWebhook(visitor(), event, { timestampSeconds })
    return JSON.parse(text) as { readonly error?: string }
  }

  it('is changed, and rolled back, without a deploy', async () => {
    const publisher = publisherOf('webhook-handler')
    expect(await sendOld()).toMatchObject({ error: 'timestamp_too_old' })
    const before = await publisher.publish('{}', { syntax, description: 'As it comes' })

    await publisher.publish('timestampToleranceSeconds: 600\n', { syntax })
    await pollUntil('the event is old enough', async () => {
      return (await sendOld()).error === 'unknown_reference'
    })

    await publisher.rollback(before.version, { description: 'Too generous' })
    await pollUntil('the event is too old again', async () => {
      return (await sendOld()).error === 'timestamp_too_old'
    })
    const [newest] = await publisher.history({ limit: 1 })
    expect(newest).toMatchObject({ author: 'e2e', rolledBackTo: before.version })
  })

  it('stays as it was where the new one is no good, which the log tells', async () => {
    const publisher = publisherOf('webhook-handler')
    await publisher.publish('timestampToleranceSeconds: 86_400\nmaxbodybytes: 1\n', { syntax })
    const line = await pollUntil('the worker has refused it', async () => {
      expect(await sendOld()).toMatchObject({ error: 'timestamp_too_old' })
      return (await logged('webhook-handler', 'settings_failed')).at(-1)
    })
    expect(line).toContain('timestampToleranceSeconds')
    expect(line).toContain('maxbodybytes')
  })
})

describe('a setting of the queue consumer', () => {
  async function upload(ada: SiteClient): Promise<void> {
    const response = await putUpload(ada, tinyPng('settings.png'))
    const { mediaId } = JSON.parse(response.text) as { mediaId: string }
    expect((await waitForProcessing(ada, mediaId)).at(-1)).toBe('ready')
  }

  it('reaches it with its next messages', async () => {
    const ada = await signedInSample('ada')
    await upload(ada)
    const publisher = publisherOf('queue-consumer')
    const { version } = await publisher.publish('retryBaseSeconds: 21\n', { syntax })
    await pollUntil('KV has it', async () => {
      const text = await readValueIfThere('config', 'config:queue-consumer')
      const document = JSON.parse(text ?? '{}') as { readonly version?: number }
      return document.version === version
    })
    const line = await pollUntil(
      'the worker uses it',
      async () => {
        await upload(ada)
        const lines = await logged('queue-consumer', 'settings_changed')
        return lines.find((one) => one.includes('retryBaseSeconds'))
      },
      { pauseMs: 1_000 },
    )
    expect(line).toContain('"after":21')
  })
})

describe('publishing', () => {
  it('is done from the command line, as docs/deploying.md says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'codex-settings-'))
    const file = join(folder, 'queue-consumer.yaml')
    await writeFile(file, 'stuckAfterMs: 7_200_000\n')
    const uri = 'kv://local/config:queue-consumer'
    const authority = {
      url: `${inject('siteUrl')}/api/config`,
      tokenVariable: 'CONFIG_PUBLISH_TOKEN',
    }
    const local = { accountId: '0'.repeat(32), namespaceTitle: 'config', authority }
    const run = async (...args: string[]): Promise<unknown> => {
      const program = join(repository.packages, 'config/src/cli/codex-config.ts')
      const { stdout } = await execute(process.execPath, [program, ...args, '--json'], {
        env: {
          CONFIG_PUBLISH_TOKEN: token,
          CODEX_CONFIG_PROFILES: JSON.stringify({ local }),
          // Of KV itself nothing is asked where there is an authority.
          CLOUDFLARE_API_TOKEN: 'unused',
        },
      })
      return JSON.parse(stdout) as unknown
    }
    try {
      await run('push', file, uri, '--author', 'ada', '-m', 'Gentler')
      const [newest] = await publisherOf('queue-consumer').history({ limit: 1 })
      expect(newest).toMatchObject({ author: 'ada', description: 'Gentler', syntax: 'yaml' })
      expect(JSON.stringify(await run('versions', uri))).toContain('Gentler')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('needs the token', async () => {
    for (const sent of ['x'.repeat(40), `${token}x`]) {
      const publishing = publisherOf('queue-consumer', sent).publish('{}', { syntax })
      await expect(publishing).rejects.toMatchObject({ code: 'forbidden' })
    }
    const response = await visitor().get('/api/config/document?name=config:queue-consumer')
    expect(response.status).toBe(401)
    expect(response.headers.get('cache-control')).toContain('no-store')
  })

  it('changes no key but those of configurations', async () => {
    const response = await visitor().request('/api/config/document?name=flags:development', {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(401)
  })

  it('refuses who saw an older version, and what is no YAML', async () => {
    const publisher = publisherOf('queue-consumer')
    const { version } = await publisher.publish('{}', { syntax })
    const late = publisher.publish('retryBaseSeconds: 5', { syntax, ifVersion: version - 1 })
    await expect(late).rejects.toMatchObject({ code: 'conflict' })
    const torn = publisher.publish('retryBaseSeconds: [', { syntax })
    await expect(torn).rejects.toMatchObject({ code: 'corrupt' })
  })
})
