// How the runtime turns what JavaScript passes into what KV gets, with the errors it throws for the rest.

export type ReadMethod = 'get' | 'getWithMetadata'

interface ReadArguments {
  readonly key: string | readonly string[]
  /** As it was passed: only a value that is found shows that it is not a type. */
  readonly type: string | undefined
  readonly cacheTtlSeconds: number | undefined
}

interface WriteArguments {
  readonly key: string
  readonly body: unknown
  readonly expirationSeconds: number | undefined
  readonly expirationTtlSeconds: number | undefined
  readonly metadata: unknown
}

interface ListArguments {
  readonly prefix: string | undefined
  readonly cursor: string | undefined
  readonly limit: number | undefined
}

const parameterTypes = { get: 'string or Array', getWithMetadata: 'Array or string' }

export function toReadArguments(method: ReadMethod, args: readonly unknown[]): ReadArguments {
  assertPassed(args, { at: 0, method, type: parameterTypes[method] })
  const [key, options] = args
  const keys = Array.isArray(key) ? Array.from(key, toText) : toText(key)
  if (options === undefined || options === null) {
    return { key: keys, type: undefined, cacheTtlSeconds: undefined }
  }
  if (!isObject(options)) return { key: keys, type: toText(options), cacheTtlSeconds: undefined }
  const { cacheTtl, type } = options
  return {
    key: keys,
    cacheTtlSeconds: toInteger(cacheTtl),
    type: type === undefined ? undefined : toText(type),
  }
}

export function toWriteArguments(args: readonly unknown[]): WriteArguments {
  assertPassed(args, { at: 0, method: 'put', type: 'string' })
  assertPassed(args, { at: 1, method: 'put', type: 'string or Object' })
  const key = toText(args[0])
  const body = isObject(args[1]) ? args[1] : toText(args[1])
  const options = toOptions(args[2], { at: 2, method: 'put', type: 'PutOptions' })
  return {
    key,
    body,
    expirationSeconds: toInteger(options.expiration),
    expirationTtlSeconds: toInteger(options.expirationTtl),
    metadata: options.metadata,
  }
}

export function toDeleteArguments(args: readonly unknown[]): string {
  assertPassed(args, { at: 0, method: 'delete', type: 'string' })
  return toText(args[0])
}

export function toListArguments(args: readonly unknown[]): ListArguments {
  const options = toOptions(args[0], { at: 0, method: 'list', type: 'ListOptions' })
  const toOptionalText = (value: unknown): string | undefined =>
    value === undefined || value === null ? undefined : toText(value)
  return {
    cursor: toOptionalText(options.cursor),
    limit: toInteger(options.limit),
    prefix: toOptionalText(options.prefix),
  }
}

interface Parameter {
  readonly at: number
  readonly method: string
  readonly type: string
}

function assertPassed(args: readonly unknown[], parameter: Parameter): void {
  if (args.length <= parameter.at) throw parameterError(parameter)
}

function toOptions(options: unknown, parameter: Parameter): Record<string, unknown> {
  if (options === undefined || options === null) return {}
  if (!isObject(options)) throw parameterError(parameter)
  return options
}

function parameterError({ at, method, type }: Parameter): TypeError {
  return new TypeError(
    `Failed to execute '${method}' on 'KvNamespace': parameter ${at + 1} is not of type '${type}'.`,
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Throws the engine's own `TypeError` for a symbol. */
function toText(value: unknown): string {
  // The language's own conversion is what the runtime does with every value.
  // eslint-disable-next-line @typescript-eslint/restrict-template-expressions
  return `${value}`
}

function toInteger(value: unknown): number | undefined {
  if (value === undefined) return undefined
  // Converts as the runtime does, and throws the engine's own error for symbols and BigInts, which Number() takes.
  const number = Math.max(value as number)
  if (!Number.isFinite(number)) return 0
  if (number > 2_147_483_647 || number < -2_147_483_648) {
    throw new TypeError(
      'Value out of range. Must be between -2147483648 and 2147483647 (inclusive).',
    )
  }
  return Math.trunc(number) + 0
}
