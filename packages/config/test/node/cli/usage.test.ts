import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliWorld, createCliWorld } from './cli-world.ts'

let world: CliWorld

beforeAll(async () => {
  world = await createCliWorld()
})

afterAll(() => world.close())

describe('a command line', () => {
  test('says its commands when it is asked', async () => {
    const { exitCode, stdout, stderr } = await world.run(['--help'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: codex-config \[options\] \[command\]\n/)
    expect(stdout).toContain('Exit codes:')
  })

  test('says its version', async () => {
    const { exitCode, stdout } = await world.run(['--version'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '0.0.0\n' })
  })

  test('must have a command', async () => {
    const { exitCode, stdout, stderr } = await world.run([])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(/^codex-config: A command must be given\nUsage: codex-config/)
  })
})
