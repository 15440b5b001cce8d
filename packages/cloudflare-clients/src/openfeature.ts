export {
  createOfrepHandler,
  type OfrepHandlerOptions,
  type OfrepPermission,
} from './lib/feature-flags/ofrep/create-ofrep-handler.ts'
export type { FlagdDocument, FlagdFlag } from './lib/feature-flags/flagd/flagd-document.ts'
export { type FlagdImport, fromFlagd } from './lib/feature-flags/flagd/from-flagd.ts'
export { type FlagdExport, toFlagd } from './lib/feature-flags/flagd/to-flagd.ts'
export type { FlagSource } from './lib/feature-flags/openfeature/flag-source.ts'
export {
  type FlagshipBinding,
  type FlagshipContext,
  type FlagshipContextValue,
  type FlagshipDetails,
  flagshipProvider,
} from './lib/feature-flags/openfeature/flagship-provider.ts'
export {
  createOpenFeatureProvider,
  type FlagTrackingEvent,
  type OpenFeatureProviderOptions,
} from './lib/feature-flags/openfeature/openfeature-provider.ts'
