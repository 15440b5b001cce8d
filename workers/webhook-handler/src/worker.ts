import { env, waitUntil } from 'cloudflare:workers'
import { wireWorker } from './wire-worker.ts'

export default wireWorker(env, { waitUntil }) satisfies ExportedHandler<Env>
