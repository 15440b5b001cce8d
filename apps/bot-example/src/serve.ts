import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve as serveFetch } from '@hono/node-server'

export interface ServeOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>
  readonly host: string
  /** `0`: any that is free. */
  readonly port: number
}

export interface RunningServer {
  readonly port: number
  /** Takes no more connections, waits for what is being answered, and breaks off what is not by then. */
  stop(graceMs: number): Promise<void>
}

/** @throws The error of the system where it cannot listen. */
export async function serve({ fetch, host, port }: ServeOptions): Promise<RunningServer> {
  const server = serveFetch({ fetch, hostname: host, port }) as Server
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: async (graceMs) => {
      const closed = once(server, 'close')
      server.close()
      const timer = setTimeout(() => {
        server.closeAllConnections()
      }, graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}
