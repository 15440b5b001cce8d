/**
 * Draws ranks by Zipf's law: rank 0 twice as often as rank 1, three times as often as rank 2.
 *
 * @param random - Numbers from 0 to 1.
 */
export function createZipf(count: number, random: () => number): () => number {
  const cumulated: number[] = []
  let sum = 0
  for (let rank = 1; rank <= count; rank++) {
    sum += 1 / rank
    cumulated.push(sum)
  }
  return () => {
    const target = random() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulated[middle] ?? sum) < target) low = middle + 1
      else high = middle
    }
    return low
  }
}
