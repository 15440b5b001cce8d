import type { DefineRead } from './define-read.ts'

export const defineRead: DefineRead = (kv, load) => async (id) => {
  const cached = await kv.get<string>(`item:${id}`, 'json')
  if (cached !== null) return cached
  const value = await load(id)
  await kv.put(`item:${id}`, JSON.stringify(value), { expirationTtl: 60 })
  return value
}
