/**
 * A document of flagd, as its schema has it.
 *
 * @see https://flagd.dev/schema/v0/flags.json
 */
export interface FlagdDocument {
  readonly $schema?: string
  readonly flags: Readonly<Record<string, FlagdFlag>>
  /** Rules with a name, which `{ "$ref": name }` stands for. */
  readonly $evaluators?: Readonly<Record<string, unknown>>
  readonly metadata?: Readonly<Record<string, boolean | string | number>>
}

export interface FlagdFlag {
  readonly state: 'ENABLED' | 'DISABLED'
  readonly variants: Readonly<Record<string, unknown>>
  /** `null` or absent: the caller's default. */
  readonly defaultVariant?: string | null
  /** JSONLogic that gives the name of a variant, or `null` for the default. */
  readonly targeting?: unknown
  readonly metadata?: Readonly<Record<string, boolean | string | number>>
}

/** Says what cannot be carried over, and where. */
export class FlagdFaultError extends Error {
  override readonly name = 'FlagdFaultError'
  readonly path: string

  constructor(path: string, reason: string) {
    super(reason)
    this.path = path
  }
}

export function cannot(path: string, reason: string): never {
  throw new FlagdFaultError(path, reason)
}
