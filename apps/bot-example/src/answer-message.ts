import type { RateLimiterClient, RateLimitOutcome } from '@codex/cloudflare-clients/rate-limiter'
import type { BotCommand, BotConfig } from './bot-config.ts'
import type { LookUp } from './create-lookups.ts'

export interface ChatMessage {
  readonly user: string
  readonly text: string
}

export type BotAnswer =
  | { readonly type: 'text'; readonly text: string }
  /** The message is not for the bot. */
  | { readonly type: 'silence' }
  | { readonly type: 'limited'; readonly outcome: RateLimitOutcome }

export interface BotParts {
  readonly config: BotConfig
  readonly limiter: RateLimiterClient
  readonly lookUp: LookUp
}

/** Answers one message as the configuration says. What is not for the bot counts towards no limit. */
export async function answerMessage(message: ChatMessage, parts: BotParts): Promise<BotAnswer> {
  const { config, limiter } = parts
  const { prefix, limit } = config
  if (!message.text.startsWith(prefix)) return { type: 'silence' }

  const policy = { limit: limit.answers, window: limit.windowSeconds, keyPrefix: 'bot-answers' }
  const result = await limiter.checkLimit(message.user, policy)
  if (!result.allowed) return { type: 'limited', outcome: { result, policy } }

  const [name = '', rest = ''] = splitAtSpace(message.text.slice(prefix.length))
  const command = Object.hasOwn(config.commands, name) ? config.commands[name] : undefined
  if (command === undefined) return { type: 'text', text: listCommands(config) }
  return { type: 'text', text: await runCommand(command, { ...message, text: rest }, parts.lookUp) }
}

async function runCommand(
  { answer, lookup, cacheSeconds = 300 }: BotCommand,
  { user, text }: ChatMessage,
  lookUp: LookUp,
): Promise<string> {
  if (lookup === undefined) return fillIn(answer, { user, text, result: '' })
  try {
    const result = await lookUp({ template: lookup, text, cacheSeconds })
    if (result === null) return `I found nothing for “${text}”`
    return fillIn(answer, { user, text, result })
  } catch {
    // The reason is in the log: a chat has no use for it.
    return 'I cannot look that up at the moment'
  }
}

/** In one pass: what a user wrote is never a template. */
function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(user|text|result)\}/g, (_all, name: string) => values[name] ?? '')
}

function splitAtSpace(text: string): readonly string[] {
  const [, first = '', rest = ''] = /^(\S*)\s*(.*)$/s.exec(text) ?? []
  return [first, rest.trim()]
}

function listCommands({ name, prefix, commands }: BotConfig): string {
  const names = Object.keys(commands).map((command) => `${prefix}${command}`)
  return `I am ${name} and know ${names.join(', ')}`
}
