import { CloudflareClientError } from '../shared/client-error.ts'
import { sha256Base64Url } from '../shared/sha256.ts'
import type { ExposureSink, ReportedExposure } from './reported-exposure.ts'

/**
 * Limits of Analytics Engine. A kilobyte is taken as 1,000 bytes.
 *
 * @see https://developers.cloudflare.com/analytics/analytics-engine/limits/
 */
const maxPoints = 250
const maxIndexBytes = 96
const maxBlobsBytes = 16_000

/** What is needed of a dataset: the binding has it. */
export interface AnalyticsDataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}

const encoder = new TextEncoder()

/**
 * A sink that writes each exposure as a data point of an Analytics Engine dataset.
 *
 * | column                     | holds                                                                                            |
 * | -------------------------- | ------------------------------------------------------------------------------------------------ |
 * | `index1`                   | the flag, by which Analytics Engine samples; its SHA-256 where it is longer than 96 bytes         |
 * | `blob1` to `blob6`         | flag, variant, user, reason, decision, rule: an empty text where there is none                    |
 * | `double1` to `double4`     | how many users it stands for (1 / sample rate), version of the flag, version of the ruleset, time in epoch ms |
 *
 * Columns will be added behind these and never moved. Multiply by `_sample_interval` as with every dataset:
 * `SELECT blob2 AS variant, SUM(_sample_interval * double1) AS users FROM exposures WHERE index1 = 'new-item-page' GROUP BY variant`.
 *
 * Writing does not wait for anything. An invocation of a Worker takes 250 data points: what a tick has beyond that is not written, and
 * neither is one whose texts have more than 16 KB. Both are reported. An invocation with several full ticks, or one that writes
 * other data points too, can still come to more; Analytics Engine then drops them.
 *
 * @throws {TypeError} When the dataset is missing.
 *
 * @example
 * ```ts
 * import { createExposureReporter, toAnalyticsEngine } from '@codex/cloudflare-clients/feature-flags'
 *
 * declare const exposures: AnalyticsEngineDataset
 *
 * const onEvaluation = createExposureReporter({ to: toAnalyticsEngine(exposures) })
 * ```
 */
export function toAnalyticsEngine(dataset: AnalyticsDataset): ExposureSink {
  // A missing binding is undefined at run time, whatever its generated type says.
  if (!(dataset as unknown)) {
    throw new TypeError(
      `Cannot report exposures: dataset must be an AnalyticsEngineDataset, received ${typeof dataset} (is the binding in the Worker's configuration?)`,
    )
  }
  return (exposures) => {
    const points = exposures.map(toPoint).filter(({ blobs }) => byteLength(blobs) <= maxBlobsBytes)
    for (const point of points.slice(0, maxPoints)) dataset.writeDataPoint(point)
    const lost = exposures.length - Math.min(points.length, maxPoints)
    if (lost === 0) return
    throw new CloudflareClientError(
      `Cannot write ${lost} of ${exposures.length} exposures: Analytics Engine takes ${maxPoints} at once, of at most ${maxBlobsBytes} bytes`,
      { code: 'too_large', operation: 'write', retryable: false },
    )
  }
}

function toPoint(exposure: ReportedExposure): {
  indexes: string[]
  blobs: string[]
  doubles: number[]
} {
  const { flag, variant = '', user = '', reason, decision = '', rule = '' } = exposure
  return {
    indexes: [byteLength([flag]) > maxIndexBytes ? sha256Base64Url(flag) : flag],
    blobs: [flag, variant, user, reason, decision, rule],
    doubles: [
      1 / exposure.sampleRate,
      exposure.flagVersion,
      exposure.rulesetVersion,
      exposure.atMs,
    ],
  }
}

function byteLength(texts: readonly string[]): number {
  return encoder.encode(texts.join('')).length
}
