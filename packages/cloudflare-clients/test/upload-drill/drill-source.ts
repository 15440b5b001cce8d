/**
 * A body of any size that is made up as it is read, the same each time, in chunks of sizes that divide no part.
 *
 * Its bytes come from a 32-bit generator (xorshift), so that no two parts are alike. Each chunk is a view of the same buffer, as a file is read by
 * who watches memory: what an upload needs is measured, and not when a collector takes away what the source left.
 */
export async function* drillSource(sizeBytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunkSizes = [1, 65_537, 130_001, 16_411, 262_147]
  const words = new Uint32Array(Math.ceil(Math.max(...chunkSizes) / 4))
  let state = 0x9e3779b9
  let made = 0
  // The generator gives words, so chunks are cut from a block of whole ones.
  for (let nth = 0; made < sizeBytes; nth++) {
    const wanted = Math.min(chunkSizes[nth % chunkSizes.length] ?? 1, sizeBytes - made)
    for (let i = 0; i < Math.ceil(wanted / 4); i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[i] = state
    }
    made += wanted
    yield await Promise.resolve(new Uint8Array(words.buffer, 0, wanted))
  }
}
