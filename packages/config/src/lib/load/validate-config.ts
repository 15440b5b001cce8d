import type { StandardSchema } from '@codex/cloudflare-clients'
import type { ConfigFault } from '../config-error.ts'
import type { ConfigPath } from '../config-tree.ts'
import { Secret } from '../secret.ts'
import {
  type ConfigNode,
  holdsSecret,
  leavesOf,
  nodeAt,
  originAt,
  setOwn,
  toPlain,
} from './config-node.ts'
import { formatPath } from './config-path.ts'
import type { ConfigSchema } from './config-schema.ts'
import type { JsonSchemaValidator } from './json-schema-validator.ts'
import { createSecretFinder } from './scrub-secrets.ts'

export type ConfigValidation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }

interface Issue {
  readonly path: ConfigPath
  readonly reason: string
  /** What may be said where the reason may not, since it may quote a value. */
  readonly wanted: string
  /** The reason is made of the schema and of names, and so may be told of what only holds a secret. */
  readonly isOfSchema: boolean
}

/**
 * Validates a merged and resolved configuration. The schema sees the texts of secrets; each that is still a text in what it gives back
 * is a `Secret` again there.
 *
 * No secret reaches a fault: where one is at the place, or below it, or in the reason (as it is, or encoded), the reason only says what
 * was wanted. Those of a JSON Schema quote no texts, and are told of a map that has a secret in it, but not of the secret.
 */
export async function validateConfig<T>(
  root: ConfigNode,
  schema: ConfigSchema<T> | undefined,
  validator: JsonSchemaValidator | undefined,
): Promise<ConfigValidation<T>> {
  const input = toPlain(root, ({ value }) => (value instanceof Secret ? value.reveal() : value))
  let output: unknown = input
  let issues: readonly Issue[] = []
  if (validator) {
    issues = validator.validate(input).map(({ path, reason, keyword }) => ({
      path: settle(root, path),
      reason,
      isOfSchema: true,
      wanted: keyword === 'false' ? 'it not to be there' : `what ${JSON.stringify(keyword)} asks`,
    }))
  } else if (schema && '~standard' in schema) {
    const result = await runStandardSchema(root, schema, input)
    if ('issues' in result) issues = result.issues
    else output = result.value
  }
  if (issues.length > 0) return { ok: false, faults: toFaults(root, issues) }
  return { ok: true, value: putBack(output, root) as T }
}

async function runStandardSchema<T>(
  root: ConfigNode,
  schema: StandardSchema<T>,
  input: unknown,
): Promise<{ readonly value: T } | { readonly issues: readonly Issue[] }> {
  let result: Awaited<ReturnType<StandardSchema<T>['~standard']['validate']>>
  try {
    result = await schema['~standard'].validate(input)
  } catch {
    // What it throws may quote the values it was given.
    const reason = 'The schema threw an error'
    return { issues: [{ path: [], reason, wanted: 'no error', isOfSchema: true }] }
  }
  if (!result.issues) return { value: result.value }
  return {
    issues: result.issues.map((issue) => {
      const segments = (issue.path ?? []).map((segment) =>
        String(typeof segment === 'object' ? segment.key : segment),
      )
      return {
        path: settle(root, segments),
        reason: issue.message,
        wanted: wantedOf(issue),
        isOfSchema: false,
      }
    }),
  }
}

/** valibot and zod say it apart from the message. */
function wantedOf(issue: object): string {
  const { expected } = issue as { readonly expected?: unknown }
  return typeof expected === 'string' && expected !== '' ? expected : 'what the schema asks'
}

/** Names as they are, and numbers where there is a list. */
function settle(root: ConfigNode, segments: readonly string[]): ConfigPath {
  const path: (string | number)[] = []
  for (const segment of segments) {
    const isIndex = nodeAt(root, path)?.kind === 'list' && /^\d+$/.test(segment)
    path.push(isIndex ? Number(segment) : segment)
  }
  return path
}

function toFaults(root: ConfigNode, issues: readonly Issue[]): readonly ConfigFault[] {
  const secrets = Array.from(leavesOf(root), ({ node }) => node).flatMap((node) =>
    node.kind === 'leaf' && node.value instanceof Secret ? [node.value] : [],
  )
  const hasSecret = createSecretFinder(secrets)
  return issues.map(({ path, reason, wanted, isOfSchema }) => {
    // A schema may make up names. Those of the configuration itself are no secrets.
    const known = path.slice(0, knownLength(root, path))
    const shown = hasSecret(formatPath(path.slice(known.length))) ? known : path
    const node = nodeAt(root, shown)
    const isRisky = node !== undefined && holdsSecret(node) && !(isOfSchema && node.kind !== 'leaf')
    const isHidden = isRisky || hasSecret(reason)
    const what = hasSecret(wanted) ? 'what the schema asks' : wanted
    return {
      path: formatPath(shown),
      reason: isHidden ? `It does not fit the schema: wanted ${what}` : reason,
      origin: originAt(root, path),
    }
  })
}

function knownLength(root: ConfigNode, path: ConfigPath): number {
  const missing = path.findIndex((_, index) => !nodeAt(root, path.slice(0, index + 1)))
  return missing === -1 ? path.length : missing
}

/** Its own objects, so that what the schema gave may be frozen, with a secret in each place that has one and is still a text. */
function putBack(value: unknown, node: ConfigNode | undefined): unknown {
  if (node?.kind === 'leaf') {
    if (!(node.value instanceof Secret) || typeof value !== 'string') return copy(value)
    return isSecretText(node, value) ? node.value : new Secret(value)
  }
  if (Array.isArray(value)) {
    const items = node?.kind === 'list' ? node.items : []
    // A schema may have sorted or filtered them: a text belongs to whichever item has it, and to a secret before any other.
    const find = (item: unknown): ConfigNode | undefined =>
      items.find((one) => isSecretText(one, item)) ??
      items.find((one) => one.kind === 'leaf' && one.value === item)
    return value.map((item: unknown, index) => putBack(item, find(item) ?? items[index]))
  }
  if (!isPlainObject(value)) return value
  const result: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) {
    setOwn(result, name, putBack(member, node?.kind === 'map' ? node.entries.get(name) : undefined))
  }
  return result
}

function isSecretText(node: ConfigNode, value: unknown): boolean {
  return node.kind === 'leaf' && node.value instanceof Secret && node.value.reveal() === value
}

function copy(value: unknown): unknown {
  return putBack(value, undefined)
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Freezes maps and lists, and leaves what is neither as it is: a frozen `Date` could still be set, and a frozen `Uint8Array` cannot be. */
export function deepFreeze<T>(value: T): T {
  if (Array.isArray(value)) value.forEach(deepFreeze)
  else if (isPlainObject(value)) Object.values(value).forEach(deepFreeze)
  else return value
  return Object.freeze(value)
}
