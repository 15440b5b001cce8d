import {
  type FlagChange,
  type FlagDefinition,
  FlagError,
  type FlagFault,
  type FlagRuleset,
  type FlagSegment,
  type FlagTarget,
  type StoredFlag,
  type StoredSegment,
} from '@codex/cloudflare-clients/feature-flags'
import { describeError, log } from '../log.ts'
import type { SiteFlags } from './create-site-flags.ts'
import { findFlag, findSegment } from './flag-summary.ts'
import { siteRuleset } from './site-ruleset.ts'

/** Who asks for what. */
interface FlagDeskRequest {
  readonly name: string
  /** The owner's user id: the history holds no names and no addresses. */
  readonly author: string
  readonly reason: string
}

/** What an owner asks to be changed. */
export interface FlagDeskChange extends FlagDeskRequest {
  /** What the owner saw: 0 where the flag was not stored. */
  readonly ifVersion: number
  /** What to say once it is changed. */
  readonly done: string
  /** What it becomes, made of the newest ruleset. `null`: there is nothing to change. */
  readonly change: (newest: FlagRuleset) => FlagDefinition | 'delete' | null
}

/** What an owner asks a segment to be. */
export interface SegmentDeskChange extends Omit<FlagDeskChange, 'change'> {
  /** `null` deletes it. */
  readonly next: FlagSegment | null
}

/** What a change came to. */
export interface FlagDeskAnswer {
  /** Of the HTTP answer. */
  readonly status: 200 | 400 | 404 | 409 | 503
  readonly failed: boolean
  readonly message: string
  readonly faults: readonly FlagFault[]
  /** Somebody else was quicker: what is stored now, `null` where it is gone. */
  readonly theirs: { readonly stored: StoredFlag | StoredSegment | null } | null
}

const unreachable =
  'The flags’ authority does not answer, so nothing can be changed. This is what was last known.'

/** The newest ruleset, or what is known without it. */
export async function readFlagsPage(
  flags: SiteFlags,
): Promise<{ readonly ruleset: FlagRuleset; readonly problem: string | null }> {
  try {
    return { ruleset: await flags.readNewest(), problem: null }
  } catch (error) {
    log('error', 'flags_not_read', { error: describeError(error) })
    return { ruleset: flags.client.getRuleset() ?? siteRuleset, problem: unreachable }
  }
}

/** Changes a flag as an owner asked, or says why not: whatever was typed is for the caller to show again. */
export async function changeFlag(
  flags: SiteFlags,
  { name, author, reason, ifVersion, done, change }: FlagDeskChange,
): Promise<FlagDeskAnswer> {
  return answerFor(flags, { target: { kind: 'flag', name }, ifVersion, done }, async () => {
    const newest = await flags.readNewest()
    const next = change(newest)
    if (next === null) return refuse(404, 'There is no such flag.')
    const stored = await flags.storeDefaults(author)
    const options = toOptions({ author, reason }, stored.get(name) ?? ifVersion)
    await (next === 'delete'
      ? flags.client.deleteFlag(name, options)
      : flags.client.setFlag(name, next, options))
    return null
  })
}

/** Changes a segment as an owner asked, or deletes it. */
export async function changeSegment(
  flags: SiteFlags,
  { name, ifVersion, done, next, ...about }: SegmentDeskChange,
): Promise<FlagDeskAnswer> {
  return answerFor(flags, { target: { kind: 'segment', name }, ifVersion, done }, async () => {
    await flags.storeDefaults(about.author)
    const options = toOptions(about, ifVersion)
    await (next === null
      ? flags.client.deleteSegment(name, options)
      : flags.client.setSegment(name, next, options))
    return null
  })
}

/** Gives a flag another name. Whatever somebody else changes of it meanwhile stays, and so does everybody's share. */
export async function renameFlag(
  flags: SiteFlags,
  { name, to, ...about }: FlagDeskRequest & { readonly to: string },
): Promise<FlagDeskAnswer> {
  const done = `“${name}” is “${to}” now.`
  return answerFor(flags, { target: { kind: 'flag', name }, done }, async () => {
    await flags.client.renameFlag(name, to, toOptions(about))
    return null
  })
}

