import type { Secret } from './secret.ts'

/** What a configuration is made of before it is validated: JSON, and secrets. */
export type ConfigValue =
  null | boolean | number | string | Secret | readonly ConfigValue[] | ConfigTree

export interface ConfigTree {
  readonly [name: string]: ConfigValue
}

/** Where something was said. */
export interface ConfigOrigin {
  /** Of the source, without credentials: `file:config/base.yaml`, `kv://main/settings/production/web`, `env:APP_PORT`. */
  readonly uri: string
  /** From 1. Absent where the source has no lines. */
  readonly line?: number
  readonly column?: number
  /** Of the published document it came from. */
  readonly version?: number
}

/** The names and indices that lead to a value, from the root. */
export type ConfigPath = readonly (string | number)[]
