/**
 * A D1 binding that counts its queries: what a benchmark, a demo or a test needs to say "0 database queries".
 *
 * A statement counts when it is sent, so one that then fails counts too; preparing and binding cost nothing.
 * A batch of n statements counts n although it is one round trip, as D1 bills it, and an `exec` counts the
 * statements that D1 says it ran (1 if it failed). Everything else behaves as the wrapped database does.
 *
 * @param d1 The database to count on. It may itself be metered; both meters then count.
 * @param onQuery Called with the number of queries, before they are sent (`exec`: after).
 *
 * @example
 * let queries = 0
 * const database = createDatabase(meterD1(env.DB, (count) => { queries += count }))
 */
export function meterD1(d1: D1Database, onQuery: (count: number) => void): D1Database {
  // D1's `batch` takes only statements that D1 itself made.
  const originals = new WeakMap<D1PreparedStatement, D1PreparedStatement>()

  function meterStatement(statement: D1PreparedStatement): D1PreparedStatement {
    const execute =
      (name: 'first' | 'run' | 'all' | 'raw') =>
      (...args: unknown[]): unknown => {
        onQuery(1)
        return Reflect.apply(statement[name], statement, args)
      }
    const metered = override(statement, {
      bind: (...values: unknown[]) => meterStatement(statement.bind(...values)),
      first: execute('first'),
      run: execute('run'),
      all: execute('all'),
      raw: execute('raw'),
    })
    originals.set(metered, statement)
    return metered
  }

  function meterQueries(target: D1Database | D1DatabaseSession) {
    return {
      prepare: (query: string) => meterStatement(target.prepare(query)),
      batch: (statements: D1PreparedStatement[]) => {
        onQuery(statements.length)
        return target.batch(statements.map((each) => originals.get(each) ?? each))
      },
    }
  }

  return override(d1, {
    ...meterQueries(d1),
    exec: async (query: string) => {
      let count = 1
      try {
        const result = await d1.exec(query)
        count = result.count
        return result
      } finally {
        onQuery(count)
      }
    },
    withSession: (constraintOrBookmark?: string) => {
      const session = d1.withSession(constraintOrBookmark)
      return override(session, meterQueries(session))
    },
  })
}

/** `target` with some methods replaced. The others run on the target itself, whose class may have private fields. */
function override<T extends object>(target: T, methods: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name) as unknown
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
