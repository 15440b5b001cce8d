import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0)
  if (port === null) throw new Error('Cannot find a free port')
  return port
}

/** `preferred`, or the first port after it that is free. */
export async function freePortFrom(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + 100; port++) {
    if ((await listenOnce(port)) !== null) return port
  }
  throw new Error(`Cannot find a free port from ${preferred} to ${preferred + 99}`)
}

/** Listens and lets go again. Returns the port, or `null` when it is taken. */
async function listenOnce(port: number): Promise<number | null> {
  const server = createServer()
  try {
    server.listen(port, 'localhost')
    await once(server, 'listening')
  } catch {
    return null
  }
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : null
}
