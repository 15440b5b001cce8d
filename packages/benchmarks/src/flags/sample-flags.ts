/** What every library's format can say, so that all answer the same. */
export interface SampleFlag {
  readonly name: string
  readonly isEnabled: boolean
  readonly on: boolean | string | number
  /** What everybody gets where the flag is off, and who is in no list. */
  readonly off: boolean | string | number
  /** User ids that get `on`. Neither this nor `rule`: everybody. */
  readonly allow?: readonly string[]
  /** Who gets `on` by attributes. */
  readonly rule?: { readonly countries: readonly string[]; readonly minAge: number }
}

export interface SampleUser {
  readonly id: string
  readonly country: string
  readonly age: number
}

export const sampleUsers: readonly SampleUser[] = [
  { id: 'user-1', country: 'NL', age: 42 },
  { id: 'user-2', country: 'SG', age: 17 },
  { id: 'Zoë-3', country: 'BR', age: 30 },
]

/** Twenty flags: fixed ones, switched off ones, lists and rules, of three types. */
export const sampleFlags: readonly SampleFlag[] = Array.from({ length: 20 }, (_, index) => {
  const name = `flag-${String(index).padStart(2, '0')}`
  const types = [
    { on: true, off: false },
    { on: 'new', off: 'old' },
    { on: 50 + index, off: 10 },
  ] as const
  const values = types[index % types.length] ?? types[0]
  const kind = index % 4
  return {
    name,
    isEnabled: kind !== 1,
    ...values,
    ...(kind === 2 && { allow: ['user-1', `user-${100 + index}`] }),
    ...(kind === 3 && { rule: { countries: ['NL', 'BR'], minAge: index < 10 ? 18 : 40 } }),
  }
})

/** What the flag gives, by its description. */
export function expectedValue(flag: SampleFlag, user: SampleUser): SampleFlag['on'] {
  const { isEnabled, allow, rule, on, off } = flag
  if (!isEnabled) return off
  if (allow === undefined && rule === undefined) return on
  const isAllowed = allow?.includes(user.id) ?? false
  const matches = rule?.countries.includes(user.country) === true && user.age >= rule.minAge
  return isAllowed || matches ? on : off
}
