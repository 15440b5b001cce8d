import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database } from '@codex/database'
import type { BetterAuthOptions } from 'better-auth'
import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import { isAPIError } from 'better-auth/api'
import { AuthError } from './auth-error.ts'
import { betterAuthSchema } from './better-auth-schema.ts'

type AdapterFactory = (options: BetterAuthOptions) => ReturnType<ReturnType<typeof drizzleAdapter>>

export interface DatabaseCalls {
  /** What better-auth runs on. */
  readonly adapter: AdapterFactory
  /**
   * Runs queries, or calls of `auth.api`, under a name.
   *
   * @throws {AuthError} When a query failed, also where better-auth caught that and answered something else,
   * such as "not signed in".
   */
  run<T>(operation: string, calls: () => Promise<T>): Promise<T>
}

/** The functions of a better-auth adapter that ask the database. */
const queryNames = [
  'create',
  'findOne',
  'findMany',
  'count',
  'update',
  'updateMany',
  'delete',
  'deleteMany',
  'consumeOne',
  'incrementOne',
] as const

export function createDatabaseCalls(database: Database): DatabaseCalls {
  const operations = new AsyncLocalStorage<{ failure?: { readonly error: unknown } }>()

  const adapter: AdapterFactory = (options) => {
    const instance = drizzleAdapter(database, {
      provider: 'sqlite',
      usePlural: true,
      schema: betterAuthSchema,
    })(options)
    for (const name of queryNames) {
      const query = instance[name] as (...args: unknown[]) => Promise<unknown>
      const observed = async (...args: unknown[]): Promise<unknown> => {
        try {
          return await query.apply(instance, args)
        } catch (error) {
          const operation = operations.getStore()
          if (operation !== undefined) operation.failure ??= { error }
          throw error
        }
      }
      Object.assign(instance, { [name]: observed })
    }
    return instance
  }

  return {
    adapter,
    async run(operation, calls) {
      const scope: { failure?: { readonly error: unknown } } = {}
      try {
        return await operations.run(scope, calls)
      } catch (error) {
        if (scope.failure !== undefined) {
          throw new AuthError(operation, { cause: scope.failure.error })
        }
        if (isAnswer(error)) throw error
        throw new AuthError(operation, { cause: error })
      }
    },
  }
}

/** What better-auth throws to refuse something, and what only a mistake in the code throws. */
function isAnswer(error: unknown): boolean {
  return (
    isAPIError(error) ||
    error instanceof AuthError ||
    error instanceof TypeError ||
    error instanceof RangeError
  )
}
