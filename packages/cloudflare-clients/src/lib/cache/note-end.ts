import type { KeyRecords } from '../kv/key-records.ts'

/** Notes what KV has for a marker, or what was just written there. The stamp never goes back. */
export function noteEnd(
  records: KeyRecords,
  key: string,
  { stampMs, checkedAtMs }: { readonly stampMs: number; readonly checkedAtMs: number },
): void {
  const record = records.touch(key)
  record.endMs = Math.max(record.endMs ?? 0, stampMs)
  record.checkedAtMs = checkedAtMs
}
