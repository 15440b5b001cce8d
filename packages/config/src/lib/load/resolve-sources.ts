import type { ConfigSource } from '../config-source.ts'
import type { LoadConfigOptions } from './load-config.ts'

export interface ResolvedSource {
  readonly source: ConfigSource
  readonly isOptional: boolean
}

/**
 * The sources of a configuration as objects.
 *
 * @throws `TypeError` for a URI that the resolver does not know, or where there is none. The URI is not told, since it may have credentials.
 */
export function resolveSources(
  options: Pick<LoadConfigOptions<unknown>, 'sources' | 'resolver'>,
): readonly ResolvedSource[] {
  const { resolver } = options
  const find = (uri: string): ConfigSource => {
    const source = resolver?.(uri)
    if (source) return source
    const [, scheme = 'a plain path'] = /^([a-z][a-z\d+.-]*:)/i.exec(uri) ?? []
    const wanted = resolver ? 'a URI that the resolver knows' : 'a resolver for URIs'
    throw new TypeError(`Cannot load configuration: ${wanted} was wanted, received ${scheme}`)
  }
  return options.sources.map((input) => {
    if (typeof input === 'string') return { source: find(input), isOptional: false }
    if ('load' in input) return { source: input, isOptional: false }
    if ('source' in input) return { source: input.source, isOptional: input.optional }
    return { source: find(input.uri), isOptional: input.optional }
  })
}
