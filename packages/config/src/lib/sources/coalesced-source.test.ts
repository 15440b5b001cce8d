import { describe, expect, test } from 'vitest'
import type { ConfigSource, SourceDocument, SourceLoadOptions } from '../config-source.ts'
import { coalesceSource } from './coalesced-source.ts'

/** A source whose loads end when a test says so. */
class HeldSource implements ConfigSource {
  readonly uri = 'held:source'
  readonly signals: AbortSignal[] = []
  readonly #ends: ((text: string | Error) => void)[] = []
  #onChange: () => void = () => undefined

  load({ signal }: SourceLoadOptions): Promise<readonly SourceDocument[]> {
    this.signals.push(signal)
    return new Promise((resolve, reject) => {
      this.#ends.push((text) => {
        if (text instanceof Error) reject(text)
        else resolve([{ uri: this.uri, text }])
      })
    })
  }

  watch(onChange: () => void): () => void {
    this.#onChange = onChange
    return () => {
      this.#onChange = () => undefined
    }
  }

  end(load: number, text: string | Error): void {
    this.#ends[load]?.(text)
  }

  change(): void {
    this.#onChange()
  }
}

function begin(source: ConfigSource, signal = new AbortController().signal): Promise<unknown> {
  return source.load({ signal }).then(
    ([document]) => document !== undefined && 'text' in document && document.text,
    (error: unknown) => error,
  )
}

describe('loads at the same time', () => {
  test('are one, and the next one is another', async () => {
    const held = new HeldSource()
    const source = coalesceSource(held)
    const loads = [begin(source), begin(source), begin(source)]
    held.end(0, 'first')
    expect(await Promise.all(loads)).toEqual(['first', 'first', 'first'])
    const next = begin(source)
    held.end(1, 'second')
    expect(await next).toBe('second')
    expect(held.signals).toHaveLength(2)
  })

  test('fail together, and the next one is tried', async () => {
    const held = new HeldSource()
    const source = coalesceSource(held)
    const loads = [begin(source), begin(source)]
    held.end(0, new Error('Out'))
    for (const error of await Promise.all(loads)) {
      expect(error).toMatchObject({ code: 'unavailable' })
    }
    const next = begin(source)
    held.end(1, 'there')
    expect(await next).toBe('there')
  })

  test('go on without a caller who left', async () => {
    const held = new HeldSource()
    const source = coalesceSource(held)
    const leaving = new AbortController()
    const left = begin(source, leaving.signal)
    const staying = begin(source)
    const reason = new Error('Gone')
    leaving.abort(reason)
    expect(await left).toBe(reason)
    expect(held.signals[0]?.aborted).toBe(false)
    held.end(0, 'there')
    expect(await staying).toBe('there')
  })

  test('are ended when the last caller left, and nobody joins them then', async () => {
    const held = new HeldSource()
    const source = coalesceSource(held)
    const callers = [new AbortController(), new AbortController()]
    const loads = callers.map(({ signal }) => begin(source, signal))
    for (const caller of callers) caller.abort(new Error('Gone'))
    await Promise.all(loads)
    expect(held.signals[0]?.aborted).toBe(true)
    const next = begin(source)
    held.end(1, 'there')
    expect(await next).toBe('there')
  })

  test('are not joined by one that begins after a change was told', async () => {
    const held = new HeldSource()
    const source = coalesceSource(held)
    let late: Promise<unknown> | undefined
    const end = source.watch?.(() => {
      late = begin(source)
    })
    const early = begin(source)
    held.change()
    held.end(0, 'before')
    held.end(1, 'after')
    expect(await early).toBe('before')
    expect(await late).toBe('after')
    end?.()
  })

  test('have a source that can watch as it can, and no other', () => {
    const { uri, load } = new HeldSource()
    expect(coalesceSource({ uri, load }).watch).toBeUndefined()
    expect(coalesceSource(new HeldSource()).watch).toBeDefined()
  })
})
