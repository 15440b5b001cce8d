import { R2Client, type UploadCheckpoint } from '../../src/r2.ts'
import { drillSource } from './drill-source.ts'

interface Env {
  readonly BUCKET: R2Bucket
  readonly KV: KVNamespace
}

/** Lets other requests of the isolate in, of which one asks how far this one came. */
async function* withPauses<T>(chunks: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    await scheduler.wait(1)
    yield chunk
  }
}

/** Uploads through a binding, and keeps how far it came in KV, so that it goes on after the runtime was killed. */
export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url)
    const key = searchParams.get('key') ?? ''
    const sizeBytes = Number(searchParams.get('sizeBytes'))
    const resumeFrom = await env.KV.get<UploadCheckpoint>(key, 'json')
    if (searchParams.has('parts')) return Response.json(resumeFrom?.parts.length ?? 0)
    const sentBefore = resumeFrom?.parts.length ?? 0
    const object = await new R2Client(env.BUCKET).upload(key, withPauses(drillSource(sizeBytes)), {
      sizeBytes,
      // What a Worker has is 128 MB, for all that it does at once.
      partBytes: 5 * 1024 * 1024,
      concurrency: 2,
      ...(resumeFrom && { resumeFrom }),
      onCheckpoint: (checkpoint) => env.KV.put(key, JSON.stringify(checkpoint)),
    })
    return Response.json({ sizeBytes: object.sizeBytes, sentBefore })
  },
} satisfies ExportedHandler<Env>
