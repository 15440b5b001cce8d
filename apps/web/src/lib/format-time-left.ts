const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** How long something lasts yet, in its largest whole unit: `45 s`, `4 min`, `23 h`, `2 d`. */
export function formatTimeLeft(seconds: number): string {
  for (const [name, length] of units) {
    if (seconds >= length) return `${String(Math.floor(seconds / length))} ${name}`
  }
  return `${String(Math.max(0, Math.ceil(seconds)))} s`
}
