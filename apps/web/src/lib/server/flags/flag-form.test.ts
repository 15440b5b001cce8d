import type { FlagDefinition } from '@codex/cloudflare-clients/feature-flags'
import { describe, expect, it } from 'vitest'
import { readFlagForm, toFlagDefinition, toFlagForm, toFlagFormErrors } from './flag-form.ts'
import type { FlagFormValues } from './flag-form.ts'
import { siteFlags } from './site-ruleset.ts'

const empty = toFlagForm({ enabled: false })

function read(values: Partial<FlagFormValues>): ReturnType<typeof toFlagDefinition> {
  return toFlagDefinition({ ...empty, ...values })
}

function errorsOf(values: Partial<FlagFormValues>): unknown {
  const result = read(values)
  return result.ok ? null : result.errors
}

/** Sends the fields as a browser does. */
function send(values: FlagFormValues): FlagFormValues {
  const form = new FormData()
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'string') form.set(name, value.replaceAll('\n', '\r\n'))
    else if (value) form.set(name, 'on')
  }
  return readFlagForm(form)
}

describe('the form of a flag', () => {
  const whole: FlagDefinition = {
    enabled: true,
    description: 'A flag with everything',
    variants: { on: 1, off: 0, more: 2 },
    onVariant: 'on',
    offVariant: 'off',
    defaultVariant: 'more',
    allow: ['a', 'b'],
    block: ['c'],
    percentage: 12.34,
    rules: [{ id: 'r', when: { attribute: 'role', op: 'in', value: ['owner'] }, variant: 'on' }],
    prerequisites: [{ flag: 'other', variants: ['on'] }],
    startsAt: '2026-01-01T00:00:00Z',
    bucketing: { algorithm: 'sha256', version: 1, salt: 'old name' },
    strict: { withinSeconds: 5, otherwise: 'off' },
    metadata: { team: 'shop' },
  }

  it.each([
    ...Object.entries(siteFlags),
    ['whole', whole],
    ['smallest', { enabled: false }],
    ['without a default', { enabled: true, defaultVariant: null }],
    ['split', { enabled: true, split: [{ variant: 'on', weight: 1 }] }],
    ['odd ids', { enabled: true, allow: ['a\nb', ' c'], block: [''] }],
    ['no ids', { enabled: true, rules: [], variants: {} }],
  ] as [string, FlagDefinition][])('that is sent unchanged is the same flag: %s', (_, flag) => {
    const result = toFlagDefinition(send(toFlagForm({ ...flag, version: 7 })))
    expect(result).toEqual({ ok: true, definition: flag })
  })

  it('takes one id from each line, and none from empty ones', () => {
    const result = read({ allow: '\n a \n\nb\n', block: '  ' })
    expect(result).toEqual({ ok: true, definition: { enabled: false, allow: ['a', 'b'] } })
  })

  it('says what cannot be read, all of it at once, each at its field', () => {
    expect(
      errorsOf({
        percentage: 'half',
        withinSeconds: '0x5',
        variants: '[1]',
        rules: '{}',
        more: '"a"',
      }),
    ).toEqual({
      percentage: 'Write a number from 0 to 100, or nothing',
      withinSeconds: 'Write seconds from 1 to 3,600, or nothing',
      variants: 'Write an object as JSON',
      rules: 'Write a list as JSON',
      more: 'Write an object as JSON',
    })
  })

  it('says what breaks JSON', () => {
    expect(errorsOf({ rules: '[{ "when": }]' })).toEqual({
      rules: expect.stringContaining("Unexpected token '}'") as unknown,
    })
  })

  it.each(['-1', '1e3', 'Infinity', '12,5', ' '])('takes %j for no percentage', (percentage) => {
    expect(errorsOf({ percentage })).toHaveProperty('percentage')
  })

  it('keeps what JSON names oddly to itself', () => {
    const result = read({ more: '{"__proto__": {"enabled": true}, "enabled": true}' })
    expect(result.ok && result.definition.enabled).toBe(false)
    expect({}).not.toHaveProperty('enabled')
  })
})

describe('faults of a definition', () => {
  it('are shown at the field that holds them, with their path', () => {
    expect(
      toFlagFormErrors([
        { path: 'percentage', reason: 'must be from 0 to 100' },
        { path: 'rules[2].when.value', reason: 'must be a list' },
        { path: 'rules[3].variant', reason: 'there is no variant "x"' },
        { path: 'allow[0]', reason: 'is there twice' },
        { path: 'strict.withinSeconds', reason: 'must be from 1 to 3600' },
        { path: 'strict.otherwise', reason: 'there is no variant "y"' },
        { path: 'variants.on', reason: 'must be of the same type' },
        { path: 'colour', reason: 'is no field' },
        { path: '', reason: 'is too large' },
      ]),
    ).toEqual({
      percentage: 'must be from 0 to 100',
      rules: 'rules[2].when.value: must be a list\nrules[3].variant: there is no variant "x"',
      allow: 'allow[0]: is there twice',
      withinSeconds: 'strict.withinSeconds: must be from 1 to 3600',
      more: 'strict.otherwise: there is no variant "y"\ncolour: is no field\nis too large',
      variants: 'variants.on: must be of the same type',
    })
  })
})
