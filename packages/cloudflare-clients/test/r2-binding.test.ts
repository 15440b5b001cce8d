import { env } from 'cloudflare:workers'
import { R2Client } from '../src/r2.ts'
import { describeR2Client } from './r2-client.contract.ts'

describeR2Client({
  createClient: (options) => new R2Client(env.BUCKET, options),
  isBinding: true,
})
