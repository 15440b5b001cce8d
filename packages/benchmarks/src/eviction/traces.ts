/** The keys that are asked for, one after the other. */
export interface Trace {
  readonly name: string
  readonly keys: readonly string[]
}

export const maxEntries = 5000
const distinctKeys = 50_000
const requests = 500_000

/** The same numbers from 0 to below 1 in each run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Draws ranks from 0, the most popular, with a Zipf distribution. */
function createZipf(exponent: number, random: () => number): () => number {
  const cumulative = new Float64Array(distinctKeys)
  let sum = 0
  for (let rank = 0; rank < distinctKeys; rank++) {
    sum += 1 / (rank + 1) ** exponent
    cumulative[rank] = sum
  }
  return () => {
    const drawn = random() * sum
    let low = 0
    let high = distinctKeys - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] ?? 0) < drawn) low = middle + 1
      else high = middle
    }
    return low
  }
}

function toKey(id: number): string {
  return `cache:user:${id}`
}

function zipfTrace(exponent: number): Trace {
  const draw = createZipf(exponent, createRandom(1))
  const keys = Array.from({ length: requests }, () => toKey(draw()))
  return { name: `Zipf ${exponent.toFixed(1)}`, keys }
}

/** A fifth of the requests belongs to scans of a thousand keys that nobody asks for again. */
function scanTrace(): Trace {
  const scanLength = 1000
  const draw = createZipf(1, createRandom(2))
  const keys: string[] = []
  for (let scan = 0; keys.length < requests; scan++) {
    for (let i = 0; i < scanLength * 4; i++) keys.push(toKey(draw()))
    for (let i = 0; i < scanLength; i++) keys.push(toKey(distinctKeys + scan * scanLength + i))
  }
  return { name: 'Zipf 1.0 with scans', keys }
}

/** A fifth more keys than there is room for, in a circle. */
function loopTrace(): Trace {
  const keys = Array.from({ length: requests }, (_, i) => toKey(i % (maxEntries * 1.2)))
  return { name: 'loop', keys }
}

/** What is popular changes: every 50,000 requests the ranks belong to keys a thousand further on. */
function shiftingTrace(): Trace {
  const draw = createZipf(1, createRandom(3))
  const keys = Array.from({ length: requests }, (_, i) => {
    return toKey((draw() + Math.floor(i / 50_000) * 1000) % distinctKeys)
  })
  return { name: 'Zipf 1.0, shifting', keys }
}

export const traces: readonly Trace[] = [
  zipfTrace(0.8),
  zipfTrace(1),
  zipfTrace(1.2),
  scanTrace(),
  loopTrace(),
  shiftingTrace(),
]
