const units = ['B', 'KB', 'MB', 'GB'] as const

/** A size for people, in binary steps with at most one decimal. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let step = 0
  while (value >= 1024 && step < units.length - 1) {
    value /= 1024
    step += 1
  }
  return `${Number(value.toFixed(1))} ${units[step] ?? 'B'}`
}
