export {
  type BucketProfile,
  type ConfigProfile,
  type ConfigProfiles,
  type KVProfile,
  parseConfigProfiles,
  readConfigProfiles,
} from './lib/node/config-profiles.ts'
export { fileSource } from './lib/node/file-source.ts'
export { createSourceResolver, type SourceResolverOptions } from './lib/node/source-resolver.ts'
export { fileReferences, type FileReferencesOptions } from './lib/node/file-references.ts'
