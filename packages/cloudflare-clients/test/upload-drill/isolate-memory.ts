/** What an isolate has: objects of its heap, and the bytes of buffers, which V8 keeps beside it. */
interface HeapUsage {
  readonly usedSize: number
  readonly embedderHeapUsedSize?: number
  readonly backingStorageSize?: number
}

interface InspectorTarget {
  readonly id: string
  readonly webSocketDebuggerUrl: string
}

interface InspectorAnswer {
  readonly id?: number
  readonly result?: HeapUsage
}

/**
 * Watches the memory of the Worker's own isolate through the inspector of the runtime: what the platform limits to 128 MB, without the runtime
 * and the local bucket, which are in the same process.
 */
export async function watchIsolateMemory(inspectorUrl: URL): Promise<{ stop(): number }> {
  const listUrl = new URL('/json', `http://${inspectorUrl.host}`)
  const targets = await (await fetch(listUrl)).json<InspectorTarget[]>()
  const target = targets.find(({ id }) => id.startsWith('core:user:'))
  if (target === undefined) throw new Error("The inspector does not know the Worker's isolate")
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  let peakBytes = 0
  let asked = 0
  const ask = (): void => {
    socket.send(JSON.stringify({ id: ++asked, method: 'Runtime.getHeapUsage' }))
  }
  socket.addEventListener('message', (message: { readonly data: unknown }) => {
    const { id, result } = JSON.parse(String(message.data)) as InspectorAnswer
    if (id === undefined || result === undefined) return
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = result
    peakBytes = Math.max(peakBytes, usedSize + embedderHeapUsedSize + backingStorageSize)
  })
  const timer = setInterval(ask, 20)
  return {
    stop() {
      clearInterval(timer)
      socket.close()
      if (peakBytes === 0) throw new Error('The isolate did not say what it uses')
      return peakBytes
    },
  }
}
