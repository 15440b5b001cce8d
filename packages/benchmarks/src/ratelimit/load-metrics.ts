/** The columns of the simulated loads. */
export const loadMetrics = {
  aligned: 'aligned window',
  trailing: 'any window',
  utilisation: 'used',
  requests: 'requests',
  peak: 'peak',
  rows: 'rows written',
  kvReads: 'KV reads',
  kvWrites: 'KV writes',
  kvRefused: 'KV 429s',
  throws: 'throws',
  p50: 'p50',
  p99: 'p99',
  local: 'local',
  cost: 'cost',
} as const
