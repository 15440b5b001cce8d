/** A merge patch of a user's preferences. */
export interface PreferencesPatchRequest {
  /** RFC 7396 for the names at the top: a value replaces the field as a whole, `null` removes it. Plain JSON. */
  readonly fields: Readonly<Record<string, unknown>>
  /** When the user wrote it, in epoch ms. Absent: when it arrives. */
  readonly writtenAtMs?: number | undefined
}

export interface PreferencesDocument {
  /** Grows with each change of the document, also over an erasure. 0: there is none. */
  readonly version: number
  /** The fields as the text of a JSON object. Absent where the caller has this version. */
  readonly json?: string
}

export type PreferencesPatchReply =
  | ({ readonly ok: true } & PreferencesDocument)
  /** The document would be over a limit, and nothing was changed. */
  | {
      readonly ok: false
      readonly reason: 'too_large' | 'too_many_fields'
      readonly limit: number
      readonly received: number
    }

/** One user's preferences, as they are called over RPC. Each call decides in one step; none of them retries. */
export interface PreferencesAuthorityCalls {
  /** @param knownVersion The version that the caller has: the reply then carries the fields only where it differs. */
  getPreferences(knownVersion?: number): Promise<PreferencesDocument>
  patchPreferences(request: PreferencesPatchRequest): Promise<PreferencesPatchReply>
  deletePreferences(): Promise<PreferencesDocument>
}

/** The binding of `SessionObject`, or anything that reaches a user's preferences by name. */
export interface PreferencesAuthorityNamespace {
  getByName(name: string): PreferencesAuthorityCalls
}
