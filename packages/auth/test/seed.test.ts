import { samplePassword, sampleUsers, seed } from '@codex/database/seed'
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { hashPassword } from '../src/index.ts'
import { createTestPlatform, database } from './test-platform.ts'

beforeEach(() => applyD1Migrations(env.DB, env.D1_MIGRATIONS))
afterEach(() => reset())

it('signs in every sample user of the seed with the sample password, in their role', async () => {
  await seed(database, { hashPassword })
  const { getSession, signIn } = createTestPlatform()
  for (const { email, role } of sampleUsers) {
    const session = await getSession(await signIn({ email, password: samplePassword }))
    expect(session, email).toMatchObject({ email, roles: [role] })
  }
})
