import type { ObjectStore } from './object-store.ts'

export interface S3BucketOptions {
  /** Of the account, without the bucket: `https://{account}.r2.cloudflarestorage.com`, `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
  /** Default `auto`, which is R2's. */
  readonly region?: string
  /** Says that the caller pays for requests to somebody else's bucket. Refused on R2, which does not implement it. Default `false`. */
  readonly requesterPays?: boolean
  /** Default: the global one. */
  readonly fetch?: typeof fetch
  /** For signatures. Epoch ms. Default `Date.now`. */
  readonly now?: () => number
}

/** A bucket behind the S3 API, to be handed to an `R2Client`. Made by {@link s3Bucket}. */
export interface S3Bucket {
  readonly store: ObjectStore
}
