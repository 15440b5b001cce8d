export type { ObjectProperties } from './lib/r2/object-store.ts'
export type { ObjectBytes, ObjectSource } from './lib/r2/object-source.ts'
export {
  type GetObjectOptions,
  type ListObjectsOptions,
  type ObjectPage,
  type PresignOptions,
  type PutObjectOptions,
  R2Client,
  type R2ClientOptions,
} from './lib/r2/r2-client.ts'
export { R2Error, type R2ErrorCode } from './lib/r2/r2-error.ts'
export { r2Limits } from './lib/r2/r2-limits.ts'
export type { S3Bucket, S3BucketOptions } from './lib/r2/s3-bucket.ts'
export { s3Bucket } from './lib/r2/s3-store.ts'
export type {
  ChecksumAlgorithm,
  ObjectCondition,
  ObjectHttpMetadata,
  ObjectRange,
  StoredObject,
  StoredObjectBody,
  UnmetCondition,
} from './lib/r2/stored-object.ts'
export type { UploadCheckpoint, UploadOptions, UploadProgress } from './lib/r2/upload-object.ts'
