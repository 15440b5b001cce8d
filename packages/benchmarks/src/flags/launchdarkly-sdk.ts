import * as sdk from '@launchdarkly/cloudflare-server-sdk'

// The package exports the types of another one that it does not depend on, so what is used here is written down once more.

export interface LaunchDarklyContext {
  readonly kind: string
  readonly key: string
  readonly [attribute: string]: string | number
}

export interface LaunchDarklyClient {
  waitForInitialization(): Promise<unknown>
  variation<T>(flag: string, context: LaunchDarklyContext, defaultValue: T): Promise<T>
  allFlagsState(
    context: LaunchDarklyContext,
  ): Promise<{ allValues(): Readonly<Record<string, unknown>> }>
}

/** As much of its feature store as is called where nothing is ever written. */
export interface LaunchDarklyStore {
  get(kind: unknown, key: string, callback: (item: unknown) => void): Promise<void>
  all(kind: unknown, callback: (items: unknown) => void): Promise<void>
  initialized(callback: (isInitialized: boolean) => void): Promise<void>
}

interface Exports {
  init(
    environment: string,
    kv: object,
    options: { readonly featureStore?: LaunchDarklyStore; readonly logger: object },
  ): LaunchDarklyClient
  readonly EdgeFeatureStore: new (
    provider: { readonly get: ReadText },
    environment: string,
    description: string,
    logger: object,
  ) => LaunchDarklyStore
}

type ReadText = (key: string) => Promise<string | null>

const { init, EdgeFeatureStore } = sdk as unknown as Exports

const ignore = (): void => undefined

/** What fails shows in what it answers. */
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

export function createLaunchDarklyStore(environment: string, get: ReadText): LaunchDarklyStore {
  return new EdgeFeatureStore({ get }, environment, 'Cloudflare', logger)
}

/** @param featureStore In place of the one on `kv`. */
export function openLaunchDarkly(
  environment: string,
  kv: KVNamespace,
  featureStore?: LaunchDarklyStore,
): LaunchDarklyClient {
  return init(environment, kv, { logger, ...(featureStore && { featureStore }) })
}
