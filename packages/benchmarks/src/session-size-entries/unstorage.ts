import { createStorage } from 'unstorage'
import cloudflareKvBindingDriver from 'unstorage/drivers/cloudflare-kv-binding'

export function createView(kv: KVNamespace): (cookies: string) => Promise<string | null> {
  const storage = createStorage<{ userId: string }>({
    driver: cloudflareKvBindingDriver({ binding: kv }),
  })
  return async (cookies) => {
    const id = /(?:^|; )session=([^;]+)/.exec(cookies)?.[1]
    return id === undefined ? null : ((await storage.getItem(id))?.userId ?? null)
  }
}
