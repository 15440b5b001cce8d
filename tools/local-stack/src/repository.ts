import { resolve } from 'node:path'

function fromRoot(path: string): string {
  return resolve(import.meta.dirname, '../../..', path)
}

/** Where things are in the repository, as absolute paths. */
export const repository = {
  root: fromRoot(''),
  web: fromRoot('apps/web'),
  packages: fromRoot('packages'),
  devState: fromRoot('.local/state'),
  /** The first one is served over HTTP; the others are reached by Durable Object, queue or service binding. */
  workerConfigs: [
    fromRoot('apps/web/wrangler.jsonc'),
    fromRoot('workers/coordinator/wrangler.jsonc'),
    fromRoot('workers/queue-consumer/wrangler.jsonc'),
    fromRoot('workers/webhook-handler/wrangler.jsonc'),
  ],
} as const
