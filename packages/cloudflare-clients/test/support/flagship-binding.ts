import type {
  FlagshipBinding,
  FlagshipDetails,
} from '../../src/lib/feature-flags/openfeature/flagship-provider.ts'

/** There is no local one. This has the documented shape, and answers with what it is given. */
export function createFlagshipBinding(
  answers: Readonly<Record<string, FlagshipDetails | Error>>,
): FlagshipBinding & { readonly calls: unknown[] } {
  const calls: unknown[] = []
  const answer = (type: string) => (flag: string, defaultValue: unknown, context: unknown) => {
    calls.push([type, flag, context])
    const found = answers[flag] ?? {
      value: defaultValue,
      reason: 'ERROR',
      errorCode: 'FLAG_NOT_FOUND',
    }
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found)
  }
  const binding: FlagshipBinding = {
    getBooleanDetails: answer('boolean'),
    getStringDetails: answer('string'),
    getNumberDetails: answer('number'),
    getObjectDetails: answer('object'),
  }
  return { ...binding, calls }
}
