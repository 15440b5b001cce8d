import { env } from 'cloudflare:workers'
import { wireWorker } from './wire-worker.ts'

export default wireWorker(env) satisfies ExportedHandler<Env>
