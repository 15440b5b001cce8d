import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { R2Client, s3Bucket, type UploadCheckpoint } from '../../src/r2.ts'
import { drillSource } from './drill-source.ts'

/** Uploads over the S3 API in a process of its own, whose memory is measured and which is killed. */
const { endpoint, key, sizeBytes, checkpointPath, accessKeyId, secretAccessKey } = JSON.parse(
  process.argv[2] ?? '{}',
) as {
  endpoint: string
  key: string
  sizeBytes: number
  checkpointPath: string
  accessKeyId: string
  secretAccessKey: string
}

function readCheckpoint(): UploadCheckpoint | undefined {
  try {
    return JSON.parse(readFileSync(checkpointPath, 'utf8')) as UploadCheckpoint
  } catch {
    return undefined
  }
}

const beforeBytes = process.memoryUsage().rss
const client = new R2Client(s3Bucket({ endpoint, bucket: 'bucket', accessKeyId, secretAccessKey }))
const resumeFrom = readCheckpoint()
const object = await client.upload(key, drillSource(sizeBytes), {
  sizeBytes,
  ...(resumeFrom && { resumeFrom }),
  onCheckpoint(checkpoint) {
    // Renamed into place: a process that is killed while it writes leaves the one before.
    writeFileSync(`${checkpointPath}.new`, JSON.stringify(checkpoint))
    renameSync(`${checkpointPath}.new`, checkpointPath)
    process.send?.(checkpoint.parts.length)
  },
})
const peakBytes = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ sizeBytes: object.sizeBytes, grownBytes: peakBytes - beforeBytes }))
