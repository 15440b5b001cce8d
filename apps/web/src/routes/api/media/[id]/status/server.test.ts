import { describe, expect, it } from 'vitest'
import { GET } from './+server.ts'

type RouteEvent = Parameters<typeof GET>[0]

const status = {
  mediaId: 'media-1',
  creatorId: 'ada',
  status: 'failed',
  failureReason: 'The file is empty.',
  updatedAtMs: 0,
}

function ask(user: { id: string; role: string } | null, id = 'media-1') {
  const event = {
    params: { id },
    locals: {
      session: user && { user },
      app: {
        media: {
          getStatus: (asked: string) => Promise.resolve(asked === 'media-1' ? status : null),
        },
      },
    },
  }
  return GET(event as unknown as RouteEvent)
}

describe('the status of an upload', () => {
  it('is told to its creator and to an owner, without whose it is', async () => {
    for (const user of [
      { id: 'ada', role: 'creator' },
      { id: 'grace', role: 'owner' },
    ]) {
      const response = await ask(user)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({
        mediaId: 'media-1',
        status: 'failed',
        failureReason: 'The file is empty.',
        updatedAt: '1970-01-01T00:00:00.000Z',
      })
    }
  })

  it('is to another creator what an unknown upload is', async () => {
    const mateo = { id: 'mateo', role: 'creator' }
    const [others, unknown] = await Promise.all([ask(mateo), ask(mateo, 'media-2')])
    expect(others.status).toBe(404)
    expect(unknown.status).toBe(404)
    expect(await others.text()).toBe(await unknown.text())
  })

  it('is for nobody who is not signed in', async () => {
    expect((await ask(null)).status).toBe(401)
  })
})