/** Makes a flag what it was in an older version, as a new one. */
export async function revertFlag(
  flags: SiteFlags,
  {
    name,
    author,
    reason,
    ifVersion,
    toVersion,
  }: Omit<FlagDeskChange, 'change' | 'done'> & { readonly toVersion: number },
): Promise<FlagDeskAnswer> {
  if (!Number.isSafeInteger(toVersion) || toVersion < 1) {
    return refuse(400, 'That form is damaged. Open the page again.')
  }
  const done = `The flag is again as it was in version ${String(toVersion)}.`
  return answerFor(flags, { target: { kind: 'flag', name }, ifVersion, done }, async () => {
    const options = toOptions({ author, reason }, ifVersion)
    await flags.client.revertFlag(name, toVersion, options)
    return null
  })
}

/** Newest first. `null`: it is not known. */
export async function readFlagHistory(
  flags: SiteFlags,
  name: string,
  kind: FlagTarget['kind'] = 'flag',
): Promise<readonly FlagChange[] | null> {
  if (!flags.hasAuthority) return null
  try {
    return await flags.client.getHistory({ target: { kind, name }, limit: 50 })
  } catch (error) {
    log('error', 'flag_history_not_read', { name, error: describeError(error) })
    return null
  }
}

/** @param act Does it. `null`: it is done. */
async function answerFor(
  flags: SiteFlags,
  {
    target,
    ifVersion = 0,
    done,
  }: { readonly target: FlagTarget; readonly ifVersion?: number; readonly done: string },
  act: () => Promise<FlagDeskAnswer | null>,
): Promise<FlagDeskAnswer> {
  if (!Number.isSafeInteger(ifVersion) || ifVersion < 0) {
    return refuse(400, 'That form is damaged. Open the page again.')
  }
  try {
    const refused = await act()
    return refused ?? { status: 200, failed: false, message: done, faults: [], theirs: null }
  } catch (error) {
    if (error instanceof FlagError && error.code === 'invalid') {
      return refuse(400, 'Nothing was saved. Look at what is marked.', {
        faults: error.faults ?? [],
      })
    }
    if (error instanceof FlagError && error.code === 'conflict') {
      const { ruleset } = await readFlagsPage(flags)
      return refuseConflict(target.kind, findStored(ruleset, target))
    }
    if (error instanceof FlagError && error.code === 'no_authority') {
      return refuse(
        400,
        'That needs the coordinator, which is not bound here: be strict, or revert.',
      )
    }
    log('error', 'flag_not_changed', { ...target, error: describeError(error) })
    const unanswered =
      'The flags’ authority did not answer. Look what is there before you try again.'
    return refuse(503, unanswered)
  }
}

function refuse(
  status: FlagDeskAnswer['status'],
  message: string,
  more: Partial<Pick<FlagDeskAnswer, 'faults' | 'theirs'>> = {},
): FlagDeskAnswer {
  return { status, failed: true, message, faults: [], theirs: null, ...more }
}

function refuseConflict(
  kind: FlagTarget['kind'],
  stored: StoredFlag | StoredSegment | null,
): FlagDeskAnswer {
  const did = stored ? 'changed' : 'deleted'
  const message = `Somebody else ${did} this ${kind} meanwhile. Nothing was saved, and what you typed is still here.`
  return refuse(409, message, { theirs: { stored } })
}

function findStored(
  ruleset: FlagRuleset,
  { kind, name }: FlagTarget,
): StoredFlag | StoredSegment | null {
  return kind === 'flag' ? findFlag(ruleset, name) : findSegment(ruleset, name)
}

function toOptions({ author, reason }: Omit<FlagDeskRequest, 'name'>, ifVersion?: number) {
  return {
    author,
    ...(reason !== '' && { reason }),
    ...(ifVersion !== undefined && { ifVersion }),
  }
}
